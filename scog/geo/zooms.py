"""The range of zooms of a tile matrix set that suits a raster."""

from __future__ import annotations

import math

from pyproj.exceptions import ProjError

from scog.geo.bounds import DEGREES
from scog.geo.grid import MAX_LATITUDE, Grid, tile_matrix_set, tile_matrix_set_crs, transformer

TILE = 256
"""Tile size of zooms, in pixels."""
EDGE = 21
"""Number of transformed points along each side of a raster, since sides may bend."""


def zoom_range(tms: str, grid: Grid) -> tuple[int, int] | None:
    """The last zoom with tiles as large as the raster, and the zoom with the pixel size closest to the raster's.

    The raster's pixel size in the set's CRS follows GDALSuggestedWarpOutput2: the diagonal has as many pixels as the
    raster's diagonal. None if the raster cannot be transformed to the set's CRS.
    """
    west, south, east, north = grid.bounds
    if grid.crs == DEGREES:  # Mercator's scale grows without bound towards the poles
        south, north = max(south, -MAX_LATITUDE), min(north, MAX_LATITUDE)
    if not (west < east and south < north):
        return None
    try:
        to_crs = transformer(grid.crs, tile_matrix_set_crs(tms))
        left, bottom, right, top = to_crs.transform_bounds(west, south, east, north, densify_pts=EDGE)
        xs, ys = to_crs.transform([west, east], [north, south])
    except ProjError:
        return None
    diagonal, side = math.hypot(xs[1] - xs[0], ys[1] - ys[0]), max(right - left, top - bottom)
    if not (0 < diagonal < math.inf and 0 < side < math.inf):
        return None
    tiles = tile_matrix_set(tms)
    native_zoom: int = tiles.zoom_for_res(diagonal / math.hypot(grid.width, grid.height))
    return min(native_zoom, tiles.zoom_for_res(side / TILE, zoom_level_strategy="lower")), native_zoom
