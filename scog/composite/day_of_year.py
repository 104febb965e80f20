"""Days of the year on which a pixel was observed.

Values are float32 `(observation, pixel)`, newest first, NaN where invalid. Days since 1970 are float64 `(observation,
pixel)`, or `(observation, 1)` if they are the same for all pixels.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]
Numbers = NDArray[np.float64]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def days_since_1970(moment: datetime) -> float:
    """Days since 1970 in UTC, with their fraction, to the microsecond."""
    return (moment - EPOCH).total_seconds() / 86400


def day_of_year(days: Numbers) -> Values:
    """Day of the year in UTC, 1 to 366: float32."""
    day = np.floor(days).astype(np.int64).astype("datetime64[D]")
    return np.asarray((day - day.astype("datetime64[Y]")).astype(np.int64) + 1, np.float32)


def first_day(values: Values, days: Numbers) -> Values:
    """Day of the year of the oldest valid observation: float32 `(pixel,)`, NaN if there is none."""
    return _at_oldest(~np.isnan(values), days)


def day_of_maximum(values: Values, days: Numbers) -> Values:
    """Day of the year of the highest value, on a tie the oldest: float32 `(pixel,)`, NaN if none is valid."""
    return _at_oldest(values == np.fmax.reduce(values), days)


def _at_oldest(condition: NDArray[np.bool_], days: Numbers) -> Values:
    """Day of the year of the oldest observation where `condition` is True: float32 `(pixel,)`, NaN if there is none."""
    oldest = len(condition) - 1 - condition[::-1].argmax(axis=0)
    result = day_of_year(np.take_along_axis(np.broadcast_to(days, condition.shape), oldest[np.newaxis], axis=0)[0])
    result[~condition.any(axis=0)] = np.nan
    return result
