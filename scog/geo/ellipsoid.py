"""How large pixels are on the ellipsoid, where those of a projection are a little larger or smaller than it says."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyproj
from numpy.typing import NDArray

from scog.geo.bounds import DEGREES
from scog.geo.crs import is_degrees
from scog.geo.grid import Grid, transformer
from scog.geo.index_map import lagrange_at_centres, lagrange_nodes

NODES = 7
"""Places along each side of a grid whose scale is computed; between them it is interpolated, to a billionth."""

Floats = NDArray[np.float64]


def pixel_areas(grid: Grid) -> Floats:
    """The area of each pixel of a grid on its ellipsoid, in square metres: float64 `(y, x)`.

    By the areal scale of its CRS at the pixel's centre: right to a millionth for pixels of a few kilometres and
    grids of up to a thousand, such as `native` makes.
    """
    across, down = np.meshgrid(lagrange_nodes(NODES) * grid.width, lagrange_nodes(NODES) * grid.height)
    a, b, c, d, e, f = tuple(grid.transform)[:6]
    x, y = a * across + b * down + c, d * across + e * down + f
    at_nodes = abs(a * e - b * d) * (
        _square_degrees(grid.crs, y) if is_degrees(grid.crs) else _square_units(grid.crs, x, y)
    )
    found: Floats = lagrange_at_centres(grid.height, NODES) @ at_nodes @ lagrange_at_centres(grid.width, NODES).T
    return found


def _square_degrees(crs: str, lat: Floats) -> Floats:
    """Square metres of a square degree: the product of both radii of curvature and the cosine of the latitude.

    J. P. Snyder, Map Projections: A Working Manual (USGS 1395, 1987), equations 4-18 to 4-21.
    """
    major, minor = _axes(crs)
    squared = 1 - (minor / major) ** 2
    phi = np.radians(lat)
    found: Floats = np.radians(1.0) ** 2 * major**2 * (1 - squared) * np.cos(phi)
    return found / (1 - squared * np.sin(phi) ** 2) ** 2


def _square_units(crs: str, x: Floats, y: Floats) -> Floats:
    """Square metres on the ellipsoid of a square unit of a projected CRS at places in it."""
    lon, lat = transformer(crs, DEGREES).transform(x, y)
    if _is_web_mercator(crs):  # of a sphere, though its latitudes are an ellipsoid's: PROJ tells the sphere's scale
        shrunk: Floats = np.cos(np.radians(lat)) / (np.radians(1.0) * _axes(crs)[0]) ** 2
        return _square_degrees(crs, lat) * shrunk
    scale = _projection(crs).get_factors(lon, lat).areal_scale
    return _square_metres(crs) / np.asarray(scale)


@lru_cache(maxsize=128)
def _axes(crs: str) -> tuple[float, float]:
    """Half of the major and of the minor axis of a CRS's ellipsoid, in metres."""
    ellipsoid = pyproj.CRS.from_user_input(crs).ellipsoid
    assert ellipsoid is not None
    return ellipsoid.semi_major_metre, ellipsoid.semi_minor_metre


@lru_cache(maxsize=128)
def _is_web_mercator(crs: str) -> bool:
    operation = pyproj.CRS.from_user_input(crs).coordinate_operation
    return operation is not None and operation.method_name == "Popular Visualisation Pseudo Mercator"


@lru_cache(maxsize=128)
def _projection(crs: str) -> pyproj.Proj:
    return pyproj.Proj(crs)


@lru_cache(maxsize=128)
def _square_metres(crs: str) -> float:
    """Square metres of a square unit of a projected CRS."""
    unit: float = pyproj.CRS.from_user_input(crs).axis_info[0].unit_conversion_factor
    return unit * unit
