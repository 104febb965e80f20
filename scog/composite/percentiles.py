"""Orders: what comes of putting a pixel's observations in order, such as percentiles.

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
    """The value `(pixel)` below which so many percent of the observations lie, linear between two of them, as numpy's.

    NaN where there is no observation.
    """
    counts = (~np.isnan(values)).sum(axis=0, dtype=_smallest(len(values)))
    places = np.maximum(np.arange(-1, len(values)), 0) * percent  # by count, as there are fewer of these than of pixels
    low, share = places // 100, places % 100 / 100
    first, last = int(low[counts.min()]), min(int(low[counts.max()]) + 1, len(values) - 1)
    ordered = np.concatenate(_ordered(values, first, last)[first : last + 1])
    pixels = len(counts)
    at = ((low - first) * pixels).take(counts) + np.arange(pixels)
    below = ordered.take(at).astype(np.float64)
    below[counts == 0] = np.nan
    share = share.take(counts)
    above = np.where(share > 0, ordered.take(at + pixels, mode="clip"), below)
    found: Values = (below + (above - below) * share).astype(np.float32)
    return found


def most_frequent(values: Values) -> Values:
    """The value `(pixel)` that most observations have, the lowest of equals; NaN where there is no observation."""
    ordered = _ordered(values, 0, len(values) - 1)
    found = np.where(np.isinf(ordered[0]), np.float32(np.nan), ordered[0])
    run = np.ones(len(found), np.int32)
    longest = run.copy()
    for before, row in pairwise(ordered):
        run += 1
        run[row != before] = 1
        longer = (run > longest) & np.isfinite(row)
        np.copyto(longest, run, where=longer)
        np.copyto(found, row, where=longer)
    return found


def _ordered(values: Values, first: int, last: int) -> list[Values]:
    """Each pixel's observations in ascending order from rank `first` to `last`, those that are NaN last as infinity.

    What stands at other ranks is in no order.
    """
    ordered: list[Values] = list(np.fmin(values, np.float32(np.inf)))
    spare = np.empty_like(ordered[0])
    for low, high in _pruned(len(ordered), first, last):
        one, other = ordered[low], ordered[high]
        np.minimum(one, other, out=spare)
        np.maximum(one, other, out=other)
        ordered[low], spare = spare, one  # rows change places, which costs less than to copy them
    return ordered


def _smallest(count: int) -> np.dtype[np.unsignedinteger[Any]]:
    """The smallest type that can count so far: the smaller, the faster."""
    return np.dtype(np.min_scalar_type(count))


@lru_cache(maxsize=1024)
def _pruned(count: int, first: int, last: int) -> tuple[tuple[int, int], ...]:
    """The network without what only puts ranks in order that nobody looks at."""
    needed = set(range(first, last + 1))
    kept = []
    for pair in reversed(_network(count)):
        if not needed.isdisjoint(pair):
            needed.update(pair)
            kept.append(pair)
    return tuple(reversed(kept))


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
