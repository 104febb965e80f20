"""Periods: the observations of a time series aggregated by steps of time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from enum import Enum
from itertools import islice
from statistics import fmean, median

import numpy as np

from scog.bandmath.transforms import Transform, Transforms
from scog.errors import InvalidInput
from scog.products.areas.statistics import Statistics
from scog.products.timeseries.model import NO_OBSERVATION, Row, Sample
from scog.temporal.intervals import Interval
from scog.temporal.steps import Step, split

MAX_PERIODS = 5000
"""Maximum number of periods of one series: 13 years of days."""

Reduce = Callable[[Sequence[float]], float]


class Aggregate(Enum):
    """Reducer of the values of a period's observations."""

    MEDIAN = "median"
    MEAN = "mean"
    MIN = "min"
    MAX = "max"


_REDUCERS: Mapping[Aggregate, Reduce] = {
    Aggregate.MEDIAN: median,
    Aggregate.MEAN: fmean,
    Aggregate.MIN: min,
    Aggregate.MAX: max,
}


def check_periods(interval: Interval | None, step: Step) -> None:
    """Raise InvalidInput if a closed time range has more than MAX_PERIODS steps."""
    if interval is not None and interval.start is not None and interval.end is not None:
        _split(interval.start, interval.end, step)


def by_period(
    rows: Sequence[Row], interval: Interval | None, step: Step, aggregate: Aggregate, transforms: Transforms = ()
) -> list[Row]:
    """One row per step of a time range, also for steps without observations. `rows` are given oldest first.

    A range without a start starts with the day of the first observation, or with its month if steps are months. A range
    without an end ends with the last observation. Values and statistics are aggregates of the observations that have
    values; `valid` and `masked` are means of all observations. Outputs with a transform are aggregated on its linear
    scale, as decibels in power. Raises InvalidInput if there are more than MAX_PERIODS steps.
    """
    start, end = (None, None) if interval is None else (interval.start, interval.end)
    if not rows and (start is None or end is None):
        return []
    start = start or _first_day(rows[0].time, step)
    steps = _split(start, end or rows[-1].time, step)
    remaining = list(reversed(rows))
    periods = []
    for part in steps:
        samples = []
        # A scene with a time span may start before the first period and end in it. It belongs to that period.
        while remaining and (part.end is None or remaining[-1].time <= part.end):
            samples.append(remaining.pop().sample)
        assert part.start is not None
        count = sum(sample.values is not None for sample in samples)
        periods.append(Row(part.start, _aggregate(samples, _REDUCERS[aggregate], transforms), part.end, count))
    return periods


def midpoint(row: Row) -> datetime:
    """Time of a row in plots and smoothing: the observation's time, or the midpoint of the period."""
    return row.time if row.end is None else row.time + (row.end - row.time) / 2


def _first_day(time: datetime, step: Step) -> datetime:
    """Start of the day, or of the month if steps are months."""
    day = time.replace(hour=0, minute=0, second=0, microsecond=0)
    return day.replace(day=1) if step.of_months else day


def _split(start: datetime, end: datetime, step: Step) -> list[Interval]:
    """The steps of a time range. Raises InvalidInput if there are more than MAX_PERIODS."""
    if (end - start) / timedelta(days=1) / step.days > 2 * MAX_PERIODS:  # may be millions
        raise _too_many()
    parts = list(islice(split(start, end, step), MAX_PERIODS + 1))
    if len(parts) > MAX_PERIODS:
        raise _too_many()
    return parts


def _too_many() -> InvalidInput:
    message = f"The time range has more than {MAX_PERIODS} intervals of this length."
    return InvalidInput(message, parameter="interval", valid="a longer interval, or a shorter datetime")


def _aggregate(samples: Sequence[Sample], reduce: Reduce, transforms: Transforms) -> Sample:
    """One sample of all observations of a period. If there are no values, the reason is the first error, if any."""
    if not samples:
        return Sample(None, None, 0.0, 0.0, (), NO_OBSERVATION)
    with_values = [sample for sample in samples if sample.values is not None]
    valid, masked = fmean(sample.valid for sample in samples), fmean(sample.masked for sample in samples)
    scenes = tuple(dict.fromkeys(scene for sample in with_values or samples for scene in sample.scenes))
    if not with_values:
        errors = [sample.reason for sample in samples if sample.failed]
        return Sample(None, None, valid, masked, scenes, (errors or [sample.reason for sample in samples])[0])
    outputs = list(zip(*(sample.values or () for sample in with_values), strict=True))
    reducers = [_on_linear_scale(reduce, each) for each in transforms or (None,) * len(outputs)]
    values = tuple(reducer(output) for reducer, output in zip(reducers, outputs, strict=True))
    by_sample = [sample.statistics for sample in with_values if sample.statistics is not None]
    by_output = zip(*by_sample, strict=True) if by_sample else ()
    statistics = tuple(
        _aggregate_statistics(output, reduce, reducer) for output, reducer in zip(by_output, reducers, strict=False)
    )
    return Sample(values, statistics if by_sample else None, valid, masked, scenes)


def _on_linear_scale(reduce: Reduce, transform: Transform | None) -> Reduce:
    """`reduce` for values on the scale of a transform: it reduces their linear ones."""
    if transform is None:
        return reduce
    return lambda values: transform.of_number(reduce(transform.linear(np.array(values)).tolist()))


def _aggregate_statistics(samples: Sequence[Statistics], reduce: Reduce, reduce_values: Reduce) -> Statistics:
    """The statistics of a period: each statistic is reduced separately; `reduce_values` reduces those that are values.

    The others are a spread and a number of pixels.
    """
    others = ("std", "count")
    names = [field.name for field in fields(Statistics)]
    return Statistics(
        **{
            name: (reduce if name in others else reduce_values)([getattr(sample, name) for sample in samples])
            for name in names
        }
    )
