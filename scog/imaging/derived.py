"""What is derived from the composited values of an image: hillshade or slope of elevations, decibels of power."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from affine import Affine

from scog.bandmath.terrain import MARGIN
from scog.bandmath.transforms import transformed
from scog.geo.grid import Grid, transformer
from scog.imaging.engine import Engine
from scog.imaging.request import ImageRequest
from scog.imaging.scene_reader import ValuesAndValidity
from scog.imaging.terrain import SurfacePart, draw_surface, elevation_request, surface_parts
from scog.net.policy import UpstreamStats
from scog.warp.resample import Resampling
from scog.warp.workbench import pixels_to_process

COST = 4
"""Cost of deriving a pixel relative to other processing of a pixel."""


@dataclass(frozen=True)
class Derivation:
    """How the values of an image are derived from composited ones.

    grid     grid of the image
    surface  the parts of its surface; none if it has none
    """

    grid: Grid
    request: ImageRequest
    surface: tuple[SurfacePart, ...] = ()

    @property
    def composited_grids(self) -> list[Grid]:
        """The grids on which scenes are composited. A surface needs the neighbours of each pixel."""
        return [part.derived_on.padded(MARGIN) for part in self.surface] or [self.grid]

    @property
    def search_grid(self) -> Grid:
        """A grid that contains those on which scenes are composited."""
        first, *others = self.composited_grids
        return enclosing(self.grid, self.composited_grids) if others else first

    @property
    def composited_requests(self) -> list[ImageRequest]:
        """The requests for the values to composite, one for each grid."""
        return [elevation_request(self.request, part) for part in self.surface] or [self.request]

    @property
    def pixels(self) -> int:
        """Pixels to process; 0 if nothing is derived."""
        if not self.surface and not self.request.transforms_composite:
            return 0
        is_resampled = any(part.derived_on != part.grid for part in self.surface)
        resampling = self.request.resampling if is_resampled else Resampling.NEAREST
        outputs = COST * self.request.expression.outputs
        return sum(pixels_to_process(grid.shape, outputs, resampling) for grid in self.composited_grids)

    def apply(self, composited: Sequence[ValuesAndValidity]) -> ValuesAndValidity:
        """Values float32 `(output, y, x)` and validity bool `(y, x)` of the image, from those on `composited_grids`."""
        request, pixels = self.request, composited[0]
        if request.surface is not None:
            pixels = draw_surface(self.grid, self.surface, request.surface, request.resampling, composited)
        return transformed(request.transforms, *pixels) if request.transforms_composite else pixels


async def derivation_of(engine: Engine, grid: Grid, request: ImageRequest, tally: UpstreamStats) -> Derivation:
    """The derivation of a requested image. For a surface, it reads the headers of the scenes' files."""
    surface = () if request.surface is None else await surface_parts(engine, grid, request, tally)
    return Derivation(grid, request, surface)


def enclosing(grid: Grid, others: Sequence[Grid]) -> Grid:
    """A grid with the CRS and pixel size of `grid` that contains it and the bounds of others."""
    boxes = [grid.bounds, *(transformer(each.crs, grid.crs).transform_bounds(*each.bounds) for each in others)]
    wests, souths, easts, norths = zip(*(box for box in boxes if all(map(math.isfinite, box))), strict=True)
    size = grid.resolution
    west, north = min(wests), max(norths)
    width, height = math.ceil((max(easts) - west) / size), math.ceil((north - min(souths)) / size)
    return Grid(grid.crs, Affine(size, 0, west, 0, -size, north), width, height)
