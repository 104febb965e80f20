"""The local archives of a server as one STAC API: collections of all, and pages of searches merged in their order.

A collection that several archives have is `ID@CATALOGUE` here, as in `collection` of images. With one archive, nothing
is renamed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from scog.catalog.archive.archive import Archive
from scog.catalog.archive.item_query import ItemPage, StoredItem, search_items
from scog.catalog.archive.sql import total_order
from scog.catalog.item_search import TEXT, ItemSearch, Position, position_key
from scog.errors import InvalidInput, OutOfRange
from scog.suggest import did_you_mean, quoted
from scog.web.stac.documents import Documents, link

_AFTER_ALL_PATHS = "\U0010ffff"
MAX_LISTED = 100
"""Maximum number of collections that an error message lists."""


class DocumentPage(NamedTuple):
    """A page of a search: its items as documents, and the page that their links are made of."""

    items: list[dict[str, Any]]
    page: ItemPage


class Archives:
    """Documents and searches of all local archives. Methods read from disk: call them in a thread."""

    def __init__(self, archives: Mapping[str, Archive], base: str) -> None:
        """`archives` by the name of their catalogue, at least one, in order. Links begin with `base`."""
        self._names = list(archives)
        self._shared: set[str] = set()
        if len(archives) == 1:
            self._members = [Documents(archive, base) for archive in archives.values()]
        else:
            counts = Counter(each for archive in archives.values() for each in archive.collections())
            self._shared = {each for each, count in counts.items() if each and count > 1}
            self._members = [
                Documents(archive, base, {each: f"{each}@{name}" for each in self._shared}, f"{name}/")
                for name, archive in archives.items()
            ]
        self.root = self._members[0].root

    def landing(self) -> dict[str, Any]:
        """The landing page."""
        return self._members[0].landing(self._collections())

    def collections(self) -> dict[str, Any]:
        """The list of collections."""
        links = [link("self", f"{self.root}/collections"), link("root", self.root), link("parent", self.root)]
        return {"collections": self._collections(), "links": links}

    def find(self, collection: str) -> tuple[Documents, str]:
        """The documents of a collection's archive, and its own id. Raises OutOfRange if there is none."""
        for member in self._members:
            for name in member.names():
                if member.spelling(name) == collection:
                    return member, name
        names = [member.spelling(name) for member in self._members for name in member.names()]
        message = f"Unknown collection {quoted(collection)}{did_you_mean(collection, names) or '.'}"
        raise OutOfRange(message, parameter="collection", valid=", ".join(names[:MAX_LISTED]))

    def queryables(self) -> dict[str, Any]:
        """JSON Schema of the queryables of all collections."""
        first, *others = [member.queryables(None) for member in self._members]
        for other in others:
            first["properties"] = other["properties"] | first["properties"]
        return first

    def item(self, collection: str, item: str) -> dict[str, Any]:
        """An item. Raises OutOfRange if there is none."""
        member, name = self.find(collection)
        result = search_items(member.archive, ItemSearch((name,), (item,)), 1)
        if not result.items:
            raise OutOfRange(f"Unknown item {quoted(item)} in collection {quoted(collection)}.", parameter="item")
        return member.item(result.items[0])

    def file(self, path: str) -> tuple[Archive, str]:
        """The archive of a file, and the file's path there. Raises OutOfRange if there is no such archive."""
        if len(self._members) == 1:
            return self._members[0].archive, path
        name, _, rest = path.partition("/")
        if name not in self._names:
            message, valid = f"No asset has the file {quoted(path)}.", "the path of an asset's href"
            raise OutOfRange(message, parameter="path", valid=valid)
        return self._members[self._names.index(name)].archive, rest

    def search(
        self, search: ItemSearch, limit: int, position: Position | None, *, backward: bool, count: bool
    ) -> DocumentPage:
        """A page of items, as `search_items` returns it.

        In the positions of several archives, the last key is the number of the archive and the path. Raises
        InvalidInput for a position of another server, and what `search_items` raises.
        """
        if shared := sorted(set(search.collections) & self._shared):
            valid = " or ".join(f"{shared[0]}@{name}" for name in self._names)
            message = f"Several archives have the collection {quoted(shared[0])}."
            raise InvalidInput(message, parameter="collections", valid=valid)
        if len(self._members) == 1:
            (member,) = self._members
            page = search_items(member.archive, search, limit, position, backward=backward, count=count)
            return DocumentPage([member.item(stored) for stored in page.items], page)
        pages = [
            search_items(
                member.archive,
                replace(search, collections=own),
                limit,
                None if position is None else _position_in(number, position),
                backward=backward,
                count=count,
                positions=True,
            )
            if (own := self._own_collections(member, search.collections)) or not search.collections
            else ItemPage([], None, None, False, 0)
            for number, member in enumerate(self._members)
        ]
        numbers, merged = _merged(pages, search, limit, backward)
        documents = [self._members[number].item(stored) for number, stored in zip(numbers, merged.items, strict=True)]
        return DocumentPage(documents, merged)

    def _collections(self) -> list[dict[str, Any]]:
        return [member.collection(name) for member in self._members for name in member.names()]

    def _own_collections(self, member: Documents, collections: Sequence[str]) -> tuple[str, ...]:
        return tuple(name for name in member.names() if member.spelling(name) in collections)


def _position_in(number: int, position: Position) -> Position:
    """A position of all archives as one in archive `number`.

    Items that are equal but for the archive and the path are in the order of the archives.
    """
    *keys, (_, text) = position
    at, colon, path = str(text).partition(":")
    if not (colon and at.isdecimal()):
        valid = "the token of a `next` or `prev` link"
        raise InvalidInput("The token is not one of this search.", parameter="token", valid=valid)
    if number != int(at):
        path = "" if number > int(at) else _AFTER_ALL_PATHS
    return [*keys, (TEXT, path)]


def _merged(pages: Sequence[ItemPage], search: ItemSearch, limit: int, backward: bool) -> tuple[list[int], ItemPage]:
    """The number of each item's archive, and the page of the first `limit` items of all pages; the last if `backward`.

    A page may end before `limit`; later items of other pages are then left to the next page.
    """
    key = position_key(total_order(search.order))
    entries: list[tuple[Any, int, str, Position, StoredItem, bool]] = []
    for number, page in enumerate(pages):
        last = 0 if backward else len(page.items) - 1
        for index, (stored, (*keys, (_, path))) in enumerate(zip(page.items, page.positions, strict=True)):
            position: Position = [*keys, (TEXT, f"{number}:{path}")]
            is_end = page.has_more and index == last
            entries.append((key([*keys, (TEXT, "")]), number, str(path), position, stored, is_end))
    entries.sort(key=lambda entry: entry[:3], reverse=backward)
    end = next((index + 1 for index, entry in enumerate(entries) if entry[5]), len(entries))
    taken = entries[: min(limit, end)]
    has_more = len(entries) > len(taken) or any(page.has_more for page in pages)
    if backward:
        taken.reverse()
    matched = [page.matched for page in pages]
    return [entry[1] for entry in taken], ItemPage(
        [entry[4] for entry in taken],
        taken[0][3] if taken else None,
        taken[-1][3] if taken else None,
        has_more,
        None if None in matched else sum(each or 0 for each in matched),
    )
