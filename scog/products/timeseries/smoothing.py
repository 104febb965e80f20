"""Whittaker smoothing of a time series.

The curve z has one value per day from the first observation to the last. It minimizes the sum of w (y - z)^2 over the
observations plus lambda times the sum of the squared second differences of z from day to day; the weight w of an
observation is the valid fraction of the area. The curve therefore follows dense observations more closely than sparse
ones, and does not depend on the times at which it is evaluated.
P. H. C. Eilers, "A Perfect Smoother", Analytical Chemistry 75(14), 2003, DOI 10.1021/ac034173t.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from whittaker_eilers import WhittakerSmoother

from scog.errors import InvalidInput
from scog.products.timeseries.model import Row
from scog.suggest import quoted

METHOD = "whittaker"
DEFAULT_LAMBDA = 1000.0
"""Preserves seasons and suppresses single observations. With one every 5 days, it halves waves of 53 days."""
MIN_LAMBDA, MAX_LAMBDA = 1e-3, 1e9
VALID = (
    f"{METHOD}, or {METHOD}:LAMBDA with a lambda from {MIN_LAMBDA:g} (hardly smoothed) "
    f"to {MAX_LAMBDA:g} (nearly a line)"
)
MIN_DAYS = 3
"""Minimum number of days with values."""
MIN_WEIGHT = 1e-3
MAX_LENGTH = 20_000
"""Maximum length of a curve in days: 54 years."""
_NUMBER = re.compile(r"\d{1,12}(\.\d{0,6})?([eE][+-]?\d{1,2})?", re.ASCII)
_DAY = timedelta(days=1)

Floats = NDArray[np.float64]
CurveValues = tuple[float | None, ...]
"""The curve's value at one time, one per output."""


def parse_smooth(text: str) -> float:
    """Lambda of a smoothing option such as `whittaker` or `whittaker:50`. Raises InvalidInput."""
    method, colon, number = text.strip().partition(":")
    if method.lower() == METHOD and not colon:
        return DEFAULT_LAMBDA
    smoothing = float(number) if _NUMBER.fullmatch(number) else math.nan
    if method.lower() != METHOD or not MIN_LAMBDA <= smoothing <= MAX_LAMBDA:
        raise InvalidInput(f"{quoted(text)} is not a smoothing method.", parameter="smooth", valid=VALID)
    return smoothing


def smoothed(rows: Sequence[Row], times: Sequence[datetime], smoothing: float) -> list[CurveValues | None]:
    """Values of the curve through `rows`, given oldest first, at each of `times`; `smoothing` is lambda.

    None before the first and after the last row with values. All are None if fewer than MIN_DAYS days have values or
    the curve would be longer than MAX_LENGTH.
    """
    with_values = [(row.time, row.sample.values, row.sample.valid) for row in rows if row.sample.values is not None]
    if not with_values:
        return [None] * len(times)
    first, last = with_values[0][0], with_values[-1][0]
    days = np.rint([(time - first) / _DAY for time, _, _ in with_values]).astype(np.int64)
    if len(np.unique(days)) < MIN_DAYS or days[-1] >= MAX_LENGTH:
        return [None] * len(times)
    row_weights = np.array([max(valid, MIN_WEIGHT) for _, _, valid in with_values])
    weights = np.bincount(days, row_weights).astype(np.float64)
    outputs = np.array([values for _, values, _ in with_values], np.float64).T
    means = [np.bincount(days, row_weights * output) / np.where(weights > 0, weights, 1.0) for output in outputs]
    curves = [_curve(output, weights, smoothing) for output in means]
    positions = np.array([(time - first) / _DAY for time in times])
    columns = [np.interp(positions, np.arange(len(curve)), curve) for curve in curves]
    return [
        tuple(float(column[index]) for column in columns) if first <= time <= last else None
        for index, time in enumerate(times)
    ]


def _curve(values: Floats, weights: Floats, smoothing: float) -> Floats:
    """The curve of one output, one value per day."""
    smoother = WhittakerSmoother(lmbda=smoothing, order=2, data_length=len(values), weights=weights.tolist())
    return np.array(smoother.smooth(values.tolist()))
