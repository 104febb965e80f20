"""All catalogues of a server or session, in order, and which of them a collection's name means.

The name is a collection's id, or `ID@CATALOGUE` where several catalogues have it or the id itself ends like that.
`@CATALOGUE` alone means the default of that catalogue. Without a name, the default of the first catalogue is meant. One
catalogue is asked nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from scog.catalog.archive.archive import Archive
from scog.catalog.own_files import is_below
from scog.catalog.query import collections_of
from scog.catalog.search import Searches
from scog.errors import CatalogUnavailable, InvalidInput
from scog.runtime.tasks import gather_all
from scog.suggest import did_you_mean, quoted

MAX_LISTED = 20
"""Maximum number of collections that an error message lists."""


class Catalogs:
    """The searches of each catalogue, the first of which has the default collection. Used within one event loop."""

    def __init__(self, members: Sequence[Searches]) -> None:
        """`members` have different names; there is at least one."""
        self._members = tuple(members)
        self._by_name = {member.name: member for member in members}
        self.folders: tuple[Path, ...] = tuple(
            member.catalog.folder for member in members if isinstance(member.catalog, Archive)
        )
        """Folders of the local archives."""

    def __iter__(self) -> Iterator[Searches]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    @property
    def first(self) -> Searches:
        """The first catalogue."""
        return self._members[0]

    async def of(self, collection: str | None) -> tuple[Searches, str | None]:
        """The searches of the catalogue that a name means, and the collection's id; None for the catalogue's default.

        Several names, separated by commas, must be of one catalogue. With several catalogues, those that a name may
        mean are asked for their collections, unless previous answers decide. A catalogue that does not answer is left
        out.

        Raises InvalidInput if no catalogue has the collection or several have it, CatalogUnavailable if none has it and
        one does not answer.
        """
        if not collection or (len(self) == 1 and "@" not in collection):
            return self.first, collection
        found = [await self._of_one(each) for each in collections_of(collection)]
        members = list(dict.fromkeys(member for member, _ in found))
        if len(members) > 1:
            message = f"The collections {quoted(collection)} are of several catalogues."
            valid = f"collections of one of the catalogues {', '.join(member.name for member in members)}"
            raise InvalidInput(message, parameter="collection", valid=valid)
        ids = [name for _, name in found if name]
        return (members or [self.first])[0], ",".join(ids) or None

    async def spelling(self, collection: str | None) -> str | None:
        """The name by which cubes store a collection: its id if it is of the first catalogue, else `ID@CATALOGUE`.

        An id with an `@` always has its catalogue, since another may get the name that follows.
        None if it is all of the first catalogue. Raises what `of` raises.
        """
        member, name = await self.of(collection)
        name = name or member.collection
        if member is self.first and not (name and "@" in name):
            return name
        return ",".join(f"{each}@{member.name}" for each in collections_of(name)) or f"@{member.name}"

    def of_first(self, spelling: str | None) -> str | None:
        """The name, for `of`, of a collection that `spelling` returned: its id means the first catalogue's."""
        if not spelling or len(self) == 1:
            return spelling
        parts = collections_of(spelling)
        return ",".join(part if self._split(part)[1] else f"{part}@{self.first.name}" for part in parts)

    def of_spelling(self, spelling: str | None) -> tuple[Searches, str | None]:
        """The searches and the collection's id, as `of`, of what `spelling` returned. No catalogue is asked."""
        parts = [self._split(part) for part in collections_of(spelling)]
        member = next((member for _, member in parts if member is not None), self.first)
        return member, ",".join(name for name, _ in parts if name) or None

    async def listed(self, collection: str, member: Searches) -> str:
        """The shortest name by which `of` finds a catalogue's collection."""
        if self._split(collection)[1] is not None:
            return f"{collection}@{member.name}"
        others = [other for other in self if other is not member]
        lists = await gather_all(other.collections.documents() for other in others)
        is_shared = any(documents and collection in documents for documents in lists)
        return f"{collection}@{member.name}" if is_shared else collection

    def folder_of(self, url: str) -> Path | None:
        """The innermost folder of a local archive that a `file:` URL is below; None if there is none."""
        folders = [folder for folder in self.folders if is_below(url, folder)]
        return max(folders, key=lambda folder: len(folder.parts), default=None)

    async def check(self, name: str, member: Searches) -> None:
        """Raise InvalidInput if a catalogue lists its collections and this one is not among them."""
        documents = await member.collections.documents()
        if documents is not None and name not in documents:
            message = f"The catalogue {member.name} has no collection {quoted(name)}"
            raise InvalidInput(
                message + (did_you_mean(name, documents) or "."), parameter="collection", valid=_listing(documents)
            )

    async def _of_one(self, collection: str) -> tuple[Searches, str | None]:
        """The catalogue and the id of one name."""
        name, member = self._split(collection)
        if member is not None:
            if name and len(self) > 1 and not member.collections.is_seen(name):
                await self.check(name, member)
            return member, name or None
        if len(self) > 1:
            return await self._find(collection), collection
        if self.first.catalog.is_live:  # it would find nothing rather than say so
            name, _, catalog = collection.rpartition("@")
            if name:
                message = f"Unknown catalogue {quoted(catalog)} in collection {quoted(collection)}."
                raise InvalidInput(message, parameter="collection", valid=f"{name}@{self.first.name}, or {name}")
        return self.first, collection

    def _split(self, collection: str) -> tuple[str, Searches | None]:
        """The id and the catalogue of `ID@CATALOGUE`; the whole text and None if it names no catalogue."""
        name, at, catalog = collection.rpartition("@")
        return (name, self._by_name[catalog]) if at and catalog in self._by_name else (collection, None)

    async def _find(self, name: str) -> Searches:
        """The only catalogue that has a collection."""
        lists = await gather_all(member.collections.documents() for member in self)
        found = [
            member
            for member, documents in zip(self, lists, strict=True)
            if member.collections.is_seen(name) or (documents is not None and name in documents)
        ]
        if len(found) == 1:
            return found[0]
        if found:
            message = f"Several catalogues have the collection {quoted(name)}."
            valid = " or ".join(f"{name}@{member.name}" for member in found)
            raise InvalidInput(message, parameter="collection", valid=valid)
        silent = [member for member, documents in zip(self, lists, strict=True) if documents is None]
        if silent:
            message = f"No catalogue that answers has a collection {quoted(name)}. {silent[0].name} does not answer:"
            raise CatalogUnavailable(f"{message} {silent[0].collections.error}")
        names = list(dict.fromkeys(each for documents in lists for each in documents or ()))
        _, at, catalog = name.rpartition("@")
        suggestion = did_you_mean(name, names) or "."
        if at:
            suggestion = f": {quoted(catalog)} is not among the catalogues {', '.join(self._by_name)}."
        raise InvalidInput(
            f"Unknown collection {quoted(name)}{suggestion}", parameter="collection", valid=_listing(names)
        )


def _listing(names: Iterable[str]) -> str:
    """Collections as text, at most MAX_LISTED of them."""
    listed = sorted(names)
    more = f" and {len(listed) - MAX_LISTED} more (see /collections)" if len(listed) > MAX_LISTED else ""
    return ", ".join(listed[:MAX_LISTED]) + more
