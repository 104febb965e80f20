"""Searches of a live catalogue, kept on disk, so that a restart or an outage does not forget what was found."""

from __future__ import annotations

import json
import logging
import sqlite3
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scog.sqlite import open_or_renew

log = logging.getLogger(__name__)

KEPT = 2000
"""Searches kept; at 50 to 500 KB each a few hundred MB at most."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS searches (
    query TEXT PRIMARY KEY, asked REAL NOT NULL, cursor TEXT, exhausted INTEGER NOT NULL, items BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS searches_asked ON searches (asked);
"""


@dataclass(frozen=True)
class Saved:
    """A search as it lies on disk: items as received, when they were asked for (Unix time), and how to go on."""

    asked: float
    items: list[tuple[dict[str, Any], str]]
    cursor: Any | None
    exhausted: bool


class SearchStore:
    """Searches by query, in SQLite. A disk that is full or read-only costs searches, never an answer."""

    def __init__(self, folder: Path | None, catalog: str) -> None:
        self._catalog = catalog
        self._database: sqlite3.Connection | None = None
        self.faults = 0
        if folder is not None:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                self._database = open_or_renew(folder / "searches.sqlite", _SCHEMA)
                oldest = "SELECT query FROM searches ORDER BY asked DESC LIMIT -1 OFFSET ?"
                self._database.execute(f"DELETE FROM searches WHERE query IN ({oldest})", (KEPT,))
            except (OSError, sqlite3.Error) as fault:
                self._failed(fault)

    def get(self, query: str) -> Saved | None:
        """A search, if it is kept and can be read."""
        if self._database is None:
            return None
        try:
            row = self._database.execute(
                "SELECT asked, cursor, exhausted, items FROM searches WHERE query = ?", (self._key(query),)
            ).fetchone()
            if row is None:
                return None
            items = [(item, base) for item, base in json.loads(zlib.decompress(row[3]))]
            return Saved(row[0], items, json.loads(row[1]), bool(row[2]))
        except (sqlite3.Error, zlib.error, ValueError, TypeError) as fault:
            self._failed(fault)
            return None

    def put(self, query: str, saved: Saved) -> None:
        """Keep a search, in place of an older one."""
        if self._database is None:
            return
        items = zlib.compress(json.dumps(saved.items).encode(), 1)
        values = (self._key(query), saved.asked, json.dumps(saved.cursor), saved.exhausted, items)
        try:
            self._database.execute("INSERT OR REPLACE INTO searches VALUES (?, ?, ?, ?, ?)", values)
        except sqlite3.Error as fault:
            self._failed(fault)

    def close(self) -> None:
        """Close the file."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def _key(self, query: str) -> str:
        return f"{self._catalog} {query}"

    def _failed(self, fault: Exception) -> None:
        self.faults += 1
        log.warning("searches are not kept on disk: %s", fault)
