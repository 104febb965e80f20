"""What is derived from the composited values of an image: hillshade or slope of elevations, decibels of power."""

from __future__ import annotations

from dataclasses import dataclass

from scog.bandmath.terrain import MARGIN
from scog.bandmath.transforms import transformed
from scog.geo.grid import Grid
from scog.imaging.engine import Engine
from scog.imaging.request import ImageRequest
from scog.imaging.scene_reader import ValuesAndValidity
from scog.imaging.terrain import draw_surface, elevation_request, surface_grid
from scog.net.policy import UpstreamStats
from scog.warp.resample import Resampling
from scog.warp.workbench import pixels_to_process

COST = 4
"""Cost of deriving a pixel relative to other processing of a pixel."""


@dataclass(frozen=True)
class Derivation:
    """How the values of an image are derived from composited ones.

    grid     grid of the image
    surface  grid on which its surface is derived; None if it has none
    """

    grid: Grid
    request: ImageRequest
    surface: Grid | None = None

    @property
    def composited_grid(self) -> Grid:
        """The grid on which scenes are composited. A surface needs the neighbours of each pixel."""
        return self.grid if self.surface is None else self.surface.padded(MARGIN)

    @property
    def composited_request(self) -> ImageRequest:
        """The request for the values to composite."""
        return self.request if self.surface is None else elevation_request(self.request)

    @property
    def pixels(self) -> int:
        """Pixels to process; 0 if nothing is derived."""
        if self.surface is None and not self.request.transforms_composite:
            return 0
        is_resampled = self.surface is not None and self.surface != self.grid
        resampling = self.request.resampling if is_resampled else Resampling.NEAREST
        return pixels_to_process(self.composited_grid.shape, COST * self.request.expression.outputs, resampling)

    def apply(self, composited: ValuesAndValidity) -> ValuesAndValidity:
        """Values float32 `(output, y, x)` and validity bool `(y, x)` of the image."""
        request = self.request
        if self.surface is not None and request.surface is not None:
            composited = draw_surface(self.grid, self.surface, request.surface, request.resampling, composited)
        return transformed(request.transforms, *composited) if request.transforms_composite else composited


async def derivation_of(engine: Engine, grid: Grid, request: ImageRequest, tally: UpstreamStats) -> Derivation:
    """The derivation of a requested image. For a surface, it reads the headers of the files of one scene."""
    surface = None if request.surface is None else await surface_grid(engine, grid, request, tally)
    return Derivation(grid, request, surface)
