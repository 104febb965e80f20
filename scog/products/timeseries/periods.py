"""Periods: observations of a series taken together by steps of time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from enum import Enum
from itertools import islice
from statistics import fmean, median

from scog.errors import InvalidInput
from scog.products.areas.statistics import Statistics
from scog.products.timeseries.model import NO_OBSERVATION, Row, Sample
from scog.temporal.intervals import Interval
from scog.temporal.steps import Step, split

MOST = 5000
"""Periods of one series; days of 13 years."""


class Aggregate(Enum):
    """How the observations of a period become one number."""

    MEDIAN = "median"
    MEAN = "mean"
    MIN = "min"
    MAX = "max"


_WORK: Mapping[Aggregate, Callable[[Sequence[float]], float]] = {
    Aggregate.MEDIAN: median,
    Aggregate.MEAN: fmean,
    Aggregate.MIN: min,
    Aggregate.MAX: max,
}


def check_periods(interval: Interval | None, step: Step) -> None:
    """Raise InvalidInput where a time range has too many steps, as far as it tells."""
    if interval is not None and interval.start is not None and interval.end is not None:
        _steps(interval.start, interval.end, step)


def by_period(rows: Sequence[Row], interval: Interval | None, step: Step, how: Aggregate) -> list[Row]:
    """A row for each step of a time range, also for those without an observation; `rows` are in the order of time.

    An open range begins on the day of the first observation, of months with its month, and ends with the last one.
    Each number of a period is the aggregate of those that its observations have; `valid` and `masked` are means of all
    observations. Raises InvalidInput where there are too many steps.
    """
    start, end = (None, None) if interval is None else (interval.start, interval.end)
    if not rows and (start is None or end is None):
        return []
    start = start or _first_day(rows[0].time, step)
    parts = _steps(start, end or rows[-1].time, step)
    waiting = list(reversed(rows))
    found = []
    for part in parts:
        held = []
        # What began before the first period, and lasts into it, counts there.
        while waiting and (part.end is None or waiting[-1].time <= part.end):
            held.append(waiting.pop().measured)
        assert part.start is not None
        seen = [each for each in held if each.values is not None]
        found.append(Row(part.start, _together(held, seen, _WORK[how]), part.end, len(seen)))
    return found


def middle(row: Row) -> datetime:
    """The time that a row stands for: of a period its middle."""
    return row.time if row.end is None else row.time + (row.end - row.time) / 2


def _first_day(moment: datetime, step: Step) -> datetime:
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return day.replace(day=1) if step.of_months else day


def _steps(start: datetime, end: datetime, step: Step) -> list[Interval]:
    if (end - start) / timedelta(days=1) / step.days > 2 * MOST:  # may be millions
        raise _too_many()
    parts = list(islice(split(start, end, step), MOST + 1))
    if len(parts) > MOST:
        raise _too_many()
    return parts


def _too_many() -> InvalidInput:
    what = f"The time range has more than {MOST} such intervals."
    return InvalidInput(what, parameter="interval", valid="a longer interval, or a shorter datetime")


def _together(held: Sequence[Sample], seen: Sequence[Sample], work: Callable[[Sequence[float]], float]) -> Sample:
    """The numbers of observations as one; `seen` are those with values."""
    if not held:
        return Sample(None, None, 0.0, 0.0, (), NO_OBSERVATION)
    valid, masked = fmean(each.valid for each in held), fmean(each.masked for each in held)
    scenes = tuple(dict.fromkeys(name for each in seen or held for name in each.scenes))
    if not seen:
        faults = [each.reason for each in held if each.failed]
        return Sample(None, None, valid, masked, scenes, (faults or [each.reason for each in held])[0])
    values = tuple(work(output) for output in zip(*(each.values or () for each in seen), strict=True))
    measured = [each.statistics for each in seen if each.statistics is not None]
    found = tuple(_aggregate(output, work) for output in zip(*measured, strict=True)) if measured else None
    return Sample(values, found, valid, masked, scenes)


def _aggregate(several: Sequence[Statistics], work: Callable[[Sequence[float]], float]) -> Statistics:
    names = [field.name for field in fields(Statistics)]
    return Statistics(**{name: work([getattr(each, name) for each in several]) for name in names})
