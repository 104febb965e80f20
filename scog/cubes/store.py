"""Cubes on disk: a limited number in SQLite. The least recently used cubes are evicted first."""

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

# `used` is a counter, not a time: clocks may be set back, and several uses may have the same time.
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
    """Definitions and scenes of cubes as text, by id, in SQLite. Ids belong to one `catalog`, like scenes and defaults.

    Without a writable folder, cubes are in memory until the server stops. If the disk fails later, its cubes are lost,
    but nothing is raised. The file is opened on first access. Thread-safe; calls block for about a millisecond.
    """

    def __init__(self, folder: Path | None, catalog: str, max_cubes: int) -> None:
        self._folder = folder
        self._catalog = catalog
        self._max_cubes = max_cubes
        self._connection: sqlite3.Connection | None = None
        self._connecting = threading.Lock()
        self.errors = 0
        """Number of errors so far."""
        self.lasting = False
        """Whether cubes survive a restart. False until the file is open."""

    def put(self, name: str, definition: str, scenes: str | None) -> bool:
        """Store a cube as the most recently used, and evict the least recently used. Returns whether that succeeded."""
        compressed = None if scenes is None else zlib.compress(scenes.encode(), 6)
        try:
            self._database.execute(_PUT, (self._catalog, name, definition, FORMAT, compressed))
            self._database.execute(_TRIM, (self._max_cubes,))
        except sqlite3.Error as error:
            self._record(error)
            return False
        return True

    def get(self, name: str) -> tuple[str, str | None] | None:
        """Definition and scenes of a cube; None if it is not stored or cannot be read."""
        try:
            row = self._database.execute(_GET, (self._catalog, name, FORMAT)).fetchone()
            if row is None:
                return None
            return str(row[0]), None if row[1] is None else zlib.decompress(row[1]).decode()
        except (sqlite3.Error, zlib.error, ValueError, TypeError) as error:
            self._record(error)
            return None

    def use(self, names: Iterable[str]) -> None:
        """Mark cubes as used, in the given order."""
        try:
            for name in names:
                self._database.execute(_USE, (self._catalog, name))
        except sqlite3.Error as error:
            self._record(error)

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def _database(self) -> sqlite3.Connection:
        with self._connecting:
            if self._connection is None:
                self._connection = self._on_disk() or open_or_renew(_MEMORY, _SCHEMA)
            return self._connection

    def _on_disk(self) -> sqlite3.Connection | None:
        if self._folder is None:
            return None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            database = open_or_renew(self._folder / "cubes.sqlite", _SCHEMA)
            database.execute(_TRIM, (self._max_cubes,))  # fails if the file is not writable
        except (OSError, sqlite3.Error) as error:
            self._record(error)
            return None
        self.lasting = True
        return database

    def _record(self, error: Exception) -> None:
        self.errors += 1
        log.warning("cubes cannot be stored on disk: %s", error)
