"""The SQL of item searches: candidates with what sorts them, without the items themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from scog.catalog.archive.index import LONGEST
from scog.catalog.item_search import CLOUD_COVER, NOTHING, ItemSearch, Order, Position, kind_of
from scog.catalog.properties import plain_name
from scog.geo.footprint import Bounds

PATH = ""
"""What the last sort key is called, the item's file; no property has this name."""
_COLUMNS = ("time", "id", "collection", "cloud_cover", "path")
_COLUMN_OF = dict(zip(("datetime", "id", "collection", CLOUD_COVER, PATH), _COLUMNS, strict=True))
SqlQuery = tuple[str, Mapping[str, Any]]


class Row(NamedTuple):
    """A candidate as `rows_query` finds it; `certain` where its footprint need not be looked at.

    There may be very many, so that what is not always needed is worked out only when it is.
    """

    number: int
    certain: bool
    time: float
    id: str
    collection: str
    cloud_cover: float | None
    path: str

    def position(self, orders: Sequence[Order], item: Mapping[str, Any]) -> Position:
        """Where it stands; the item is asked for what the index does not know."""
        known = dict(zip(_COLUMN_OF, self[2:], strict=True))
        names = [plain_name(order.name) for order in orders]
        return [
            kind_of(known[name]) if name in known else order.of(item) for name, order in zip(names, orders, strict=True)
        ]


def total_order(orders: Sequence[Order]) -> tuple[Order, ...]:
    """An order in which no two items are equal: then by collection, id and file."""
    named = {plain_name(order.name) for order in orders}
    return (*orders, *(Order(name) for name in ("collection", "id", PATH) if name not in named))


def is_column(order: Order) -> bool:
    """Whether the index itself can sort by it."""
    return plain_name(order.name) in _COLUMN_OF


def rows_query(
    search: ItemSearch, orders: Sequence[Order], position: Position | None, backward: bool, limit: int | None
) -> SqlQuery:
    """Candidates of a search, sorted if the index can: the fields of Row."""
    conditions, values = _conditions(search)
    source, certain = "items", "1"
    if search.area is not None:
        source, certain = _near(search.area.boxes, search.area.is_boxes, values), "near.certain"
    text = f"SELECT number, {certain}, {', '.join(_COLUMNS)} FROM {source}"
    ending = ""
    if all(is_column(order) for order in orders):
        terms = _terms(orders, backward)
        if position is not None:
            conditions += _beyond(terms, _term_values(orders, position), values)
        ending = " ORDER BY " + ", ".join(f"{term} {'DESC' if falling else 'ASC'}" for term, falling in terms)
    if limit is not None:
        values["limit"] = limit
        ending += " LIMIT :limit"
    return text + _where(conditions) + ending, values


def count_query(search: ItemSearch) -> SqlQuery:
    """How many items there are, for a search without area."""
    conditions, values = _conditions(search)
    return "SELECT count(*) FROM items" + _where(conditions), values


def _where(conditions: Sequence[str]) -> str:
    return " WHERE " + " AND ".join(conditions) if conditions else ""


def _conditions(search: ItemSearch) -> tuple[list[str], dict[str, Any]]:
    conditions: list[str] = []
    values: dict[str, Any] = {}
    for column, wanted in (("collection", search.collections), ("id", search.ids)):
        if wanted:
            # One JSON value, since SQLite bounds the number of values.
            conditions.append(f"{column} IN (SELECT value FROM json_each(:{column}))")
            values[column] = json.dumps(wanted)
    if search.interval is not None and search.interval.start is not None:
        conditions.append(f"ending >= :start AND time >= :start - {LONGEST}")
        values["start"] = search.interval.start.timestamp()
    if search.interval is not None and search.interval.end is not None:
        conditions.append(f"start <= :end AND time <= :end + {LONGEST}")
        values["end"] = search.interval.end.timestamp()
    for number, (comparison, cover) in enumerate(search.covers):
        conditions.append(f"cloud_cover {comparison} :cover{number}")
        values[f"cover{number}"] = cover
    return conditions, values


def _near(boxes: Sequence[Bounds], certain: bool, values: dict[str, Any]) -> str:
    """Items with a bounding box that touches one of the boxes, certain where it lies within."""
    parts = []
    for number, box in enumerate(boxes):
        names = [f"{side}{number}" for side in ("west", "south", "east", "north")]
        values |= dict(zip(names, box, strict=True))
        west, south, east, north = (f":{name}" for name in names)
        within = f"west >= {west} AND east <= {east} AND south >= {south} AND north <= {north}" if certain else "0"
        touching = f"east >= {west} AND west <= {east} AND north >= {south} AND south <= {north}"
        parts.append(f"SELECT item AS owner, ({within}) AS inside FROM places WHERE {touching}")
    return (
        f"(SELECT owner, max(inside) AS certain FROM ({' UNION ALL '.join(parts)}) GROUP BY owner) AS near "
        "JOIN items ON items.number = near.owner"
    )


def _terms(orders: Sequence[Order], backward: bool) -> list[tuple[str, bool]]:
    """What SQLite sorts by, each with whether it falls. Unknown covers come last in either direction."""
    terms: list[tuple[str, bool]] = []
    for order in orders:
        column = _COLUMN_OF[plain_name(order.name)]
        if column == "cloud_cover":
            terms.append(("(cloud_cover IS NULL)", backward))
        terms.append((column, order.descending != backward))
    return terms


def _term_values(orders: Sequence[Order], position: Position) -> list[Any]:
    found: list[Any] = []
    for order, (kind, value) in zip(orders, position, strict=True):
        if _COLUMN_OF[plain_name(order.name)] == "cloud_cover":
            found.append(int(kind == NOTHING))
        found.append(None if kind == NOTHING else value)
    return found


def _beyond(terms: Sequence[tuple[str, bool]], edge: Sequence[Any], values: dict[str, Any]) -> list[str]:
    """Rows behind an edge: the first term that differs lies beyond its value."""
    cases = []
    for number, (term, falling) in enumerate(terms):
        values[f"edge{number}"] = edge[number]
        same = [f"{earlier} IS :edge{index}" for index, (earlier, _) in enumerate(terms[:number])]
        cases.append("(" + " AND ".join([*same, f"{term} {'<' if falling else '>'} :edge{number}"]) + ")")
    first, falling = terms[0]
    # The same once more for the first term alone, which lets SQLite begin at the edge instead of at the start.
    return [f"{first} {'<=' if falling else '>='} :edge0", "(" + " OR ".join(cases) + ")"]
