"""A search for items: filters and sort order, independent of how the catalogue executes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any

from scog.catalog.cql2.comparison import COMPARISONS, Truth, is_number
from scog.catalog.properties import MAX_NAME, lookup, plain_name
from scog.errors import InvalidInput
from scog.geo.footprint import Bounds
from scog.temporal.intervals import Interval

Item = Mapping[str, Any]
CLOUD_COVER = "eo:cloud_cover"
NUMBER, TEXT, FLAG, NOTHING = range(4)
"""Kinds of values, in their sort order."""
Position = list[tuple[int, Any]]
"""Position of an item in a sort order: for each sort key the kind of its value, and the value."""


@dataclass(frozen=True)
class SearchArea:
    """The area that footprints must intersect.

    `boxes` are bounds in degrees that contain the area. If `is_boxes`, the area consists of these boxes. `touches`
    returns whether an item intersects the area.
    """

    boxes: tuple[Bounds, ...]
    touches: Callable[[Item], bool]
    is_boxes: bool


@dataclass(frozen=True)
class SortKey:
    """One sort key. Items without a value come last in both directions."""

    name: str
    descending: bool = False

    def of(self, item: Item) -> tuple[int, Any]:
        """Sort key of an item: the kind of its value, then the value."""
        return kind_of(lookup(item, self.name))


def kind_of(value: object) -> tuple[int, Any]:
    """A value with its kind. Lists and objects have no order and count as missing."""
    if isinstance(value, bool):
        return FLAG, int(value)
    if is_number(value):
        return NUMBER, value
    return (TEXT, value) if isinstance(value, str) else (NOTHING, 0)


NEWEST_FIRST = (SortKey("datetime", descending=True), SortKey("id"), SortKey("collection"))


@dataclass(frozen=True)
class ItemSearch:
    """A search for the items that meet all conditions. Empty tuples and None impose no condition.

    `covers` are comparisons with the cloud cover, such as `("<=", 20.0)`. `tests` are all other conditions.
    """

    collections: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    area: SearchArea | None = None
    interval: Interval | None = None
    covers: tuple[tuple[str, float], ...] = ()
    tests: tuple[Callable[[Item], Truth], ...] = ()
    order: tuple[SortKey, ...] = NEWEST_FIRST


def compare_positions(orders: Sequence[SortKey], left: Position, right: Position) -> int:
    """Negative if `left` comes first, positive if `right` does, 0 if they are equal."""
    for order, one, other in zip(orders, left, right, strict=True):
        if one == other:
            continue
        before = one < other if NOTHING in (one[0], other[0]) else (one < other) != order.descending
        return -1 if before else 1
    return 0


def position_key(orders: Sequence[SortKey]) -> Callable[[Any], Any]:
    """A key function for `sorted` that sorts positions by `orders`."""
    return cmp_to_key(lambda left, right: compare_positions(orders, left, right))


# The query extension (https://github.com/stac-api-extensions/query)

_COMPARISONS = {"eq": "=", "neq": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_TEXT_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": lambda text, part: part in text,
}
VALID_QUERY = 'an object such as {"eo:cloud_cover": {"lt": 20}} with the operators ' + ", ".join(
    [*_COMPARISONS, *_TEXT_OPERATORS, "in"]
)
MAX_CONDITIONS = 100


def query_conditions(query: object) -> tuple[list[tuple[str, float]], list[Callable[[Item], Truth]]]:
    """The comparisons of a query with the cloud cover, and all other conditions as tests. Raises InvalidInput.

    An item without the property matches no operator except `eq: null`.
    """
    covers: list[tuple[str, float]] = []
    tests: list[Callable[[Item], Truth]] = []
    if not isinstance(query, Mapping):
        raise _bad_query("The query is not an object.")
    for name, conditions in query.items():
        if not isinstance(conditions, Mapping) or not 0 < len(name) <= MAX_NAME:
            raise _bad_query(f"The query for {name[:80]!r} is not an object.")
        for operator, value in conditions.items():
            if plain_name(name) == CLOUD_COVER and operator in _COMPARISONS and is_number(value):
                covers.append((_COMPARISONS[operator], float(value)))
            else:
                tests.append(_condition(name, operator, value))
    if len(covers) + len(tests) > MAX_CONDITIONS:
        raise _bad_query(f"The query has more than {MAX_CONDITIONS} conditions.")
    return covers, tests


def _condition(name: str, operator: str, value: Any) -> Callable[[Item], Truth]:
    if operator in ("eq", "neq") and value is None:
        return lambda item: (lookup(item, name) is None) == (operator == "eq")
    if operator in _COMPARISONS and (isinstance(value, str | bool) or is_number(value)):
        compare = COMPARISONS[_COMPARISONS[operator]]
        return lambda item: compare(lookup(item, name), value)
    if operator in _TEXT_OPERATORS and isinstance(value, str):
        return lambda item: _text_test(operator, lookup(item, name), value)
    if operator == "in" and isinstance(value, list):
        same = COMPARISONS["="]
        return lambda item: any(same(lookup(item, name), choice) for choice in value)
    if operator in (*_COMPARISONS, *_TEXT_OPERATORS, "in"):
        raise _bad_query(f"The operator {operator!r} of {name[:80]!r} does not take this value.")
    raise _bad_query(f"Unknown operator {operator[:40]!r}.")


def _text_test(operator: str, text: object, part: str) -> Truth:
    """Apply a text operator. On a list, `contains` tests whether `part` is an entry."""
    if isinstance(text, list) and operator == "contains":
        return part in text
    return _TEXT_OPERATORS[operator](text, part) if isinstance(text, str) else None


def _bad_query(message: str) -> InvalidInput:
    return InvalidInput(message, parameter="query", valid=VALID_QUERY)
