"""Weights: how much each source pixel that a footing reaches counts, by distance or by the share it covers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scog.geo.resampling_support import Positions, ResamplingSupport

Numbers = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Pixels:
    """Some target pixels in a row, and what they rest on: see `ResamplingSupport`."""

    first: NDArray[np.intp]
    down: Positions
    across: Positions

    def chosen(self, which: NDArray[Any]) -> Pixels:
        """Some of them, by number or by a mask."""
        down, across = (tuple(place[which] for place in places) for places in (self.down, self.across))
        return Pixels(self.first[which], down, across)


def strips(footing: ResamplingSupport, length: int) -> Iterator[tuple[slice, Pixels]]:
    """All target pixels, read row by row, `length` at a time."""
    first, down, across = footing.first.ravel(), *([p.ravel() for p in ps] for ps in (footing.down, footing.across))
    for start in range(0, len(first), length):
        part = slice(start, start + length)
        pixels = Pixels(first[part].astype(np.intp), tuple(p[part] for p in down), tuple(p[part] for p in across))
        yield part, pixels


# Weights: of each row or column in turn that a footing reaches, for many target pixels


@dataclass(frozen=True)
class Kernel:
    """Weights by distance in pixels, none beyond the radius."""

    radius: int
    weigh: Callable[[Numbers], Numbers]

    def weights(self, places: Positions, reach: int, shrink: float) -> list[Numbers]:
        """One array for each row, or column, of `reach`; they do not add up to anything."""
        (past,) = places
        scale = np.float32(1 / shrink)
        return [self.weigh(np.abs(past - np.float32(tap - reach // 2 + 1)) * scale) for tap in range(reach)]


def _linear(distance: Numbers) -> Numbers:
    return np.maximum(1 - distance, np.float32(0))


def _keys(distance: Numbers) -> Numbers:
    """Keys, Cubic convolution interpolation for digital image processing, 1981, with a = -1/2."""
    near = (np.float32(1.5) * distance - np.float32(2.5)) * distance * distance + 1
    far = ((np.float32(2.5) - np.float32(0.5) * distance) * distance - 4) * distance + 2
    weights: Numbers = np.where(distance <= 1, near, np.where(distance < 2, far, np.float32(0)))
    return weights


LINEAR = Kernel(1, _linear)
CUBIC = Kernel(2, _keys)


def shares(places: Positions, reach: int) -> list[Numbers]:
    """How much of a box lies on each row or column; 1 in all."""
    start, stop = places
    covered = (np.minimum(stop, tap + 1) - np.maximum(start, tap) for tap in range(reach))
    return [np.maximum(part, np.float32(0)) / (stop - start) for part in covered]
