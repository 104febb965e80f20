"""When an item was taken: an instant that sorts it, and the time it stands for, by which it is found.

`datetime`, `start_datetime` and `end_datetime` of STAC's common metadata, as they are met in practice: dates without a
time (the whole UTC day), times without an offset (UTC), fractions of any length.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

_TIME = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})"
    r"(?:[Tt ](?P<clock>\d{2}:\d{2})(?P<seconds>:\d{2})?(?:[.,](?P<fraction>\d+))?"
    r" ?(?P<zone>[Zz]|[Uu][Tt][Cc]|[+-]\d{2}(?::?\d{2})?)?)?",
    re.ASCII,
)
_USUAL = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?Z", re.ASCII)
"""As nearly all are: read in a third of the time."""
FIRST_YEAR, LAST_YEAR = 1800, 9000
"""Beyond these a year is what some writers put where they know none, 0001 or 9999. As an end 9999 means open."""
_DAY = timedelta(days=1) - timedelta(microseconds=1)


class ItemTime(NamedTuple):
    """`moment` sorts: the datetime, or the start where there is none. `start` and `end`, both included, are searched.

    All are in UTC.
    """

    moment: datetime
    start: datetime
    end: datetime
    remarks: tuple[str, ...] = ()


def item_time(properties: Mapping[str, Any]) -> ItemTime:
    """When an item was taken. Raises ValueError where it does not say so.

    The range holds the datetime too. A time that cannot be read is a remark where another one can.
    """
    remarks: list[str] = []
    taken = _read(properties, "datetime", remarks)
    first = _read(properties, "start_datetime", remarks)
    last = _read(properties, "end_datetime", remarks)
    known = taken or first or last
    if known is None:
        raise ValueError("; ".join(remarks) or "neither datetime nor start_datetime")
    if not FIRST_YEAR <= known.start.year <= LAST_YEAR:
        raise ValueError(f"datetime: the year {known.start.year} stands for nothing")
    if first is not None and last is not None and last.end < first.start:
        remarks.append("end_datetime: before start_datetime; it is ignored")
        last = None
    given = [span for span in (taken, first, last) if span is not None]
    return ItemTime(known.start, min(s.start for s in given), max(s.end for s in given), tuple(remarks))


class _Span(NamedTuple):
    start: datetime
    end: datetime


def _read(properties: Mapping[str, Any], name: str, remarks: list[str]) -> _Span | None:
    value = properties.get(name)
    if value is None or value == "":
        return None
    span = parse_item_time(value)
    if span is None:
        remarks.append(f"{name}: {str(value)[:40]!r} is no time")
    return span


def parse_item_time(value: object) -> _Span | None:
    """First and last moment of a time as text, which differ for a date: its UTC day. None for anything else."""
    if not isinstance(value, str):
        return None
    if _USUAL.fullmatch(value):
        with suppress(ValueError):
            moment = datetime.fromisoformat(value)
            return _Span(moment, moment)
    found = _TIME.fullmatch(value.strip())
    if found is None:
        return None
    zone = (found["zone"] or "Z").upper().replace("UTC", "Z").replace("Z", "+00:00")
    clock = (found["clock"] or "00:00") + (found["seconds"] or ":00").replace(":60", ":59")  # a leap second
    fraction = (found["fraction"] or "0")[:6]
    try:
        moment = datetime.fromisoformat(f"{found['day']}T{clock}.{fraction:<06}{zone}").astimezone(UTC)
        return _Span(moment, moment if found["clock"] else moment + _DAY)
    except (ValueError, OverflowError):
        return None
