"""Searches for items in an archive's index, page by page, without reading more items than a page and its filters need.

What the index knows (time, place, collection, id, cloud cover) is asked of SQLite, which also sorts by it. Everything
else is tested item by item. A page begins where the one before ended: at the sort keys of its last item, so that items
that arrive in between neither repeat nor push out others.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import shapely

from scog.catalog.archive import Archive
from scog.catalog.item_search import CLOUD_COVER, ItemSearch, Order, position_key
from scog.catalog.properties import plain_name
from scog.catalog.shapes import item_shape
from scog.errors import DeadlineExceeded

PAGE_BYTES = 16_000_000
"""Text of the items on one page; a page ends early when it passes this."""
CHUNK = 200
"""Items read at a time."""
COUNTED = 20_000
"""Items that are tested just to tell how many match; beyond it their number is left unsaid."""
SECONDS = 20.0

Position = list[tuple[int, Any]]
"""Where an item stands in the order: for each sort key, the kind of its value and the value."""

_COLUMNS = {"datetime": "time", "id": "id", "collection": "collection", CLOUD_COVER: "cloud_cover", "path": "path"}


@dataclass(frozen=True)
class Stored:
    """An item of the archive; `path` is its file relative to the archive's folder."""

    item: dict[str, Any]
    path: str


@dataclass(frozen=True)
class Found:
    """One page. `matched` is None where it is not known; `more` tells whether there are items beyond it."""

    items: Sequence[Stored]
    first: Position
    last: Position
    more: bool
    matched: int | None


@dataclass(frozen=True)
class _Row:
    number: int
    certain: bool
    position: Position


def search_items(
    archive: Archive,
    search: ItemSearch,
    limit: int,
    position: Position | None = None,
    *,
    backward: bool = False,
    count: bool = True,
) -> Found:
    """The items after a position, or before it when going backward; always in the search's order.

    Raises DeadlineExceeded where the filters take too long, CatalogUnavailable or CatalogBroken.
    """
    return _Search(archive, search).page(limit, position, backward, count)


def orders_of(search: ItemSearch) -> tuple[Order, ...]:
    """The search's order, made total: equal keys are told apart by collection, id and file."""
    named = {plain_name(order.name) for order in search.order}
    return (*search.order, *(Order(name) for name in ("collection", "id", "path") if name not in named))


class _Search:
    def __init__(self, archive: Archive, search: ItemSearch) -> None:
        self._archive = archive
        self._search = search
        self._orders = orders_of(search)
        self._names = [plain_name(order.name) for order in self._orders]
        self._sorted_by_index = all(name in _COLUMNS for name in self._names)
        self._ends = time.monotonic() + SECONDS

    def page(self, limit: int, position: Position | None, backward: bool, count: bool) -> Found:
        search = self._search
        matched: int | None = None
        if not self._sorted_by_index:
            rows, matched = self._sorted_here(position, backward)
            rows, more = rows[:limit], len(rows) > limit
        elif search.area is None and not search.tests:
            rows = self._rows(position, backward, limit + 1)
            rows, more = rows[:limit], len(rows) > limit
            matched = self._count() if count else None
        else:
            rows, more, matched = self._walk(self._rows(position, backward, None), limit, count)
        items, cut = self._load(rows)
        rows, more = rows[: len(items)], more or cut
        if backward:
            rows, items = rows[::-1], items[::-1]
        ends = (rows[0].position, rows[-1].position) if rows else ([], [])
        return Found(items, *ends, more=more, matched=matched)

    def _walk(self, rows: list[_Row], limit: int, count: bool) -> tuple[list[_Row], bool, int | None]:
        """The first `limit` rows that pass, whether there are more, and how many there are, where that is asked."""
        kept: list[_Row] = []
        matched = tested = 0
        for start in range(0, len(rows), CHUNK):
            chunk = rows[start : start + CHUNK]
            tested += sum(not self._is_certain(row) for row in chunk)
            passed = self._passing(chunk)
            matched += len(passed)
            kept += passed[: limit + 1 - len(kept)]
            if len(kept) > limit and (not count or tested > COUNTED):
                return kept[:limit], True, None
        return kept[:limit], len(kept) > limit, matched if count else None

    def _passing(self, rows: list[_Row]) -> list[_Row]:
        doubtful = [row.number for row in rows if not self._is_certain(row)]
        passed = {number for number, item, _ in self._light(doubtful) if self._passes(item)}
        return [row for row in rows if self._is_certain(row) or row.number in passed]

    def _is_certain(self, row: _Row) -> bool:
        return row.certain and not self._search.tests

    def _passes(self, item: dict[str, Any]) -> bool:
        if any(test(item) is not True for test in self._search.tests):
            return False
        area = self._search.area
        if area is None:
            return True
        shape = item_shape(item.get("geometry"))
        return shape is not None and bool(shapely.intersects(area.shape, shape))

    def _sorted_here(self, position: Position | None, backward: bool) -> tuple[list[_Row], int]:
        """All rows that pass, sorted by properties that the index does not know, from a position on."""
        key = position_key(self._orders)
        certain = {row.number: row.certain for row in self._rows(None, False, None)}
        rows = []
        for number, item, path in self._light(list(certain)):
            if (certain[number] and not self._search.tests) or self._passes(item):
                rows.append(_Row(number, True, [order.of(item | {"properties": _with_path(item, path)}) for order in self._orders]))
        rows.sort(key=lambda row: key(row.position), reverse=backward)
        matched = len(rows)
        if position is not None:
            edge = key(position)
            rows = [row for row in rows if (key(row.position) < edge if backward else key(row.position) > edge)]
        return rows, matched

    # What SQLite is asked

    def _light(self, numbers: list[int]) -> Iterator[tuple[int, dict[str, Any], str]]:
        """Items without their assets and links, which filters do not ask for and which are most of their text."""
        for start in range(0, len(numbers), CHUNK):
            if time.monotonic() > self._ends:
                raise DeadlineExceeded("The filters took too long; narrow the search by time, place or collection.")
            yield from (
                (number, json.loads(item), path)
                for number, item, path in self._archive.select(_LIGHT, {"numbers": json.dumps(numbers[start : start + CHUNK])})
            )

    def _load(self, rows: list[_Row]) -> tuple[list[Stored], bool]:
        """The items of rows, and whether they were cut off because they are large."""
        stored: list[Stored] = []
        size = 0
        for start in range(0, len(rows), CHUNK):
            numbers = [row.number for row in rows[start : start + CHUNK]]
            found = self._archive.select(_WHOLE, {"numbers": json.dumps(numbers)})
            texts = {number: (item, path) for number, item, path in found}
            for number in numbers:
                if number not in texts:  # the index was brought up to date in between
                    return stored, True
                text, path = texts[number]
                size += len(text)
                if stored and size > PAGE_BYTES:
                    return stored, True
                stored.append(Stored(parse_item_text(text), path))
        return stored, False
