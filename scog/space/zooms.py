"""The zooms of a tile matrix set at which a raster has something to show."""

from __future__ import annotations

import math

from pyproj.exceptions import ProjError

from scog.space.bounds import DEGREES
from scog.space.grid import MAP_END, Grid, crs_of, tile_matrix_set, transformer

TILE = 256
"""Pixels a side of the tiles that zooms are counted in."""
EDGE = 21
"""Places along each side of a raster that are looked at, as it may bend."""


def zooms_of(tms: str, grid: Grid) -> tuple[int, int] | None:
    """The zoom at which a raster fits into a tile, and the one whose pixels are most like its own.

    Pixels are those that GDAL would reproject it to: as many along the diagonal as the raster has. None where the
    raster has no place in the set's CRS.
    """
    west, south, east, north = grid.bounds
    if grid.crs == DEGREES:  # beyond, Mercator's pixels grow without end
        south, north = max(south, -MAP_END), min(north, MAP_END)
    if not (west < east and south < north):
        return None
    try:
        left, bottom, right, top = transformer(grid.crs, crs_of(tms)).transform_bounds(
            west, south, east, north, densify_pts=EDGE
        )
    except ProjError:
        return None
    across, down = right - left, top - bottom
    if not (0 < across < math.inf and 0 < down < math.inf):
        return None
    pixel = math.hypot(across, down) / math.hypot(grid.width, grid.height)
    tiles = tile_matrix_set(tms)
    fits = tiles.zoom_for_res(max(across, down) / TILE)
    return fits, max(fits, tiles.zoom_for_res(pixel))
