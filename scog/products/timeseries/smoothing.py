"""Smoothing: a curve through the observations of a series, by Whittaker's method.

The curve has a value for each day from the first observation to the last. It is as near to the observations as it may
be without bending much: least are the squares of what lies between, each weighed by how much of the field was usable,
plus lambda times the squares of the curve's second differences from day to day. So it follows many observations more
closely than few, and does not depend on the days of which it is told. See P. H. C. Eilers, A Perfect Smoother,
Analytical Chemistry 75 (2003).
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
USUAL = 1000.0
"""Lambda that lets seasons through and not single observations: of one each five days, it halves waves of 53 days."""
LEAST, MOST = 1e-3, 1e9
VALID = f"{METHOD}, or {METHOD}:LAMBDA with a lambda from {LEAST:g} (hardly smoothed) to {MOST:g} (nearly a line)"
FEWEST = 3
"""Days with values, below which there is nothing to smooth."""
LEAST_WEIGHT = 1e-3
LONGEST = 20_000
"""Days of a curve, 54 years."""
_NUMBER = re.compile(r"\d{1,12}(\.\d{0,6})?([eE][+-]?\d{1,2})?", re.ASCII)
_DAY = timedelta(days=1)

Floats = NDArray[np.float64]
Column = tuple[float | None, ...]


def parse_smooth(text: str) -> float:
    """The lambda that is asked for. Raises InvalidInput."""
    method, colon, number = text.strip().partition(":")
    if method.lower() == METHOD and not colon:
        return USUAL
    strength = float(number) if _NUMBER.fullmatch(number) else math.nan
    if method.lower() != METHOD or not LEAST <= strength <= MOST:
        raise InvalidInput(f"There is no smoothing {quoted(text)}.", parameter="smooth", valid=VALID)
    return strength


def smoothed(rows: Sequence[Row], at: Sequence[datetime], strength: float) -> list[Column | None]:
    """The curve through `rows`, in the order of time, at each time of `at`: a number an output.

    None before the first value and after the last one, and everywhere where there are too few values.
    """
    known = [(row.time, row.measured.values, row.measured.valid) for row in rows if row.measured.values is not None]
    if not known:
        return [None] * len(at)
    first, last = known[0][0], known[-1][0]
    days = np.rint([(moment - first) / _DAY for moment, _, _ in known]).astype(np.int64)
    if len(np.unique(days)) < FEWEST or days[-1] >= LONGEST:
        return [None] * len(at)
    shares = np.array([max(valid, LEAST_WEIGHT) for _, _, valid in known])
    weights = np.bincount(days, shares).astype(np.float64)
    outputs = np.array([values for _, values, _ in known], np.float64).T
    means = [np.bincount(days, shares * output) / np.where(weights > 0, weights, 1.0) for output in outputs]
    curves = [_curve(output, weights, strength) for output in means]
    wanted = np.array([(moment - first) / _DAY for moment in at])
    columns = [np.interp(wanted, np.arange(len(curve)), curve) for curve in curves]
    return [
        tuple(float(column[place]) for column in columns) if first <= moment <= last else None
        for place, moment in enumerate(at)
    ]


def _curve(values: Floats, weights: Floats, strength: float) -> Floats:
    """The curve of one output, a value a day."""
    smoother = WhittakerSmoother(lmbda=strength, order=2, data_length=len(values), weights=weights.tolist())
    return np.array(smoother.smooth(values.tolist()))
