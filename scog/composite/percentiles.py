"""Order statistics of a pixel's observations: percentiles and the mode.

Values are float32 `(observation, pixel)`, NaN where invalid.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]


def percentile(values: Values, percent: int) -> Values:
    """Percentile of the valid observations, interpolated linearly as in numpy: float32 `(pixel,)`.

    NaN if no observation is valid.
    """
    counts = (~np.isnan(values)).sum(axis=0, dtype=_smallest(len(values)))
    # Ranks are computed for each count of valid observations, since there are fewer counts than pixels.
    ranks = np.maximum(np.arange(-1, len(values)), 0) * percent
    low, share = ranks // 100, ranks % 100 / 100
    first, last = int(low[counts.min()]), min(int(low[counts.max()]) + 1, len(values) - 1)
    ordered = np.concatenate(_ordered(values, first, last)[first : last + 1])
    pixels = len(counts)
    index = ((low - first) * pixels).take(counts) + np.arange(pixels)
    below = ordered.take(index).astype(np.float64)
    below[counts == 0] = np.nan
    share = share.take(counts)
    above = np.where(share > 0, ordered.take(index + pixels, mode="clip"), below)
    result: Values = (below + (above - below) * share).astype(np.float32)
    return result


def most_frequent(values: Values) -> Values:
    """The most frequent value, on a tie the lowest: float32 `(pixel,)`, NaN if no observation is valid."""
    ordered = _ordered(values, 0, len(values) - 1)
    result = np.where(np.isinf(ordered[0]), np.float32(np.nan), ordered[0])
    run = np.ones(len(result), np.int32)
    longest = run.copy()
    for previous, row in pairwise(ordered):
        run += 1
        run[row != previous] = 1
        longer = (run > longest) & np.isfinite(row)
        np.copyto(longest, run, where=longer)
        np.copyto(result, row, where=longer)
    return result


def _ordered(values: Values, first: int, last: int) -> list[Values]:
    """Observations of each pixel, sorted from rank `first` to `last`: one float32 array `(pixel,)` per rank.

    NaN becomes infinity, at the end. Other ranks are not sorted.
    """
    ordered: list[Values] = list(np.fmin(values, np.float32(np.inf)))
    spare = np.empty_like(ordered[0])
    for low, high in _pruned(len(ordered), first, last):
        one, other = ordered[low], ordered[high]
        np.minimum(one, other, out=spare)
        np.maximum(one, other, out=other)
        ordered[low], spare = spare, one  # swapping arrays is cheaper than copying them
    return ordered


def _smallest(count: int) -> np.dtype[np.unsignedinteger[Any]]:
    """The smallest unsigned dtype that can hold a count; smaller ones are faster."""
    return np.dtype(np.min_scalar_type(count))


@lru_cache(maxsize=1024)
def _pruned(count: int, first: int, last: int) -> tuple[tuple[int, int], ...]:
    """The exchanges of the network that affect ranks `first` to `last`."""
    needed = set(range(first, last + 1))
    pairs = []
    for pair in reversed(_network(count)):
        if not needed.isdisjoint(pair):
            needed.update(pair)
            pairs.append(pair)
    return tuple(reversed(pairs))


@lru_cache(maxsize=128)
def _network(count: int) -> tuple[tuple[int, int], ...]:
    """Pairs of a sorting network for `count` values, in order.

    Batcher's merge exchange (Knuth, The Art of Computer Programming 3, algorithm 5.2.2M). It compares whole rows of
    pixels at a time, whereas a sort processes pixels one by one.
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
