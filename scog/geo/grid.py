"""Grids: CRS, affine transform and shape of images, tiles and rasters."""

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
from scog.geo.ground_control_points import PolynomialTransform
from scog.suggest import did_you_mean, quoted

WEB_MERCATOR = "WebMercatorQuad"
T = TypeVar("T", float, NDArray[np.float64])
MAX_LATITUDE = 85.05
"""Maximum latitude of the square Web Mercator map, north and south, rounded towards the equator."""


@dataclass(frozen=True)
class Grid:
    """Georeferencing of a raster: CRS, affine transform (pixel corner to CRS units) and shape in pixels.

    If there is a `curve`, it gives the positions of the pixels, and the transform is only an approximation.
    """

    crs: str
    transform: Affine
    width: int
    height: int
    curve: PolynomialTransform | None = None

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        # Grids are keys of several caches, looked up for every layer of every tile.
        return hash((self.crs, tuple(self.transform), self.width, self.height, self.curve))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.height, self.width

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north of the outer pixel corners, in CRS units."""
        corners = ((0, 0), (self.width, 0), (0, self.height), (self.width, self.height))
        xs, ys = zip(*(self.at(*corner) for corner in corners), strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    @cached_property
    def centre(self) -> tuple[float, float]:
        """x and y of the centre, in CRS units."""
        return self.at(self.width / 2, self.height / 2)

    @cached_property
    def resolution(self) -> float:
        """Size of a pixel in CRS units; the larger of its sides."""
        a, b, _, d, e, _ = tuple(self.transform)[:6]
        return max(math.hypot(a, d), math.hypot(b, e))

    def rows(self, top: int, bottom: int) -> Grid:
        """The grid's rows `top..bottom`, without `bottom`, which is clipped to the grid's height."""
        return self.part(Window(top, 0, min(bottom, self.height), self.width))

    def part(self, window: Window) -> Grid:
        """The part of the grid in a window."""
        if window == Window(0, 0, self.height, self.width):
            return self
        a, b, _, d, e, _ = tuple(self.transform)[:6]
        left, upper = self.at(window.left, window.top)
        height, width = window.shape
        return Grid(self.crs, Affine(a, b, left, d, e, upper), width, height)

    def padded(self, margin: int) -> Grid:
        """The grid with `margin` more pixels on each side."""
        a, b, _, d, e, _ = tuple(self.transform)[:6]
        left, upper = self.at(-margin, -margin)
        return Grid(self.crs, Affine(a, b, left, d, e, upper), self.width + 2 * margin, self.height + 2 * margin)

    def at(self, col: float, row: float) -> tuple[float, float]:
        """x and y of a column and row, in CRS units; integers are pixel corners."""
        return self.xy(col, row)

    def xy(self, col: T, row: T) -> tuple[T, T]:
        """x and y of one or many columns and rows, in CRS units; integers are pixel corners."""
        return apply_affine(self.transform, col, row) if self.curve is None else self.curve.xy(col, row)

    def colrow(self, x: T, y: T) -> tuple[T, T]:
        """Fractional columns and rows of one point or many, given in CRS units."""
        return apply_affine(~self.transform, x, y) if self.curve is None else self.curve.colrow(x, y)


def apply_affine(transform: Affine, x: T, y: T) -> tuple[T, T]:
    """Apply an affine transform to one point or many."""
    a, b, c, d, e, f = tuple(transform)[:6]
    return a * x + b * y + c, d * x + e * y + f


@dataclass(frozen=True)
class Window:
    """A rectangle of pixels of one level: rows `top..bottom` and columns `left..right`, without the ends."""

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
    """The exact transformation between two CRSs, always with x before y. Thread-safe: pyproj makes one per thread."""
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


@lru_cache(maxsize=32)
def tile_matrix_set(name: str) -> morecantile.TileMatrixSet:
    """One of morecantile's tile matrix sets, by its exact id. Raises OutOfRange if there is none."""
    names = morecantile.tms.list()
    if name not in names:
        raise OutOfRange(
            f"There is no tile matrix set {quoted(name)}{did_you_mean(name, names)}.",
            parameter="tileMatrixSetId",
            valid=", ".join(names),
        )
    return morecantile.tms.get(name)


@lru_cache(maxsize=32)
def tile_matrix_set_crs(tms: str) -> str:
    """The CRS of a tile matrix set, such as `EPSG:3857`. Coordinates are x before y, whatever its axis order."""
    authority = pyproj.CRS.from_user_input(tile_matrix_set(tms).crs.srs).to_authority()
    assert authority, f"the CRS of {tms} has no authority code"
    return ":".join(authority)


@lru_cache(maxsize=4096)
def tile_grid(z: int, x: int, y: int, size: int = 256, tms: str = WEB_MERCATOR, buffer: float = 0.0) -> Grid:
    """The grid of a tile with `size` pixels a side and a `buffer` of pixels on each side, in halves, as in TiTiler.

    `tms` is the id of a morecantile tile matrix set. Columns that the set coalesces towards the poles have the same
    grid. Raises OutOfRange if the tile does not exist, InvalidInput if the buffer is not a
    multiple of 0.5.
    """
    if not (buffer >= 0 and 2 * buffer % 1 == 0):
        raise InvalidInput(f"buffer must not be {buffer} pixels.", parameter="buffer", valid="0, 0.5, 1, 1.5 ...")
    tiles = tile_matrix_set(tms)
    if not tiles.minzoom <= z <= tiles.maxzoom:
        raise OutOfRange(f"There is no zoom {z}.", parameter="z", valid=f"{tiles.minzoom} to {tiles.maxzoom}")
    matrix = tiles.matrix(z)
    for name, value, count in (("x", x, matrix.matrixWidth), ("y", y, matrix.matrixHeight)):
        if not 0 <= value < count:
            message = f"At zoom {z} there is no tile {name}={value}."
            raise OutOfRange(message, parameter=name, valid=f"0 to {count - 1}")
    coalesced = matrix.get_coalesce_factor(y) if matrix.variableMatrixWidths else 1
    # The pixel size comes from the matrix, not from the tile's corners, so it is equal to the last bit for all tiles.
    width, height = matrix.cellSize * coalesced * matrix.tileWidth / size, matrix.cellSize * matrix.tileHeight / size
    corners = tiles.xy_bounds(morecantile.Tile(x, y, z))
    left, top = corners.left - buffer * width, corners.top + buffer * height
    side = size + round(2 * buffer)
    return Grid(tile_matrix_set_crs(tms), Affine(width, 0.0, left, 0.0, -height, top), side, side)


@lru_cache(maxsize=256)
def equivalent_zoom(tms: str, zoom: int) -> int:
    """The zoom of a tile matrix set whose pixel size is closest to that of a Web Mercator zoom at the equator."""
    tiles = tile_matrix_set(tms)
    metres = meters_per_unit(pyproj.CRS.from_user_input(tile_matrix_set_crs(tms)))
    tile_width = 2 * math.pi * 6378137.0 / 2**zoom

    def difference(z: int) -> tuple[float, int]:
        matrix = tiles.matrix(z)
        return round(abs(math.log2(matrix.cellSize * matrix.tileWidth * metres / tile_width)), 6), -z

    return min(range(tiles.minzoom, tiles.maxzoom + 1), key=difference)


@lru_cache(maxsize=32)
def world_grid(tms: str) -> Grid:
    """The extent of a tile matrix set as one grid of 256 x 256 pixels."""
    box = tile_matrix_set(tms).xy_bbox
    width, height = (box.right - box.left) / 256, (box.top - box.bottom) / 256
    return Grid(tile_matrix_set_crs(tms), Affine(width, 0.0, box.left, 0.0, -height, box.top), 256, 256)


def mercator_grid(west: float, south: float, east: float, north: float, size: int) -> Grid:
    """The Web Mercator grid with the edges of a box in degrees and `size` pixels along its longer side.

    Pixels are square to within half a pixel along the shorter side. Raises InvalidInput if the box exceeds the map.
    """
    if not -MAX_LATITUDE <= south < north <= MAX_LATITUDE:
        message = f"The box exceeds the Web Mercator map, which ends at {MAX_LATITUDE} degrees north and south."
        raise InvalidInput(message, parameter="bbox", valid=f"latitudes from -{MAX_LATITUDE} to {MAX_LATITUDE}")
    (left, right), (bottom, top) = transformer("EPSG:4326", "EPSG:3857").transform([west, east], [south, north])
    map_width, map_height = right - left, top - bottom
    pixel = max(map_width, map_height) / size
    width, height = max(1, round(map_width / pixel)), max(1, round(map_height / pixel))
    return Grid("EPSG:3857", Affine(map_width / width, 0.0, left, 0.0, -map_height / height, top), width, height)


def point_grid(lon: float, lat: float) -> Grid:
    """A grid of one pixel of 1e-6 degrees around a point in degrees, so small that level 0 is chosen for it.

    Raises OutOfRange if the point is not on the Earth.
    """
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise OutOfRange(
            f"Longitude {lon}, latitude {lat} is not on the Earth.",
            parameter="lon,lat",
            valid="longitude -180 to 180, latitude -90 to 90",
        )
    side = 1e-6
    return Grid("EPSG:4326", Affine(side, 0.0, lon - side / 2, 0.0, -side, lat + side / 2), 1, 1)
