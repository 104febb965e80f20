"""SQLite caches: files whose contents can be fetched again."""

from __future__ import annotations

import sqlite3
from pathlib import Path


def open_or_renew(path: Path, schema: str) -> sqlite3.Connection:
    """Open a database, or recreate it if the file is corrupt, after a power cut for instance.

    `schema` is SQL that is run on every opening. The connection may be used from several threads; each statement is a
    transaction of its own. Raises sqlite3.Error.
    """
    try:
        return _open(path, schema)
    except sqlite3.OperationalError:  # locked, full or read-only: the file itself may be intact
        raise
    except sqlite3.DatabaseError:
        for leftover in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
            leftover.unlink(missing_ok=True)
        return _open(path, schema)


def _open(path: Path, schema: str) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=1.0, check_same_thread=False, isolation_level=None)
    # Without fsync: a lost write costs nothing.
    database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;" + schema)
    return database
