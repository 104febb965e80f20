"""Areas of pixels on the ellipsoid, which differ a little from areas in a projection."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyproj
from numpy.typing import NDArray

from scog.geo.bounds import DEGREES
from scog.geo.crs import is_degrees
from scog.geo.grid import Grid, transformer
from scog.geo.interpolation import lagrange_at_centres, lagrange_nodes

NODES = 7
"""Number of nodes along each side of a grid. The scale is computed at nodes and interpolated between them, to 1e-9."""

Floats = NDArray[np.float64]


def pixel_areas(grid: Grid) -> Floats:
    """Area of each pixel of a grid on its ellipsoid, in square metres: float64 `(y, x)`.

    Areas follow from the areal scale of the CRS at the pixel's centre. They are accurate to 1e-6 for pixels of a few
    kilometres and grids of up to a thousand kilometres, as `scog.geo.native_grid` makes them.
    """
    col, row = np.meshgrid(lagrange_nodes(NODES) * grid.width, lagrange_nodes(NODES) * grid.height)
    a, b, c, d, e, f = tuple(grid.transform)[:6]
    x, y = a * col + b * row + c, d * col + e * row + f
    at_nodes = abs(a * e - b * d) * (
        _metres2_per_degree2(grid.crs, y) if is_degrees(grid.crs) else _metres2_per_unit2(grid.crs, x, y)
    )
    areas: Floats = lagrange_at_centres(grid.height, NODES) @ at_nodes @ lagrange_at_centres(grid.width, NODES).T
    return areas


def _metres2_per_degree2(crs: str, lat: Floats) -> Floats:
    """Square metres per square degree: the product of both radii of curvature and the cosine of the latitude.

    J. P. Snyder, Map Projections: A Working Manual (USGS 1395, 1987), equations 4-18 to 4-21.
    """
    major, minor = _semi_axes(crs)
    eccentricity_squared = 1 - (minor / major) ** 2
    phi = np.radians(lat)
    numerator: Floats = np.radians(1.0) ** 2 * major**2 * (1 - eccentricity_squared) * np.cos(phi)
    return numerator / (1 - eccentricity_squared * np.sin(phi) ** 2) ** 2


def _metres2_per_unit2(crs: str, x: Floats, y: Floats) -> Floats:
    """Square metres on the ellipsoid per square unit of a projected CRS, at coordinates in it."""
    lon, lat = transformer(crs, DEGREES).transform(x, y)
    if _is_web_mercator(crs):  # spherical formulas with ellipsoidal latitudes: PROJ's scale is that of the sphere
        square_degrees: Floats = np.cos(np.radians(lat)) / (np.radians(1.0) * _semi_axes(crs)[0]) ** 2
        return _metres2_per_degree2(crs, lat) * square_degrees
    scale = _projection(crs).get_factors(lon, lat).areal_scale
    return _unit_area(crs) / np.asarray(scale)


@lru_cache(maxsize=128)
def _semi_axes(crs: str) -> tuple[float, float]:
    """Semi-major and semi-minor axis of a CRS's ellipsoid, in metres."""
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
def _unit_area(crs: str) -> float:
    """Square metres per square unit of a projected CRS."""
    unit: float = pyproj.CRS.from_user_input(crs).axis_info[0].unit_conversion_factor
    return unit * unit
