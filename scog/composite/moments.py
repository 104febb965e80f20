"""Moments: how many observations a pixel has, their mean, and how far they lie from it.

Values are float32 `(observation, pixel)`, NaN where invalid; sums are float64.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]


def count(values: Values) -> Values:
    """The number of observations `(pixel)`, 0 where there is none."""
    return np.asarray((~np.isnan(values)).sum(axis=0), np.float32)


def mean(values: Values) -> Values:
    """The mean `(pixel)`; NaN where there is no observation."""
    return np.asarray(_mean(values)[0], np.float32)


def deviation(values: Values) -> Values:
    """The standard deviation `(pixel)` of all observations, as numpy's; NaN where there is none."""
    middle, invalid, counts = _mean(values)
    away = values - middle
    away[invalid] = 0
    np.square(away, out=away)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.sqrt(away.sum(axis=0) / counts), np.float32)


def spread(values: Values) -> Values:
    """The highest less the lowest value `(pixel)`; NaN where there is no observation."""
    highest: Values = np.fmax.reduce(values)
    return np.subtract(highest, np.fmin.reduce(values), out=highest)


def _mean(values: Values) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]:
    """The mean, where values are invalid, and the number of those that are not."""
    invalid = np.isnan(values)
    counts = len(values) - invalid.sum(axis=0)
    total = np.where(invalid, np.float32(0), values).sum(axis=0, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return total / counts, invalid, counts
