"""TiTiler's statistics of the pixels of an area. Each pixel is weighted by the fraction of it that is inside the area.

They equal those of exactextract with two exceptions: percentiles do not merge equal values (see `areas.statistics`),
and `majority` of several equally frequent values is the lowest, as in TiTiler, not the highest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scog.bandmath.transforms import Transform
from scog.errors import InvalidInput
from scog.products.areas.statistics import mean_and_quantiles, sort_weighted, standard_deviation
from scog.suggest import quoted

DEFAULT_PERCENTILES = (2.0, 98.0)
DEFAULT_BINS = 10
MOST_PERCENTILES, MAX_BINS = 16, 1000
VALID_BINS = f"a number of bins from 1 to {MAX_BINS}, or 2 to {MAX_BINS} ascending edges such as 0,0.2,0.5,1"
VALID_RANGE = "two finite numbers, the lower first, such as -1,1"
_NUMBER = re.compile(r"[+-]?(\d{1,32}\.?\d{0,32}|\.\d{1,32})([eE][+-]?\d{1,2})?", re.ASCII)
_WHOLE = re.compile(r"\d{1,6}", re.ASCII)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class StatisticsOptions:
    """Options of zonal statistics.

    percentiles  0 to 100
    bins         number of histogram bins, or their edges
    range        range of the bins if `bins` is a number; None for the range of the values
    """

    percentiles: tuple[float, ...] = DEFAULT_PERCENTILES
    bins: int | tuple[float, ...] = DEFAULT_BINS
    range: tuple[float, float] | None = None


@dataclass(frozen=True)
class Summary:
    """Weighted statistics of one output. Statistics that need a value are None if no pixel has one.

    count          sum of the weights of pixels with a value, so that half a pixel counts 0.5
    sum            sum of the values times their weights; None for decibels, whose sum means nothing
    std            population standard deviation
    majority       value with the greatest total weight; the lowest if there are several
    minority       value with the smallest total weight; the lowest if there are several
    unique         number of different values
    histogram      sum of the weights in each bin, and the edges of the bins
    masked_pixels  sum of the weights of pixels without a value
    valid_percent  `count` in percent of `count` + `masked_pixels`
    percentiles    percentage to percentile
    """

    min: float | None
    max: float | None
    mean: float | None
    count: float
    sum: float | None
    std: float | None
    median: float | None
    majority: float | None
    minority: float | None
    unique: int
    histogram: tuple[tuple[float, ...], tuple[float, ...]] | None
    masked_pixels: float
    valid_percent: float
    percentiles: dict[float, float | None]


def summarise(
    values: NDArray[np.float32],
    weights: NDArray[np.float32],
    masked: float,
    options: StatisticsOptions = StatisticsOptions(),
    transform: Transform | None = None,
) -> Summary:
    """The summary of values `(n)` with weights `(n)`, each greater than 0; n may be 0.

    `masked` is the sum of the weights of all pixels without a value. Values on the scale of a `transform` are averaged
    and interpolated on its linear scale, as decibels in power. `std` and `histogram` are of the values themselves.
    """
    count = float(weights.sum(dtype=np.float64))
    percent = 100 * count / (count + masked) if count + masked else 0.0
    if not len(values):
        no_percentiles: dict[float, float | None] = dict.fromkeys(options.percentiles)
        empty = 0.0 if transform is None else None
        return Summary(None, None, None, 0.0, empty, None, None, None, None, 0, None, masked, percent, no_percentiles)
    sorted_values, sorted_weights = sort_weighted(values, weights)
    starts = np.flatnonzero(np.diff(sorted_values, prepend=np.nan) != 0)
    unique_weights = np.add.reduceat(sorted_weights, starts)
    fractions = (0.5, *(percent / 100 for percent in options.percentiles))
    mean, (median, *percentiles) = mean_and_quantiles(sorted_values, sorted_weights, fractions, transform)
    return Summary(
        min=float(sorted_values[0]),
        max=float(sorted_values[-1]),
        mean=mean,
        count=count,
        sum=float(np.dot(sorted_weights, sorted_values)) if transform is None else None,
        std=standard_deviation(sorted_values, sorted_weights),
        median=median,
        majority=float(sorted_values[starts[unique_weights.argmax()]]),
        minority=float(sorted_values[starts[unique_weights.argmin()]]),
        unique=len(starts),
        histogram=_histogram(sorted_values, sorted_weights, options),
        masked_pixels=masked,
        valid_percent=percent,
        percentiles=dict(zip(options.percentiles, percentiles, strict=True)),
    )


def parse_statistics_options(
    percentiles: Sequence[float], bins: str | None, bin_range: str | None
) -> StatisticsOptions:
    """Options from parameters: percentiles, bins such as `10` or edges `0,0.5,1`, a range such as `-1,1`.

    Raises InvalidInput.
    """
    percents = tuple(dict.fromkeys(percentiles)) or DEFAULT_PERCENTILES
    for percent in percents:
        if not 0 <= percent <= 100:
            message = f"The percentile {percent:g} is out of range."
            raise InvalidInput(message, parameter="p", valid="0 to 100, such as 2 and 98")
    parsed_bins = DEFAULT_BINS if bins is None else _parse_bins(bins)
    if bin_range is None:
        return StatisticsOptions(percents, parsed_bins)
    if not isinstance(parsed_bins, int):
        message = "histogram_range is not allowed with bin edges: they define the range."
        valid = "no histogram_range, or a number of bins"
        raise InvalidInput(message, parameter="histogram_range", valid=valid)
    ends = _numbers(bin_range)
    if len(ends) != 2 or not ends[0] < ends[1]:
        message = f"histogram_range is not a range: {quoted(bin_range)}."
        raise InvalidInput(message, parameter="histogram_range", valid=VALID_RANGE)
    return StatisticsOptions(percents, parsed_bins, (ends[0], ends[1]))


def _parse_bins(text: str) -> int | tuple[float, ...]:
    """A number of bins, or their edges. Raises InvalidInput."""
    number = text.strip()
    if _WHOLE.fullmatch(number):
        count = int(number)
        if 1 <= count <= MAX_BINS:
            return count
    else:
        edges = _numbers(text)
        if 2 <= len(edges) <= MAX_BINS and (np.diff(edges) > 0).all():
            return edges
    message = f"histogram_bins is neither a number of bins nor a list of edges: {quoted(text)}."
    raise InvalidInput(message, parameter="histogram_bins", valid=VALID_BINS)


def _histogram(
    values: Floats, weights: Floats, options: StatisticsOptions
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Sum of the weights in each bin, and the edges of the bins."""
    bins = options.bins if isinstance(options.bins, int) else np.array(options.bins)
    counts, edges = np.histogram(values, bins, options.range, weights=weights)
    return tuple(counts.tolist()), tuple(edges.tolist())


def _numbers(text: str) -> tuple[float, ...]:
    """Comma-separated numbers; empty if one of them is not a number."""
    parts = [part.strip() for part in text.split(",")]
    return tuple(map(float, parts)) if all(map(_NUMBER.fullmatch, parts)) else ()
