"""On-disk cache of a live catalogue's searches, so that their results survive a restart or an outage."""

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

MAX_STORED_PAGES = 4000
"""Maximum number of stored pages: about 100 MB, at 10 to 30 KB each."""
_TRIM_INTERVAL = 500
"""Number of writes between two trims."""
_SCHEMA = """
DROP TABLE IF EXISTS pages;
CREATE TABLE IF NOT EXISTS search_pages (
    query TEXT NOT NULL, number INTEGER NOT NULL, requested_at REAL NOT NULL, cursor TEXT NOT NULL,
    exhausted INTEGER NOT NULL, scenes BLOB NOT NULL, PRIMARY KEY (query, number));
CREATE INDEX IF NOT EXISTS search_pages_by_time ON search_pages (requested_at);
"""
# `requested_at` is the same for all pages of one search. A page is not stored if its search was refreshed meanwhile,
# because it would follow pages of another version.
_PUT = """
INSERT OR REPLACE INTO search_pages SELECT ?1, ?2, ?3, ?4, ?5, ?6
WHERE ?2 = 1 OR EXISTS (SELECT 1 FROM search_pages WHERE query = ?1 AND number = ?2 - 1 AND requested_at = ?3)
"""
_TRIM = """
DELETE FROM search_pages WHERE requested_at <= (
    SELECT requested_at FROM search_pages ORDER BY requested_at DESC LIMIT 1 OFFSET ?)
"""


@dataclass(frozen=True)
class SavedPage:
    """One stored page of a search: its scenes, the cursor of the next page, and whether it is the last page."""

    scenes: Sequence[Scene]
    cursor: Any | None
    exhausted: bool


class SearchStore:
    """Pages of searches by query, in SQLite.

    A full or read-only disk is logged and counted in `errors`, and never makes a search fail.
    """

    def __init__(self, folder: Path | None, catalog: str) -> None:
        self._catalog = catalog
        self._database: sqlite3.Connection | None = None
        self._puts = 0
        self.errors = 0
        """Number of failed reads and writes."""
        if folder is not None:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                self._database = open_or_renew(folder / "searches.sqlite", _SCHEMA)
                self._database.execute(_TRIM, (MAX_STORED_PAGES,))
            except (OSError, sqlite3.Error) as error:
                self._record_error(error)

    def get(self, query: str) -> tuple[float, list[SavedPage]] | None:
        """Unix time of a search's request, and its pages; None if it is not stored or cannot be read."""
        if self._database is None:
            return None
        try:
            rows = self._database.execute(
                "SELECT number, requested_at, cursor, exhausted, scenes FROM search_pages"
                " WHERE query = ? ORDER BY number",
                (self._key(query),),
            ).fetchall()
            consecutive = [row for index, row in enumerate(rows) if row[0] == index + 1 and row[1] == rows[0][1]]
            if not consecutive:
                return None
            return float(consecutive[0][1]), [
                SavedPage(from_json(zlib.decompress(scenes)), json.loads(cursor), bool(exhausted))
                for _, _, cursor, exhausted, scenes in consecutive
            ]
        except (sqlite3.Error, zlib.error, LookupError, ValueError, TypeError, AttributeError) as error:
            self._record_error(error)
            return None

    def put(self, query: str, number: int, requested_at: float, page: SavedPage) -> None:
        """Store a page of the search requested at Unix time `requested_at`. Page number 1 replaces an older search."""
        if self._database is None:
            return
        key = self._key(query)
        scenes = zlib.compress(to_json(page.scenes).encode(), 1)
        values = (key, number, requested_at, json.dumps(page.cursor), page.exhausted, scenes)
        try:
            self._database.execute(_PUT, values)
            self._puts += 1
            if self._puts % _TRIM_INTERVAL == 0:
                self._database.execute(_TRIM, (MAX_STORED_PAGES,))
        except sqlite3.Error as error:
            self._record_error(error)

    def close(self) -> None:
        """Close the database."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def _key(self, query: str) -> str:
        return f"{FORMAT} {self._catalog} {query}"

    def _record_error(self, error: Exception) -> None:
        self.errors += 1
        log.warning("searches are not cached on disk: %s", error)
