"""Days: when a pixel was seen.

Values are float32 `(observation, pixel)`, newest first, NaN where invalid; days since 1970 are float64
`(observation, pixel)`, or `(observation, 1)` where they are the same for all pixels.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]
Numbers = NDArray[np.float64]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def days_since_1970(moment: datetime) -> float:
    """UTC days with their fraction, to the microsecond."""
    return (moment - EPOCH).total_seconds() / 86400


def day_of_year(days: Numbers) -> Values:
    """1 to 366, in UTC."""
    day = np.floor(days).astype(np.int64).astype("datetime64[D]")
    return np.asarray((day - day.astype("datetime64[Y]")).astype(np.int64) + 1, np.float32)


def first_seen(values: Values, days: Numbers) -> Values:
    """Day of the year of the oldest observation `(pixel)`; NaN where there is none."""
    return _at_oldest(~np.isnan(values), days)


def highest_seen(values: Values, days: Numbers) -> Values:
    """Day of the year of the highest value `(pixel)`, the oldest of equals; NaN where there is no observation."""
    return _at_oldest(values == np.fmax.reduce(values), days)


def _at_oldest(holds: NDArray[np.bool_], days: Numbers) -> Values:
    """Day of the year of the oldest observation of which something holds; NaN where it does of none."""
    oldest = len(holds) - 1 - holds[::-1].argmax(axis=0)
    found = day_of_year(np.take_along_axis(np.broadcast_to(days, holds.shape), oldest[np.newaxis], axis=0)[0])
    found[~holds.any(axis=0)] = np.nan
    return found
