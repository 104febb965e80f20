"""Surfaces of an image: hillshade and slope, derived on the elevation model's own pixels wherever these are shown.

Tiles, and the files of an elevation model, then meet without a seam, and there are no steps when the map is zoomed in.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray

from scog.bandmath.terrain import Surface, derive
from scog.geo.grid import Grid, transformer
from scog.geo.ground_resolution import metres_per_unit, pixel_steps
from scog.geo.lattice import Lattice
from scog.imaging.engine import Engine
from scog.imaging.request import ImageRequest
from scog.imaging.scene_reader import ValuesAndValidity
from scog.imaging.source_lattice import source_lattice
from scog.net.policy import UpstreamStats
from scog.warp.resample import Resampling
from scog.warp.warp import warp_blocks, warp_map

MAX_RATIO = 2.0
"""A surface is derived on the files' own pixels if the image's are smaller than this many of them. Larger ones are read
from overviews, whose elevations are averages, and the surface is derived on the image's pixels."""
SUPPORT = 2
"""Number of pixels around the image from which it is resampled."""
MAX_PIXELS = 16
"""Maximum number of the files' pixels per pixel of the image. There are more only where projections are discontinuous,
as at the antimeridian."""


async def surface_grid(engine: Engine, grid: Grid, request: ImageRequest, tally: UpstreamStats) -> Grid:
    """The grid on which the surface of an image is derived. It depends on pixel sizes alone, so tiles agree.

    These are the pixels of the newest scene's files or, if the image's are larger or the files cannot be read, the
    image's own.
    """
    lattice = await source_lattice(engine, grid, request, tally)
    if lattice is None or _nominal_size(grid) >= MAX_RATIO * _nominal_size(lattice):
        return grid
    return _native_grid(grid, lattice) or grid


def elevation_request(request: ImageRequest) -> ImageRequest:
    """The request for the elevations of a surface: interpolated, as steps between pixels would be slopes."""
    resampling = request.resampling if request.resampling.creates_values else Resampling.BILINEAR
    return replace(request, resampling=resampling)


def draw_surface(
    grid: Grid, derived_on: Grid, surface: Surface, resampling: Resampling, elevations: ValuesAndValidity
) -> ValuesAndValidity:
    """A surface on a grid, from elevations on the grid `derived_on` with a margin of one pixel."""
    values, valid = derive(surface, *elevations, pixel_steps(derived_on))
    return (values, valid) if derived_on == grid else _resampled(values, valid, derived_on, grid, resampling)


def _resampled(
    values: NDArray[np.float32], valid: NDArray[np.bool_], source: Grid, grid: Grid, resampling: Resampling
) -> ValuesAndValidity:
    """Values float32 `(output, y, x)` and their validity on another grid."""
    result = np.full((len(values), *grid.shape), np.nan, np.float32)
    shown = np.zeros(grid.shape, bool)
    geometry = warp_map(grid, source, resampling)
    if geometry is not None:
        for output, target in zip(values, result, strict=True):
            part, part_valid = warp_blocks(geometry, resampling, source.shape, {(0, 0): output}, nodata=())
            target[geometry.rows, geometry.cols] = np.where(part_valid, part, np.float32(np.nan))
            shown[geometry.rows, geometry.cols] = part_valid
    return result, shown


def _nominal_size(pixels: Grid | Lattice) -> float:
    """The shorter side of a pixel in metres where the CRS has its true scale, such as at the equator."""
    a, b, _, d, e, _ = tuple(pixels.transform)[:6]
    return min(math.hypot(a, d), math.hypot(b, e)) * metres_per_unit(pixels.crs)


def _native_grid(grid: Grid, lattice: Lattice) -> Grid | None:
    """The pixels of a lattice under a grid and around it; None if they are too many, or cannot be found."""
    box = transformer(grid.crs, lattice.crs).transform_bounds(*grid.bounds)
    if not all(map(math.isfinite, box)) or box[0] > box[2]:
        return None
    native = lattice.bounding_grid(shapely.box(*box)).padded(SUPPORT)
    return native if native.width * native.height <= MAX_PIXELS * (grid.width * grid.height + 256) else None
