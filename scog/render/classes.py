"""Classified rendering: values or value intervals, each with a class number, a name and a colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scog.render.image import TRANSPARENT, Color, Image, palette_of

MAX_CLASSES = 254
"""Maximum number of classes in an 8-bit palette, which also has a transparent entry."""


@dataclass(frozen=True, slots=True)
class Class:
    """One class: the half-open interval `[low, high)`, or the single value if both are equal.

    `number` is the class code in classified values.
    """

    number: int
    name: str
    color: Color
    low: float
    high: float


@dataclass(frozen=True)
class Classes:
    """At most MAX_CLASSES classes. Where classes overlap, the last one applies. Unclassified values are transparent."""

    entries: tuple[Class, ...]

    def named_as(self, other: Classes) -> Classes:
        """The same classes, with the names of those of another that have the same values."""
        names = {(each.low, each.high): each.name for each in other.entries}
        return Classes(tuple(replace(each, name=names.get((each.low, each.high), each.name)) for each in self.entries))

    @property
    def value_range(self) -> tuple[float, float]:
        """The lowest and the highest edge of the classes; a range of 1 if there is a single value."""
        low, high = min(entry.low for entry in self.entries), max(entry.high for entry in self.entries)
        return low, high if high > low else low + 1

    @cached_property
    def palette(self) -> NDArray[np.uint8]:
        """Palette `(256, 4)` uint8: the colours of the entries, in order."""
        return palette_of(np.array([entry.color for entry in self.entries], np.uint8))

    def paint(self, values: NDArray[np.float32], valid: NDArray[np.bool_]) -> Image:
        """Image of values `(1, y, x)` float32, transparent where they are not valid or belong to no class."""
        return Image(self.entry_indices(values[0], valid), self.palette)

    def entry_indices(self, values: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Index into `entries` of each value's class, uint8 `(y, x)`; TRANSPARENT where invalid or unclassified."""
        edges, owners = self._sections
        indices: NDArray[np.uint8] = owners[np.searchsorted(edges, values, side="right")]
        indices[~valid] = TRANSPARENT
        return indices

    def class_numbers(self, values: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Class number of each value, float32 `(y, x)`; NaN where invalid or unclassified."""
        table = np.full(TRANSPARENT + 1, np.nan, np.float32)
        table[: len(self.entries)] = [entry.number for entry in self.entries]
        return np.asarray(table[self.entry_indices(values, valid)])

    @cached_property
    def _sections(self) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Ascending class edges `(n,)`, and the index of the class that owns each interval between them `(n + 1,)`."""
        with np.errstate(over="ignore"):  # values are float32: edges beyond its range become infinite
            lows = np.array([entry.low for entry in self.entries]).astype(np.float32)
            highs = np.array([entry.high for entry in self.entries]).astype(np.float32)
            single = np.array([entry.low == entry.high for entry in self.entries])
            highs[single] = np.nextafter(lows[single], np.float32(np.inf))
        edges = np.unique(np.concatenate((lows, highs)))
        owners = np.full(len(edges) + 1, TRANSPARENT, np.uint8)
        for index, (low, high) in enumerate(zip(lows, highs, strict=True)):
            owners[1:][(edges >= low) & (edges < high)] = index
        return edges, owners


def by_thresholds(thresholds: Sequence[float], names: Sequence[str], colors: Sequence[Color]) -> Classes:
    """Classes between n ascending thresholds, with n + 1 names and colours; class numbers start at 1."""
    edges = (-math.inf, *thresholds, math.inf)
    return Classes(
        tuple(
            Class(index + 1, name, color, edges[index], edges[index + 1])
            for index, (name, color) in enumerate(zip(names, colors, strict=True))
        )
    )
