"""One maker at a time: who comes second waits, and finds what the first has made."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def alone(folder: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the folder, which must exist; calls `waiting` once if another process or thread holds it, then waits.

    The system lets go of what a process holds when it ends, however it ends, and no lock file is left lying about.
    Windows, and file systems without locks, know no such thing: there nobody waits.
    """
    if sys.platform == "win32":
        yield
        return
    held = os.open(folder, os.O_RDONLY)
    try:
        _lock(held, waiting)
        yield
    finally:
        os.close(held)


if sys.platform != "win32":
    import fcntl

    def _lock(held: int, waiting: Callable[[], None]) -> None:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(held, fcntl.LOCK_EX)
        except OSError:
            pass  # the file system has no locks
