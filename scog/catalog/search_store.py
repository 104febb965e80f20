"""Searches of a live catalogue, kept on disk, so that a restart or an outage does not forget what was found."""

from __future__ import annotations

import json
import logging
import sqlite3
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scog.catalog.records import FORMAT, from_json, to_json
from scog.catalog.scene import Scene
from scog.runtime.sqlite import open_or_renew

log = logging.getLogger(__name__)

KEPT = 4000
"""Pages kept; at 10 to 30 KB each about 100 MB at most."""
_TRIMMED_EVERY = 500
_SCHEMA = """
CREATE TABLE IF NOT EXISTS pages (
    query TEXT NOT NULL, number INTEGER NOT NULL, asked REAL NOT NULL, cursor TEXT NOT NULL,
    exhausted INTEGER NOT NULL, scenes BLOB NOT NULL, PRIMARY KEY (query, number));
CREATE INDEX IF NOT EXISTS pages_asked ON pages (asked);
"""
# Pages of one search have the same `asked`: a page that follows one of an older search, renewed meanwhile, is not kept.
_PUT = """
INSERT OR REPLACE INTO pages SELECT ?1, ?2, ?3, ?4, ?5, ?6
WHERE ?2 = 1 OR EXISTS (SELECT 1 FROM pages WHERE query = ?1 AND number = ?2 - 1 AND asked = ?3)
"""
_TRIM = "DELETE FROM pages WHERE asked <= (SELECT asked FROM pages ORDER BY asked DESC LIMIT 1 OFFSET ?)"


@dataclass(frozen=True)
class SavedPage:
    """One page of a search as it lies on disk: its scenes, and how to go on."""

    scenes: Sequence[Scene]
    cursor: Any | None
    exhausted: bool


class SearchStore:
    """Searches by query, in SQLite. A disk that is full or read-only costs searches, never an answer."""

    def __init__(self, folder: Path | None, catalog: str) -> None:
        self._catalog = catalog
        self._database: sqlite3.Connection | None = None
        self._puts = 0
        self.faults = 0
        if folder is not None:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                self._database = open_or_renew(folder / "searches.sqlite", _SCHEMA)
                self._database.execute(_TRIM, (KEPT,))
            except (OSError, sqlite3.Error) as fault:
                self._failed(fault)

    def get(self, query: str) -> tuple[float, list[SavedPage]] | None:
        """When a search was asked (Unix time) and its pages, if it is kept and can be read."""
        if self._database is None:
            return None
        try:
            rows = self._database.execute(
                "SELECT number, asked, cursor, exhausted, scenes FROM pages WHERE query = ? ORDER BY number",
                (self._key(query),),
            ).fetchall()
            whole = [row for place, row in enumerate(rows) if row[0] == place + 1 and row[1] == rows[0][1]]
            if not whole:
                return None
            return float(whole[0][1]), [
                SavedPage(from_json(zlib.decompress(scenes)), json.loads(cursor), bool(exhausted))
                for _, _, cursor, exhausted, scenes in whole
            ]
        except (sqlite3.Error, zlib.error, LookupError, ValueError, TypeError, AttributeError) as fault:
            self._failed(fault)
            return None

    def put(self, query: str, number: int, asked: float, page: SavedPage) -> None:
        """Keep a page of a search, the first being number 1, which takes the place of an older search."""
        if self._database is None:
            return
        key = self._key(query)
        scenes = zlib.compress(to_json(page.scenes).encode(), 1)
        values = (key, number, asked, json.dumps(page.cursor), page.exhausted, scenes)
        try:
            self._database.execute(_PUT, values)
            self._puts += 1
            if self._puts % _TRIMMED_EVERY == 0:
                self._database.execute(_TRIM, (KEPT,))
        except sqlite3.Error as fault:
            self._failed(fault)

    def close(self) -> None:
        """Close the file."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def _key(self, query: str) -> str:
        return f"{FORMAT} {self._catalog} {query}"

    def _failed(self, fault: Exception) -> None:
        self.faults += 1
        log.warning("searches are not kept on disk: %s", fault)
