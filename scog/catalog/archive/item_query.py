"""Searches for items in an archive's index, page by page, without reading more items than a page and its filters need.

What the index knows (time, place, collection, id, cloud cover) is asked of SQLite, which also sorts by it. Everything
else is tested item by item. A page begins where the one before ended: at the sort keys of its last item, so that items
that arrive in between neither repeat nor push out others.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from scog.catalog.archive.archive import Archive
from scog.catalog.archive.sql import Row, count_query, is_column, rows_query, total_order
from scog.catalog.item_search import ItemSearch, Position, position_key
from scog.errors import DeadlineExceeded

PAGE_BYTES = 16_000_000
"""Text of the items on one page; a page ends early when it passes this."""
CHUNK = 200
"""Items read at a time."""
COUNTED = 20_000
"""Items that are tested just to tell how many match; beyond it their number is left unsaid."""
SECONDS = 20.0

_LIGHT = """
SELECT number, id, CASE WHEN json_valid(item) THEN json_remove(item, '$.assets', '$.links') ELSE item END
FROM items WHERE number IN (SELECT value FROM json_each(:numbers))
"""
_WHOLE = "SELECT number, id, item FROM items WHERE number IN (SELECT value FROM json_each(:numbers))"


@dataclass(frozen=True)
class Stored:
    """An item of the archive; `path` is its file relative to the archive's folder."""

    item: dict[str, Any]
    path: str


@dataclass(frozen=True)
class Found:
    """One page. `matched` is None where it is not known; `more` tells whether there are items beyond it."""

    items: Sequence[Stored]
    first: Position | None
    last: Position | None
    more: bool
    matched: int | None


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
    if search.area is not None and not search.area.boxes:
        return Found([], None, None, False, 0)
    return _Search(archive, search).page(limit, position, backward, count)


class _Search:
    def __init__(self, archive: Archive, search: ItemSearch) -> None:
        self._archive = archive
        self._search = search
        self._orders = total_order(search.order)
        self._sorted_by_index = all(is_column(order) for order in self._orders)
        self._ends = time.monotonic() + SECONDS

    def page(self, limit: int, position: Position | None, backward: bool, count: bool) -> Found:
        """See `search_items`."""
        search = self._search
        matched: int | None = None
        if not self._sorted_by_index:
            rows, matched = self._sorted_here(position, backward)
        elif search.area is None and not search.tests:
            rows = self._rows(position, backward, limit + 1)
            matched = self._archive.select(*count_query(search))[0][0] if count else None
        else:
            rows, matched = self._walk(self._rows(position, backward, None), limit, count)
        loaded = self._load(rows[:limit])
        more = len(rows) > len(loaded)
        if backward:
            loaded.reverse()
        ends = [row.position(self._orders, stored.item) for row, stored in (loaded[:1] + loaded[-1:])]
        first, last = ends or (None, None)
        return Found([stored for _, stored in loaded], first, last, more, matched)

    def _rows(self, position: Position | None, backward: bool, limit: int | None) -> list[Row]:
        query = rows_query(self._search, self._orders, position, backward, limit)
        return list(map(Row._make, self._archive.select(*query)))

    def _walk(self, rows: list[Row], limit: int, count: bool) -> tuple[list[Row], int | None]:
        """The first rows that pass, one more than the limit, and how many pass at all, where that is asked."""
        kept: list[Row] = []
        matched = tested = 0
        for start in range(0, len(rows), CHUNK):
            passed = self._passing(rows[start : start + CHUNK])
            kept += passed[: limit + 1 - len(kept)]
            matched += len(passed)
            tested += CHUNK if self._search.tests else 0
            if len(kept) > limit and (not count or tested >= COUNTED):
                return kept, None
        return kept, matched if count else None

    def _passing(self, rows: list[Row]) -> list[Row]:
        doubtful = [row.number for row in rows if not self._is_certain(row)]
        passed = {number for number, item in self._light(doubtful) if self._passes(item)}
        return [row for row in rows if row.number in passed or self._is_certain(row)]

    def _is_certain(self, row: Row) -> bool:
        return bool(row.certain) and not self._search.tests

    def _passes(self, item: dict[str, Any]) -> bool:
        if any(test(item) is not True for test in self._search.tests):
            return False
        return self._search.area is None or self._search.area.touches(item)

    def _sorted_here(self, position: Position | None, backward: bool) -> tuple[list[Row], int]:
        """All rows that pass, sorted by properties that the index does not know, from a position on."""
        candidates = {row.number: row for row in self._rows(None, False, None)}
        key = position_key(self._orders)
        keyed = []
        for number, item in self._light(list(candidates)):
            row = candidates[number]
            if self._is_certain(row) or self._passes(item):
                keyed.append((key(row.position(self._orders, item)), row))
        matched = len(keyed)
        if position is not None:
            edge = key(position)
            keyed = [entry for entry in keyed if (entry[0] < edge if backward else entry[0] > edge)]
        keyed.sort(key=lambda entry: entry[0], reverse=backward)
        return [row for _, row in keyed], matched

    def _light(self, numbers: list[int]) -> Iterator[tuple[int, dict[str, Any]]]:
        """Items without their assets and links, which filters do not ask for and which are most of their text."""
        for start in range(0, len(numbers), CHUNK):
            if time.monotonic() > self._ends:
                raise DeadlineExceeded("The filters took too long; narrow the search by time, place or collection.")
            chunk = json.dumps(numbers[start : start + CHUNK])
            for number, name, text in self._archive.select(_LIGHT, {"numbers": chunk}):
                yield number, item_of(text, name)

    def _load(self, rows: list[Row]) -> list[tuple[Row, Stored]]:
        """Rows with their items: fewer where the page grows too large, or where items vanished in between."""
        loaded: list[tuple[Row, Stored]] = []
        size = 0
        for start in range(0, len(rows), CHUNK):
            chunk = rows[start : start + CHUNK]
            found = self._archive.select(_WHOLE, {"numbers": json.dumps([row.number for row in chunk])})
            texts: dict[int, tuple[str, str]] = {number: (name, text) for number, name, text in found}
            for row in chunk:
                if row.number not in texts:
                    continue
                name, text = texts[row.number]
                size += len(text)
                if loaded and size > PAGE_BYTES:
                    return loaded
                loaded.append((row, Stored(item_of(text, name), row.path)))
        return loaded


def item_of(text: str, name: str) -> dict[str, Any]:
    """An item as it is kept in the index, with the id that is its own; NaN, which is not JSON, becomes null."""
    item: dict[str, Any] = json.loads(text, parse_constant=lambda _: None)
    return item | {"id": name}
