"""The SQLite index of an archive: its tables, and how they are updated from the archive's items.

An invalid file or item does not stop the update. It is recorded with the reason in the table `skipped`; invalid parts
of an item are recorded in its `remarks`.

`items.original_id` is the id in the item's file. `items.id` is unique in the item's collection, `items.name` in the
archive; both equal `original_id` unless several items share it.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from scog.catalog.archive.asset_files import asset_files
from scog.catalog.archive.files import UnreadableFile, item_files, read_items
from scog.catalog.scene import Scene, UnusableItem, parse_item
from scog.collections.profiles import Profiles
from scog.geo.antimeridian import split_longitude_range
from scog.geo.outline import longitude_range

log = logging.getLogger(__name__)

INDEX_NAME = "scog-index.sqlite"
VERSION = 7
SCHEMA = f"""
PRAGMA user_version = {VERSION};
CREATE TABLE IF NOT EXISTS items (
    number INTEGER PRIMARY KEY, path TEXT UNIQUE NOT NULL, file TEXT NOT NULL, mtime INTEGER NOT NULL,
    id TEXT NOT NULL, original_id TEXT NOT NULL, name TEXT NOT NULL, collection TEXT NOT NULL,
    time REAL NOT NULL, start REAL NOT NULL, ending REAL NOT NULL, cloud_cover REAL,
    remarks TEXT NOT NULL, item TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS items_file ON items (file);
CREATE INDEX IF NOT EXISTS items_time ON items (collection, time);
CREATE INDEX IF NOT EXISTS items_newest ON items (time DESC, id, collection, path);
CREATE INDEX IF NOT EXISTS items_id ON items (id);
CREATE INDEX IF NOT EXISTS items_original_id ON items (original_id, collection);
CREATE INDEX IF NOT EXISTS items_renamed ON items (id) WHERE id <> original_id OR name <> original_id;
CREATE INDEX IF NOT EXISTS items_duration ON items (ending - start);
CREATE INDEX IF NOT EXISTS items_remarks ON items (path) WHERE remarks <> '';
CREATE VIRTUAL TABLE IF NOT EXISTS places USING rtree (number, west, east, south, north, +item INTEGER);
CREATE TABLE IF NOT EXISTS files (path TEXT, item INTEGER, PRIMARY KEY (path, item)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS files_item ON files (item);
CREATE TABLE IF NOT EXISTS skipped (
    path TEXT PRIMARY KEY, file TEXT NOT NULL, mtime INTEGER NOT NULL, reason TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS skipped_file ON skipped (file);
"""
LONGEST = "(SELECT coalesce(max(ending - start), 0) + 1 FROM items)"
"""SQL for an upper bound of the items' duration in seconds.

An item cannot overlap an interval if its `time` is further away than this.
"""
MAX_LOGGED = 20
"""Maximum number of problems that are logged one by one."""
_MAX_BOXES = 2
"""Maximum number of boxes of an item. The boxes of item n have row numbers from _MAX_BOXES * n, because an R*Tree
finds rows fast only by number."""
_RENAMED_ITEMS = "SELECT path, original_id, id FROM items WHERE id <> original_id ORDER BY path"
_INVALID_VALUE = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError)
"""SQLite's errors for rejected values, as opposed to a damaged file."""


def open_index(folder: Path) -> sqlite3.Connection:
    """Open the index beside the items.

    It is created anew if it is damaged or of another version, and in memory if the folder is read-only.
    """
    path = folder / INDEX_NAME
    for attempt in (1, 2):
        try:
            index = sqlite3.connect(path, check_same_thread=False, timeout=10)
            version = index.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, VERSION):
                raise sqlite3.DatabaseError(f"version {version}")
            index.executescript(SCHEMA)
            return index
        except sqlite3.OperationalError as error:
            log.warning("the index of %s is held in memory: %s", folder, error)
            break
        except sqlite3.DatabaseError as error:
            log.warning("the index of %s is rebuilt: %s", folder, error)
            index.close()
            if attempt == 1:
                remove_index(folder)
    index = sqlite3.connect(":memory:", check_same_thread=False)
    index.executescript(SCHEMA)
    return index


def remove_index(folder: Path) -> None:
    """Delete the index's files."""
    for ending in ("", "-wal", "-shm", "-journal"):
        (folder / (INDEX_NAME + ending)).unlink(missing_ok=True)


def update_index(index: sqlite3.Connection, folder: Path, profiles: Profiles) -> None:
    """Add new and changed files of a folder, remove deleted ones, and log unusable ones.

    To be called within a transaction.
    """
    present, skipped = item_files(folder)
    indexed = dict(index.execute("SELECT file, mtime FROM items UNION SELECT file, mtime FROM skipped"))
    new = [file for file, mtime in present.items() if indexed.get(file) != mtime]
    outdated = [*(indexed.keys() - present.keys()), *(indexed.keys() & set(new))]
    for file in outdated:
        _remove_file(index, file)
    for file in new:
        _add_file(index, folder, file, present[file], profiles)
    for path, reason in skipped.items():
        _skip(index, path, path, 0, reason)
    if new or outdated:
        _assign_ids(index)
    _log_problems(list_problems(index), has_changed=bool(new or outdated))


def list_problems(index: sqlite3.Connection) -> list[tuple[str, str]]:
    """Path and reason of each skipped file or item, each item with remarks, and each item whose id is not unique."""
    problems = [
        (path, f"skipped: {reason}")
        for path, reason in index.execute("SELECT path, reason FROM skipped WHERE reason <> '' ORDER BY path")
    ]
    problems += index.execute("SELECT path, remarks FROM items WHERE remarks <> '' ORDER BY path").fetchall()
    problems += [
        (path, f"another item of the collection has the id {original_id[:80]!r}; this one is served as {name[:120]!r}")
        for path, original_id, name in index.execute(_RENAMED_ITEMS)
    ]
    return problems


def _log_problems(problems: list[tuple[str, str]], *, has_changed: bool) -> None:
    """Log each problem, or only their number if nothing changed since the last update."""
    if problems and not has_changed:
        log.warning("the archive has the same problems as before: %d; `scog doctor` lists them", len(problems))
        return
    for path, reason in problems[:MAX_LOGGED]:
        log.warning("%s: %s", path, reason)
    if len(problems) > MAX_LOGGED:
        log.warning("and %d more; `scog doctor` lists all", len(problems) - MAX_LOGGED)


def _add_file(index: sqlite3.Connection, folder: Path, file: str, mtime: int, profiles: Profiles) -> None:
    """Add the items of a file, or record the file as skipped, without a reason if it contains no STAC item."""
    try:
        items = read_items(folder, file)
    except UnreadableFile as error:
        _skip(index, file, file, mtime, str(error))
        return
    if not items:
        _skip(index, file, file, mtime, "")
    for path, item in items.items():
        index.execute("SAVEPOINT item")
        try:
            _add_item(index, folder, file, path, mtime, item, profiles)
        except (ValueError, OverflowError, RecursionError, *_INVALID_VALUE) as error:
            index.execute("ROLLBACK TO item")
            detail = error.detail if isinstance(error, UnusableItem) else ""
            _skip(index, path, file, mtime, ": ".join(filter(None, (str(error), detail))))
        index.execute("RELEASE item")


def _skip(index: sqlite3.Connection, path: str, file: str, mtime: int, reason: str) -> None:
    index.execute("INSERT OR REPLACE INTO skipped VALUES (?, ?, ?, ?)", (path, file, mtime, reason))


def _add_item(
    index: sqlite3.Connection,
    folder: Path,
    file: str,
    path: str,
    mtime: int,
    item: Mapping[str, Any],
    profiles: Profiles,
) -> None:
    """Add one item. Raises UnusableItem, or an SQLite error for values that SQLite rejects."""
    if item.get("type") != "Feature":
        raise UnusableItem("type", f"{str(item.get('type'))[:40]!r} is not 'Feature'")
    scene = parse_item(item, (folder / file).as_uri(), profiles)
    times = [moment.timestamp() for moment in (scene.time, scene.start, scene.end)]
    values = (scene.id, scene.id, scene.id, scene.collection, *times, scene.cloud_cover, "; ".join(scene.remarks))
    number = index.execute(
        "INSERT INTO items (path, file, mtime, id, original_id, name, collection, time, start, ending, cloud_cover, "
        "remarks, item) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (path, file, mtime, *values, json.dumps(item)),
    ).lastrowid
    assert number is not None
    files = asset_files(item, path, folder)
    index.executemany("INSERT INTO files VALUES (?, ?)", [(name, number) for name in sorted(files)])
    index.executemany(
        "INSERT INTO places (number, west, east, south, north, item) VALUES (?, ?, ?, ?, ?, ?)",
        [(_MAX_BOXES * number + offset, *box, number) for offset, box in enumerate(_boxes(scene))],
    )


def _boxes(scene: Scene) -> Iterable[tuple[float, float, float, float]]:
    """Boxes `(west, east, south, north)` of a footprint: one, or one on each side of the antimeridian."""
    lats = [lat for ring in scene.footprint for _, lat in ring]
    return [
        (west, east, min(lats), max(lats)) for west, east in split_longitude_range(*longitude_range(scene.footprint))
    ]


def _assign_ids(index: sqlite3.Connection) -> None:
    """Make `id` unique within each collection, and `name` unique within the archive.

    `id` is the original id, followed by the file's path if another item of the collection has the same id. `name` is
    preceded by the collection if another collection has an item with the same id.
    """
    index.execute(
        "UPDATE items SET id = original_id, name = original_id WHERE id <> original_id OR name <> original_id"
    )
    index.execute(
        "UPDATE items SET name = collection || '/' || original_id WHERE original_id IN "
        "(SELECT original_id FROM items GROUP BY original_id HAVING count(DISTINCT collection) > 1)"
    )
    index.execute(
        "UPDATE items SET id = original_id || '@' || path, name = name || '@' || path "
        "WHERE (original_id, collection) IN "
        "(SELECT original_id, collection FROM items GROUP BY original_id, collection HAVING count(*) > 1)"
    )


def _remove_file(index: sqlite3.Connection, file: str) -> None:
    for (number,) in index.execute("SELECT number FROM items WHERE file = ?", (file,)).fetchall():
        index.executemany(
            "DELETE FROM places WHERE number = ?", [(_MAX_BOXES * number + offset,) for offset in range(_MAX_BOXES)]
        )
        index.execute("DELETE FROM files WHERE item = ?", (number,))
    index.execute("DELETE FROM items WHERE file = ?", (file,))
    index.execute("DELETE FROM skipped WHERE file = ?", (file,))
