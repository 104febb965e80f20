"""A local archive: a folder of COGs with their STAC items, searched through SQLite with an R*Tree.

The index derives from the items' JSON files. It is stored beside them, or in memory if the folder is read-only, and is
updated whenever the archive is opened.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scog.catalog.archive.index import LONGEST, list_problems, open_index, remove_index, update_index
from scog.catalog.derived_profile import Sample
from scog.catalog.query import Page, Query, collections_of
from scog.collections.files import read_profiles
from scog.collections.profile import Profile
from scog.collections.profiles import Profiles
from scog.errors import CatalogBroken, CatalogUnavailable, InvalidInput
from scog.geo.footprint import Bounds
from scog.net.policy import UpstreamStats
from scog.net.sas import without_tokens

log = logging.getLogger(__name__)

_SELECT_PAGE = f"""
SELECT DISTINCT items.time, items.path, items.id, items.name, items.item
FROM places JOIN items ON items.number = places.item
WHERE places.east >= :west AND places.west <= :east AND places.north >= :south AND places.south <= :north
AND items.ending >= :start AND items.start <= :end
AND items.time BETWEEN :start - {LONGEST} AND :end + {LONGEST}
AND (items.cloud_cover IS NULL OR items.cloud_cover <= :cloud_cover)
AND (:orbit IS NULL OR json_extract(items.item, '$.properties."sat:orbit_state"') = :orbit)
AND (:collections IS NULL OR items.collection IN (SELECT value FROM json_each(:collections)))
AND (:after IS NULL OR items.time < :after OR (items.time = :after AND items.path > :path))
ORDER BY items.time DESC, items.path LIMIT :limit
"""
SAMPLE_ITEMS = 8
"""Number of items that tell what a collection is."""
MAX_PAGE_ITEMS = 1000
"""Maximum number of items of a page."""


class Archive:
    """The catalogue of a folder. Created by `open`. Thread-safe."""

    is_live = False

    def __init__(self, folder: Path, index: sqlite3.Connection, profiles: Profiles) -> None:
        self.folder = folder
        self.profiles = profiles
        self._index = index
        self._lock = threading.Lock()

    @classmethod
    def open(cls, folder: Path, custom: Sequence[Profile] = ()) -> Archive:
        """Open a folder and update its index. Its profiles are those of its `*.toml` files, else `custom`, else scog's.

        Raises InvalidInput if the folder does not exist or contains no usable item, or if a profile is invalid.
        """
        folder = Path(os.path.realpath(folder))
        if not folder.is_dir():
            raise InvalidInput(
                f"The folder {folder} does not exist.",
                parameter="catalog",
                valid="a folder of STAC items with their COGs, or the URL of a STAC API",
            )
        profiles = Profiles(str(folder), (*custom, *read_profiles([folder])))
        archive = cls(folder, open_index(folder), profiles)
        try:
            archive.refresh()
        except sqlite3.DatabaseError as error:  # opening it reads only its first bytes, so damage elsewhere shows here
            log.warning("the index of %s is rebuilt: %s", folder, error)
            archive._index.close()
            remove_index(folder)
            archive = cls(folder, open_index(folder), profiles)
            archive.refresh()
        if not archive.count():
            raise InvalidInput(
                f"The folder {folder} contains no usable STAC item.",
                parameter="catalog",
                valid="a folder with STAC items (*.json) beside their COGs, as cog.md describes",
            )
        return archive

    def refresh(self) -> None:
        """Add new and changed items of the folder to the index, and remove deleted ones."""
        with self._lock, self._index as index:
            update_index(index, self.folder, self.profiles)

    def problems(self) -> list[tuple[str, str]]:
        """Path and reason of each file, item or part of an item that cannot be used."""
        with _index_errors(), self._lock:
            return list_problems(self._index)

    def count(self) -> int:
        """Number of items."""
        with self._lock:
            return int(self._index.execute("SELECT count(*) FROM items").fetchone()[0])

    def find(self, query: Query) -> list[tuple[dict[str, Any], str]]:
        """The first page of items that match, newest first, each with the URL of its file.

        Ids are unique: within the collection, or, for a query without a collection, within the archive.
        """
        page = self._page(query, None)
        return list(zip(page.items, page.bases, strict=True))

    def _page(self, query: Query, cursor: Any | None) -> Page:
        """A page of items that match. A cursor is `[time, path]` of the last item of the page before."""
        west, south, east, north = query.bounds
        boxes = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
        rows: dict[str, tuple[float, str, str]] = {}
        for left, right in boxes:
            values = {
                "west": left,
                "east": right,
                "south": south,
                "north": north,
                "start": query.interval.start.timestamp() if query.interval.start else -1e18,
                "end": query.interval.end.timestamp() if query.interval.end else 1e18,
                "cloud_cover": query.cloud_cover,
                "orbit": query.orbit,
                "collections": json.dumps(query.collections) if query.collections else None,
                "after": None if cursor is None else cursor[0],
                "path": None if cursor is None else cursor[1],
                "limit": MAX_PAGE_ITEMS + 1,
            }
            with self._lock:
                for time, path, item_id, name, item in self._index.execute(_SELECT_PAGE, values):
                    rows[path] = time, item, item_id if len(query.collections) == 1 else name
        newest_first = sorted(rows.items(), key=lambda row: (-row[1][0], row[0]))
        page = newest_first[:MAX_PAGE_ITEMS]
        return Page(
            [json.loads(item) | {"id": unique_id} for _, (_, item, unique_id) in page],
            [(self.folder / path).as_uri() for path, _ in page],
            [page[-1][1][0], page[-1][0]] if len(newest_first) > MAX_PAGE_ITEMS else None,
        )

    def select(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[Any]:
        """Rows of a query to the index. Its tables are in `index.SCHEMA`.

        Raises CatalogUnavailable or CatalogBroken.
        """
        with _index_errors(), self._lock:
            return self._index.execute(sql, values).fetchall()

    def collections(self) -> list[str]:
        """Ids of the collections, sorted."""
        with self._lock:
            return [row[0] for row in self._index.execute("SELECT DISTINCT collection FROM items ORDER BY 1")]

    def collection_document(self, name: str) -> dict[str, Any]:
        """The `collection.json` of a collection; empty if it is missing or invalid."""
        if name in ("", ".", "..") or os.sep in name or "/" in name or "\0" in name:
            return {}
        path = self.folder / name / "collection.json"
        try:
            if os.path.realpath(path) != str(path):  # a symbolic link could leave the archive
                return {}
            document = json.loads(path.read_bytes(), parse_constant=lambda _: None)
        except (OSError, ValueError, RecursionError):
            return {}
        is_valid = isinstance(document, dict) and document.get("type") == "Collection" and document.get("id") == name
        return without_tokens(document) if is_valid else {}

    # The interface of `scog.catalog.query.Catalog`

    async def page(self, query: Query, cursor: Any | None, tally: UpstreamStats) -> Page:
        """A page of items that match, newest first. Raises InvalidInput if the collection does not exist."""
        tally.searches += 1
        if query.collections:
            known = await asyncio.to_thread(self.collections)
            for name in query.collections:
                if name not in known:
                    message = f"There is no collection {name[:80]!r}."
                    raise InvalidInput(message, parameter="collection", valid=" or ".join(known))
        with _index_errors():
            return await asyncio.to_thread(self._page, query, cursor)

    async def sample(self, collection: str) -> Sample:
        """The document of a collection and its newest items. Raises a CatalogError."""
        return await asyncio.to_thread(self._sample, collection)

    def _sample(self, collection: str) -> Sample:
        query = "SELECT item, path FROM items WHERE collection = ? ORDER BY time DESC LIMIT ?"
        rows = self.select(query, (collection, SAMPLE_ITEMS))
        bases = [(self.folder / path).as_uri() for _, path in rows]
        return Sample(self.collection_document(collection), [json.loads(item) for item, _ in rows], bases)

    async def newest(self, collection: str | None) -> datetime | None:
        """Time of the newest item; None if there is none."""
        names = collections_of(collection)
        sql = "SELECT max(time) FROM items WHERE ?1 IS NULL OR collection IN (SELECT value FROM json_each(?1))"
        [(time,)] = await asyncio.to_thread(self.select, sql, (json.dumps(names) if names else None,))
        return None if time is None else datetime.fromtimestamp(time, UTC)

    async def bounds(self) -> Bounds | None:
        """Bounds of all items in degrees; None if there is none."""
        sql = "SELECT min(west), min(south), max(east), max(north) FROM places"
        [bounds] = await asyncio.to_thread(self.select, sql)
        return None if bounds[0] is None else tuple(bounds)

    async def list_collections(self, tally: UpstreamStats) -> Sequence[Mapping[str, Any]]:
        """The id of each collection. Items without a collection are left out."""
        with _index_errors():
            return [{"id": name} for name in await asyncio.to_thread(self.collections) if name]

    async def close(self) -> None:
        """Close the index."""
        with self._lock:
            self._index.close()


@contextmanager
def _index_errors() -> Iterator[None]:
    """Raise SQLite's errors as CatalogUnavailable or CatalogBroken."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise CatalogUnavailable(f"The archive's index cannot be read: {error}.") from None
    except (sqlite3.Error, ValueError) as error:
        raise CatalogBroken(f"The archive's index is damaged: {error}.") from None
