"""Cache of headers on disk. With it, a cold tile takes one round trip instead of two."""

from __future__ import annotations

import logging
import math
import sqlite3
import time
from pathlib import Path

from scog.net.byte_range import is_local
from scog.runtime.sqlite import open_or_renew

log = logging.getLogger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS headers (
    url TEXT PRIMARY KEY, identity TEXT NOT NULL, header BLOB NOT NULL, used INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS headers_used ON headers (used);
CREATE TABLE IF NOT EXISTS estimated_offsets (url TEXT PRIMARY KEY, identity TEXT NOT NULL, offset REAL);
DROP TABLE IF EXISTS offsets;
"""
MAX_HEADERS = 50_000
"""Maximum number of headers; older ones are deleted when the database is opened. Each has 4 to 16 KB."""


class HeaderStore:
    """Header bytes and reflectance offsets by URL, in SQLite. Without a folder, and of local files, it stores nothing.

    Methods never raise: with a full or read-only disk, files are only read more slowly. A call blocks for well under a
    millisecond; callers use threads nevertheless.
    """

    def __init__(self, folder: Path | None) -> None:
        self._database: sqlite3.Connection | None = None
        self.errors = 0
        """Number of errors of the disk or the database."""
        if folder is not None:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                self._database = open_or_renew(folder / "headers.sqlite", _SCHEMA)
                oldest = "SELECT url FROM headers ORDER BY used DESC LIMIT -1 OFFSET ?"
                self._database.execute(f"DELETE FROM headers WHERE url IN ({oldest})", (MAX_HEADERS,))
            except (OSError, sqlite3.Error) as error:
                self._on_error(error)

    @property
    def is_open(self) -> bool:
        """Whether headers are stored."""
        return self._database is not None

    def get(self, url: str) -> tuple[str, bytes] | None:
        """The identity of a file's version and its header bytes, or None."""
        if self._database is None or is_local(url):
            return None
        try:
            row = self._database.execute("SELECT identity, header FROM headers WHERE url = ?", (url,)).fetchone()
        except (sqlite3.Error, UnicodeError) as error:
            self._on_error(error)
            return None
        return (row[0], row[1]) if row else None

    def put(self, url: str, identity: str, header: bytes) -> None:
        """Store header bytes, replacing those of another version."""
        if not is_local(url):
            self._write("INSERT OR REPLACE INTO headers VALUES (?, ?, ?, ?)", (url, identity, header, int(time.time())))

    def drop(self, url: str) -> None:
        """Delete the header of a file that was replaced."""
        self._write("DELETE FROM headers WHERE url = ?", (url,))

    def get_offset(self, url: str, identity: str) -> float | None:
        """The reflectance offset estimated for this version of a file; None if there is none.

        NaN means that the pixels could not tell.
        """
        if self._database is None or is_local(url):
            return None
        try:
            row = self._database.execute(
                "SELECT offset FROM estimated_offsets WHERE url = ? AND identity = ?", (url, identity)
            ).fetchone()
        except (sqlite3.Error, UnicodeError) as error:
            self._on_error(error)
            return None
        if not row:
            return None
        return math.nan if row[0] is None else float(row[0])

    def put_offset(self, url: str, identity: str, offset: float) -> None:
        """Store the reflectance offset estimated for this version of a file; NaN if the pixels could not tell."""
        if not is_local(url):
            self._write("INSERT OR REPLACE INTO estimated_offsets VALUES (?, ?, ?)", (url, identity, offset))

    def close(self) -> None:
        """Close the database. Later calls find and store nothing."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def _write(self, statement: str, values: tuple[object, ...]) -> None:
        if self._database is None:
            return
        try:
            self._database.execute(statement, values)
        except (sqlite3.Error, UnicodeError) as error:
            self._on_error(error)

    def _on_error(self, error: Exception) -> None:
        self.errors += 1
        log.warning("Headers are not cached on disk: %s", error)
