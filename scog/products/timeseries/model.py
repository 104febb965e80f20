"""The numbers of one observation of a field, or of several that are taken together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from scog.products.areas.statistics import Statistics

MASKED, NO_DATA, NO_OBSERVATION = "masked", "no-data", "no-observation"
"""Why there are no values, though nothing went wrong."""


@dataclass(frozen=True)
class Sample:
    """What one observation tells of a field.

    values      one an output: of a point its own, of polygons the weighted mean; None where nothing is usable
    statistics  one an output, of polygons with values
    valid       share of the field, by area, that is usable
    masked      share that was seen but masked
    scenes      ids of the scenes that the values are of; without values of those that were looked at
    reason      why there are no values: `masked`, `no-data`, or what went wrong
    """

    values: tuple[float, ...] | None
    statistics: tuple[Statistics, ...] | None
    valid: float
    masked: float
    scenes: tuple[str, ...]
    reason: str | None = None

    @property
    def failed(self) -> bool:
        """Whether there are no values since something went wrong."""
        return self.reason not in (None, MASKED, NO_DATA, NO_OBSERVATION)


@dataclass(frozen=True)
class Row:
    """A line of a series: the time of an observation, or the beginning of a period, and its numbers.

    `end` is that of the period, `observations` the number of those in it that have values.
    """

    time: datetime
    measured: Sample
    end: datetime | None = None
    observations: int | None = None
