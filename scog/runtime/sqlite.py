"""SQLite caches: files whose contents can be fetched again."""

from __future__ import annotations

import sqlite3
from pathlib import Path


def open_or_renew(path: Path, schema: str) -> sqlite3.Connection:
    """Open a database. Recreate it if the file is corrupt, for instance after a power cut.

    `schema` is SQL that is executed on every opening. The connection may be used from several threads. Each statement
    is a separate transaction. Raises sqlite3.Error.
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
    # Without fsync: lost writes do no harm.
    database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;" + schema)
    return database
