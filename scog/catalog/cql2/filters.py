"""Compiles CQL2 filters (https://docs.ogc.org/is/21-065r2/21-065r2.html), text or JSON, to predicates of an item.

The package `cql2` parses the text. Matching is implemented here, because that of the package never matches a `BETWEEN`
of two timestamps and does not handle the antimeridian, and its validation takes seconds for nested filters. Its parser
takes twice as long for each level of nesting and crashes the process on a stack overflow, so the complexity of a text
is checked before it is parsed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import cql2

from scog.catalog.cql2.comparison import (
    COMPARISONS,
    Truth,
    all_of,
    any_of,
    equal,
    like,
    negate,
    span_of,
    span_of_item,
    span_of_literal,
)
from scog.catalog.cql2.functions import CALCULATIONS, PREDICATES
from scog.catalog.properties import MAX_NAME, lookup, plain_name
from scog.errors import InvalidInput
from scog.geo.bbox import boxes_from_numbers
from scog.geo.geojson import GEOMETRY_TYPES, box_shape, item_shape, parse_geometry

Item = Mapping[str, Any]
Value = Callable[[Item], Any]
Predicate = Callable[[Item], Truth]

VALID = "a CQL2 expression such as \"eo:cloud_cover\" < 20 AND platform = 'sentinel-2a'"
MAX_DEPTH = 32
MAX_NODES = 5_000
MAX_TEXT = 16_384
MAX_WEIGHT = 131_072
"""Sum of two to the power of the nesting depth over all characters of a text, at most.

It is proportional to the parser's time, since the parser tries the content of parentheses twice. The maximum takes
about a quarter of a second.
"""
MAX_OPERATORS = 256
"""Operators of one text at most: a chain of operators becomes a tree as deep as the chain is long."""
_NUMBER = r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"
_CORNER = rf"\s*{_NUMBER}(?:\s+{_NUMBER}){{0,3}}\s*"
_LIST = rf"\({_CORNER}(?:,{_CORNER})*\)"
_LISTS = rf"\(\s*{_LIST}\s*(?:,\s*{_LIST}\s*)*\)"
_LISTS_OF_LISTS = rf"\(\s*{_LISTS}\s*(?:,\s*{_LISTS}\s*)*\)"
_GEOMETRY = rf"\b(?:BBOX|(?:MULTI)?(?:POINT|LINESTRING|POLYGON))\s{{0,8}}(?:{_LIST}|{_LISTS}|{_LISTS_OF_LISTS})"
_WORD = re.compile(r"\w+|.", re.DOTALL)
_TOKEN = re.compile(rf"\"[^\"]*\"|'[^']*'|{_GEOMETRY}|\w+|.", re.I | re.ASCII | re.DOTALL)
"""A quoted name, a text or a geometry is one token: the signs and parentheses in it are not operators or nesting."""
_OPERATOR = re.compile(r"[-+*/%^<>=]|and|or|not|in|is|like|between|div", re.I)


def parse_text(text: str) -> Any:
    """The CQL2 JSON tree of a CQL2 text. Raises InvalidInput."""
    if len(text) > MAX_TEXT:
        _refuse(f"is longer than {MAX_TEXT} characters; send it as cql2-json")
    _check_complexity(text)
    try:
        return cql2.parse_text(text).to_json()
    except (cql2.ParseError, ValueError) as fault:
        where = re.search(r"--> \d+:(\d+)", str(fault))
        _refuse(f"is not valid CQL2 text (error at column {where[1]})" if where else "is not valid CQL2 text")


def _check_complexity(text: str) -> None:
    """Raise InvalidInput for a text that would take too long to parse."""
    # A backslash may or may not escape a quote. If there is one, no literal is recognised, which overestimates.
    tokens = _TOKEN if "\\" not in text else _WORD
    depth = weight = operators = 0
    for token in tokens.findall(text):
        depth += {"(": 1, ")": -1}.get(token, 0)
        weight += len(token) << max(depth, 0)
        if depth > MAX_DEPTH or weight > MAX_WEIGHT:
            _refuse("is nested too deeply for its length")
        operators += _OPERATOR.fullmatch(token) is not None
    if depth != 0:
        _refuse("has unbalanced parentheses")
    if operators > MAX_OPERATORS:
        _refuse(f"has more than {MAX_OPERATORS} operators")


def compile_filter(tree: Any) -> Predicate:
    """A predicate that returns whether an item matches a CQL2 JSON tree. Raises InvalidInput."""
    return _Compiler().predicate(tree, 0)


class _Compiler:
    """Compiles one tree to nested functions, and bounds its number of nodes and its depth."""

    def __init__(self) -> None:
        self._nodes = 0

    def predicate(self, tree: Any, depth: int) -> Predicate:
        """Compile a boolean expression: an operation, a property or a literal."""
        self._count(depth)
        if isinstance(tree, bool):
            return lambda item: tree
        if isinstance(tree, Mapping) and "property" in tree:
            value = self.value(tree, depth)
            return lambda item: flag if isinstance(flag := value(item), bool) else None
        name, args = _operation(tree)
        if name in ("and", "or"):
            parts = [self.predicate(arg, depth + 1) for arg in _at_least(args, 1, name)]
            join = all_of if name == "and" else any_of
            return lambda item: join(part(item) for part in parts)
        if name == "not":
            inner = self.predicate(_exactly(args, 1, name)[0], depth + 1)
            return lambda item: negate(inner(item))
        return self._test(name, args, depth)

    def _test(self, name: str, args: list[Any], depth: int) -> Predicate:
        if name == "isnull":
            value = self.value(_exactly(args, 1, name)[0], depth + 1)
            return lambda item: value(item) is None
        if name == "between":
            value, low, high = [self.value(arg, depth + 1) for arg in _exactly(args, 3, name)]
            at_least, at_most = COMPARISONS[">="], COMPARISONS["<="]
            return lambda item: all_of((at_least(value(item), low(item)), at_most(value(item), high(item))))
        if name == "in":
            value, choices = [self.value(arg, depth + 1) for arg in _exactly(args, 2, name)]
            if not isinstance(args[1], list):
                _refuse("has an operator `in` without a list")
            return lambda item: any_of(equal(value(item), choice) for choice in choices(item))
        test = _TESTS.get(name)
        if test is None:
            _refuse(
                f"has an unknown operator {name[:40]!r}", valid=", ".join(["and", "or", "not", *_TESTS, *CALCULATIONS])
            )
        left, right = [self.value(arg, depth + 1) for arg in _exactly(args, 2, name)]
        if name.startswith("t_"):
            left, right = [_time(arg, value) for arg, value in zip(args, (left, right), strict=True)]
        return lambda item: test(left(item), right(item))

    def value(self, tree: Any, depth: int) -> Value:
        """Compile an expression with a value: a literal, a property, or a function of them."""
        self._count(depth)
        if tree is None or isinstance(tree, str | bool | int | float):
            return lambda item: tree
        if isinstance(tree, list):
            parts = [self.value(part, depth + 1) for part in tree]
            return lambda item: [part(item) for part in parts]
        if not isinstance(tree, Mapping):
            _refuse("has a part that is not a value")
        if "property" in tree:
            return _property(tree["property"])
        if "interval" in tree:
            return self._interval(tree["interval"], depth)
        if "op" in tree:
            return self._calculation(tree, depth)
        literal = _literal(tree)
        return lambda item: literal

    def _calculation(self, tree: Any, depth: int) -> Value:
        name, args = _operation(tree)
        if name not in CALCULATIONS:
            _refuse(f"has an unknown function {name[:40]!r}", valid=", ".join(CALCULATIONS))
        arity, calculate = CALCULATIONS[name]
        parts = [self.value(arg, depth + 1) for arg in _exactly(args, arity, name)]
        return lambda item: calculate(*[part(item) for part in parts])

    def _interval(self, ends: Any, depth: int) -> Value:
        if not isinstance(ends, list) or len(ends) != 2:
            _refuse("has an interval without two ends")
        for end in ends:
            if isinstance(end, str) and end != ".." and span_of_literal(end) is None:
                _refuse(f"has an interval with the end {end[:40]!r}, which is not a time")
        low, high = [self.value(end, depth + 1) for end in ends]

        def span(item: Item) -> Any:
            start, end = low(item), high(item)
            first = (float("-inf"), 0.0) if start == ".." else span_of(start)
            last = (0.0, float("inf")) if end == ".." else span_of(end)
            return None if first is None or last is None else (first[0], last[1])

        return span

    def _count(self, depth: int) -> None:
        self._nodes += 1
        if depth > MAX_DEPTH:
            _refuse(f"is nested more than {MAX_DEPTH} levels deep")
        if self._nodes > MAX_NODES:
            _refuse(f"has more than {MAX_NODES} parts")


_TESTS: dict[str, Callable[[Any, Any], Truth]] = {**COMPARISONS, "like": like, **PREDICATES}
_TESTS |= {"isnull": equal, "between": equal, "in": equal}  # listed only for error messages; compiled in `_test`


def _operation(tree: Any) -> tuple[str, list[Any]]:
    """Name (in lower case) and arguments of an operation."""
    if not isinstance(tree, Mapping) or not isinstance(tree.get("op"), str) or not isinstance(tree.get("args"), list):
        _refuse("has a part that is not an operation with `op` and `args`")
    return tree["op"].lower(), tree["args"]


def _property(name: Any) -> Value:
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME:
        _refuse(f"has a property whose name is not a text of 1 to {MAX_NAME} characters")
    if name == "geometry":
        return lambda item: item_shape(item)
    return lambda item: lookup(item, name)


def _time(tree: Any, value: Value) -> Value:
    """The value of an operand of a temporal operator. An item without `datetime` has its time range instead."""
    if not isinstance(tree, Mapping) or plain_name(str(tree.get("property"))) != "datetime":
        return value
    return lambda item: time if (time := value(item)) is not None else span_of_item(item)


def _literal(tree: Mapping[str, Any]) -> Any:
    """The value of a literal: a span for a time, a shape for a geometry or bbox."""
    for kind in ("timestamp", "date"):
        if kind in tree:
            span = span_of_literal(tree[kind])
            if span is None:
                _refuse(f"has the {kind} {str(tree[kind])[:40]!r}, which is not an RFC 3339 time")
            return span
    if isinstance(tree.get("bbox"), list):
        return box_shape(boxes_from_numbers(tree["bbox"], "filter"))
    if tree.get("type") not in (*GEOMETRY_TYPES, "GeometryCollection"):
        _refuse("has a part that is not a value, a property or an operation")
    return parse_geometry(tree, "filter")


def _exactly(args: list[Any], count: int, name: str) -> list[Any]:
    return args if len(args) == count else _refuse(f"has the operator {name!r} with {len(args)} arguments, not {count}")


def _at_least(args: list[Any], count: int, name: str) -> list[Any]:
    return args if len(args) >= count else _refuse(f"has the operator {name!r} without arguments")


def _refuse(reason: str, valid: str = VALID) -> NoReturn:
    raise InvalidInput(f"The filter {reason}.", parameter="filter", valid=valid) from None
