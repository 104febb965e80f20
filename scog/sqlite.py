"""SQLite files that may be lost: what they hold can be got again from its source."""

from __future__ import annotations

import sqlite3
from pathlib import Path


def open_or_renew(path: Path, schema: str) -> sqlite3.Connection:
    """Open a file, or begin it anew where it is no database any more, after a power cut for instance.

    The connection may be used from several threads; each statement is its own transaction. Raises sqlite3.Error.
    """
    try:
        return _open(path, schema)
    except sqlite3.OperationalError:  # locked, full, read-only: the file itself may be well
        raise
    except sqlite3.DatabaseError:
        for leftover in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
            leftover.unlink(missing_ok=True)
        return _open(path, schema)


def _open(path: Path, schema: str) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=1.0, check_same_thread=False, isolation_level=None)
    # A lost write costs nothing: no waiting for the disk.
    database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;" + schema)
    return database
