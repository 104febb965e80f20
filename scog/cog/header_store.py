"""What was learnt of files' headers, kept on disk, so that a cold tile costs one round trip and not two."""

from __future__ import annotations

import logging
import sqlite3
import time
from pathlib import Path

from scog.runtime.sqlite import open_or_renew

log = logging.getLogger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS headers (
    url TEXT PRIMARY KEY, identity TEXT NOT NULL, header BLOB NOT NULL, used INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS headers_used ON headers (used);
CREATE TABLE IF NOT EXISTS offsets (url TEXT PRIMARY KEY, identity TEXT NOT NULL, offset REAL NOT NULL);
"""
KEPT_HEADERS = 50_000
"""At 4 to 16 KB each a few hundred MB at most."""


class HeaderStore:
    """Header bytes by URL, in SQLite. A disk that is full or read-only costs speed, never an answer.

    Its calls block for well under a millisecond; they are made from threads all the same.
    """

    def __init__(self, folder: Path | None) -> None:
        self._database: sqlite3.Connection | None = None
        self.faults = 0
        if folder is not None:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                self._database = open_or_renew(folder / "headers.sqlite", _SCHEMA)
                oldest = "SELECT url FROM headers ORDER BY used DESC LIMIT -1 OFFSET ?"
                self._database.execute(f"DELETE FROM headers WHERE url IN ({oldest})", (KEPT_HEADERS,))
            except (OSError, sqlite3.Error) as fault:
                self._failed(fault)

    @property
    def keeps(self) -> bool:
        """Whether there is a disk to ask."""
        return self._database is not None

    def get(self, url: str) -> tuple[str, bytes] | None:
        """The identity of the file and its header bytes, if they are kept."""
        if self._database is None:
            return None
        try:
            row = self._database.execute("SELECT identity, header FROM headers WHERE url = ?", (url,)).fetchone()
        except (sqlite3.Error, UnicodeError) as fault:
            self._failed(fault)
            return None
        return (row[0], row[1]) if row else None

    def put(self, url: str, identity: str, header: bytes) -> None:
        """Keep header bytes, in place of older ones of the same URL."""
        self._write("INSERT OR REPLACE INTO headers VALUES (?, ?, ?, ?)", (url, identity, header, int(time.time())))

    def drop(self, url: str) -> None:
        """Forget a file that changed."""
        self._write("DELETE FROM headers WHERE url = ?", (url,))

    def get_offset(self, url: str, identity: str) -> float | None:
        """The reflectance offset found by looking at this very version of a file."""
        if self._database is None:
            return None
        try:
            row = self._database.execute(
                "SELECT offset FROM offsets WHERE url = ? AND identity = ?", (url, identity)
            ).fetchone()
        except (sqlite3.Error, UnicodeError) as fault:
            self._failed(fault)
            return None
        return float(row[0]) if row else None

    def put_offset(self, url: str, identity: str, offset: float) -> None:
        """Keep what a look at the pixels told."""
        self._write("INSERT OR REPLACE INTO offsets VALUES (?, ?, ?)", (url, identity, offset))

    def close(self) -> None:
        """Close the file."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def _write(self, statement: str, values: tuple[object, ...]) -> None:
        if self._database is None:
            return
        try:
            self._database.execute(statement, values)
        except (sqlite3.Error, UnicodeError) as fault:
            self._failed(fault)

    def _failed(self, fault: Exception) -> None:
        self.faults += 1
        log.warning("headers are not kept on disk: %s", fault)
