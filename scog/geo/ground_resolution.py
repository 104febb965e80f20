"""Pixel sizes in metres on the ground."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyproj
from morecantile.utils import meters_per_unit
from numpy.typing import NDArray

from scog.geo.grid import Grid, transformer

DEGREE = 111_320.0
"""Metres per degree at the equator."""
MIN_PARALLEL = 0.05
"""Minimum length of a parallel relative to the equator, that of latitude 87."""


def ground_units(crs: str, y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Metres on the ground per unit of a CRS, from west to east and from south to north, at the coordinates `y`.

    Both arrays have the shape of `y`. In degrees and in Mercator projections the values depend on the latitude; in
    other projections they are constant, which is accurate to a few percent.
    """
    unit, kind = _unit(crs)
    if kind == "other":
        return np.full(y.shape, unit), np.full(y.shape, unit)
    lat = y if kind == "degrees" else np.asarray(transformer(crs, "EPSG:4326").transform(np.zeros_like(y), y)[1])
    scaled = unit * np.maximum(np.cos(np.radians(lat)), MIN_PARALLEL)
    return scaled, np.full(y.shape, unit) if kind == "degrees" else scaled


def pixel_steps(grid: Grid) -> NDArray[np.float64]:
    """Metres on the ground to east and to north per column and per row: float64 `(2, 2, y)`, for each row of a grid.

    They are those at the centre of the row.
    """
    a, b, _, d, e, _ = tuple(grid.transform)[:6]
    rows = np.arange(grid.height, dtype=np.float64) + 0.5
    _, y = grid.xy(np.full_like(rows, grid.width / 2), rows)
    east, north = ground_units(grid.crs, y)
    return np.stack((np.stack((a * east, b * east)), np.stack((d * north, e * north))))


def metres_per_unit(crs: str) -> float:
    """Metres per unit of a CRS where it has its true scale: in degrees and in Mercator projections, at the equator."""
    return _unit(crs)[0]


def has_constant_units(crs: str) -> bool:
    """Whether units of a CRS count as equally long everywhere: neither degrees nor a Mercator projection."""
    return _unit(crs)[1] == "other"


@lru_cache(maxsize=256)
def _unit(crs: str) -> tuple[float, str]:
    """Metres per unit, and `degrees`, `mercator` or `other`."""
    definition = pyproj.CRS.from_user_input(crs)
    if definition.is_geographic:
        return DEGREE, "degrees"
    method = definition.coordinate_operation.method_name if definition.coordinate_operation else ""
    is_mercator = "Mercator" in method and "Transverse" not in method and "Oblique" not in method
    return meters_per_unit(definition), "mercator" if is_mercator else "other"
