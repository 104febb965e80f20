"""Where the island lies: two squares in two UTM zones, and one frame of metres that both are drawn in.

The frame is a transverse Mercator map around 12 E 40.2 N, where zones 32 and 33 meet: x metres east, y metres north.
Everything that is drawn is a function of x and y alone, so the squares agree where they overlap.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from scog.demo.noise import Floats

SIZE = 1098  # pixels a side at 10 m: a tenth of a real square's 10980
PIXEL = 10  # metres
FRAME = "+proj=tmerc +lat_0=40.2 +lon_0=12 +k=1 +x_0=0 +y_0=0 +datum=WGS84 +units=m +no_defs"


@dataclass(frozen=True)
class Square:
    """One square of the Sentinel-2 grid (a tenth as wide as a real one), and the collection that holds it."""

    collection: str
    zone: int
    band: str
    letters: str
    left: int  # metres in the square's own zone, as `top`
    top: int

    @property
    def name(self) -> str:
        """Such as `32TQK`."""
        return f"{self.zone}{self.band}{self.letters}"

    @property
    def epsg(self) -> int:
        """The northern UTM zone."""
        return 32600 + self.zone

    @property
    def bounds(self) -> tuple[int, int, int, int]:
        """Left, bottom, right, top in metres of the square's zone."""
        side = SIZE * PIXEL
        return self.left, self.top - side, self.left + side, self.top


WEST = Square("sentinel-2-l2a", 32, "T", "QK", 745380, 4459800)
EAST = Square("sentinel-2-c1-l2a", 33, "T", "TE", 243660, 4459800)
SQUARES = (WEST, EAST)


def frame_grid(square: Square) -> tuple[Floats, Floats]:
    """Frame x and y of each pixel centre of a square, metres, `(1098, 1098)` each."""
    centres = (np.arange(SIZE) + 0.5) * PIXEL
    easting, northing = np.meshgrid(square.left + centres, square.top - centres)
    x, y = Transformer.from_crs(square.epsg, FRAME, always_xy=True).transform(easting, northing)
    return np.asarray(x, np.float32), np.asarray(y, np.float32)


def coarser(full: Floats, times: int = 2) -> Floats:
    """Mean of each `times` x `times` pixels: 2 from 10 m to 20 m, 3 from there to 60 m."""
    total = np.zeros((full.shape[0] // times, full.shape[1] // times), np.float32)
    for column in range(times):
        for row in range(times):
            total += full[row::times, column::times]
    return total * np.float32(1 / times**2)


@dataclass(frozen=True)
class Edge:
    """A straight edge of what was seen: places with `nx * x + ny * y <= reach` are seen (frame metres)."""

    nx: float
    ny: float
    reach: float

    def inside(self, x: NDArray[np.floating], y: NDArray[np.floating], margin: float = 0) -> NDArray[np.bool_]:
        """True where a place is seen and lies at least `margin` metres from the edge."""
        return np.asarray(self.nx * x + self.ny * y <= self.reach - margin, bool)


Ring = list[tuple[float, float]]


@cache
def footprint(square: Square, edges: tuple[Edge, ...]) -> tuple[tuple[float, float], ...]:
    """Closed ring in degrees around what the edges leave of a square; counter-clockwise, a point each 2 km or so."""
    left, bottom, right, top = square.bounds
    corners = dense([(left, top), (left, bottom), (right, bottom), (right, top)])
    to_frame = Transformer.from_crs(square.epsg, FRAME, always_xy=True)
    ring = [to_frame.transform(*corner) for corner in corners]
    for edge in edges:
        ring = clipped(ring, edge)
    to_degrees = Transformer.from_crs(FRAME, "EPSG:4326", always_xy=True)
    degrees = [to_degrees.transform(*corner) for corner in dense(ring)]
    rounded = [(round(lon, 8), round(lat, 8)) for lon, lat in degrees]
    return (*rounded, rounded[0])


def dense(ring: Ring, step: float = 2800) -> Ring:
    """Put points on long sides of an open ring: a straight line in metres is not straight in degrees."""
    points: Ring = []
    for (ax, ay), (bx, by) in zip(ring, [*ring[1:], ring[0]], strict=True):
        pieces = max(1, round(float(np.hypot(bx - ax, by - ay)) / step))
        points += [(ax + (bx - ax) * i / pieces, ay + (by - ay) * i / pieces) for i in range(pieces)]
    return points


def clipped(ring: Ring, edge: Edge) -> Ring:
    """What of an open convex ring lies inside an edge (Sutherland and Hodgman)."""
    kept: Ring = []
    for a, b in zip(ring, [*ring[1:], ring[0]], strict=True):
        beyond_a = edge.nx * a[0] + edge.ny * a[1] - edge.reach
        beyond_b = edge.nx * b[0] + edge.ny * b[1] - edge.reach
        if beyond_a <= 0:
            kept.append(a)
        if (beyond_a <= 0) != (beyond_b <= 0):
            t = beyond_a / (beyond_a - beyond_b)
            kept.append((a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t))
    return kept
