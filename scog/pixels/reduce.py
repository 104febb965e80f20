"""Reducing: from many observations of a pixel to one value, each observation as valid as it is.

Values are float32 `(observation, ..., y, x)`, NaN where invalid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

STRIP = 1 << 12
"""Pixels worked on at once, so that all their observations stay in the processor's cache."""

Values = NDArray[np.float32]


class Composite(StrEnum):
    """How observations become one picture."""

    NEWEST = "newest"
    MEDIAN = "median"
    MEAN = "mean"
    MIN = "min"
    MAX = "max"


def reduce(values: Values, composite: Composite) -> Values:
    """One value for each pixel, of those observations that are not NaN; NaN where none is."""
    shape = values.shape[1:]
    flat = values.reshape(len(values), -1)
    out = np.empty(flat.shape[1], np.float32)
    reducer = _REDUCERS[composite]
    for start in range(0, flat.shape[1], STRIP):
        part = slice(start, start + STRIP)
        out[part] = reducer(flat[:, part])
    return np.asarray(out.reshape(shape))


def _median(values: Values) -> Values:
    ordered, counts = _ordered(values)
    low, high = np.maximum(counts - 1, 0) // 2, counts // 2
    pixel = np.arange(values.shape[1])
    middle: Values = ordered[low, pixel]
    np.add(middle, ordered[np.minimum(high, len(ordered) - 1), pixel], out=middle)
    middle *= np.float32(0.5)
    middle[counts == 0] = np.nan
    return middle


def _mean(values: Values) -> Values:
    invalid = np.isnan(values)
    counts = len(values) - invalid.sum(axis=0)
    total = np.where(invalid, np.float32(0), values).sum(axis=0, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return np.asarray((total / counts).astype(np.float32))


def _ordered(values: Values) -> tuple[Values, NDArray[np.int64]]:
    """Each pixel's observations in ascending order, those that are NaN last as infinity; and how many are not."""
    invalid = np.isnan(values)
    ordered = np.where(invalid, np.float32(np.inf), values)
    for low, high in _network(len(ordered)):
        least = np.minimum(ordered[low], ordered[high])
        np.maximum(ordered[low], ordered[high], out=ordered[high])
        ordered[low] = least
    return ordered, len(values) - invalid.sum(axis=0)


@lru_cache(maxsize=128)
def _network(count: int) -> tuple[tuple[int, int], ...]:
    """Which pairs to put in order, one after the other, so that so many numbers end up sorted.

    Batcher's merge exchange (Knuth, The Art of Computer Programming 3, algorithm 5.2.2M): whole rows of pixels are
    compared at a time, where a sort would take each pixel by itself.
    """
    return tuple(_exchanges(count))


def _exchanges(count: int) -> Iterator[tuple[int, int]]:
    top = 1 << max(count - 1, 0).bit_length() >> 1
    p = top
    while p:
        q, r, d = top, 0, p
        while True:
            yield from ((i, i + d) for i in range(count - d) if i & p == r)
            if q == p:
                break
            d, q, r = q - p, q >> 1, p
        p >>= 1


_REDUCERS: Mapping[Composite, Callable[[Values], Values]] = {
    Composite.MEDIAN: _median,
    Composite.MEAN: _mean,
    Composite.MIN: np.fmin.reduce,
    Composite.MAX: np.fmax.reduce,
}
