"""Samples of an area of interest, and the rows of a time series."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from scog.products.areas.statistics import Statistics

MASKED = "masked"
"""Reason for missing values: all pixels with data are masked."""
NO_DATA = "no-data"
"""Reason for missing values: no pixel has data."""
NO_OBSERVATION = "no-observation"
"""Reason for missing values: the period has no observation."""


@dataclass(frozen=True)
class Sample:
    """The values of an area in one observation, or in all observations of a period.

    values      one per output: the value at a point, or the weighted mean of polygons; None if no pixel is valid
    statistics  one per output; None for a point or without values
    valid       fraction of the area that is valid
    masked      fraction of the area that is masked
    scenes      ids of the scenes with valid pixels; of all scenes of the observation if there are no values
    reason      reason for missing values: `masked`, `no-data`, `no-observation` or an error's reason; else None
    """

    values: tuple[float, ...] | None
    statistics: tuple[Statistics, ...] | None
    valid: float
    masked: float
    scenes: tuple[str, ...]
    reason: str | None = None

    @property
    def failed(self) -> bool:
        """Whether the values are missing because of an error."""
        return self.reason not in (None, MASKED, NO_DATA, NO_OBSERVATION)


@dataclass(frozen=True)
class Row:
    """A row of a time series.

    time          time of the observation, or start of the period
    sample        its values
    end           end of the period; None for an observation
    observations  number of observations in the period that have values; None for an observation
    """

    time: datetime
    sample: Sample
    end: datetime | None = None
    observations: int | None = None
