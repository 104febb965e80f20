"""Once around the Earth: how far that is along x, in CRSs in which x says nothing but how far east a place lies."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import pyproj
from numpy.typing import NDArray

from scog.geo.grid import Grid, T

STRAIGHT = 1e-9
"""Of a turn: by how much x may depend on the latitude."""


@lru_cache(maxsize=256)
def turn(crs: str) -> float | None:
    """Units of x of a whole turn, such as 360 in degrees; None where meridians are no upright lines evenly apart.

    They are in geographic CRSs and cylindrical projections: then x and x + turn are one place.
    """
    known = pyproj.CRS.from_user_input(crs)
    known = known.source_crs if known.is_bound and known.source_crs is not None else known
    if known.is_geographic:
        return _full_circle(known)
    geodetic = known.geodetic_crs
    if not known.is_projected or geodetic is None:
        return None
    degree = _full_circle(geodetic) / 360
    lon, lat = np.meshgrid(np.array([-150.0, -90, -30, -29, 30, 31, 90, 150]), np.array([-50.0, 0, 50]))
    there = pyproj.Transformer.from_crs(geodetic, known, always_xy=True)
    x = np.asarray(there.transform(lon * degree, lat * degree)[0])
    if not np.isfinite(x).all():
        return None
    steps = x[0, [3, 5]] - x[0, [2, 4]]  # of a degree each; one may lie across the projection's own seam
    whole = 360 * float(min(steps, key=abs))
    if not whole:
        return None
    off = (x - x[1, 0]) / whole - (lon + 150) / 360
    return abs(whole) if (np.abs(off - np.round(off)) < STRAIGHT).all() else None


def _full_circle(geographic: pyproj.CRS) -> float:
    unit = geographic.axis_info[0]
    return 360.0 if unit.unit_name.startswith("degree") else 2 * math.pi / unit.unit_conversion_factor


def columns_around(source: Grid) -> float | None:
    """Columns of a whole turn of a raster whose rows run along x; None where it has no such rows or no turn."""
    whole = turn(source.crs)
    if whole is None or source.curve is not None:
        return None
    inverse = ~source.transform
    return None if inverse.d else abs(whole * inverse.a)


def nearest_turn(values: T, to: T | float, whole: float | None) -> T:
    """Values moved by whole turns to within half a turn of `to`."""
    if whole is None:
        return values
    moved: T = values + whole * np.round((to - values) / whole)
    return moved


def wrapped(col: NDArray[np.float64], width: int, around: float, edge: float) -> NDArray[np.float64]:
    """Columns moved by whole turns (`around` columns each) into a raster of a width, where they lie beside it.

    What lies less than `edge` before a side counts as on it.
    """
    with np.errstate(invalid="ignore"):
        beside = (col < -edge) | (col >= width - edge)
        return np.where(beside, np.mod(col + edge, around) - edge, col) if beside.any() else col
