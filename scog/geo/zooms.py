"""The zooms of a tile matrix set at which a raster has something to show."""

from __future__ import annotations

import math

from pyproj.exceptions import ProjError

from scog.geo.bounds import DEGREES
from scog.geo.grid import MAP_END, Grid, crs_of, tile_matrix_set, transformer

TILE = 256
"""Pixels a side of the tiles that zooms are counted in."""
EDGE = 21
"""Places along each side of a raster that are looked at, as it may bend."""


def zooms_of(tms: str, grid: Grid) -> tuple[int, int] | None:
    """The last zoom at which a raster fits into a tile, and the one whose pixels are most like its own.

    Pixels are those that GDAL would reproject it to: as many along the diagonal as the raster has
    (GDALSuggestedWarpOutput2). None where the raster has no place in the set's CRS.
    """
    west, south, east, north = grid.bounds
    if grid.crs == DEGREES:  # beyond, Mercator's pixels grow without end
        south, north = max(south, -MAP_END), min(north, MAP_END)
    if not (west < east and south < north):
        return None
    try:
        moved = transformer(grid.crs, crs_of(tms))
        left, bottom, right, top = moved.transform_bounds(west, south, east, north, densify_pts=EDGE)
        xs, ys = moved.transform([west, east], [north, south])
    except ProjError:
        return None
    diagonal, side = math.hypot(xs[1] - xs[0], ys[1] - ys[0]), max(right - left, top - bottom)
    if not (0 < diagonal < math.inf and 0 < side < math.inf):
        return None
    tiles = tile_matrix_set(tms)
    own: int = tiles.zoom_for_res(diagonal / math.hypot(grid.width, grid.height))
    return min(own, tiles.zoom_for_res(side / TILE, zoom_level_strategy="lower")), own
