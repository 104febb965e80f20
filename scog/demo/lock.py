"""An exclusive lock between processes: only one of them creates the archive."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive(folder: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold an exclusive `flock` on an existing folder.

    If another process or thread holds the lock, `waiting` is called once and the call blocks. The operating system
    releases the lock when a process ends, and there is no lock file to clean up. On Windows and on file systems without
    locks nothing is locked.
    """
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _lock(descriptor, waiting)
        yield
    finally:
        os.close(descriptor)


if sys.platform != "win32":
    import fcntl

    def _lock(descriptor: int, waiting: Callable[[], None]) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            pass  # the file system has no locks
