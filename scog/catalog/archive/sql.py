"""SQL of item searches, which selects candidate rows with their indexed values, without the items' JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from scog.catalog.archive.index import LONGEST
from scog.catalog.item_search import CLOUD_COVER, NOTHING, ItemSearch, Position, SortKey, kind_of
from scog.catalog.properties import plain_name
from scog.geo.footprint import Bounds

PATH = ""
"""Name of the last sort key, the item's path; no property has this name."""
_COLUMNS = ("time", "id", "collection", "cloud_cover", "path")
_COLUMN_OF = dict(zip(("datetime", "id", "collection", CLOUD_COVER, PATH), _COLUMNS, strict=True))
SqlQuery = tuple[str, Mapping[str, Any]]


class Row(NamedTuple):
    """A candidate that `rows_query` selects. `certain` is True if its footprint certainly intersects the area.

    A search may have very many rows, so sort positions are computed only when needed.
    """

    number: int
    certain: bool
    time: float
    id: str
    collection: str
    cloud_cover: float | None
    path: str

    def position(self, orders: Sequence[SortKey], item: Mapping[str, Any]) -> Position:
        """Position in a sort order, from the indexed values, or from `item` for those that are not indexed."""
        indexed = dict(zip(_COLUMN_OF, self[2:], strict=True))
        names = [plain_name(order.name) for order in orders]
        return [
            kind_of(indexed[name]) if name in indexed else order.of(item)
            for name, order in zip(names, orders, strict=True)
        ]


def total_order(orders: Sequence[SortKey]) -> tuple[SortKey, ...]:
    """The sort keys, then collection, id and path if they are missing, so that no two items are equal."""
    names = {plain_name(order.name) for order in orders}
    return (*orders, *(SortKey(name) for name in ("collection", "id", PATH) if name not in names))


def is_column(order: SortKey) -> bool:
    """Whether SQLite can sort by the key."""
    return plain_name(order.name) in _COLUMN_OF


def rows_query(
    search: ItemSearch, orders: Sequence[SortKey], position: Position | None, backward: bool, limit: int | None
) -> SqlQuery:
    """SQL that selects the candidates of a search as `Row`, sorted if all sort keys are columns."""
    conditions, values = _conditions(search)
    source, certain = "items", "1"
    if search.area is not None:
        source, certain = _candidates(search.area.boxes, search.area.is_boxes, values), "candidates.certain"
    text = f"SELECT number, {certain}, {', '.join(_COLUMNS)} FROM {source}"
    ending = ""
    if all(is_column(order) for order in orders):
        terms = _terms(orders, backward)
        if position is not None:
            conditions += _beyond(terms, _term_values(orders, position), values)
        ending = " ORDER BY " + ", ".join(f"{term} {'DESC' if descending else 'ASC'}" for term, descending in terms)
    if limit is not None:
        values["limit"] = limit
        ending += " LIMIT :limit"
    return text + _where(conditions) + ending, values


def count_query(search: ItemSearch) -> SqlQuery:
    """SQL that counts the matches of a search without area and tests."""
    conditions, values = _conditions(search)
    return "SELECT count(*) FROM items" + _where(conditions), values


def _where(conditions: Sequence[str]) -> str:
    return " WHERE " + " AND ".join(conditions) if conditions else ""


def _conditions(search: ItemSearch) -> tuple[list[str], dict[str, Any]]:
    conditions: list[str] = []
    values: dict[str, Any] = {}
    for column, choices in (("collection", search.collections), ("id", search.ids)):
        if choices:
            # One JSON array, because SQLite limits the number of parameters.
            conditions.append(f"{column} IN (SELECT value FROM json_each(:{column}))")
            values[column] = json.dumps(choices)
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


def _candidates(boxes: Sequence[Bounds], certain: bool, values: dict[str, Any]) -> str:
    """SQL for items whose bounding box intersects a box. With `certain`, items entirely within a box are certain."""
    parts = []
    for number, box in enumerate(boxes):
        names = [f"{side}{number}" for side in ("west", "south", "east", "north")]
        values |= dict(zip(names, box, strict=True))
        west, south, east, north = (f":{name}" for name in names)
        within = f"west >= {west} AND east <= {east} AND south >= {south} AND north <= {north}" if certain else "0"
        touching = f"east >= {west} AND west <= {east} AND north >= {south} AND south <= {north}"
        parts.append(f"SELECT item AS owner, ({within}) AS inside FROM places WHERE {touching}")
    return (
        f"(SELECT owner, max(inside) AS certain FROM ({' UNION ALL '.join(parts)}) GROUP BY owner) AS candidates "
        "JOIN items ON items.number = candidates.owner"
    )


def _terms(orders: Sequence[SortKey], backward: bool) -> list[tuple[str, bool]]:
    """Terms to sort by, each with whether it is descending. Unknown cloud covers come last in both directions."""
    terms: list[tuple[str, bool]] = []
    for order in orders:
        column = _COLUMN_OF[plain_name(order.name)]
        if column == "cloud_cover":
            terms.append(("(cloud_cover IS NULL)", backward))
        terms.append((column, order.descending != backward))
    return terms


def _term_values(orders: Sequence[SortKey], position: Position) -> list[Any]:
    """The value of each term at a position."""
    values: list[Any] = []
    for order, (kind, value) in zip(orders, position, strict=True):
        if _COLUMN_OF[plain_name(order.name)] == "cloud_cover":
            values.append(int(kind == NOTHING))
        values.append(None if kind == NOTHING else value)
    return values


def _beyond(terms: Sequence[tuple[str, bool]], after: Sequence[Any], values: dict[str, Any]) -> list[str]:
    """Conditions for rows after the term values `after`: the first term that differs is beyond its value.

    Adds the parameters to `values`.
    """
    cases = []
    for number, (term, descending) in enumerate(terms):
        values[f"after{number}"] = after[number]
        same = [f"{earlier} IS :after{index}" for index, (earlier, _) in enumerate(terms[:number])]
        cases.append("(" + " AND ".join([*same, f"{term} {'<' if descending else '>'} :after{number}"]) + ")")
    term, descending = terms[0]
    # The redundant condition on the first term lets SQLite begin there instead of at the first row.
    return [f"{term} {'<=' if descending else '>='} :after0", "(" + " OR ".join(cases) + ")"]
