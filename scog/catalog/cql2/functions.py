"""The functions of CQL2: of places, times and arrays (true, false or unknown), and those that calculate a value."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from scog.catalog.cql2.comparison import Span, Truth, equal, is_number, some, span_of


def _spatial(relation: Callable[[BaseGeometry, BaseGeometry], Any]) -> Callable[[Any, Any], Truth]:
    def test(left: Any, right: Any) -> Truth:
        if not isinstance(left, BaseGeometry) or not isinstance(right, BaseGeometry):
            return None
        try:
            return bool(relation(left, right))
        except shapely.errors.ShapelyError:
            return None

    return test


def _temporal(relation: Callable[[Span, Span], bool]) -> Callable[[Any, Any], Truth]:
    def test(left: Any, right: Any) -> Truth:
        one, other = span_of(left), span_of(right)
        return None if one is None or other is None else relation(one, other)

    return test


def _of_arrays(relation: Callable[[list[Any], list[Any]], bool]) -> Callable[[Any, Any], Truth]:
    def test(left: Any, right: Any) -> Truth:
        return relation(left, right) if isinstance(left, list) and isinstance(right, list) else None

    return test


def _within(few: list[Any], many: list[Any]) -> bool:
    return all(_is_one_of(value, many) for value in few)


def _is_one_of(value: Any, many: list[Any]) -> bool:
    return some(equal(value, other) for other in many) is True


PREDICATES: dict[str, Callable[[Any, Any], Truth]] = {
    "s_intersects": _spatial(shapely.intersects),
    "s_disjoint": _spatial(shapely.disjoint),
    "s_equals": _spatial(shapely.equals),
    "s_touches": _spatial(shapely.touches),
    "s_within": _spatial(shapely.within),
    "s_contains": _spatial(shapely.contains),
    "s_overlaps": _spatial(shapely.overlaps),
    "s_crosses": _spatial(shapely.crosses),
    "t_after": _temporal(lambda a, b: a[0] > b[1]),
    "t_before": _temporal(lambda a, b: a[1] < b[0]),
    "t_intersects": _temporal(lambda a, b: a[0] <= b[1] and b[0] <= a[1]),
    "t_disjoint": _temporal(lambda a, b: a[0] > b[1] or b[0] > a[1]),
    "t_equals": _temporal(lambda a, b: a == b),
    "t_during": _temporal(lambda a, b: b[0] < a[0] and a[1] < b[1]),
    "t_contains": _temporal(lambda a, b: a[0] < b[0] and b[1] < a[1]),
    "t_starts": _temporal(lambda a, b: a[0] == b[0] and a[1] < b[1]),
    "t_startedby": _temporal(lambda a, b: a[0] == b[0] and a[1] > b[1]),
    "t_finishes": _temporal(lambda a, b: a[0] > b[0] and a[1] == b[1]),
    "t_finishedby": _temporal(lambda a, b: a[0] < b[0] and a[1] == b[1]),
    "t_meets": _temporal(lambda a, b: a[1] == b[0]),
    "t_metby": _temporal(lambda a, b: a[0] == b[1]),
    "t_overlaps": _temporal(lambda a, b: a[0] < b[0] < a[1] < b[1]),
    "t_overlappedby": _temporal(lambda a, b: b[0] < a[0] < b[1] < a[1]),
    "a_equals": _of_arrays(lambda a, b: _within(a, b) and _within(b, a)),
    "a_contains": _of_arrays(lambda a, b: _within(b, a)),
    "a_containedby": _of_arrays(_within),
    "a_overlaps": _of_arrays(lambda a, b: any(_is_one_of(value, b) for value in a)),
}


def _arithmetic(operation: Callable[[float, float], Any]) -> Callable[[Any, Any], Any]:
    def calculate(left: Any, right: Any) -> Any:
        if not is_number(left) or not is_number(right):
            return None
        try:
            result = operation(float(left), float(right))
        except (ArithmeticError, ValueError):
            return None
        # A fractional power of a negative number is complex.
        return result if isinstance(result, float) and math.isfinite(result) else None

    return calculate


def _fold_case(text: Any) -> Any:
    return text.casefold() if isinstance(text, str) else None


def _without_accents(text: Any) -> Any:
    if not isinstance(text, str):
        return None
    return "".join(sign for sign in unicodedata.normalize("NFD", text) if not unicodedata.combining(sign))


CALCULATIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "+": (2, _arithmetic(lambda a, b: a + b)),
    "-": (2, _arithmetic(lambda a, b: a - b)),
    "*": (2, _arithmetic(lambda a, b: a * b)),
    "/": (2, _arithmetic(lambda a, b: a / b)),
    "%": (2, _arithmetic(math.fmod)),
    "^": (2, _arithmetic(lambda a, b: a**b)),
    "div": (2, _arithmetic(lambda a, b: float(math.trunc(a / b)))),
    "casei": (1, _fold_case),
    "accenti": (1, _without_accents),
}
"""By name: how many values they take, and how they make one of them."""
