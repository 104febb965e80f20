"""Count, mean, standard deviation and range of a pixel's observations.

Values are float32 `(observation, pixel)`, NaN where invalid; sums are float64.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]


def count(values: Values) -> Values:
    """Number of valid observations: float32 `(pixel,)`."""
    return np.asarray((~np.isnan(values)).sum(axis=0), np.float32)


def mean(values: Values) -> Values:
    """Mean of the valid observations: float32 `(pixel,)`, NaN if there are none."""
    return np.asarray(_mean(values)[0], np.float32)


def standard_deviation(values: Values) -> Values:
    """Standard deviation of the valid observations (n, not n - 1): float32 `(pixel,)`, NaN if there are none."""
    means, invalid, counts = _mean(values)
    differences = values - means
    differences[invalid] = 0
    np.square(differences, out=differences)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.sqrt(differences.sum(axis=0) / counts), np.float32)


def value_range(values: Values) -> Values:
    """Highest minus lowest value: float32 `(pixel,)`, NaN if no observation is valid."""
    highest: Values = np.fmax.reduce(values)
    return np.subtract(highest, np.fmin.reduce(values), out=highest)


def _mean(values: Values) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]:
    """The mean `(pixel,)`, a mask of invalid values `(observation, pixel)`, and the number of valid ones `(pixel,)`."""
    invalid = np.isnan(values)
    counts = len(values) - invalid.sum(axis=0)
    total = np.where(invalid, np.float32(0), values).sum(axis=0, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return total / counts, invalid, counts
