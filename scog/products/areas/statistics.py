"""Statistics of a field's pixels, each weighed by its share inside.

They are those of exactextract, but for percentiles of values that occur more than once: it takes equal pixels for one,
so that the median of 0.2 and nine times 0.8 would be 0.5; here it is 0.8, as numpy has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Statistics:
    """Of one output; `count` is the sum of the shares, so a pixel that lies half inside counts half."""

    mean: float
    median: float
    std: float
    min: float
    max: float
    p10: float
    p25: float
    p75: float
    p90: float
    count: float


def statistics(values: NDArray[np.float32], weights: NDArray[np.float32]) -> Statistics:
    """Statistics of values `(n)` with weights `(n)` greater than 0; n is 1 at least.

    The deviation is that of all pixels (n). Percentiles are linear between two values: with equal weights numpy's, with
    others as if a value of twice the weight were there twice as wide.
    """
    sorted_values, sorted_weights = ranked(values, weights)
    total = sorted_weights.sum()
    mean = np.dot(sorted_weights, sorted_values) / total
    away = sorted_values - mean
    p10, p25, median, p75, p90 = quantiles(sorted_values, sorted_weights, (0.1, 0.25, 0.5, 0.75, 0.9))
    return Statistics(
        mean=float(mean),
        median=median,
        std=float(np.sqrt(np.dot(sorted_weights, away * away) / total)),
        min=float(sorted_values[0]),
        max=float(sorted_values[-1]),
        p10=p10,
        p25=p25,
        p75=p75,
        p90=p90,
        count=float(total),
    )


def commonest(values: NDArray[np.float32], weights: NDArray[np.float32]) -> float:
    """The value that has most of the weight, the lowest of equals."""
    kinds, which = np.unique(values, return_inverse=True)
    return float(kinds[np.bincount(which, weights).argmax()])


def ranked(values: NDArray[np.float32], weights: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Values and weights by value, equal ones by weight.

    Nearly all pixels of a large field weigh 1: these are sorted as plain numbers, ten times as fast, and the others put
    among them.
    """
    whole = weights == 1
    inner = np.sort(values[whole]).astype(np.float64)
    order = np.lexsort((weights[~whole], values[~whole]))
    others = values[~whole][order].astype(np.float64)
    places = np.searchsorted(inner, others)
    return np.insert(inner, places, others), np.insert(np.ones(len(inner)), places, weights[~whole][order])


def quantiles(values: Floats, weights: Floats, shares: tuple[float, ...]) -> list[float]:
    """Of ascending values: where on the way from the first to the last value each lies is told by the weights before.

    The way to value i is i times its own weight, and n - 1 times the weights before it: with equal weights i/(n - 1) of
    the whole way, as usual, and never back.
    """
    count = len(values)
    before = np.cumsum(weights) - weights
    way = np.arange(count) * weights + (count - 1) * before
    found: Any = np.interp(np.array(shares) * weights.sum() * (count - 1), way, values)
    return [float(value) for value in found]
