"""Steps: parts of equal length, in days or calendar months, into which a time range is divided."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from scog.errors import InvalidInput
from scog.suggest import quoted
from scog.temporal.intervals import Interval

TICK = timedelta(microseconds=1)
MONTH_DAYS = 365.25 / 12
NAMED_STEPS = {"daily": "P1D", "weekly": "P1W", "monthly": "P1M", "quarterly": "P3M", "yearly": "P1Y"}
VALID = f"an ISO 8601 duration of one unit, such as P10D, P2W, P1M or P1Y, or one of {', '.join(NAMED_STEPS)}"
_DURATION = re.compile(r"P([1-9]\d{0,3})([DWMY])", re.ASCII)


@dataclass(frozen=True)
class Step:
    """A duration: `number` days, or `number` calendar months."""

    number: int
    of_months: bool = False

    @property
    def days(self) -> float:
        """Length in days; the mean length for months."""
        return self.number * MONTH_DAYS if self.of_months else float(self.number)

    def __str__(self) -> str:
        years = self.of_months and self.number % 12 == 0
        return f"P{self.number // 12 if years else self.number}{'Y' if years else 'M' if self.of_months else 'D'}"

    def after(self, start: datetime, count: int) -> datetime | None:
        """The time `count` steps after `start`; None beyond the year 9999.

        A day that a month does not have becomes its last day: one month after January 31 is February 28 or 29, two
        months after it is March 31.
        """
        try:
            if not self.of_months:
                return start + timedelta(days=count * self.number)
            years, month = divmod(start.month - 1 + count * self.number, 12)
            year = start.year + years
            last = calendar.monthrange(year, month + 1)[1] if year <= date.max.year else 0
            return start.replace(year=year, month=month + 1, day=min(start.day, last))
        except (OverflowError, ValueError):
            return None


def parse_step(text: str, parameter: str = "step") -> Step:
    """The step of an ISO 8601 duration or a name such as `monthly`. Raises InvalidInput."""
    match = _DURATION.fullmatch(NAMED_STEPS.get(text.lower(), text.upper()))
    if match is None:
        raise InvalidInput(f"{quoted(text)} is not a valid time step.", parameter=parameter, valid=VALID)
    number = int(match[1])
    return Step(number * {"D": 1, "W": 7, "M": 1, "Y": 12}[match[2]], of_months=match[2] in "MY")


def split(start: datetime, end: datetime, step: Step) -> Iterator[Interval]:
    """Yield the steps from `start` to `end`, both inclusive; the last may be shorter. Nothing if `end` comes first.

    Each step begins a whole number of steps after `start`, and a microsecond after the end of the one before.
    """
    step_start, count = start, 0
    while step_start <= end:
        count += 1
        next_start = step.after(start, count)
        if next_start is None or next_start > end:
            yield Interval(step_start, end)
            return
        yield Interval(step_start, next_start - TICK)
        step_start = next_start
