"""Two MGRS tiles in adjacent UTM zones, and the common frame of coordinates in which both are drawn.

The frame is a transverse Mercator projection centred on 12 E 40.2 N, where zones 32 and 33 meet: x metres east, y
metres north. All content is a function of x and y, so the tiles agree where they overlap.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from scog.demo.noise import Floats

SIZE = 1098  # side length in 10 m pixels; a real tile has 10980
PIXEL = 10  # pixel size in metres
FRAME = "+proj=tmerc +lat_0=40.2 +lon_0=12 +k=1 +x_0=0 +y_0=0 +datum=WGS84 +units=m +no_defs"


@dataclass(frozen=True)
class MgrsTile:
    """A tile of Sentinel-2's MGRS grid, with a tenth of the real side length, and its collection."""

    collection: str
    zone: int
    band: str
    letters: str
    left: int  # easting of the left edge in the tile's UTM zone, metres
    top: int  # northing of the top edge, metres

    @property
    def name(self) -> str:
        """MGRS tile id, such as `32TQK`."""
        return f"{self.zone}{self.band}{self.letters}"

    @property
    def epsg(self) -> int:
        """EPSG code of WGS 84 / UTM, northern hemisphere."""
        return 32600 + self.zone

    @property
    def bounds(self) -> tuple[int, int, int, int]:
        """Left, bottom, right, top in metres in the tile's UTM zone."""
        side = SIZE * PIXEL
        return self.left, self.top - side, self.left + side, self.top


WEST = MgrsTile("sentinel-2-l2a", 32, "T", "QK", 745380, 4459800)
EAST = MgrsTile("sentinel-2-c1-l2a", 33, "T", "TE", 243660, 4459800)
TILES = (WEST, EAST)


def frame_grid(tile: MgrsTile) -> tuple[Floats, Floats]:
    """Frame coordinates x and y of the pixel centres of a tile, metres, float32 `(1098, 1098)` each."""
    centres = (np.arange(SIZE) + 0.5) * PIXEL
    easting, northing = np.meshgrid(tile.left + centres, tile.top - centres)
    x, y = Transformer.from_crs(tile.epsg, FRAME, always_xy=True).transform(easting, northing)
    return np.asarray(x, np.float32), np.asarray(y, np.float32)


def downsample(full: Floats, factor: int = 2) -> Floats:
    """Means of `factor` x `factor` pixels, float32 `(y / factor, x / factor)`: 2 for 10 to 20 m, 3 for 20 to 60 m."""
    total = np.zeros((full.shape[0] // factor, full.shape[1] // factor), np.float32)
    for column in range(factor):
        for row in range(factor):
            total += full[row::factor, column::factor]
    return total * np.float32(1 / factor**2)


@dataclass(frozen=True)
class Edge:
    """A straight edge of the imaged area, the half-plane `nx * x + ny * y <= reach` in frame coordinates, metres."""

    nx: float
    ny: float
    reach: float

    def inside(self, x: NDArray[np.floating], y: NDArray[np.floating], margin: float = 0) -> NDArray[np.bool_]:
        """Boolean mask `(y, x)` of positions inside the half-plane and at least `margin` metres from the edge."""
        return np.asarray(self.nx * x + self.ny * y <= self.reach - margin, bool)


Ring = list[tuple[float, float]]


@cache
def footprint(tile: MgrsTile, edges: tuple[Edge, ...]) -> tuple[tuple[float, float], ...]:
    """Footprint of the imaged part of a tile: closed counter-clockwise ring of (lon, lat) in degrees.

    Sides are divided into segments of at most about 4 km.
    """
    left, bottom, right, top = tile.bounds
    corners = densify([(left, top), (left, bottom), (right, bottom), (right, top)])
    to_frame = Transformer.from_crs(tile.epsg, FRAME, always_xy=True)
    ring = [to_frame.transform(*corner) for corner in corners]
    for edge in edges:
        ring = clip(ring, edge)
    to_degrees = Transformer.from_crs(FRAME, "EPSG:4326", always_xy=True)
    degrees = [to_degrees.transform(*corner) for corner in densify(ring)]
    rounded = [(round(lon, 8), round(lat, 8)) for lon, lat in degrees]
    return (*rounded, rounded[0])


def densify(ring: Ring, step: float = 2800) -> Ring:
    """Insert vertices into long sides of an open ring, since straight lines in metres are curved in degrees."""
    points: Ring = []
    for (ax, ay), (bx, by) in zip(ring, [*ring[1:], ring[0]], strict=True):
        pieces = max(1, round(float(np.hypot(bx - ax, by - ay)) / step))
        points += [(ax + (bx - ax) * i / pieces, ay + (by - ay) * i / pieces) for i in range(pieces)]
    return points


def clip(ring: Ring, edge: Edge) -> Ring:
    """Clip an open convex ring to an edge's half-plane (Sutherland and Hodgman 1974, doi:10.1145/360767.360802)."""
    vertices: Ring = []
    for a, b in zip(ring, [*ring[1:], ring[0]], strict=True):
        beyond_a = edge.nx * a[0] + edge.ny * a[1] - edge.reach
        beyond_b = edge.nx * b[0] + edge.ny * b[1] - edge.reach
        if beyond_a <= 0:
            vertices.append(a)
        if (beyond_a <= 0) != (beyond_b <= 0):
            t = beyond_a / (beyond_a - beyond_b)
            vertices.append((a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t))
    return vertices
