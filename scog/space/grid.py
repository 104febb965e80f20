"""Grids: where the pixels of a picture lie on the Earth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import morecantile
from affine import Affine
from pyproj import Transformer

from scog.errors import OutOfRange

WEB_MERCATOR = "WebMercatorQuad"


@dataclass(frozen=True)
class Grid:
    """A raster's place: CRS, affine transform (pixel corner to CRS units) and shape in pixels."""

    crs: str
    transform: Affine
    width: int
    height: int

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        # Grids are keys of several caches for every layer of every tile.
        return hash((self.crs, tuple(self.transform), self.width, self.height))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.height, self.width

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north of the pixels' corners, in CRS units."""
        corners = ((0, 0), (self.width, 0), (0, self.height), (self.width, self.height))
        xs, ys = zip(*(self.at(*corner) for corner in corners), strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    @cached_property
    def centre(self) -> tuple[float, float]:
        """The middle, in CRS units."""
        return self.at(self.width / 2, self.height / 2)

    def at(self, col: float, row: float) -> tuple[float, float]:
        """The place of a column and row, in CRS units; whole numbers are pixels' corners."""
        a, b, c, d, e, f = tuple(self.transform)[:6]
        return a * col + b * row + c, d * col + e * row + f


@dataclass(frozen=True)
class Window:
    """A rectangle of pixels in one level: rows `top..bottom`, columns `left..right`, the ends excluded."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.bottom - self.top, self.right - self.left


@lru_cache(maxsize=256)
def transformer(source: str, target: str) -> Transformer:
    """The exact transformation between two CRSs, x before y always. pyproj makes one a thread behind it."""
    return Transformer.from_crs(source, target, always_xy=True)


@lru_cache(maxsize=1)
def _web_mercator() -> morecantile.TileMatrixSet:
    return morecantile.tms.get(WEB_MERCATOR)


@lru_cache(maxsize=4096)
def tile_grid(z: int, x: int, y: int, size: int = 256) -> Grid:
    """The grid of a web-mercator tile with `size` pixels a side.

    Raises OutOfRange for tiles that do not exist.
    """
    tms = _web_mercator()
    if not tms.minzoom <= z <= tms.maxzoom:
        raise OutOfRange(f"There is no zoom {z}.", parameter="z", valid=f"{tms.minzoom} to {tms.maxzoom}")
    for name, value in (("x", x), ("y", y)):
        if not 0 <= value < 2**z:
            raise OutOfRange(f"At zoom {z} there is no tile {name}={value}.", parameter=name, valid=f"0 to {2**z - 1}")
    # Corners as whole multiples of one number, rounded once, so that neighbours agree on theirs to nanometres.
    half = math.pi * 6378137.0 / 2**z
    pixel = 2 * half / size
    left, top = (2 * x - 2**z) * half, (2**z - 2 * y) * half
    return Grid("EPSG:3857", Affine(pixel, 0.0, left, 0.0, -pixel, top), size, size)


def place_grid(lon: float, lat: float) -> Grid:
    """A grid of one tiny pixel around a place in degrees, so small that full-size levels are chosen for it.

    Raises OutOfRange outside the world.
    """
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise OutOfRange(
            f"There is no place at longitude {lon}, latitude {lat}.",
            parameter="lon,lat",
            valid="longitude -180 to 180, latitude -90 to 90",
        )
    side = 1e-6
    return Grid("EPSG:4326", Affine(side, 0.0, lon - side / 2, 0.0, -side, lat + side / 2), 1, 1)


@lru_cache(maxsize=4096)
def lonlat_bounds(grid: Grid) -> tuple[float, float, float, float]:
    """West, south, east, north of a grid in degrees; its edges are followed, not just its corners."""
    west, south, east, north = transformer(grid.crs, "EPSG:4326").transform_bounds(*grid.bounds, densify_pts=21)
    return max(west, -180.0), max(south, -90.0), min(east, 180.0), min(north, 90.0)


Area = tuple[float, float, float, float]


@lru_cache(maxsize=4096)
def search_areas(grid: Grid) -> tuple[tuple[Area, ...], bool]:
    """What to search for a grid, in degrees, and whether the grid is wide.

    The tiles of zoom 8 that it touches, so that one search serves all tiles below; for a grid that touches more than
    four of them, which is wide, its own bounds. A grid that is as large as four of them is wide, too.
    """
    west, south, east, north = lonlat_bounds(grid)
    nudge = 1e-9  # neighbours share their edges
    tms = _web_mercator()
    south, north = max(south, -MERCATOR_END), min(north, MERCATOR_END)
    if east < west or north <= south:
        return (lonlat_bounds(grid),), True
    first = tms.tile(west + nudge, north - nudge, SEARCH_ZOOM)
    last = tms.tile(east - nudge, south + nudge, SEARCH_ZOOM)
    columns, rows = range(first.x, max(first.x, last.x) + 1), range(first.y, max(first.y, last.y) + 1)
    wide = (east - west) > WIDE_DEGREES
    if len(columns) * len(rows) > 4:
        return (lonlat_bounds(grid),), True
    boxes = (tms.bounds(morecantile.Tile(x, y, SEARCH_ZOOM)) for y in rows for x in columns)
    return tuple((box.left, box.bottom, box.right, box.top) for box in boxes), wide


SEARCH_ZOOM = 8
MERCATOR_END = 85.0511287798
"""Latitude where the map ends, rounded towards the equator."""
WIDE_DEGREES = 360 / 2**SEARCH_ZOOM * 1.5
"""Wider than one and a half tiles of zoom 8: every scene would be too many."""
