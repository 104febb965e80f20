"""Comparison of items' values in three-valued logic: True, False, or None for unknown.

A comparison with a missing value, or between values without a common order, is unknown, and so is its negation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from scog.catalog.item_time import item_time, parse_item_time
from scog.errors import InvalidInput
from scog.temporal.intervals import parse_interval

Span = tuple[float, float]
"""A time range in seconds since 1970, both ends inclusive: a single instant, or the whole UTC day of a date."""
Truth = bool | None
"""True, False, or None for unknown."""


def span_of(value: object) -> Span | None:
    """The span of a time as text in an item, or a span unchanged; None for any other value."""
    if isinstance(value, tuple):
        return value
    span = parse_item_time(value)
    return None if span is None else (span.start.timestamp(), span.end.timestamp())


def span_of_literal(text: object) -> Span | None:
    """The span of an RFC 3339 date or instant in a request; None for any other value."""
    try:
        interval = parse_interval(text) if isinstance(text, str) and "/" not in text else None
    except InvalidInput:
        return None
    if interval is None or interval.start is None or interval.end is None:
        return None
    return interval.start.timestamp(), interval.end.timestamp()


def span_of_item(item: Mapping[str, Any]) -> Span | None:
    """The time range of an item; None if it has no valid time."""
    try:
        time = item_time(item["properties"])
    except (LookupError, TypeError, AttributeError, ValueError):
        return None
    return time.start.timestamp(), time.end.timestamp()


def is_number(value: object) -> bool:
    """Whether a JSON value is a number. Booleans are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def equal(left: object, right: object) -> Truth:
    """Whether two values are equal. A date equals every instant of its day."""
    if left is None or right is None:
        return None
    before, after = less(left, right), less(right, left)
    if before is not None and after is not None:
        return not before and not after
    return left == right if type(left) is type(right) else None


def less(left: object, right: object) -> Truth:
    """Whether `left` is less than `right`, for two numbers, times or texts."""
    if is_number(left) and is_number(right):
        return bool(left < right)  # type: ignore[operator]
    if isinstance(left, str | tuple) and isinstance(right, str | tuple):
        earlier, later = span_of(left), span_of(right)
        if earlier is not None and later is not None:
            return earlier[1] < later[0]
        if isinstance(left, str) and isinstance(right, str):
            return left < right
    return None


def negate(truth: Truth) -> Truth:
    """Logical NOT; unknown stays unknown."""
    return None if truth is None else not truth


def all_of(truths: Iterable[Truth]) -> Truth:
    """Logical AND: false if any is false, else unknown if any is unknown."""
    result: Truth = True
    for truth in truths:
        if truth is False:
            return False
        if truth is None:
            result = None
    return result


def any_of(truths: Iterable[Truth]) -> Truth:
    """Logical OR: true if any is true, else unknown if any is unknown."""
    return negate(all_of(negate(truth) for truth in truths))


COMPARISONS: dict[str, Callable[[Any, Any], Truth]] = {
    "=": equal,
    "<>": lambda left, right: negate(equal(left, right)),
    "<": less,
    "<=": lambda left, right: negate(less(right, left)),
    ">": lambda left, right: less(right, left),
    ">=": lambda left, right: negate(less(left, right)),
}


def like(text: object, pattern: object) -> Truth:
    """Whether a text matches a pattern: `%` matches any characters, `_` one character; a backslash escapes them.

    Each part between two `%` is matched at its first occurrence. That is sufficient, and without backtracking the time
    for a pattern is bounded.
    """
    if not isinstance(text, str) or not isinstance(pattern, str):
        return None
    beginning, *rest = _parts(pattern)
    start = re.compile(beginning, re.DOTALL).match(text)
    if start is None or not rest:
        return start is not None and start.end() == len(text)
    end = start.end()
    for part in rest[:-1]:
        match = re.compile(part, re.DOTALL).search(text, end)
        if match is None:
            return False
        end = match.end()
    return re.compile(f"(?:{rest[-1]})\\Z", re.DOTALL).search(text, end) is not None


def _parts(pattern: str) -> list[str]:
    """The parts of a pattern between its `%`, as regular expressions of fixed length."""
    parts = [""]
    characters = iter(pattern)
    for character in characters:
        if character == "%":
            parts.append("")
        elif character == "_":
            parts[-1] += "."
        else:
            parts[-1] += re.escape(next(characters, "\\") if character == "\\" else character)
    return parts
