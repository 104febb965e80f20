"""Item searches in an archive's index, page by page, reading only the items that a page and its filters need.

SQLite filters and sorts by the indexed values (time, bounds, collection, id, cloud cover); all other conditions are
tested item by item. A page starts after the sort keys of the last item of the page before, so that items added in
between cause neither duplicates nor gaps.
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
"""Maximum length of a page's items as JSON, in characters. A page ends early if it would be longer."""
CHUNK = 200
"""Number of items read at a time."""
MAX_COUNTED = 20_000
"""Maximum number of items that are tested to count the matches. With more, the number of matches is unknown."""
MAX_SECONDS = 20.0
"""Maximum time for testing items with filters."""

_SELECT_FILTERED_PART = """
SELECT number, id, CASE WHEN json_valid(item) THEN json_remove(item, '$.assets', '$.links') ELSE item END
FROM items WHERE number IN (SELECT value FROM json_each(:numbers))
"""
_SELECT_ITEMS = "SELECT number, id, item FROM items WHERE number IN (SELECT value FROM json_each(:numbers))"


@dataclass(frozen=True)
class StoredItem:
    """An item of the archive. `path` is relative to the archive's folder."""

    item: dict[str, Any]
    path: str


@dataclass(frozen=True)
class ItemPage:
    """One page of a search.

    `first` and `last` are the positions of the page's first and last item, None if the page is empty. `has_more` is
    True if items follow in the direction of paging. `matched` is the number of all matches, None if unknown.
    `positions` are those of all items, if they were requested.
    """

    items: Sequence[StoredItem]
    first: Position | None
    last: Position | None
    has_more: bool
    matched: int | None
    positions: Sequence[Position] = ()


def search_items(
    archive: Archive,
    search: ItemSearch,
    limit: int,
    position: Position | None = None,
    *,
    backward: bool = False,
    count: bool = True,
    positions: bool = False,
) -> ItemPage:
    """The page of items after a position, or before it if `backward`, in the search's order.

    With `positions`, the page has the position of each item.

    Raises DeadlineExceeded if the filters take too long, CatalogUnavailable or CatalogBroken.
    """
    if search.area is not None and not search.area.boxes:
        return ItemPage([], None, None, False, 0)
    return _Search(archive, search).page(limit, position, backward, count, positions)


class _Search:
    def __init__(self, archive: Archive, search: ItemSearch) -> None:
        self._archive = archive
        self._search = search
        self._orders = total_order(search.order)
        self._sorted_by_index = all(is_column(order) for order in self._orders)
        self._deadline = time.monotonic() + MAX_SECONDS

    def page(self, limit: int, position: Position | None, backward: bool, count: bool, positions: bool) -> ItemPage:
        """See `search_items`."""
        search = self._search
        matched: int | None = None
        if not self._sorted_by_index:
            rows, matched = self._filter_and_sort(position, backward)
        elif search.area is None and not search.tests:
            rows = self._rows(position, backward, limit + 1)
            matched = self._archive.select(*count_query(search))[0][0] if count else None
        else:
            rows, matched = self._filter(self._rows(position, backward, None), limit, count)
        loaded = self._load(rows[:limit])
        has_more = len(rows) > len(loaded)
        if backward:
            loaded.reverse()
        located = loaded if positions else loaded[:1] + loaded[-1:]
        found = [row.position(self._orders, stored.item) for row, stored in located]
        first, last = (found[0], found[-1]) if found else (None, None)
        items = [stored for _, stored in loaded]
        return ItemPage(items, first, last, has_more, matched, found if positions else ())

    def _rows(self, position: Position | None, backward: bool, limit: int | None) -> list[Row]:
        query = rows_query(self._search, self._orders, position, backward, limit)
        return list(map(Row._make, self._archive.select(*query)))

    def _filter(self, rows: list[Row], limit: int, count: bool) -> tuple[list[Row], int | None]:
        """The first `limit` + 1 rows that match, and the number of all matches; None without `count`, or if unknown."""
        matching: list[Row] = []
        matched = tested = 0
        for start in range(0, len(rows), CHUNK):
            chunk = self._matching(rows[start : start + CHUNK])
            matching += chunk[: limit + 1 - len(matching)]
            matched += len(chunk)
            tested += CHUNK if self._search.tests else 0
            if len(matching) > limit and (not count or tested >= MAX_COUNTED):
                return matching, None
        return matching, matched if count else None

    def _matching(self, rows: list[Row]) -> list[Row]:
        uncertain = [row.number for row in rows if not self._is_certain(row)]
        matching = {number for number, item in self._items_to_test(uncertain) if self._matches(item)}
        return [row for row in rows if row.number in matching or self._is_certain(row)]

    def _is_certain(self, row: Row) -> bool:
        """Whether a row matches by the indexed values alone."""
        return bool(row.certain) and not self._search.tests

    def _matches(self, item: dict[str, Any]) -> bool:
        if any(test(item) is not True for test in self._search.tests):
            return False
        return self._search.area is None or self._search.area.touches(item)

    def _filter_and_sort(self, position: Position | None, backward: bool) -> tuple[list[Row], int]:
        """All rows that match, sorted by properties that are not indexed, from a position on, and their number."""
        candidates = {row.number: row for row in self._rows(None, False, None)}
        key = position_key(self._orders)
        keyed = []
        for number, item in self._items_to_test(list(candidates)):
            row = candidates[number]
            if self._is_certain(row) or self._matches(item):
                keyed.append((key(row.position(self._orders, item)), row))
        matched = len(keyed)
        if position is not None:
            start = key(position)
            keyed = [entry for entry in keyed if (entry[0] < start if backward else entry[0] > start)]
        keyed.sort(key=lambda entry: entry[0], reverse=backward)
        return [row for _, row in keyed], matched

    def _items_to_test(self, numbers: list[int]) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield items without assets and links. These are most of an item's JSON, and filters do not use them.

        Raises DeadlineExceeded.
        """
        for start in range(0, len(numbers), CHUNK):
            if time.monotonic() > self._deadline:
                raise DeadlineExceeded(
                    f"The filters took more than {MAX_SECONDS:g} s. Narrow the search by time, area or collection."
                )
            chunk = json.dumps(numbers[start : start + CHUNK])
            for number, item_id, text in self._archive.select(_SELECT_FILTERED_PART, {"numbers": chunk}):
                yield number, item_of(text, item_id)

    def _load(self, rows: list[Row]) -> list[tuple[Row, StoredItem]]:
        """Rows with their items: fewer if the page would be too large, or if items were deleted meanwhile."""
        loaded: list[tuple[Row, StoredItem]] = []
        size = 0
        for start in range(0, len(rows), CHUNK):
            chunk = rows[start : start + CHUNK]
            selected = self._archive.select(_SELECT_ITEMS, {"numbers": json.dumps([row.number for row in chunk])})
            texts: dict[int, tuple[str, str]] = {number: (item_id, text) for number, item_id, text in selected}
            for row in chunk:
                if row.number not in texts:
                    continue
                item_id, text = texts[row.number]
                size += len(text)
                if loaded and size > PAGE_BYTES:
                    return loaded
                loaded.append((row, StoredItem(item_of(text, item_id), row.path)))
        return loaded


def item_of(text: str, item_id: str) -> dict[str, Any]:
    """The item of a row of the index, with its unique id. NaN, which is not JSON, becomes null."""
    item: dict[str, Any] = json.loads(text, parse_constant=lambda _: None)
    return item | {"id": item_id}
