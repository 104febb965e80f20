"""Composite methods by name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from scog.errors import InvalidInput
from scog.suggest import did_you_mean, quoted


class Unit(Enum):
    """Meaning of a composite's values, relative to those of the layer."""

    LAYER = "the layer's own unit"
    SPREAD = "a difference of the layer's values"
    TREND = "a change of the layer's values per year"
    NUMBER = "a number of observations"
    DAY = "a day of the year"


@dataclass(frozen=True)
class Composite:
    """A method of combining many observations into one image.

    name         as in a URL
    title        for display, appended to the layer's title
    description  one sentence
    unit         meaning of the values
    painted      whether scenes are painted in order, so that hidden scenes are not read; otherwise all are read
    dated        whether the method uses the times of observations
    single       whether there is one output, independent of the outputs of the expression
    percent      1 to 99 for a percentile, else None
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
        """Names of the composite's outputs for an expression with outputs of these names."""
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
    "on a tie the newest.",
    painted=True,
)
BEST = Composite(
    "best",
    "at the highest NDVI",
    "All bands of the observation with the highest NDVI, on a tie the newest; the formula is applied to them.",
)
MEDIAN = Composite("median", "median", "The median of the values.")
GEOMEDIAN = Composite(
    "geomedian",
    "of the geometric median",
    "The geometric median of the formula's bands, which preserves their ratios; the formula is applied to it.",
)
MEAN = Composite("mean", "mean", "The mean of the values.")
MIN = Composite("min", "lowest", "The lowest value.")
MAX = Composite("max", "highest", "The highest value.")
STD = Composite("std", "standard deviation", "The standard deviation of all observations (n, not n - 1).", Unit.SPREAD)
RANGE = Composite("range", "range", "The highest minus the lowest value.", Unit.SPREAD)
SLOPE = Composite(
    "slope",
    "trend per year",
    "Change per year, by least squares; data files also hold its two-sided p-value (from three observations on).",
    Unit.TREND,
    dated=True,
)
MODE = Composite("mode", "most frequent", "The most frequent value, for integers such as classes; on a tie the lowest.")
COUNT = Composite(
    "count",
    "clear observations",
    "The number of usable observations. 0 is transparent in images.",
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
    "Day of the year (UTC, 1 to 366) of the highest value, on a tie the earliest.",
    Unit.DAY,
    dated=True,
)


def percentile(percent: int) -> Composite:
    """A percentile, 1 to 99."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(percent % 10 if percent // 10 != 1 else 0, "th")
    description = f"The value that {percent} % of the observations do not exceed, interpolated linearly."
    return Composite(f"p{percent}", f"{percent}{ending} percentile", description, percent=percent)


COMPOSITES: tuple[Composite, ...] = (
    NEWEST, OLDEST, CLEAREST, BEST, MEDIAN, GEOMEDIAN, MEAN, MIN, MAX, RANGE, STD, COUNT, MODE, SLOPE, FIRST_DOY,
    MAX_DOY,
)  # fmt: skip
"""All methods except percentiles."""
METHODS: Mapping[str, Composite] = MappingProxyType(
    {each.name: each for each in (*COMPOSITES, *map(percentile, range(1, 100)))}
)
VALID = f"{', '.join(each.name for each in COMPOSITES)}, or a percentile from p1 to p99"
_PERCENTILE = re.compile(r"p\d.*")


def parse_composite(text: str) -> Composite:
    """The composite method with that name. Raises InvalidInput if there is none."""
    method = METHODS.get(text)
    if method is None:
        suggestion = "" if _PERCENTILE.match(text) else did_you_mean(text, [each.name for each in COMPOSITES])
        message = f"there is no composite {quoted(text)}{suggestion}"
        raise InvalidInput(message, parameter="composite", valid=VALID)
    return method
