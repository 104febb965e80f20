"""How large pixels are on the ellipsoid, where those of a projection are a little larger or smaller than it says."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyproj
from numpy.typing import NDArray

from scog.space.bounds import DEGREES
from scog.space.grid import Grid, transformer
from scog.space.indexmap import lagrange_at_centres, lagrange_nodes

NODES = 7
"""Places along each side of a grid whose scale is computed; between them it is interpolated, to a billionth."""

Floats = NDArray[np.float64]


def pixel_areas(grid: Grid) -> Floats:
    """The area of each pixel of a projected grid on its ellipsoid, in square metres: float64 `(y, x)`.

    By the projection's own areal scale at the pixel's centre: right to a millionth for pixels of a few kilometres and
    grids of up to a thousand, such as `native` makes.
    """
    across, down = np.meshgrid(lagrange_nodes(NODES) * grid.width, lagrange_nodes(NODES) * grid.height)
    a, b, c, d, e, f = tuple(grid.transform)[:6]
    lon, lat = transformer(grid.crs, DEGREES).transform(a * across + b * down + c, d * across + e * down + f)
    scale = _projection(grid.crs).get_factors(lon, lat).areal_scale
    flat = abs(a * e - b * d) * _square_metres(grid.crs)
    at_nodes = flat / np.asarray(scale)
    found: Floats = lagrange_at_centres(grid.height, NODES) @ at_nodes @ lagrange_at_centres(grid.width, NODES).T
    return found


@lru_cache(maxsize=128)
def _projection(crs: str) -> pyproj.Proj:
    return pyproj.Proj(crs)


@lru_cache(maxsize=128)
def _square_metres(crs: str) -> float:
    """Square metres of a square unit of a projected CRS."""
    unit: float = pyproj.CRS.from_user_input(crs).axis_info[0].unit_conversion_factor
    return unit * unit
