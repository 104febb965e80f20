"""Statistics of the pixels of an area. Each pixel is weighted by the fraction of it that is inside the area.

They equal those of exactextract except for percentiles of repeated values. exactextract merges equal values, so that
the median of 0.2 and nine times 0.8 would be 0.5; here, as in NumPy, it is 0.8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scog.bandmath.transforms import Transform

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Statistics:
    """Weighted statistics of one output; `count` is the sum of the weights, so that half a pixel counts 0.5."""

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


def statistics(
    values: NDArray[np.float32], weights: NDArray[np.float32], transform: Transform | None = None
) -> Statistics:
    """Statistics of values `(n)` with weights `(n)`, each greater than 0; n is at least 1.

    `std` is the population standard deviation (divided by n). Percentiles are interpolated linearly: with equal
    weights they are NumPy's, else a value of twice the weight spans twice the distance. Values on the scale of a
    `transform` are averaged and interpolated on its linear scale, as decibels in power. `std` is that of the values
    themselves.
    """
    sorted_values, sorted_weights = sort_weighted(values, weights)
    total = sorted_weights.sum()
    mean, (p10, p25, median, p75, p90) = mean_and_quantiles(
        sorted_values, sorted_weights, (0.1, 0.25, 0.5, 0.75, 0.9), transform
    )
    return Statistics(
        mean=mean,
        median=median,
        std=standard_deviation(sorted_values, sorted_weights),
        min=float(sorted_values[0]),
        max=float(sorted_values[-1]),
        p10=p10,
        p25=p25,
        p75=p75,
        p90=p90,
        count=float(total),
    )


def mean_and_quantiles(
    values: Floats, weights: Floats, fractions: tuple[float, ...], transform: Transform | None
) -> tuple[float, list[float]]:
    """Weighted mean and quantiles of ascending values, computed on the linear scale of `transform`."""
    linear = values if transform is None else transform.linear(values)
    mean, numbers = float(np.dot(weights, linear) / weights.sum()), quantiles(linear, weights, fractions)
    if transform is None:
        return mean, numbers
    return transform.of_number(mean), [transform.of_number(number) for number in numbers]


def standard_deviation(values: Floats, weights: Floats) -> float:
    """Weighted standard deviation (divided by n)."""
    total = weights.sum()
    deviations = values - np.dot(weights, values) / total
    return float(np.sqrt(np.dot(weights, deviations * deviations) / total))


def majority(values: NDArray[np.float32], weights: NDArray[np.float32]) -> float:
    """The value with the greatest total weight; the lowest if there are several."""
    unique, indices = np.unique(values, return_inverse=True)
    return float(unique[np.bincount(indices, weights).argmax()])


def sort_weighted(values: NDArray[np.float32], weights: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Values and their weights, float64, sorted by value, then by weight.

    Nearly all pixels of a large area have the weight 1. These are sorted without their weights, which is ten times as
    fast, and the other pixels are inserted.
    """
    whole = weights == 1
    whole_values = np.sort(values[whole]).astype(np.float64)
    order = np.lexsort((weights[~whole], values[~whole]))
    edge_values = values[~whole][order].astype(np.float64)
    edge_weights = weights[~whole][order]
    positions = np.searchsorted(whole_values, edge_values)
    return (
        np.insert(whole_values, positions, edge_values),
        np.insert(np.ones(len(whole_values)), positions, edge_weights),
    )


def quantiles(values: Floats, weights: Floats, fractions: tuple[float, ...]) -> list[float]:
    """Quantiles of ascending values, interpolated linearly between their positions.

    Value i has the position i * w[i] + (n - 1) * (sum of the weights before i), on a scale from 0 to n - 1 times the
    sum of all weights. With equal weights that is the usual i / (n - 1), and positions never decrease.
    """
    count = len(values)
    before = np.cumsum(weights) - weights
    positions = np.arange(count) * weights + (count - 1) * before
    result: Any = np.interp(np.array(fractions) * weights.sum() * (count - 1), positions, values)
    return [float(value) for value in result]
