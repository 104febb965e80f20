"""How values of items compare, in three-valued logic: True, False, or None where it cannot be known.

A missing value, or values of kinds that have no order between them, make a comparison unknown, and `not` leaves it so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from scog.catalog.item_time import item_time, parse_item_time
from scog.errors import InvalidInput
from scog.temporal.intervals import parse_interval

Span = tuple[float, float]
"""First and last moment in seconds since 1970, both included; an instant has one moment, a date the whole UTC day."""
Truth = bool | None


def span_of(value: object) -> Span | None:
    """A time as an item writes it (or a span already) as a span; None for anything else."""
    if isinstance(value, tuple):
        return value
    span = parse_item_time(value)
    return None if span is None else (span.start.timestamp(), span.end.timestamp())


def span_of_literal(text: object) -> Span | None:
    """A date or an instant as a request writes it, with its offset (RFC 3339), as a span; None for anything else."""
    try:
        interval = parse_interval(text) if isinstance(text, str) and "/" not in text else None
    except InvalidInput:
        return None
    if interval is None or interval.start is None or interval.end is None:
        return None
    return interval.start.timestamp(), interval.end.timestamp()


def span_of_item(item: Mapping[str, Any]) -> Span | None:
    """The time that an item stands for."""
    try:
        when = item_time(item["properties"])
    except (LookupError, TypeError, AttributeError, ValueError):
        return None
    return when.start.timestamp(), when.end.timestamp()


def is_number(value: object) -> bool:
    """Whether a JSON value is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def equal(left: object, right: object) -> Truth:
    """Whether two values are the same. A date and an instant within it are."""
    if left is None or right is None:
        return None
    before, after = less(left, right), less(right, left)
    if before is not None and after is not None:
        return not before and not after
    return left == right if type(left) is type(right) else None


def less(left: object, right: object) -> Truth:
    """Whether a value comes before another: numbers, times, or texts."""
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
    """Not; what is unknown stays so."""
    return None if truth is None else not truth


def every(truths: Iterable[Truth]) -> Truth:
    """And: false as soon as one is, unknown if one is."""
    result: Truth = True
    for truth in truths:
        if truth is False:
            return False
        if truth is None:
            result = None
    return result


def some(truths: Iterable[Truth]) -> Truth:
    """Or: true as soon as one is, unknown if one is."""
    return negate(every(negate(truth) for truth in truths))


COMPARISONS: dict[str, Callable[[Any, Any], Truth]] = {
    "=": equal,
    "<>": lambda left, right: negate(equal(left, right)),
    "<": less,
    "<=": lambda left, right: negate(less(right, left)),
    ">": lambda left, right: less(right, left),
    ">=": lambda left, right: negate(less(left, right)),
}


def like(text: object, pattern: object) -> Truth:
    """Whether a text fits a pattern: `%` stands for any characters, `_` for one, and a backslash takes their meaning.

    Each piece between two `%` is found at its first place, which is enough, so that no pattern takes long.
    """
    if not isinstance(text, str) or not isinstance(pattern, str):
        return None
    first, *rest = _pieces(pattern)
    start = re.compile(first, re.DOTALL).match(text)
    if start is None or not rest:
        return start is not None and start.end() == len(text)
    place = start.end()
    for piece in rest[:-1]:
        found = re.compile(piece, re.DOTALL).search(text, place)
        if found is None:
            return False
        place = found.end()
    return re.compile(f"(?:{rest[-1]})\\Z", re.DOTALL).search(text, place) is not None


def _pieces(pattern: str) -> list[str]:
    """The pattern between its `%`, each as a regular expression of fixed length."""
    pieces = [""]
    characters = iter(pattern)
    for character in characters:
        if character == "%":
            pieces.append("")
        elif character == "_":
            pieces[-1] += "."
        else:
            pieces[-1] += re.escape(next(characters, "\\") if character == "\\" else character)
    return pieces
