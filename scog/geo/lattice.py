"""Lattices: the pixel positions of a file without an extent, so that any area gets a grid aligned with them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from scog.geo.grid import Grid, transformer
from scog.geo.ground_resolution import ground_units

ON_LINE = 1e-6
"""An edge counts as on a line between pixels if it is at most this share of a pixel away."""
SAME_PLACE = 0.01
"""Pixels count as the same if their corners are at most this share of a pixel apart."""
SAME_SIZE = 1e-6
"""Relative difference of the sizes of pixels that count as the same."""
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Lattice:
    """Pixels of one size without bounds.

    crs        CRS of the transform
    transform  column and row to CRS units; integers are lines between pixels
    metres     size of a pixel on the ground, the geometric mean of its sides
    coarsest   pixel size of the coarsest overview, in pixels of the lattice; infinite if unknown
    """

    crs: str
    transform: Affine
    metres: float
    coarsest: float = math.inf

    @property
    def is_upright(self) -> bool:
        """Whether rows run along x and columns along y."""
        return bool(self.transform.b == 0 and self.transform.d == 0)

    def coincides(self, other: Lattice) -> bool:
        """Whether the pixels of another lattice are the same, up to 1 % of their size."""
        if self.crs != other.crs:
            return False
        col, row = ~self.transform @ (other.transform.c, other.transform.f)
        a, b, _, d, e, _ = tuple(~self.transform @ other.transform)[:6]
        shift = max(abs(col - round(col)), abs(row - round(row)))
        return bool(shift <= SAME_PLACE and max(abs(a - 1), abs(b), abs(d), abs(e - 1)) <= SAME_SIZE)

    def coarsened(self, factor: int) -> Lattice:
        """The lattice with pixels of `factor` x `factor` pixels of this one, like an overview's."""
        a, b, c, d, e, f = tuple(self.transform)[:6]
        larger = Affine(a * factor, b * factor, c, d * factor, e * factor, f)
        return Lattice(self.crs, larger, self.metres * factor, self.coarsest / factor)

    def bounding_grid(self, shape: BaseGeometry) -> Grid:
        """The smallest grid that contains a geometry given in the lattice's CRS."""
        a, b, c, d, e, f = tuple(self.transform)[:6]
        determinant = a * e - b * d

        def to_pixels(corners: NDArray[np.float64]) -> NDArray[np.float64]:
            x, y = (corners - (c, f)).T
            return np.stack(((e * x - b * y) / determinant, (a * y - d * x) / determinant), axis=1)

        left, top, right, bottom = shapely.transform(shape, to_pixels).bounds
        return self._grid(math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom))

    def grid_touching(self, box: Box) -> Grid:
        """The grid of the pixels that a box touches, for upright lattices.

        An edge on a line between pixels touches only one of them.
        """
        a, _, c, _, e, f = tuple(self.transform)[:6]
        west, south, east, north = box
        left, right = math.floor((west - c) / a + ON_LINE), math.ceil((east - c) / a - ON_LINE)
        top, bottom = math.floor((north - f) / e + ON_LINE), math.ceil((south - f) / e - ON_LINE)
        return self._grid(left, top, right, bottom)

    def _grid(self, left: int, top: int, right: int, bottom: int) -> Grid:
        a, b, c, d, e, f = tuple(self.transform)[:6]
        corner = Affine(a, b, a * left + b * top + c, d, e, d * left + e * top + f)
        return Grid(self.crs, corner, max(1, right - left), max(1, bottom - top))


def metric_lattice(crs: str, pixel: float) -> Lattice:
    """Square pixels of `pixel` units of a CRS in metres, with edges at multiples of their size."""
    return Lattice(crs, Affine(pixel, 0.0, 0.0, 0.0, -pixel, 0.0), float(pixel))


def lattice_of(grid: Grid, lon: float, lat: float) -> Lattice:
    """The lattice of a file's grid, with its pixel size on the ground at a point in degrees.

    Columns run east and rows run south, even if the file's rows start in the south.
    """
    a, b, c, d, e, f = tuple(grid.transform)[:6]
    if b == d == 0:
        a, e = abs(a), -abs(e)
    _, y = transformer("EPSG:4326", grid.crs).transform(lon, lat)
    east, north = ground_units(grid.crs, np.array([y if math.isfinite(y) else grid.centre[1]]))
    sides = (
        math.hypot(a * float(east[0]), d * float(north[0])),
        math.hypot(b * float(east[0]), e * float(north[0])),
    )
    metres = sides[0] if sides[0] == sides[1] else math.sqrt(sides[0] * sides[1])
    return Lattice(grid.crs, Affine(a, b, c, d, e, f), metres)
