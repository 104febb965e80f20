"""Synthetic rows of a time series."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from scog.products.areas.statistics import statistics
from scog.products.timeseries.model import MASKED, Row, Sample

BEGINNING = datetime(2024, 1, 1, 10, 20, 31, tzinfo=UTC)


def row(day: float, *values: float | None, valid: float = 1.0, area: bool = False, reason: str | None = None) -> Row:
    """A row `day` days after the beginning of 2024; a row without values is masked."""
    time = BEGINNING + timedelta(days=day)
    present = tuple(value for value in values if value is not None)
    if not present:
        return Row(time, Sample(None, None, 0.0, 1.0, (f"S{day:g}",), reason or MASKED))
    sampled_statistics = None
    if area:
        sampled_statistics = tuple(
            statistics(np.array([v - 0.1, v, v + 0.1], np.float32), np.ones(3, np.float32)) for v in present
        )
    return Row(time, Sample(present, sampled_statistics, valid, 1 - valid, (f"S{day:g}",)))
