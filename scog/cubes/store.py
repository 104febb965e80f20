"""Cubes on disk: as many as may be kept, those longest out of use forgotten first."""

from __future__ import annotations

import logging
import sqlite3
import threading
import zlib
from collections.abc import Iterable
from pathlib import Path

from scog.catalog.records import FORMAT
from scog.runtime.sqlite import open_or_renew

log = logging.getLogger(__name__)

# The order of use counts, not its time: clocks are set back, and several uses fall into one tick.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS cubes (
    catalog TEXT NOT NULL, id TEXT NOT NULL, definition TEXT NOT NULL, format INTEGER NOT NULL, scenes BLOB,
    used INTEGER NOT NULL, PRIMARY KEY (catalog, id));
CREATE INDEX IF NOT EXISTS cubes_used ON cubes (used);
"""
_LAST = "(SELECT coalesce(max(used), 0) + 1 FROM cubes)"
_PUT = f"INSERT OR REPLACE INTO cubes VALUES (?, ?, ?, ?, ?, {_LAST})"
_GET = "SELECT definition, scenes FROM cubes WHERE catalog = ? AND id = ? AND (scenes IS NULL OR format = ?)"
_USE = f"UPDATE cubes SET used = {_LAST} WHERE catalog = ? AND id = ?"
_TRIM = "DELETE FROM cubes WHERE used <= (SELECT used FROM cubes ORDER BY used DESC LIMIT 1 OFFSET ?)"
_MEMORY = Path(":memory:")


class CubeStore:
    """Definitions and scenes by id, as text, in SQLite: of one catalogue, since scenes and defaults are its own.

    Where there is no folder, or nothing can be written to it, they last until the server stops. A disk that fails later
    costs the cubes on it, never an answer. The file is opened when a cube is first asked for. Calls block, for a
    millisecond or so; they may come from any thread.
    """

    def __init__(self, folder: Path | None, catalog: str, most: int) -> None:
        self._folder = folder
        self._catalog = catalog
        self._most = most
        self._opened: sqlite3.Connection | None = None
        self._opening = threading.Lock()
        self.faults = 0
        self.lasting = False
        """Whether the cubes of the file that has been opened survive a restart."""

    def put(self, name: str, definition: str, scenes: str | None) -> bool:
        """Keep a cube as the one used last, and forget the one longest out of use; whether it is kept."""
        packed = None if scenes is None else zlib.compress(scenes.encode(), 6)
        try:
            self._database.execute(_PUT, (self._catalog, name, definition, FORMAT, packed))
            self._database.execute(_TRIM, (self._most,))
        except sqlite3.Error as fault:
            self._failed(fault)
            return False
        return True

    def get(self, name: str) -> tuple[str, str | None] | None:
        """Definition and scenes of a cube, if it is kept and can be read."""
        try:
            row = self._database.execute(_GET, (self._catalog, name, FORMAT)).fetchone()
            if row is None:
                return None
            return str(row[0]), None if row[1] is None else zlib.decompress(row[1]).decode()
        except (sqlite3.Error, zlib.error, ValueError, TypeError) as fault:
            self._failed(fault)
            return None

    def use(self, names: Iterable[str]) -> None:
        """Note that cubes were used, in this order."""
        try:
            for name in names:
                self._database.execute(_USE, (self._catalog, name))
        except sqlite3.Error as fault:
            self._failed(fault)

    def close(self) -> None:
        """Close the file."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    @property
    def _database(self) -> sqlite3.Connection:
        with self._opening:
            if self._opened is None:
                self._opened = self._on_disk() or open_or_renew(_MEMORY, _SCHEMA)
            return self._opened

    def _on_disk(self) -> sqlite3.Connection | None:
        if self._folder is None:
            return None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            database = open_or_renew(self._folder / "cubes.sqlite", _SCHEMA)
            database.execute(_TRIM, (self._most,))  # and so it is known that one can write
        except (OSError, sqlite3.Error) as fault:
            self._failed(fault)
            return None
        self.lasting = True
        return database

    def _failed(self, fault: Exception) -> None:
        self.faults += 1
        log.warning("cubes are not kept on disk: %s", fault)
