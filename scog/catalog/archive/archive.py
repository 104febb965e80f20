"""A local archive: a folder of COGs with their STAC items, found through SQLite with an R*Tree.

The items' JSON files are the truth. The index is made from them, kept beside them (or, where the folder cannot be
written, in memory) and brought up to date whenever the archive is opened.
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

from scog.catalog.archive.index import LONGEST, bring_up_to_date, complaints, open_index, remove_index
from scog.catalog.query import Page, Query
from scog.errors import CatalogBroken, CatalogUnavailable, InvalidInput
from scog.geo.footprint import Bounds
from scog.net.policy import UpstreamStats

log = logging.getLogger(__name__)

_FIND = f"""
SELECT DISTINCT items.time, items.path, items.id, items.name, items.item
FROM places JOIN items ON items.number = places.item
WHERE places.east >= :west AND places.west <= :east AND places.north >= :south AND places.south <= :north
AND items.ending >= :start AND items.start <= :end
AND items.time BETWEEN :start - {LONGEST} AND :end + {LONGEST}
AND (items.cloud_cover IS NULL OR items.cloud_cover <= :cloud_cover)
AND (:collection IS NULL OR items.collection = :collection)
AND (:after IS NULL OR items.time < :after OR (items.time = :after AND items.path > :path))
ORDER BY items.time DESC, items.path LIMIT :limit
"""
MAX_SCENES = 1000
"""On one page."""


class Archive:
    """A folder's scenes. Made by `open`; safe to use from several threads."""

    is_live = False

    def __init__(self, folder: Path, index: sqlite3.Connection) -> None:
        self.folder = folder
        self._index = index
        self._lock = threading.Lock()

    @classmethod
    def open(cls, folder: Path) -> Archive:
        """Open a folder and bring its index up to date.

        Raises InvalidInput where there is no such folder or no item in it.
        """
        folder = Path(os.path.realpath(folder))
        if not folder.is_dir():
            raise InvalidInput(
                f"There is no folder {folder}.",
                parameter="catalog",
                valid="a folder of STAC items with their COGs, or the URL of a STAC API",
            )
        archive = cls(folder, open_index(folder))
        try:
            archive.refresh()
        except sqlite3.DatabaseError as fault:  # sound where it was looked at first, and damaged further in
            log.warning("the index of %s is made anew: %s", folder, fault)
            archive._index.close()
            remove_index(folder)
            archive = cls(folder, open_index(folder))
            archive.refresh()
        if not archive.count():
            raise InvalidInput(
                f"The folder {folder} holds no STAC item that can be drawn.",
                parameter="catalog",
                valid="a folder with STAC items (*.json) beside their COGs, as cog.md describes",
            )
        return archive

    def refresh(self) -> None:
        """Bring the index up to date with the folder's items: new, changed and vanished ones."""
        with self._lock, self._index as index:
            bring_up_to_date(index, self.folder)

    def complaints(self) -> list[tuple[str, str]]:
        """What of the folder cannot be used: path and reason, of files, of items, and of parts of items."""
        with _index_errors(), self._lock:
            return complaints(self._index)

    def count(self) -> int:
        """Number of scenes."""
        with self._lock:
            return int(self._index.execute("SELECT count(*) FROM items").fetchone()[0])

    def find(self, query: Query) -> list[tuple[dict[str, Any], str]]:
        """Items that match, newest first, each with the URL of its file; the first page of them.

        Each has an id of its own: that of its collection, or without a collection of the whole archive.
        """
        page = self._page(query, None)
        return list(zip(page.items, page.bases, strict=True))

    def _page(self, query: Query, cursor: Any | None) -> Page:
        """A page of items that match; a cursor is time and path of the last one on the page before."""
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
                "collection": query.collection,
                "after": None if cursor is None else cursor[0],
                "path": None if cursor is None else cursor[1],
                "limit": MAX_SCENES + 1,
            }
            with self._lock:
                for time, path, own, name, item in self._index.execute(_FIND, values):
                    rows[path] = time, item, name if query.collection is None else own
        newest_first = sorted(rows.items(), key=lambda row: (-row[1][0], row[0]))
        page = newest_first[:MAX_SCENES]
        return Page(
            [json.loads(item) | {"id": name} for _, (_, item, name) in page],
            [(self.folder / path).as_uri() for path, _ in page],
            [page[-1][1][0], page[-1][0]] if len(newest_first) > MAX_SCENES else None,
        )

    def select(self, question: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[Any]:
        """Rows of the index (its tables are in `archive_index.SCHEMA`). Raises CatalogUnavailable, CatalogBroken."""
        with _index_errors(), self._lock:
            return self._index.execute(question, values).fetchall()

    def collections(self) -> list[str]:
        """Names of the collections, sorted."""
        with self._lock:
            return [row[0] for row in self._index.execute("SELECT DISTINCT collection FROM items ORDER BY 1")]

    # As a catalogue

    async def page(self, query: Query, cursor: Any | None, tally: UpstreamStats) -> Page:
        """A page of what matches, newest first. Raises InvalidInput where there is no such collection."""
        tally.searches += 1
        if query.collection is not None and query.collection not in await asyncio.to_thread(self.collections):
            raise InvalidInput(
                f"There is no collection {query.collection[:80]!r}.",
                parameter="collection",
                valid=" or ".join(self.collections()),
            )
        with _index_errors():
            return await asyncio.to_thread(self._page, query, cursor)

    async def newest(self, collection: str | None) -> datetime | None:
        """Time of the newest scene."""
        question = "SELECT max(time) FROM items WHERE ?1 IS NULL OR collection = ?1"
        [(time,)] = await asyncio.to_thread(self.select, question, (collection,))
        return None if time is None else datetime.fromtimestamp(time, UTC)

    async def bounds(self) -> Bounds | None:
        """What all scenes cover together, in degrees."""
        question = "SELECT min(west), min(south), max(east), max(north) FROM places"
        [found] = await asyncio.to_thread(self.select, question)
        return None if found[0] is None else tuple(found)

    async def close(self) -> None:
        """Close the index."""
        with self._lock:
            self._index.close()


@contextmanager
def _index_errors() -> Iterator[None]:
    """Turns SQLite's errors into ours."""
    try:
        yield
    except sqlite3.OperationalError as fault:
        raise CatalogUnavailable(f"The archive's index cannot be read: {fault}.") from None
    except (sqlite3.Error, ValueError) as fault:
        raise CatalogBroken(f"The archive's index is damaged: {fault}.") from None
