"""Search areas: what is searched for a grid, chosen so that one search serves many tiles."""

from __future__ import annotations

import math
from functools import lru_cache

import morecantile

from scog.geo.antimeridian import LonLatBounds, split_bounds
from scog.geo.bounds import NUDGE, lonlat_bounds
from scog.geo.grid import WEB_MERCATOR, Grid, tile_matrix_set

SEARCH_ZOOM, MIN_ZOOM = 8, 4
MAX_LATITUDE = 85.0511287798
"""Latitude at which the Web Mercator map ends, rounded towards the equator."""
WIDE_DEGREES = 360 / 2**SEARCH_ZOOM * 1.25
"""Extent of a wide grid in degrees: a quarter more than a tile of zoom 8 at the equator, 200 km."""


@lru_cache(maxsize=4096)
def search_areas(grid: Grid, zoom: int = SEARCH_ZOOM) -> tuple[tuple[LonLatBounds, ...], bool]:
    """Areas to search for a grid, in degrees, and whether the grid is wide, so that a search finds too many scenes.

    The areas are the map tiles of zoom 8 that the grid intersects, so that one search serves all tiles in them. Towards
    the poles, where tiles are small on the ground, lower zooms limit their number to four. Beyond the map it is the
    grid's bounds. With a higher `zoom` the tiles are smaller: they have fewer scenes, so a longer interval can be
    searched.
    """
    area = lonlat_bounds(grid)
    if area is None:
        return (), False
    wide = _is_wide(area)
    _, south, _, north = area
    if south >= -MAX_LATITUDE - NUDGE and north <= MAX_LATITUDE + NUDGE:
        for tile_zoom in range(SEARCH_ZOOM if wide else zoom, SEARCH_ZOOM - 1 if wide else MIN_ZOOM - 1, -1):
            tiles = _map_tiles(area, tile_zoom)
            if tiles:
                return tiles, wide
    return split_bounds(area), wide


def _is_wide(area: LonLatBounds) -> bool:
    """Whether an area is larger on the ground than WIDE_DEGREES."""
    west, south, east, north = area
    nearest: float = 0.0 if south <= 0 <= north else min(abs(south), abs(north))
    width = (east - west if west <= east else east - west + 360) * math.cos(math.radians(nearest))
    return bool(max(width, north - south) > WIDE_DEGREES)


def _map_tiles(area: LonLatBounds, zoom: int) -> tuple[LonLatBounds, ...]:
    """The Web Mercator tiles of a zoom that an area intersects; none if they are more than four."""
    west, south, east, north = area
    count = 2**zoom
    first, last = (math.floor((lon + 180) / 360 * count) for lon in (west + NUDGE, east - NUDGE))
    if east < west:
        last += count
    top, bottom = (_row(lat, count) for lat in (north - NUDGE, south + NUDGE))
    rows, columns = range(top, max(top, bottom) + 1), range(first, max(first, last) + 1)
    if len(rows) * len(columns) > 4:
        return ()
    return tuple(_map_tile(x % count, y, zoom) for y in rows for x in columns)


@lru_cache(maxsize=1024)
def _map_tile(x: int, y: int, zoom: int) -> LonLatBounds:
    """Bounds of a Web Mercator tile in degrees."""
    box = tile_matrix_set(WEB_MERCATOR).bounds(morecantile.Tile(x, y, zoom))
    return box.left, box.bottom, box.right, box.top


def _row(lat: float, count: int) -> int:
    """The row of a latitude among `count` rows of the Web Mercator map."""
    share = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return min(max(math.floor(share * count), 0), count - 1)
