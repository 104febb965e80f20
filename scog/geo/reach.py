"""The part of a target grid that may intersect a source raster. The rest needs no coordinates."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from scog.geo.bounds import is_one_to_one
from scog.geo.grid import Grid, apply_affine, transformer
from scog.geo.world_width import full_circle

Floats = NDArray[np.float64]


def reachable(target: Grid, source: Grid) -> tuple[slice, slice] | None:
    """Rows and columns of the target that may intersect the source, with a small margin; None if none do."""
    everything = slice(0, target.height), slice(0, target.width)
    if source.curve is not None:
        return everything
    if _intersects_wrapped(target, source) if target.crs == source.crs else _wraps(source):
        return everything
    x, y, curve_x, curve_y = _outline(source, target.crs)
    # Parts of the source have no or several positions in the target's CRS, so nothing can be excluded.
    if not math.isfinite(curve_x + curve_y) or (target.crs != source.crs and not is_one_to_one(target)):
        return everything
    inverse = ~target.transform
    col, row = apply_affine(inverse, x, y)
    rows = _covered(row, target.height, abs(inverse.d) * curve_x + abs(inverse.e) * curve_y)
    cols = _covered(col, target.width, abs(inverse.a) * curve_x + abs(inverse.b) * curve_y)
    return (rows, cols) if rows.start < rows.stop and cols.start < cols.stop else None


@lru_cache(maxsize=1024)
def _wraps(source: Grid) -> bool:
    """Whether a raster spans more than half of a turn around the Earth, or exceeds 180 degrees.

    The outline of such a raster in another CRS may not enclose it.
    """
    full_turn = full_circle(source.crs)
    west, _, east, _ = source.bounds
    return full_turn is not None and (east - west > full_turn / 2 or max(-west, east) > full_turn / 2)


def _intersects_wrapped(target: Grid, source: Grid) -> bool:
    """Whether two grids of one CRS intersect after one of them is moved by whole turns around the Earth."""
    full_turn = full_circle(target.crs)
    west, _, east, _ = source.bounds
    left, _, right, _ = target.bounds
    if full_turn is None:
        return False
    min_turns, max_turns = math.ceil((west - right) / full_turn), math.floor((east - left) / full_turn)
    return min_turns <= max_turns and (min_turns, max_turns) != (0, 0)


def _covered(coordinates: Floats, length: int, margin: float) -> slice:
    """Slice of `length` pixels between the extremes of an outline, with a margin for its curvature."""
    start, stop = math.floor(coordinates.min() - margin) - 1, math.ceil(coordinates.max() + margin) + 1
    return slice(max(0, start), min(length, stop))


_STEPS = 32
"""Points along each side of an outline."""


@lru_cache(maxsize=1024)
def _outline(source: Grid, crs: str) -> tuple[Floats, Floats, float, float]:
    """x and y in a CRS of points along a raster's outline, and bounds of the curvature between two points in x and y.

    The curvature is measured over two steps, as the distance of a point from the midpoint of its neighbours. That is
    four times the curvature between two points. It is infinite or NaN if a point is.
    """
    fraction = np.arange(_STEPS) / _STEPS
    zero, one = np.zeros(_STEPS), np.ones(_STEPS)
    x, y = source.xy(
        np.concatenate((fraction, one, 1 - fraction, zero)) * source.width,
        np.concatenate((zero, fraction, one, 1 - fraction)) * source.height,
    )
    if crs == source.crs:
        return x, y, 0.0, 0.0
    x, y = (np.asarray(coordinates) for coordinates in transformer(source.crs, crs).transform(x, y))
    with np.errstate(invalid="ignore"):
        curve_x, curve_y = (_curvature(coordinates) for coordinates in (x, y))
    return x, y, curve_x, curve_y


def _curvature(coordinates: Floats) -> float:
    """Maximum distance of points from the midpoint of their neighbours, corners excluded."""
    deviation = coordinates - (np.roll(coordinates, 1) + np.roll(coordinates, -1)) / 2
    return float(np.abs(deviation.reshape(4, _STEPS)[:, 1:]).max())
