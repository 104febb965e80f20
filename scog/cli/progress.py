"""How far long work has come: a line that counts up in place on a terminal, and nothing in a log."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

WIDTH = 30
Tell = Callable[[int, int], None]


@contextmanager
def progress(verb: str, unit: str) -> Iterator[Tell]:
    """Something to tell how many units are done, and of how many; the line ends with the block."""
    told = False

    def tell(done: int, total: int) -> None:
        nonlocal told
        if sys.stderr.isatty():
            told = True
            bar = "#" * (WIDTH * done // total)
            print(f"\r{verb} [{bar:<{WIDTH}}] {done}/{total} {unit}", end="", file=sys.stderr, flush=True)

    try:
        yield tell
    finally:
        if told:
            print(file=sys.stderr)
