"""Lattices: where the pixels of a file lie, without an extent, so that any part of the Earth gets a grid on them."""

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
"""Of a pixel: so near to the line between two, an edge lies on it."""
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Lattice:
    """Pixels of one size, side by side without end.

    crs        of the transform
    transform  column and row to CRS units; a whole number is the line between two pixels
    metres     extent of a pixel on the ground, the geometric mean of its sides
    coarsest   how many times as large pixels there are overviews of; infinite where that is not known to be bounded
    """

    crs: str
    transform: Affine
    metres: float
    coarsest: float = math.inf

    @property
    def is_upright(self) -> bool:
        """Whether rows run from west to east, and columns from north to south."""
        return bool(self.transform.b == 0 and self.transform.d == 0)

    def coarser(self, factor: int) -> Lattice:
        """The lattice whose pixels hold `factor` x `factor` of these, as those of an overview do."""
        a, b, c, d, e, f = tuple(self.transform)[:6]
        larger = Affine(a * factor, b * factor, c, d * factor, e * factor, f)
        return Lattice(self.crs, larger, self.metres * factor, self.coarsest / factor)

    def around(self, shape: BaseGeometry) -> Grid:
        """The smallest grid that holds a geometry given in the lattice's CRS."""
        a, b, c, d, e, f = tuple(self.transform)[:6]
        determinant = a * e - b * d

        def placed(corners: NDArray[np.float64]) -> NDArray[np.float64]:
            x, y = (corners - (c, f)).T
            return np.stack(((e * x - b * y) / determinant, (a * y - d * x) / determinant), axis=1)

        left, top, right, bottom = shapely.transform(shape, placed).bounds
        return self._grid(math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom))

    def touched(self, box: Box) -> Grid:
        """The pixels of an upright lattice that a box in its CRS touches; edges on a line between two touch one."""
        a, _, c, _, e, f = tuple(self.transform)[:6]
        west, south, east, north = box
        left, right = math.floor((west - c) / a + ON_LINE), math.ceil((east - c) / a - ON_LINE)
        top, bottom = math.floor((north - f) / e + ON_LINE), math.ceil((south - f) / e - ON_LINE)
        return self._grid(left, top, right, bottom)

    def _grid(self, left: int, top: int, right: int, bottom: int) -> Grid:
        a, b, c, d, e, f = tuple(self.transform)[:6]
        corner = Affine(a, b, a * left + b * top + c, d, e, d * left + e * top + f)
        return Grid(self.crs, corner, max(1, right - left), max(1, bottom - top))


def metric(crs: str, pixel: float) -> Lattice:
    """Square pixels of so many units of a CRS of metres, whose edges lie on multiples of their size."""
    return Lattice(crs, Affine(pixel, 0.0, 0.0, 0.0, -pixel, 0.0), float(pixel))


def lattice_of(grid: Grid, lon: float, lat: float) -> Lattice:
    """The lattice of a file, given its grid, and how large its pixels are at a place in degrees.

    Columns run eastwards and rows southwards, also of files whose rows begin in the south.
    """
    a, b, c, d, e, f = tuple(grid.transform)[:6]
    if b == d == 0:
        a, e = abs(a), -abs(e)
    _, y = transformer("EPSG:4326", grid.crs).transform(lon, lat)
    across, down = ground_units(grid.crs, np.array([y if math.isfinite(y) else grid.centre[1]]))
    sides = (
        math.hypot(a * float(across[0]), d * float(down[0])),
        math.hypot(b * float(across[0]), e * float(down[0])),
    )
    metres = sides[0] if sides[0] == sides[1] else math.sqrt(sides[0] * sides[1])
    return Lattice(grid.crs, Affine(a, b, c, d, e, f), metres)
