"""Areas: what is searched for a grid, so that one search serves many tiles."""

from __future__ import annotations

import math
from functools import lru_cache

import morecantile

from scog.geo.bounds import NUDGE, Area, boxes, lonlat_bounds
from scog.geo.grid import WEB_MERCATOR, Grid, tile_matrix_set

SEARCH_ZOOM, LEAST_ZOOM = 8, 4
MERCATOR_END = 85.0511287798
"""Latitude where the map ends, rounded towards the equator."""
WIDE_DEGREES = 360 / 2**SEARCH_ZOOM * 1.25
"""A quarter more than a tile of zoom 8 at the equator, 200 km."""


@lru_cache(maxsize=4096)
def search_areas(grid: Grid, zoom: int = SEARCH_ZOOM) -> tuple[tuple[Area, ...], bool]:
    """What to search for a grid, in degrees, and whether the grid is wide: then every scene would be too many.

    The map tiles of zoom 8 that it touches, so that one search serves all tiles below; towards the poles, where these
    are small on the ground, larger ones, so that there are four at most. Else its own bounds. With another `zoom` the
    tiles are smaller: fewer scenes, of which a longer time can be searched.
    """
    area = lonlat_bounds(grid)
    if area is None:
        return (), False
    wide = _is_wide(area)
    _, south, _, north = area
    if south >= -MERCATOR_END - NUDGE and north <= MERCATOR_END + NUDGE:
        for each in range(SEARCH_ZOOM if wide else zoom, SEARCH_ZOOM - 1 if wide else LEAST_ZOOM - 1, -1):
            touched = _map_tiles(area, each)
            if touched:
                return touched, wide
    return boxes(area), wide


def _is_wide(area: Area) -> bool:
    """Whether an area is larger on the ground than one that is searched at once."""
    west, south, east, north = area
    nearest: float = 0.0 if south <= 0 <= north else min(abs(south), abs(north))
    width = (east - west if west <= east else east - west + 360) * math.cos(math.radians(nearest))
    return bool(max(width, north - south) > WIDE_DEGREES)


def _map_tiles(area: Area, zoom: int) -> tuple[Area, ...]:
    """The web-mercator tiles of a zoom that an area touches, if they are four at most; else none."""
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
def _map_tile(x: int, y: int, zoom: int) -> Area:
    """The bounds of a web-mercator tile."""
    box = tile_matrix_set(WEB_MERCATOR).bounds(morecantile.Tile(x, y, zoom))
    return box.left, box.bottom, box.right, box.top


def _row(lat: float, count: int) -> int:
    """The row of a latitude among `count` rows of the web-mercator map."""
    share = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return min(max(math.floor(share * count), 0), count - 1)
