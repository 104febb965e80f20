"""Classes: values that stand for kinds of things, each with a name and a colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scog.picture.image import TRANSPARENT, Color, Image, palette_of

MOST = 254
"""Classes that a palette has room for."""


@dataclass(frozen=True, slots=True)
class Class:
    """One class: values from `low` up to, but without, `high`; just the one value where both are the same.

    `number` is what stands for it in values.
    """

    number: int
    name: str
    color: Color
    low: float
    high: float


@dataclass(frozen=True)
class Classes:
    """Up to MOST classes; where two hold the same value the later one counts, and what no class holds is not shown."""

    entries: tuple[Class, ...]

    @cached_property
    def palette(self) -> NDArray[np.uint8]:
        """The colours in the order of the entries."""
        return palette_of(np.array([entry.color for entry in self.entries], np.uint8))

    def paint(self, values: NDArray[np.float32], valid: NDArray[np.bool_]) -> Image:
        """The picture of values `(1, y, x)`, transparent where they are not valid or belong to no class."""
        return Image(self.places(values[0], valid), self.palette)

    def places(self, values: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """For each of the values `(y, x)` the place of its class among the entries; TRANSPARENT where there is none."""
        edges, holders = self._sections
        places: NDArray[np.uint8] = holders[np.searchsorted(edges, values, side="right")]
        places[~valid] = TRANSPARENT
        return places

    def numbers(self, values: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
        """For each of the values `(y, x)` the number of its class, float32; NaN where there is none."""
        table = np.full(TRANSPARENT + 1, np.nan, np.float32)
        table[: len(self.entries)] = [entry.number for entry in self.entries]
        return np.asarray(table[self.places(values, valid)])

    @cached_property
    def _sections(self) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Where classes begin and end, ascending `(n,)`; the place of the class before, between, after `(n + 1,)`."""
        with np.errstate(over="ignore"):  # beyond float32 there are no values
            lows = np.array([entry.low for entry in self.entries]).astype(np.float32)
            highs = np.array([entry.high for entry in self.entries]).astype(np.float32)
            single = np.array([entry.low == entry.high for entry in self.entries])
            highs[single] = np.nextafter(lows[single], np.float32(np.inf))
        edges = np.unique(np.concatenate((lows, highs)))
        holders = np.full(len(edges) + 1, TRANSPARENT, np.uint8)
        for place, (low, high) in enumerate(zip(lows, highs, strict=True)):
            holders[1:][(edges >= low) & (edges < high)] = place
        return edges, holders


def by_thresholds(thresholds: Sequence[float], names: Sequence[str], colors: Sequence[Color]) -> Classes:
    """Classes between ascending thresholds, one more than those; the first is number 1."""
    edges = (-math.inf, *thresholds, math.inf)
    return Classes(
        tuple(
            Class(place + 1, name, color, edges[place], edges[place + 1])
            for place, (name, color) in enumerate(zip(names, colors, strict=True))
        )
    )
