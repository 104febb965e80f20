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
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scog.catalog.asset_files import asset_files
from scog.catalog.footprint import Bounds
from scog.catalog.query import Page, Query
from scog.catalog.scene import Ring, UnusableItem, parse_item
from scog.errors import CatalogBroken, CatalogUnavailable, InvalidInput
from scog.net.policy import Tally

log = logging.getLogger(__name__)

INDEX_NAME = "scog-index.sqlite"
VERSION = 3
_SCHEMA = f"""
PRAGMA user_version = {VERSION};
CREATE TABLE IF NOT EXISTS items (
    number INTEGER PRIMARY KEY, path TEXT UNIQUE NOT NULL, changed INTEGER NOT NULL, id TEXT NOT NULL,
    collection TEXT NOT NULL, time REAL NOT NULL, cloud_cover REAL, item TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS items_time ON items (collection, time);
CREATE INDEX IF NOT EXISTS items_newest ON items (time DESC, id, collection, path);
CREATE INDEX IF NOT EXISTS items_id ON items (id);
CREATE VIRTUAL TABLE IF NOT EXISTS places USING rtree (number, west, east, south, north, +item INTEGER);
CREATE TABLE IF NOT EXISTS files (path TEXT, item INTEGER, PRIMARY KEY (path, item)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS files_item ON files (item);
CREATE TABLE IF NOT EXISTS others (path TEXT PRIMARY KEY, changed INTEGER NOT NULL);
"""
_FIND = """
SELECT DISTINCT items.time, items.path, items.item FROM places JOIN items ON items.number = places.item
WHERE places.east >= :west AND places.west <= :east AND places.north >= :south AND places.south <= :north
AND items.time BETWEEN :start AND :end AND (items.cloud_cover IS NULL OR items.cloud_cover <= :cloud_cover)
AND (:collection IS NULL OR items.collection = :collection)
ORDER BY items.time DESC, items.path LIMIT :limit
"""
MAX_SCENES = 1000


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
        archive = cls(folder, _open_index(folder))
        try:
            archive.refresh()
        except sqlite3.DatabaseError as fault:  # sound where it was looked at first, and damaged further in
            log.warning("the index of %s is made anew: %s", folder, fault)
            archive._index.close()
            _remove_index(folder)
            archive = cls(folder, _open_index(folder))
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
        present = dict(_json_files(self.folder))
        with self._lock, self._index as index:
            known = dict(index.execute("SELECT path, changed FROM items UNION ALL SELECT path, changed FROM others"))
            for path in known.keys() - present.keys():
                _forget(index, path)
            for path, changed in present.items():
                if known.get(path) != changed:
                    if path in known:
                        _forget(index, path)
                    self._add(index, path, changed)

    def count(self) -> int:
        """Number of scenes."""
        with self._lock:
            return int(self._index.execute("SELECT count(*) FROM items").fetchone()[0])

    def find(self, query: Query) -> list[tuple[dict[str, Any], str]]:
        """Items that match, newest first, each with the URL of its file."""
        west, south, east, north = query.bounds
        boxes = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
        rows: dict[str, tuple[float, str]] = {}
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
                "limit": MAX_SCENES,
            }
            with self._lock:
                rows |= {path: (time, item) for time, path, item in self._index.execute(_FIND, values)}
        newest_first = sorted(rows.items(), key=lambda row: (-row[1][0], row[0]))
        return [(json.loads(item), (self.folder / path).as_uri()) for path, (_, item) in newest_first[:MAX_SCENES]]

    def select(self, question: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[Any]:
        """Rows of the index (its tables are in `_SCHEMA`). Raises CatalogUnavailable, CatalogBroken."""
        with _index_errors(), self._lock:
            return self._index.execute(question, values).fetchall()

    def collections(self) -> list[str]:
        """Names of the collections, sorted."""
        with self._lock:
            return [row[0] for row in self._index.execute("SELECT DISTINCT collection FROM items ORDER BY 1")]

    # As a catalogue

    async def page(self, query: Query, cursor: Any | None, tally: Tally) -> Page:
        """Everything that matches, on one page. Raises InvalidInput where there is no such collection."""
        tally.searches += 1
        if query.collection is not None and query.collection not in await asyncio.to_thread(self.collections):
            raise InvalidInput(
                f"There is no collection {query.collection[:80]!r}.",
                parameter="collection",
                valid=" or ".join(self.collections()),
            )
        with _index_errors():
            found = await asyncio.to_thread(self.find, query)
        return Page([item for item, _ in found], [base for _, base in found], None)

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

    def _add(self, index: sqlite3.Connection, path: str, changed: int) -> None:
        """Take in one JSON file, or note that it is not an item that can be drawn."""
        try:
            item = json.loads((self.folder / path).read_bytes())
            if not isinstance(item, dict) or item.get("type") != "Feature":
                raise UnusableItem("not-an-item")
            scene = parse_item(item, (self.folder / path).as_uri())
        except (OSError, ValueError, RecursionError) as fault:
            if str(fault) != "not-an-item":
                log.warning("%s is left out: %s", path, fault)
            index.execute("INSERT OR REPLACE INTO others VALUES (?, ?)", (path, changed))
            return
        number = index.execute(
            "INSERT INTO items (path, changed, id, collection, time, cloud_cover, item) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (path, changed, scene.id, scene.collection, scene.time.timestamp(), scene.cloud_cover, json.dumps(item)),
        ).lastrowid
        files = asset_files(item, path, self.folder)
        index.executemany("INSERT INTO files VALUES (?, ?)", [(file, number) for file in sorted(files)])
        assert number is not None
        ys = [y for ring in scene.footprint for _, y in ring]
        index.executemany(
            "INSERT INTO places (number, west, east, south, north, item) VALUES (?, ?, ?, ?, ?, ?)",
            [
                (_BOXES * number + place, west, east, min(ys), max(ys), number)
                for place, (west, east) in enumerate(_spans(scene.footprint))
            ],
        )


@contextmanager
def _index_errors() -> Iterator[None]:
    """Turns SQLite's errors into ours."""
    try:
        yield
    except sqlite3.OperationalError as fault:
        raise CatalogUnavailable(f"The archive's index cannot be read: {fault}.") from None
    except (sqlite3.Error, ValueError) as fault:
        raise CatalogBroken(f"The archive's index is damaged: {fault}.") from None


def _json_files(folder: Path) -> Iterator[tuple[str, int]]:
    """Relative paths of JSON files below a folder, with the time of their last change in ns. Links are not followed."""
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = os.path.join(parent, name)
            if name.endswith(".json") and not os.path.islink(path):
                with suppress(FileNotFoundError):  # taken away meanwhile
                    yield os.path.relpath(path, folder), os.stat(path).st_mtime_ns


_BOXES = 2
"""Boxes an item has at most; its places are numbered by it, since only by number an R*Tree finds rows quickly."""


def _spans(footprint: Sequence[Ring]) -> list[tuple[float, float]]:
    """West and east of a footprint: one span, or one on either side of the antimeridian where it lies across."""
    xs = [x for ring in footprint for x, _ in ring]
    if max(xs) - min(xs) > 180:  # it jumps from one end of the world to the other
        xs = [x + 360 if x < 0 else x for x in xs]
    west, east = min(xs), max(xs)
    if east - west >= 360:
        return [(-180.0, 180.0)]
    if east > 180:
        return [(west, 180.0), (-180.0, east - 360)]
    if west < -180:
        return [(west + 360, 180.0), (-180.0, east)]
    return [(west, east)]


def _forget(index: sqlite3.Connection, path: str) -> None:
    row = index.execute("SELECT number FROM items WHERE path = ?", (path,)).fetchone()
    if row is not None:
        numbers = [(_BOXES * row[0] + place,) for place in range(_BOXES)]
        index.executemany("DELETE FROM places WHERE number = ?", numbers)
        index.execute("DELETE FROM files WHERE item = ?", row)
    index.execute("DELETE FROM items WHERE path = ?", (path,))
    index.execute("DELETE FROM others WHERE path = ?", (path,))


def _remove_index(folder: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        (folder / (INDEX_NAME + ending)).unlink(missing_ok=True)


def _open_index(folder: Path) -> sqlite3.Connection:
    """The index beside the items; a new one where it is damaged, of another version, or the folder is read-only."""
    path = folder / INDEX_NAME
    for attempt in (1, 2):
        try:
            index = sqlite3.connect(path, check_same_thread=False, timeout=10)
            version = index.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, VERSION):
                raise sqlite3.DatabaseError(f"version {version}")
            index.executescript(_SCHEMA)
            return index
        except sqlite3.OperationalError as fault:
            log.warning("the index of %s is kept in memory: %s", folder, fault)
            break
        except sqlite3.DatabaseError as fault:
            log.warning("the index of %s is made anew: %s", folder, fault)
            index.close()
            if attempt == 1:
                _remove_index(folder)
    index = sqlite3.connect(":memory:", check_same_thread=False)
    index.executescript(_SCHEMA)
    return index
