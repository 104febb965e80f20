"""Grids: where the pixels of a picture lie on the Earth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TypeVar

import morecantile
import numpy as np
import pyproj
from affine import Affine
from morecantile.utils import meters_per_unit
from numpy.typing import NDArray

from scog.errors import InvalidInput, OutOfRange
from scog.geo.ground_control_points import Curve
from scog.suggest import did_you_mean, quoted

WEB_MERCATOR = "WebMercatorQuad"
T = TypeVar("T", float, NDArray[np.float64])
MAP_END = 85.05
"""Latitude, north and south, where the web-mercator map is cut off to be a square, rounded towards the equator."""


@dataclass(frozen=True)
class Grid:
    """A raster's place: CRS, affine transform (pixel corner to CRS units) and shape in pixels.

    With a `curve` that says where the pixels lie, and the transform only about where and how large they are.
    """

    crs: str
    transform: Affine
    width: int
    height: int
    curve: Curve | None = None

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        # Grids are keys of several caches for every layer of every tile.
        return hash((self.crs, tuple(self.transform), self.width, self.height, self.curve))

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

    @cached_property
    def resolution(self) -> float:
        """Extent of one pixel in CRS units, the larger of both directions."""
        a, b, _, d, e, _ = tuple(self.transform)[:6]
        return max(math.hypot(a, d), math.hypot(b, e))

    def rows(self, top: int, bottom: int) -> Grid:
        """The part from row `top` to before row `bottom`, or to where the grid ends."""
        return self.part(Window(top, 0, min(bottom, self.height), self.width))

    def part(self, window: Window) -> Grid:
        """The part within a window."""
        if window == Window(0, 0, self.height, self.width):
            return self
        a, b, _, d, e, _ = tuple(self.transform)[:6]
        left, upper = self.at(window.left, window.top)
        height, width = window.shape
        return Grid(self.crs, Affine(a, b, left, d, e, upper), width, height)

    def at(self, col: float, row: float) -> tuple[float, float]:
        """The place of a column and row, in CRS units; whole numbers are pixels' corners."""
        return self.places(col, row)

    def places(self, col: T, row: T) -> tuple[T, T]:
        """x and y in CRS units of one column and row or many; whole numbers are pixels' corners."""
        return applied(self.transform, col, row) if self.curve is None else self.curve.places(col, row)

    def pixels(self, x: T, y: T) -> tuple[T, T]:
        """Column and row, as fractions, of one place or many, in CRS units."""
        return applied(~self.transform, x, y) if self.curve is None else self.curve.pixels(x, y)


def applied(transform: Affine, x: T, y: T) -> tuple[T, T]:
    """An affine transform of one place or many."""
    a, b, c, d, e, f = tuple(transform)[:6]
    return a * x + b * y + c, d * x + e * y + f


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
def transformer(source: str, target: str) -> pyproj.Transformer:
    """The exact transformation between two CRSs, x before y always. pyproj makes one a thread behind it."""
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


@lru_cache(maxsize=32)
def tile_matrix_set(name: str) -> morecantile.TileMatrixSet:
    """One of morecantile's tile matrix sets, by its id as written. Raises OutOfRange where there is none."""
    names = morecantile.tms.list()
    if name not in names:
        raise OutOfRange(
            f"There is no tile matrix set {quoted(name)}{did_you_mean(name, names)}.",
            parameter="tileMatrixSetId",
            valid=", ".join(names),
        )
    return morecantile.tms.get(name)


@lru_cache(maxsize=32)
def crs_of(tms: str) -> str:
    """The CRS of a tile matrix set, as `EPSG:3857`; coordinates are taken x before y whatever its axes say."""
    authority = pyproj.CRS.from_user_input(tile_matrix_set(tms).crs.srs).to_authority()
    assert authority, f"{tms} has a CRS without a name"
    return ":".join(authority)


@lru_cache(maxsize=4096)
def tile_grid(z: int, x: int, y: int, size: int = 256, tms: str = WEB_MERCATOR, buffer: float = 0.0) -> Grid:
    """The grid of a tile with `size` pixels a side and `buffer` more on each, in halves, as in TiTiler.

    `tms` names a tile matrix set of morecantile. Columns that it coalesces towards the poles are one tile, whichever of
    them is asked for. Raises OutOfRange for tiles that do not exist, InvalidInput for such buffers.
    """
    if not (buffer >= 0 and 2 * buffer % 1 == 0):
        raise InvalidInput(f"There is no buffer of {buffer} pixels.", parameter="buffer", valid="0, 0.5, 1, 1.5 ...")
    tiles = tile_matrix_set(tms)
    if not tiles.minzoom <= z <= tiles.maxzoom:
        raise OutOfRange(f"There is no zoom {z}.", parameter="z", valid=f"{tiles.minzoom} to {tiles.maxzoom}")
    matrix = tiles.matrix(z)
    for name, value, count in (("x", x, matrix.matrixWidth), ("y", y, matrix.matrixHeight)):
        if not 0 <= value < count:
            raise OutOfRange(f"At zoom {z} there is no tile {name}={value}.", parameter=name, valid=f"0 to {count - 1}")
    joined = matrix.get_coalesce_factor(y) if matrix.variableMatrixWidths else 1
    # Pixels by the zoom's own numbers, not by the tile's corners: their last bits are the same for all its tiles then.
    width, height = matrix.cellSize * joined * matrix.tileWidth / size, matrix.cellSize * matrix.tileHeight / size
    corners = tiles.xy_bounds(morecantile.Tile(x, y, z))
    left, top = corners.left - buffer * width, corners.top + buffer * height
    side = size + round(2 * buffer)
    return Grid(crs_of(tms), Affine(width, 0.0, left, 0.0, -height, top), side, side)


@lru_cache(maxsize=256)
def zoom_like(tms: str, zoom: int) -> int:
    """The zoom of a tile matrix set whose pixels are most like those of a web-mercator zoom at the equator."""
    tiles = tile_matrix_set(tms)
    metres = meters_per_unit(pyproj.CRS.from_user_input(crs_of(tms)))
    wanted = 2 * math.pi * 6378137.0 / 2**zoom

    def unlikeness(z: int) -> tuple[float, int]:
        matrix = tiles.matrix(z)
        return round(abs(math.log2(matrix.cellSize * matrix.tileWidth * metres / wanted)), 6), -z

    return min(range(tiles.minzoom, tiles.maxzoom + 1), key=unlikeness)


@lru_cache(maxsize=32)
def world_grid(tms: str) -> Grid:
    """All that a tile matrix set shows, as one grid."""
    box = tile_matrix_set(tms).xy_bbox
    width, height = (box.right - box.left) / 256, (box.top - box.bottom) / 256
    return Grid(crs_of(tms), Affine(width, 0.0, box.left, 0.0, -height, box.top), 256, 256)


def map_grid(west: float, south: float, east: float, north: float, size: int) -> Grid:
    """The web-mercator grid whose edges are those of a box in degrees, `size` pixels along its longer side.

    Pixels are square to within half of one along the shorter side. Raises InvalidInput beyond the map's ends.
    """
    if not -MAP_END <= south < north <= MAP_END:
        what = f"The map ends at {MAP_END} degrees north and south."
        raise InvalidInput(what, parameter="bbox", valid=f"latitudes from -{MAP_END} to {MAP_END}")
    (left, right), (bottom, top) = transformer("EPSG:4326", "EPSG:3857").transform([west, east], [south, north])
    across, down = right - left, top - bottom
    pixel = max(across, down) / size
    width, height = max(1, round(across / pixel)), max(1, round(down / pixel))
    return Grid("EPSG:3857", Affine(across / width, 0.0, left, 0.0, -down / height, top), width, height)


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
