"""Buffers: memory that bodies arrive in, used again.

Memory that a process has not touched before comes from the system page by page, each cleared first. A median of 20
dates took 6,500 such pages for its bodies, and takes 2,000 so.
"""

from __future__ import annotations

import weakref
from collections import defaultdict
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

SMALL = 1 << 16
"""Bytes below which a body is left to the system's allocator, which keeps such memory itself."""
KEPT = 64 * 2**20
"""Bytes kept at most while nobody uses them."""


class Buffers:
    """Gives out memory, and takes it back by itself once nothing looks at it any more. For any thread."""

    def __init__(self) -> None:
        self._free: dict[int, list[NDArray[np.uint8]]] = defaultdict(list)
        self._taken = 0
        self._last_taken: dict[int, int] = {}

    @property
    def kept(self) -> int:
        """Bytes that wait to be used again."""
        return sum(size * len(free) for size, free in tuple(self._free.items()))

    def take(self, length: int) -> memoryview:
        """Memory for so many bytes, with whatever is in it."""
        if length < SMALL:
            return np.empty(length, np.uint8).data
        size = 1 << (length - 1).bit_length()
        self._taken += 1
        self._last_taken[size] = self._taken
        try:
            whole = self._free[size].pop()
        except IndexError:
            whole = np.empty(size, np.uint8)
        seen = whole[:length]
        weakref.finalize(seen, self._give_back, whole).atexit = False
        return seen.data

    def _give_back(self, whole: NDArray[np.uint8]) -> None:
        """Keep it; where that is too much, let go of a size that has not been asked for for longest.

        It runs wherever the last who looked lets go, so that it must not wait for a lock.
        """
        self._free[len(whole)].append(whole)
        while self.kept > KEPT and (sizes := [size for size, free in tuple(self._free.items()) if free]):
            with suppress(IndexError):
                self._free[min(sizes, key=self._last_taken.__getitem__)].pop()
