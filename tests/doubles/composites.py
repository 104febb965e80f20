"""The oracle of composites: a pixel at a time, or by NumPy and SciPy."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Numbers = NDArray[Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def composite_of(name: str, values: Numbers, days: Numbers) -> Numbers:
    """The composite `(output, pixel)` of values `(observation, pixel)`, newest first, NaN where invalid.

    `days` since 1970 are `(observation, pixel)`. Takes one output of an expression.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # pixels without valid values
        if name in BY_NUMPY:
            return np.asarray(BY_NUMPY[name](np.asarray(values, np.float64)))[np.newaxis]
        if name.startswith("p") and name[1:].isdigit():
            return np.nanpercentile(np.asarray(values, np.float64), int(name[1:]), axis=0)[np.newaxis]
    return np.array([BY_PIXEL[name](*pixel) for pixel in zip(values.T, days.T, strict=True)], float).T


def _trend(values: Numbers, days: Numbers) -> tuple[float, float]:
    valid = ~np.isnan(values)
    if valid.sum() < 2:
        return np.nan, np.nan
    fit = stats.linregress(days[valid] / 365.25, values[valid].astype(float))
    if np.ptp(values[valid]) == 0:
        return 0.0, 1.0 if valid.sum() > 2 else np.nan  # t is 0/0: no evidence of a trend
    return fit.slope, fit.pvalue if valid.sum() > 2 else np.nan


def _mode(values: Numbers, days: Numbers) -> tuple[float]:
    distinct, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    return (distinct[counts.argmax()] if len(distinct) else np.nan,)


def _day_of_year(days: float) -> float:
    moment = datetime.fromtimestamp(days * 86400, UTC)
    return moment.timetuple().tm_yday


def _first_day_of_year(values: Numbers, days: Numbers) -> tuple[float]:
    valid = ~np.isnan(values)
    return (_day_of_year(days[valid].min()) if valid.any() else np.nan,)


def _day_of_year_of_maximum(values: Numbers, days: Numbers) -> tuple[float]:
    valid = ~np.isnan(values)
    return (_day_of_year(days[valid & (values == np.nanmax(values))].min()) if valid.any() else np.nan,)


BY_NUMPY: dict[str, Callable[[Numbers], Numbers]] = {
    "median": lambda values: np.nanmedian(values, axis=0),
    "mean": lambda values: np.nanmean(values, axis=0),
    "min": lambda values: np.nanmin(values, axis=0),
    "max": lambda values: np.nanmax(values, axis=0),
    "std": lambda values: np.nanstd(values, axis=0),
    "range": lambda values: np.nanmax(values, axis=0) - np.nanmin(values, axis=0),
    "count": lambda values: np.isfinite(values).sum(axis=0),
}
BY_PIXEL: dict[str, Callable[[Numbers, Numbers], Sequence[float]]] = {
    "slope": _trend, "mode": _mode, "first_doy": _first_day_of_year, "max_doy": _day_of_year_of_maximum,
}  # fmt: skip


def weiszfeld(points: Numbers, steps: int = 300) -> Numbers:
    """The geometric median of points `(point, band)`: the limit of Weiszfeld steps from the mean, or an input point."""
    best, least = points[0], np.inf

    def cost(point: Numbers) -> float:
        return float(np.sqrt(((points - point) ** 2).sum(axis=1)).sum())

    point = points.mean(axis=0) + 1e-9
    for _ in range(steps):
        weights = 1 / np.maximum(np.sqrt(((points - point) ** 2).sum(axis=1)), 1e-15)
        point = (points * weights[:, np.newaxis]).sum(axis=0) / weights.sum()
    for candidate in (point, *points):
        if cost(candidate) < least:
            best, least = candidate, cost(candidate)
    return best
