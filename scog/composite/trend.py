"""Linear trends of a pixel's values over time, and their significance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]
Numbers = NDArray[np.float64]

YEAR = 365.25
"""Days per year."""


def trend(values: Values, days: Numbers) -> Values:
    """Slope per year by least squares, and its two-sided p-value (Student's t-test): float32 `(2, pixel)`.

    Values are `(observation, pixel)`, NaN where invalid; days are `(observation, pixel)`, or `(observation, 1)` if they
    are the same for all pixels. The slope is NaN without two observations at different times. The p-value is NaN
    without three observations, and 1 if the values are constant.
    """
    valid = ~np.isnan(values)
    counts, mean_day, mean_value = np.zeros((3, values.shape[1]))
    # Row by row, so that all arrays stay in the processor's cache.
    for row, is_valid, day in zip(values, valid, days, strict=True):
        counts += is_valid
        mean_day += day * is_valid
        np.add(mean_value, row, out=mean_value, where=is_valid)
    day_squares, value_squares, products = np.zeros((3, values.shape[1]))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_day /= counts
        mean_value /= counts
        for row, is_valid, day in zip(values, valid, days, strict=True):
            day_off, value_off = (day - mean_day) * is_valid, np.where(is_valid, row - mean_value, 0.0)
            day_squares += day_off * day_off
            products += day_off * value_off
            value_squares += np.square(value_off, out=value_off)
        slope = np.where(day_squares > 0, products / day_squares * YEAR, np.nan)
        # r_squared is 0 for constant values.
        r_squared = np.where(value_squares > 0, products * products / (day_squares * value_squares), 0.0)
    p_values = p_value(np.clip(r_squared, 0.0, 1.0), counts.astype(np.int64) - 2)
    p_values[(counts < 3) | ~(day_squares > 0)] = np.nan
    return np.stack((slope, p_values)).astype(np.float32)


def p_value(r_squared: Numbers, freedom: NDArray[np.int64]) -> Numbers:
    """Two-sided p-value of a correlation, given its square: float64, accurate to 1e-12.

    `freedom` is the number of observations minus two. For integer degrees of freedom, Student's distribution is a
    finite series in the cosine of an angle. Its sine is the correlation (Abramowitz and Stegun, 26.7.3 and 26.7.4).
    """
    odd = freedom % 2
    terms = freedom // 2
    cosine_squared = 1.0 - r_squared
    term = np.ones_like(r_squared)
    total = (terms > 0).astype(np.float64)
    for k in range(1, int(terms.max(initial=0))):
        term *= cosine_squared * ((2 * k - 1 + odd) / (2 * k + odd))
        total += np.where(k < terms, term, 0.0)
    sine = np.sqrt(r_squared)
    total *= sine
    cosine = np.sqrt(cosine_squared)
    by_odd = (np.arctan2(sine, cosine) + cosine * total) * (2 / np.pi)
    return np.clip(1.0 - np.where(odd == 1, by_odd, total), 0.0, 1.0)
