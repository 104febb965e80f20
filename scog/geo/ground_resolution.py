"""How large pixels are on the ground."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyproj
from morecantile.utils import meters_per_unit
from numpy.typing import NDArray

from scog.geo.grid import transformer

DEGREE = 111_320.0
"""Metres of a degree at the equator."""
LEAST_SHRINKING = 0.05
"""Of a parallel, against the equator: that at latitude 87."""


def ground_units(crs: str, y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Metres on the ground of one unit of a CRS from west to east and from south to north, at the places `y` in it.

    By latitude for degrees and for Mercator projections; others are as long everywhere as they say, within a few
    percent.
    """
    unit, kind = _kind(crs)
    if kind == "other":
        return np.full(y.shape, unit), np.full(y.shape, unit)
    lat = y if kind == "degrees" else np.asarray(transformer(crs, "EPSG:4326").transform(np.zeros_like(y), y)[1])
    shrunk = unit * np.maximum(np.cos(np.radians(lat)), LEAST_SHRINKING)
    return shrunk, np.full(y.shape, unit) if kind == "degrees" else shrunk


def is_even(crs: str) -> bool:
    """Whether a unit of a CRS is taken to be as long everywhere: neither degrees nor a Mercator projection."""
    return _kind(crs)[1] == "other"


@lru_cache(maxsize=256)
def _kind(crs: str) -> tuple[float, str]:
    """Metres of a unit, and whether it is degrees, Mercator or other."""
    known = pyproj.CRS.from_user_input(crs)
    if known.is_geographic:
        return DEGREE, "degrees"
    method = known.coordinate_operation.method_name if known.coordinate_operation else ""
    upright = "Mercator" in method and "Transverse" not in method and "Oblique" not in method
    return meters_per_unit(known), "mercator" if upright else "other"
