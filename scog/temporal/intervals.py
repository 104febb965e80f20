"""RFC 3339 instants, dates, and intervals that may be open at either end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from scog.errors import InvalidInput

VALID = (
    "a date (2022-06-12, the whole UTC day), an instant (2022-06-12T10:00:00Z), or an interval of two of them "
    "separated by a slash, where '..' is an open end: 2022-05-01/2022-06-12, 2022-05-01/.., ../.."
)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,32})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Interval:
    """A time interval in UTC from `start` to `end`, both inclusive. None is an open end."""

    start: datetime | None
    end: datetime | None

    def __contains__(self, moment: datetime) -> bool:
        return (self.start is None or self.start <= moment) and (self.end is None or moment <= self.end)

    def overlaps(self, start: datetime, end: datetime) -> bool:
        """Whether the interval intersects the time range from `start` to `end`, both inclusive."""
        return (self.start is None or end >= self.start) and (self.end is None or start <= self.end)

    @property
    def days(self) -> float | None:
        """Length in days; None if an end is open."""
        return None if self.start is None or self.end is None else (self.end - self.start).total_seconds() / 86400

    def __str__(self) -> str:
        return f"{rfc3339(self.start) if self.start else '..'}/{rfc3339(self.end) if self.end else '..'}"


def rfc3339(moment: datetime) -> str:
    """A time as RFC 3339 text in UTC, such as `2022-06-12T10:00:00Z`, with a fraction only if it is not 0."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_interval(text: str) -> Interval:
    """The interval of an instant, a date or an interval as text. Raises InvalidInput."""
    ends = text.strip().split("/")
    start: datetime | None
    end: datetime | None
    if len(ends) == 1:
        start, end = _time_range(ends[0])
    elif len(ends) == 2:
        start = None if ends[0] in ("", "..") else _time_range(ends[0])[0]
        end = None if ends[1] in ("", "..") else _time_range(ends[1])[1]
    else:
        raise _invalid(text)
    if start is not None and end is not None and start > end:
        raise InvalidInput(f"The interval {text!r} ends before it starts.", parameter="datetime", valid=VALID)
    return Interval(start, end)


def parse_instant(text: str) -> datetime:
    """The time of an RFC 3339 instant, in UTC. Raises InvalidInput."""
    if not _INSTANT.fullmatch(text):
        raise _invalid(text)
    try:
        return datetime.fromisoformat(text.upper().replace(" ", "T").replace("Z", "+00:00")).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _invalid(text) from None


def _time_range(text: str) -> tuple[datetime, datetime]:
    """First and last microsecond of an instant or a date. Raises InvalidInput."""
    if _DATE.fullmatch(text):
        try:
            day = datetime.fromisoformat(text).replace(tzinfo=UTC)
            return day, day + (timedelta(days=1) - _TICK)
        except ValueError:
            raise _invalid(text) from None
    moment = parse_instant(text)
    return moment, moment


def _invalid(text: str) -> InvalidInput:
    shown = text if len(text) <= 80 else text[:80] + "..."
    return InvalidInput(f"{shown!r} is not a time.", parameter="datetime", valid=VALID)
