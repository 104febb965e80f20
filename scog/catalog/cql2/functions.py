"""The operators of CQL2: spatial, temporal and array predicates (true, false or unknown), and arithmetic functions."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from scog.catalog.cql2.comparison import Span, Truth, any_of, equal, is_number, span_of


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


def _array(relation: Callable[[list[Any], list[Any]], bool]) -> Callable[[Any, Any], Truth]:
    def test(left: Any, right: Any) -> Truth:
        return relation(left, right) if isinstance(left, list) and isinstance(right, list) else None

    return test


def _contained_by(left: list[Any], right: list[Any]) -> bool:
    return all(_is_element(value, right) for value in left)


def _is_element(value: Any, values: list[Any]) -> bool:
    return any_of(equal(value, other) for other in values) is True


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
    "a_equals": _array(lambda a, b: _contained_by(a, b) and _contained_by(b, a)),
    "a_contains": _array(lambda a, b: _contained_by(b, a)),
    "a_containedby": _array(_contained_by),
    "a_overlaps": _array(lambda a, b: any(_is_element(value, b) for value in a)),
}
"""Predicates of two values, by name."""


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
    return "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))


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
"""Functions that return a value, by name, each with its number of arguments."""
