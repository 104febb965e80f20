"""Surfaces of an image: hillshade and slope, derived on the elevation model's own pixels wherever these are shown.

Tiles, and the files of an elevation model, then meet without a seam, and there are no steps when the map is zoomed in.
Where files with different pixels meet, as those of the Copernicus DEM do at some latitudes, the image has a part for
each kind of pixels. All parts are derived from the elevations of all files.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from scog.bandmath.terrain import Surface, derive
from scog.geo.bounds import DEGREES
from scog.geo.grid import Grid, Window, transformer
from scog.geo.ground_resolution import metres_per_unit, pixel_steps
from scog.geo.index_map import index_map
from scog.geo.lattice import Lattice, lattice_of
from scog.imaging.engine import Engine
from scog.imaging.request import ImageRequest
from scog.imaging.scene_reader import ValuesAndValidity
from scog.imaging.source_lattice import file_grids
from scog.net.policy import UpstreamStats
from scog.warp.resample import Resampling
from scog.warp.warp import warp_blocks, warp_map

Mask2D = NDArray[np.bool_]

MAX_RATIO = 2.0
"""A surface is derived on the files' own pixels if the image's are smaller than this many of them. Larger ones are read
from overviews, whose elevations are averages, and the surface is derived on the image's pixels."""
SUPPORT = 2
"""Number of pixels around the image from which it is resampled."""
MAX_PIXELS = 16
"""Maximum number of the files' pixels per pixel of the image. There are more only where projections are discontinuous,
as at the antimeridian."""


@dataclass(frozen=True, eq=False)
class SurfacePart:
    """A part of an image whose surface is derived on one grid.

    window      rows and columns of the image
    grid        the image's grid in the window
    derived_on  grid on which the surface is derived
    shown       pixels of the window that belong to the part, bool `(y, x)`; all if None
    """

    window: Window
    grid: Grid
    derived_on: Grid
    shown: Mask2D | None = None


async def surface_parts(
    engine: Engine, grid: Grid, request: ImageRequest, tally: UpstreamStats
) -> tuple[SurfacePart, ...]:
    """The parts of an image of a surface. They depend on the place and on pixel sizes alone, so tiles agree.

    Each place is derived on the pixels of the newest file there or, if the image's are larger or no file can be read,
    on the image's own.
    """
    files = await file_grids(engine, grid, request, tally)
    return await engine.workbench.run(grid.width * grid.height, _parts, grid, files)


def _parts(grid: Grid, files: Sequence[Grid]) -> tuple[SurfacePart, ...]:
    lattices: list[Lattice | None] = []  # None are the image's own pixels
    numbers = []
    for file in files:
        lattice = _finer_lattice(grid, file)
        number = next((number for number, each in enumerate(lattices) if _same(lattice, each)), len(lattices))
        if number == len(lattices):
            lattices.append(lattice)
        numbers.append(number)
    if len(lattices) > 1:
        shown_by = _newest_file(grid, files, numbers)
        present = [number for number in range(len(lattices)) if (shown_by == number).any()]
        if len(present) > 1:
            return tuple(_part(grid, lattices[number], shown_by == number) for number in present)
        lattices = [lattices[number] for number in present]
    derived_on = _derived_on(grid, lattices[0]) if lattices else grid
    return (SurfacePart(Window(0, 0, grid.height, grid.width), grid, derived_on),)


def _finer_lattice(grid: Grid, file: Grid) -> Lattice | None:
    """The pixels of a file; None if those of an image are so large that its surface is derived on them."""
    lattice = lattice_of(file, *transformer(file.crs, DEGREES).transform(*file.centre))
    return None if _nominal_size(grid) >= MAX_RATIO * _nominal_size(lattice) else lattice


def _same(one: Lattice | None, other: Lattice | None) -> bool:
    return one is other if one is None or other is None else one.coincides(other)


def _newest_file(grid: Grid, files: Sequence[Grid], numbers: Sequence[int]) -> NDArray[np.int16]:
    """The number of the first file that contains the centre of each pixel, int16 `(y, x)`; -1 if none does."""
    result = np.full(grid.shape, -1, np.int16)
    for file, number in zip(files, numbers, strict=True):
        geometry = index_map(grid, file)
        if geometry is not None:
            part = result[geometry.rows, geometry.cols]
            part[(part < 0) & (True if geometry.inside is None else geometry.inside)] = number
    return result


def _part(grid: Grid, lattice: Lattice | None, shown: Mask2D) -> SurfacePart:
    rows, cols = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    window = Window(int(rows[0]), int(cols[0]), int(rows[-1]) + 1, int(cols[-1]) + 1)
    part = grid.part(window)
    inside = shown[window.top : window.bottom, window.left : window.right]
    return SurfacePart(window, part, _derived_on(part, lattice), inside)


def _derived_on(grid: Grid, lattice: Lattice | None) -> Grid:
    """The grid on which a surface is derived where files have the pixels of a lattice."""
    return grid if lattice is None else _native_grid(grid, lattice) or grid


def elevation_request(request: ImageRequest, part: SurfacePart) -> ImageRequest:
    """The request for the elevations of a part: interpolated, as steps between pixels would be slopes.

    Averages are taken for pixels larger than the files'; over smaller ones of another file they would have steps.
    """
    averages = request.resampling is Resampling.AVERAGE and part.derived_on != part.grid
    resampling = request.resampling if request.resampling.creates_values and not averages else Resampling.BILINEAR
    return replace(request, resampling=resampling)


def draw_surface(
    grid: Grid,
    parts: Sequence[SurfacePart],
    surface: Surface,
    resampling: Resampling,
    elevations: Sequence[ValuesAndValidity],
) -> ValuesAndValidity:
    """A surface on a grid, from the elevations of each part on the grid `derived_on` with a margin of one pixel."""
    drawn = [_drawn(part, surface, resampling, *each) for part, each in zip(parts, elevations, strict=True)]
    if parts[0].shown is None:
        return drawn[0]
    values = np.full((len(drawn[0][0]), *grid.shape), np.nan, np.float32)
    valid = np.zeros(grid.shape, bool)
    for part, (part_values, part_valid) in zip(parts, drawn, strict=True):
        rows, cols = slice(part.window.top, part.window.bottom), slice(part.window.left, part.window.right)
        np.copyto(values[:, rows, cols], part_values, where=True if part.shown is None else part.shown)
        np.copyto(valid[rows, cols], part_valid, where=True if part.shown is None else part.shown)
    return values, valid


def _drawn(
    part: SurfacePart, surface: Surface, resampling: Resampling, elevations: NDArray[np.float32], valid: Mask2D
) -> ValuesAndValidity:
    values, valid = derive(surface, elevations, valid, pixel_steps(part.derived_on))
    if part.derived_on == part.grid:
        return values, valid
    return _resampled(values, valid, part.derived_on, part.grid, resampling)


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
