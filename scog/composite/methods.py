"""Composites by name: how the observations of a place become one picture."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from scog.errors import InvalidInput
from scog.suggest import did_you_mean, quoted


class Unit(Enum):
    """What a composite's values are, beside the layer that it is made of."""

    LAYER = "the layer's own unit"
    SPREAD = "a difference of the layer's values"
    TREND = "a change of the layer's values per year"
    NUMBER = "a number of observations"
    DAY = "a day of the year"


@dataclass(frozen=True)
class Composite:
    """One way to make one picture of many observations.

    name         as in a URL
    title        for people, behind the layer's
    description  a sentence
    unit         of its values
    painted      whether scenes are laid over each other, so that those below are not read; else all are
    dated        whether it looks at the observations' times
    single       whether it is one value for all outputs of the formula
    percent      of a percentile
    """

    name: str
    title: str
    description: str
    unit: Unit = Unit.LAYER
    painted: bool = False
    dated: bool = False
    single: bool = False
    percent: int | None = None

    def outputs(self, names: Sequence[str]) -> tuple[str, ...]:
        """Names of what comes of a formula whose outputs have these names."""
        if self.single:
            return (self.name,)
        if self.unit is Unit.TREND:
            return (*names, *(f"p-value of {name}" for name in names))
        return tuple(names)


NEWEST = Composite("newest", "newest", "The newest usable pixel.", painted=True)
OLDEST = Composite("oldest", "oldest", "The oldest usable pixel.", painted=True)
CLEAREST = Composite(
    "clearest",
    "clearest scene",
    "The usable pixel of the scene with the lowest cloud cover, as the catalogue states it for the whole scene; "
    "the newest of equals.",
    painted=True,
)
BEST = Composite(
    "best",
    "at the highest NDVI",
    "All bands of the observation with the highest NDVI, the newest of equals; of these the formula.",
)
MEDIAN = Composite("median", "median", "The median of the values.")
GEOMEDIAN = Composite(
    "geomedian",
    "of the geometric median",
    "The geometric median of the bands that the formula needs, which keeps them in proportion; of these the formula.",
)
MEAN = Composite("mean", "mean", "The mean of the values.")
MIN = Composite("min", "lowest", "The lowest value.")
MAX = Composite("max", "highest", "The highest value.")
STD = Composite("std", "standard deviation", "The standard deviation, of all observations (n, not n - 1).", Unit.SPREAD)
RANGE = Composite("range", "range", "The highest less the lowest value.", Unit.SPREAD)
SLOPE = Composite(
    "slope",
    "trend per year",
    "Change per year, by least squares; files of values hold also its two-sided p-value (from three observations on).",
    Unit.TREND,
    dated=True,
)
MODE = Composite("mode", "most frequent", "The most frequent of whole numbers, such as classes; the lowest of equals.")
COUNT = Composite(
    "count",
    "clear observations",
    "The number of usable observations; 0 where there is none, which pictures leave transparent.",
    Unit.NUMBER,
    single=True,
)
FIRST_DOY = Composite(
    "first_doy",
    "day of the first observation",
    "Day of the year (UTC, 1 to 366) of the first usable observation.",
    Unit.DAY,
    dated=True,
    single=True,
)
MAX_DOY = Composite(
    "max_doy",
    "day of the highest value",
    "Day of the year (UTC, 1 to 366) on which the highest value was seen, the earliest of equals.",
    Unit.DAY,
    dated=True,
)


def percentile(percent: int) -> Composite:
    """A percentile, 1 to 99."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(percent % 10 if percent // 10 != 1 else 0, "th")
    what = f"The value that {percent} % of the observations do not exceed, linear in between."
    return Composite(f"p{percent}", f"{percent}{ending} percentile", what, percent=percent)


COMPOSITES: tuple[Composite, ...] = (
    NEWEST, OLDEST, CLEAREST, BEST, MEDIAN, GEOMEDIAN, MEAN, MIN, MAX, RANGE, STD, COUNT, MODE, SLOPE, FIRST_DOY,
    MAX_DOY,
)  # fmt: skip
"""All but the percentiles."""
NAMED: Mapping[str, Composite] = MappingProxyType(
    {each.name: each for each in (*COMPOSITES, *map(percentile, range(1, 100)))}
)
VALID = f"{', '.join(each.name for each in COMPOSITES)}, or a percentile from p1 to p99"
_WORD = re.compile(r"p\d.*")


def parse_composite(text: str) -> Composite:
    """The composite of that name. Raises InvalidInput for another."""
    found = NAMED.get(text)
    if found is None:
        near = "" if _WORD.match(text) else did_you_mean(text, [each.name for each in COMPOSITES])
        raise InvalidInput(f"there is no composite {quoted(text)}{near}", parameter="composite", valid=VALID)
    return found
