"""Trends: how a pixel's values change over the years, and how sure that is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]
Numbers = NDArray[np.float64]

YEAR = 365.25
"""Days."""


def trend(values: Values, days: Numbers) -> Values:
    """Change per year by least squares, and the two-sided p-value of Student's test that there is none.

    Values `(observation, pixel)`, NaN where invalid; days `(observation, pixel)`, or `(observation, 1)` where they are
    the same for all. Returns `(2, pixel)`. The change is NaN where there are not two observations at two times, the
    p-value where there are not three; of what never changes it is 1.
    """
    valid = ~np.isnan(values)
    counts, total_days, total = np.zeros((3, values.shape[1]))
    for row, seen, day in zip(values, valid, days, strict=True):  # row by row, so that it all stays in the cache
        counts += seen
        total_days += day * seen
        np.add(total, row, out=total, where=seen)
    whens, whats, both = np.zeros((3, values.shape[1]))
    with np.errstate(invalid="ignore", divide="ignore"):
        total_days /= counts
        total /= counts
        for row, seen, day in zip(values, valid, days, strict=True):
            when, what = (day - total_days) * seen, np.where(seen, row - total, 0.0)
            whens += when * when
            both += when * what
            whats += np.square(what, out=what)
        slope = np.where(whens > 0, both / whens * YEAR, np.nan)
        explained = np.where(whats > 0, both * both / (whens * whats), 0.0)  # of no change nothing is to be explained
    chance = p_value(np.clip(explained, 0.0, 1.0), counts.astype(np.int64) - 2)
    chance[(counts < 3) | ~(whens > 0)] = np.nan
    return np.stack((slope, chance)).astype(np.float32)


def p_value(explained: Numbers, freedom: NDArray[np.int64]) -> Numbers:
    """The chance of a correlation as strong, its square given, where there is none; to within 1e-12.

    `freedom` is the number of observations less two. Student's distribution for whole degrees of freedom is a finite
    series in the cosine of an angle whose sine is the correlation (Abramowitz and Stegun, 26.7.3 and 26.7.4).
    """
    odd = freedom % 2
    terms = freedom // 2
    square = 1.0 - explained
    term = np.ones_like(explained)
    total = (terms > 0).astype(np.float64)
    for k in range(1, int(terms.max(initial=0))):
        term *= square * ((2 * k - 1 + odd) / (2 * k + odd))
        total += np.where(k < terms, term, 0.0)
    sine = np.sqrt(explained)
    total *= sine
    cosine = np.sqrt(square)
    by_odd = (np.arctan2(sine, cosine) + cosine * total) * (2 / np.pi)
    return np.clip(1.0 - np.where(odd == 1, by_odd, total), 0.0, 1.0)
