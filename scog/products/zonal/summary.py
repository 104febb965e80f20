"""What there is to say of the values of a field's pixels: TiTiler's statistics, each pixel weighed by its share inside.

They are those of exactextract, but for two: percentiles take equal pixels for as many as they are (see `statistics`),
and of several values that are the most frequent the lowest counts, as in TiTiler, not the highest.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scog.errors import InvalidInput
from scog.products.areas.statistics import quantiles, ranked
from scog.suggest import quoted

USUAL_PERCENTILES = (2.0, 98.0)
USUAL_BINS = 10
MOST_PERCENTILES, MOST_BINS = 16, 1000
VALID_BINS = f"a number of bins up to {MOST_BINS}, or two to {MOST_BINS} ascending edges such as 0,0.2,0.5,1"
VALID_RANGE = "two finite numbers, the lower first, such as -1,1"
_NUMBER = re.compile(r"[+-]?(\d{1,32}\.?\d{0,32}|\.\d{1,32})([eE][+-]?\d{1,2})?", re.ASCII)
_WHOLE = re.compile(r"\d{1,6}", re.ASCII)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Wanted:
    """Which percentiles, 0 to 100, and which histogram: a number of bins over a range (that of the values if it is
    None), or the edges of bins.
    """

    percentiles: tuple[float, ...] = USUAL_PERCENTILES
    bins: int | tuple[float, ...] = USUAL_BINS
    range: tuple[float, float] | None = None


@dataclass(frozen=True)
class Summary:
    """Of one output. What needs a value is None where there is none.

    count            the sum of the shares of pixels with a value, so one that lies half inside counts half
    masked_pixels    that of pixels without one, and `valid_percent` what the former is of both
    sum              of the values times the shares
    majority         the value of the greatest share, and `minority` that of the least; the lowest of several
    unique           different values
    histogram        the sum of the shares in each bin, and the edges of the bins
    percentiles      by their percent
    """

    min: float | None
    max: float | None
    mean: float | None
    count: float
    sum: float
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
    values: NDArray[np.float32], weights: NDArray[np.float32], masked: float, wanted: Wanted = Wanted()
) -> Summary:
    """A summary of values `(n)` with weights `(n)` above 0; beside them, pixels of the weight `masked` have none."""
    count = float(weights.sum(dtype=np.float64))
    percent = 100 * count / (count + masked) if count + masked else 0.0
    if not len(values):
        nothing: dict[float, float | None] = dict.fromkeys(wanted.percentiles)
        return Summary(None, None, None, 0.0, 0.0, None, None, None, None, 0, None, masked, percent, nothing)
    places, shares = ranked(values, weights)
    total = float(np.dot(shares, places))
    away = places - total / count
    kinds = np.flatnonzero(np.diff(places, prepend=np.nan) != 0)
    amounts = np.add.reduceat(shares, kinds)
    median, *found = quantiles(places, shares, (0.5, *(percent / 100 for percent in wanted.percentiles)))
    return Summary(
        min=float(places[0]),
        max=float(places[-1]),
        mean=total / count,
        count=count,
        sum=total,
        std=math.sqrt(float(np.dot(shares, away * away)) / count),
        median=median,
        majority=float(places[kinds[amounts.argmax()]]),
        minority=float(places[kinds[amounts.argmin()]]),
        unique=len(kinds),
        histogram=_histogram(places, shares, wanted),
        masked_pixels=masked,
        valid_percent=percent,
        percentiles=dict(zip(wanted.percentiles, found, strict=True)),
    )


def wanted_of(percentiles: Sequence[float], bins: str | None, span: str | None) -> Wanted:
    """What is asked for, as it is written: `2`, `98`; `10`, or edges `0,0.5,1`; a range `-1,1`. Raises InvalidInput."""
    shares = tuple(dict.fromkeys(percentiles)) or USUAL_PERCENTILES
    if not all(0 <= percent <= 100 for percent in shares):
        raise InvalidInput("A percentile lies between 0 and 100.", parameter="p", valid="0 to 100, such as 2 and 98")
    edges: int | tuple[float, ...] = USUAL_BINS
    if bins is not None and _WHOLE.fullmatch(bins.strip()):
        edges = int(bins)
        if not 1 <= edges <= MOST_BINS:
            raise _bad_bins(bins)
    elif bins is not None:
        edges = _numbers(bins)
        if not 2 <= len(edges) <= MOST_BINS or not (np.diff(edges) > 0).all():
            raise _bad_bins(bins)
        if span is not None:
            what = "The edges of bins say their range."
            raise InvalidInput(what, parameter="histogram_range", valid="leave it out, or give a number of bins")
    if span is None:
        return Wanted(shares, edges)
    ends = _numbers(span)
    if len(ends) != 2 or not ends[0] < ends[1]:
        raise InvalidInput(f"{quoted(span)} is no range.", parameter="histogram_range", valid=VALID_RANGE)
    return Wanted(shares, edges, (ends[0], ends[1]))


def _histogram(values: Floats, weights: Floats, wanted: Wanted) -> tuple[tuple[float, ...], tuple[float, ...]]:
    bins = wanted.bins if isinstance(wanted.bins, int) else np.array(wanted.bins)
    counts, edges = np.histogram(values, bins, wanted.range, weights=weights)
    return tuple(counts.tolist()), tuple(edges.tolist())


def _numbers(text: str) -> tuple[float, ...]:
    """Numbers between commas; none where one of them is none."""
    parts = [part.strip() for part in text.split(",")]
    return tuple(map(float, parts)) if all(map(_NUMBER.fullmatch, parts)) else ()


def _bad_bins(text: str) -> InvalidInput:
    return InvalidInput(f"{quoted(text)} are no bins.", parameter="histogram_bins", valid=VALID_BINS)
