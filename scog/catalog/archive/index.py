"""The index of an archive: its tables, and how an archive's items get into them.

No item and no file ends the work. What cannot be used is kept by name and reason in the table `others`; what of an item
cannot be used, in its `remarks`.
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
from scog.geo.outline import arc_of, boxes_of_arc

log = logging.getLogger(__name__)

INDEX_NAME = "scog-index.sqlite"
VERSION = 4
SCHEMA = f"""
PRAGMA user_version = {VERSION};
CREATE TABLE IF NOT EXISTS items (
    number INTEGER PRIMARY KEY, path TEXT UNIQUE NOT NULL, file TEXT NOT NULL, changed INTEGER NOT NULL,
    id TEXT NOT NULL, written TEXT NOT NULL, name TEXT NOT NULL, collection TEXT NOT NULL,
    time REAL NOT NULL, start REAL NOT NULL, ending REAL NOT NULL, cloud_cover REAL,
    remarks TEXT NOT NULL, item TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS items_file ON items (file);
CREATE INDEX IF NOT EXISTS items_time ON items (collection, time);
CREATE INDEX IF NOT EXISTS items_newest ON items (time DESC, id, collection, path);
CREATE INDEX IF NOT EXISTS items_id ON items (id);
CREATE INDEX IF NOT EXISTS items_written ON items (written, collection);
CREATE INDEX IF NOT EXISTS items_renamed ON items (id) WHERE id <> written OR name <> written;
CREATE INDEX IF NOT EXISTS items_length ON items (ending - start);
CREATE INDEX IF NOT EXISTS items_remarks ON items (path) WHERE remarks <> '';
CREATE VIRTUAL TABLE IF NOT EXISTS places USING rtree (number, west, east, south, north, +item INTEGER);
CREATE TABLE IF NOT EXISTS files (path TEXT, item INTEGER, PRIMARY KEY (path, item)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS files_item ON files (item);
CREATE TABLE IF NOT EXISTS others (
    path TEXT PRIMARY KEY, file TEXT NOT NULL, changed INTEGER NOT NULL, reason TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS others_file ON others (file);
"""
LONGEST = "(SELECT coalesce(max(ending - start), 0) + 1 FROM items)"
"""Seconds that no item lasts longer than: so far before and after an interval, items by their `time` may be in it."""
NOTED = 20
"""Complaints that are logged one by one."""
_BOXES = 2
"""Boxes an item has at most; its places are numbered by it, since only by number an R*Tree finds rows quickly."""
_RENAMED = "SELECT path, written, id FROM items WHERE id <> written ORDER BY path"
_BAD_ROW = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError)
"""What SQLite says to values that it does not take, as opposed to a damaged file."""


def open_index(folder: Path) -> sqlite3.Connection:
    """The index beside the items; a new one where it is damaged, of another version, or the folder is read-only."""
    path = folder / INDEX_NAME
    for attempt in (1, 2):
        try:
            index = sqlite3.connect(path, check_same_thread=False, timeout=10)
            version = index.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, VERSION):
                raise sqlite3.DatabaseError(f"version {version}")
            index.executescript(SCHEMA)
            return index
        except sqlite3.OperationalError as fault:
            log.warning("the index of %s is kept in memory: %s", folder, fault)
            break
        except sqlite3.DatabaseError as fault:
            log.warning("the index of %s is made anew: %s", folder, fault)
            index.close()
            if attempt == 1:
                remove_index(folder)
    index = sqlite3.connect(":memory:", check_same_thread=False)
    index.executescript(SCHEMA)
    return index


def remove_index(folder: Path) -> None:
    """Remove the index's files."""
    for ending in ("", "-wal", "-shm", "-journal"):
        (folder / (INDEX_NAME + ending)).unlink(missing_ok=True)


def bring_up_to_date(index: sqlite3.Connection, folder: Path) -> None:
    """Take in what is new or changed in a folder, forget what has vanished, and log what cannot be used.

    Call it within a transaction.
    """
    present, left_out = item_files(folder)
    known = dict(index.execute("SELECT file, changed FROM items UNION SELECT file, changed FROM others"))
    new = [file for file, changed in present.items() if known.get(file) != changed]
    gone = [*(known.keys() - present.keys()), *(known.keys() & set(new))]
    for file in gone:
        _forget(index, file)
    for file in new:
        _take_in(index, folder, file, present[file])
    for path, reason in left_out.items():
        _leave_out(index, path, path, 0, reason)
    if new or gone:
        _name(index)
    _log(complaints(index), bool(new or gone))


def complaints(index: sqlite3.Connection) -> list[tuple[str, str]]:
    """Path and reason of what is left out, of remarks on items, and of ids that several items of a collection have."""
    found = [
        (path, f"left out: {reason}")
        for path, reason in index.execute("SELECT path, reason FROM others WHERE reason <> '' ORDER BY path")
    ]
    found += index.execute("SELECT path, remarks FROM items WHERE remarks <> '' ORDER BY path").fetchall()
    found += [
        (path, f"the id {written[:80]!r} is another item's too; here it is called {name[:120]!r}")
        for path, written, name in index.execute(
            "SELECT path, written, id FROM items WHERE id <> written ORDER BY path"
        )
    ]
    return found


def _log(found: list[tuple[str, str]], is_news: bool) -> None:
    if found and not is_news:
        log.warning("%d complaints about the archive, as before; `scog doctor` names them", len(found))
        return
    for path, reason in found[:NOTED]:
        log.warning("%s: %s", path, reason)
    if len(found) > NOTED:
        log.warning("and %d more; `scog doctor` names them all", len(found) - NOTED)


def _take_in(index: sqlite3.Connection, folder: Path, file: str, changed: int) -> None:
    """Take in one file: its items, or why there are none. A file that means to be no item is kept without a reason."""
    try:
        items = read_items(folder, file)
    except UnreadableFile as fault:
        _leave_out(index, file, file, changed, str(fault))
        return
    if not items:
        _leave_out(index, file, file, changed, "")
    for path, item in items.items():
        index.execute("SAVEPOINT item")
        try:
            _add(index, folder, file, path, changed, item)
        except (ValueError, OverflowError, RecursionError, *_BAD_ROW) as fault:
            index.execute("ROLLBACK TO item")
            detail = fault.detail if isinstance(fault, UnusableItem) else ""
            _leave_out(index, path, file, changed, ": ".join(filter(None, (str(fault), detail))))
        index.execute("RELEASE item")


def _leave_out(index: sqlite3.Connection, path: str, file: str, changed: int, reason: str) -> None:
    index.execute("INSERT OR REPLACE INTO others VALUES (?, ?, ?, ?)", (path, file, changed, reason))


def _add(index: sqlite3.Connection, folder: Path, file: str, path: str, changed: int, item: Mapping[str, Any]) -> None:
    """Take in one item. Raises UnusableItem, and what SQLite raises over values that it does not take."""
    if item.get("type") != "Feature":
        raise UnusableItem("type", f"{str(item.get('type'))[:40]!r} is not 'Feature'")
    scene = parse_item(item, (folder / file).as_uri())
    times = [moment.timestamp() for moment in (scene.time, scene.start, scene.end)]
    values = (scene.id, scene.id, scene.id, scene.collection, *times, scene.cloud_cover, "; ".join(scene.remarks))
    number = index.execute(
        "INSERT INTO items (path, file, changed, id, written, name, collection, time, start, ending, cloud_cover, "
        "remarks, item) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (path, file, changed, *values, json.dumps(item)),
    ).lastrowid
    assert number is not None
    files = asset_files(item, path, folder)
    index.executemany("INSERT INTO files VALUES (?, ?)", [(name, number) for name in sorted(files)])
    index.executemany(
        "INSERT INTO places (number, west, east, south, north, item) VALUES (?, ?, ?, ?, ?, ?)",
        [(_BOXES * number + place, *box, number) for place, box in enumerate(_boxes(scene))],
    )


def _boxes(scene: Scene) -> Iterable[tuple[float, float, float, float]]:
    """West, east, south, north of a footprint: one box, or one on either side of the antimeridian."""
    lats = [lat for ring in scene.footprint for _, lat in ring]
    return [(west, east, min(lats), max(lats)) for west, east in boxes_of_arc(*arc_of(scene.footprint))]


def _name(index: sqlite3.Connection) -> None:
    """Give items names of their own.

    `id` is an item's in its collection: what it is written with, and its file where another item has the same. `name`
    is its in the whole archive: the id, and before it the collection where another collection has the same.
    """
    index.execute("UPDATE items SET id = written, name = written WHERE id <> written OR name <> written")
    index.execute(
        "UPDATE items SET name = collection || '/' || written WHERE written IN "
        "(SELECT written FROM items GROUP BY written HAVING count(DISTINCT collection) > 1)"
    )
    index.execute(
        "UPDATE items SET id = written || '@' || path, name = name || '@' || path WHERE (written, collection) IN "
        "(SELECT written, collection FROM items GROUP BY written, collection HAVING count(*) > 1)"
    )


def _forget(index: sqlite3.Connection, file: str) -> None:
    for (number,) in index.execute("SELECT number FROM items WHERE file = ?", (file,)).fetchall():
        index.executemany(
            "DELETE FROM places WHERE number = ?", [(_BOXES * number + place,) for place in range(_BOXES)]
        )
        index.execute("DELETE FROM files WHERE item = ?", (number,))
    index.execute("DELETE FROM items WHERE file = ?", (file,))
    index.execute("DELETE FROM others WHERE file = ?", (file,))
