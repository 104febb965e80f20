"""Steps: a time range cut into parts of equal length, in days or in months of the calendar."""

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
NAMED = {"daily": "P1D", "weekly": "P1W", "monthly": "P1M", "quarterly": "P3M", "yearly": "P1Y"}
VALID = f"an ISO 8601 duration of one unit, such as P10D, P2W, P1M or P1Y, or one of {', '.join(NAMED)}"
_DURATION = re.compile(r"P([1-9]\d{0,3})([DWMY])", re.ASCII)


@dataclass(frozen=True)
class Step:
    """A length of time: whole days, or whole months of the calendar."""

    number: int
    of_months: bool = False

    @property
    def days(self) -> float:
        """Its length in days, of months the mean."""
        return self.number * MONTH_DAYS if self.of_months else float(self.number)

    def __str__(self) -> str:
        years = self.of_months and self.number % 12 == 0
        return f"P{self.number // 12 if years else self.number}{'Y' if years else 'M' if self.of_months else 'D'}"

    def after(self, start: datetime, count: int) -> datetime | None:
        """The moment so many steps after a start; None beyond the calendar's end.

        Months end where they end: one after January 31 is February 28 or 29, two after it is March 31.
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
    """A step as people write it. Raises InvalidInput."""
    found = _DURATION.fullmatch(NAMED.get(text.lower(), text.upper()))
    if found is None:
        raise InvalidInput(f"{quoted(text)} is not a step of time.", parameter=parameter, valid=VALID)
    number = int(found[1])
    return Step(number * {"D": 1, "W": 7, "M": 1, "Y": 12}[found[2]], of_months=found[2] in "MY")


def split(start: datetime, end: datetime, step: Step) -> Iterator[Interval]:
    """The steps from `start` to `end`, both included; the last may be shorter. None where the end comes first.

    Each begins whole steps after `start`, and a microsecond after the one before it ends.
    """
    first, count = start, 0
    while first <= end:
        count += 1
        following = step.after(start, count)
        if following is None or following > end:
            yield Interval(first, end)
            return
        yield Interval(first, following - TICK)
        first = following
