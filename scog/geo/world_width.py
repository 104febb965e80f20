"""Full turns around the Earth along x, for CRSs where x depends only on the longitude."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import pyproj
from numpy.typing import NDArray

from scog.geo.grid import Grid, T

TOLERANCE = 1e-9
"""Maximum variation of x with the latitude, as a share of a full turn."""


@lru_cache(maxsize=256)
def full_circle(crs: str) -> float | None:
    """Units of x of a full turn, such as 360 in degrees; None if meridians are not parallel to y and evenly spaced.

    Geographic CRSs and cylindrical projections have one: x and x + turn are the same location.
    """
    definition = pyproj.CRS.from_user_input(crs)
    definition = definition.source_crs if definition.is_bound and definition.source_crs is not None else definition
    if definition.is_geographic:
        return _full_circle(definition)
    geodetic = definition.geodetic_crs
    if not definition.is_projected or geodetic is None:
        return None
    degree = _full_circle(geodetic) / 360
    lon, lat = np.meshgrid(np.array([-150.0, -90, -30, -29, 30, 31, 90, 150]), np.array([-50.0, 0, 50]))
    to_crs = pyproj.Transformer.from_crs(geodetic, definition, always_xy=True)
    x = np.asarray(to_crs.transform(lon * degree, lat * degree)[0])
    if not np.isfinite(x).all():
        return None
    steps = x[0, [3, 5]] - x[0, [2, 4]]  # one degree each; one of them may cross the edge of the projection
    full_turn = 360 * float(min(steps, key=abs))
    if not full_turn:
        return None
    deviation = (x - x[1, 0]) / full_turn - (lon + 150) / 360
    return abs(full_turn) if (np.abs(deviation - np.round(deviation)) < TOLERANCE).all() else None


def _full_circle(geographic: pyproj.CRS) -> float:
    unit = geographic.axis_info[0]
    return 360.0 if unit.unit_name.startswith("degree") else 2 * math.pi / unit.unit_conversion_factor


def columns_per_turn(source: Grid) -> float | None:
    """Columns of a raster per full turn; None unless the CRS has a full turn and rows are parallel to x."""
    full_turn = full_circle(source.crs)
    if full_turn is None or source.curve is not None:
        return None
    inverse = ~source.transform
    return None if inverse.d else abs(full_turn * inverse.a)


def nearest_turn(values: T, to: T | float, full_turn: float | None) -> T:
    """Values moved by whole turns to within half a turn of `to`; unchanged if `full_turn` is None."""
    if full_turn is None:
        return values
    moved: T = values + full_turn * np.round((to - values) / full_turn)
    return moved


def wrap_columns(col: NDArray[np.float64], width: int, around: float, edge: float) -> NDArray[np.float64]:
    """Columns outside a raster of `width` columns, moved inside by whole turns of `around` columns where possible.

    A column less than `edge` before an edge of the raster counts as on it.
    """
    with np.errstate(invalid="ignore"):
        outside = (col < -edge) | (col >= width - edge)
        return np.where(outside, np.mod(col + edge, around) - edge, col) if outside.any() else col
