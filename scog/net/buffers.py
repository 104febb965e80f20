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

MIN_POOLED = 1 << 16
"""Bytes below which a body is left to the system's allocator, which keeps such memory itself."""
MAX_IDLE_BYTES = 64 * 2**20
"""Bytes kept at most while nobody uses them."""


class BufferPool:
    """Gives out memory, and takes it back by itself once nothing looks at it any more. For any thread."""

    def __init__(self) -> None:
        self._free: dict[int, list[NDArray[np.uint8]]] = defaultdict(list)
        self._allocations = 0
        self._last_allocated: dict[int, int] = {}

    @property
    def idle_bytes(self) -> int:
        """Bytes that wait to be used again."""
        return sum(size * len(free) for size, free in tuple(self._free.items()))

    def allocate(self, length: int) -> memoryview:
        """Memory for so many bytes, with whatever is in it."""
        if length < MIN_POOLED:
            return np.empty(length, np.uint8).data
        size = 1 << (length - 1).bit_length()
        self._allocations += 1
        self._last_allocated[size] = self._allocations
        try:
            memory = self._free[size].pop()
        except IndexError:
            memory = np.empty(size, np.uint8)
        view = memory[:length]
        weakref.finalize(view, self._give_back, memory).atexit = False
        return view.data

    def _give_back(self, memory: NDArray[np.uint8]) -> None:
        """Keep it; where that is too much, let go of a size that has not been asked for for longest.

        It runs wherever the last who looked lets go, so that it must not wait for a lock.
        """
        self._free[len(memory)].append(memory)
        while self.idle_bytes > MAX_IDLE_BYTES and (
            sizes := [size for size, free in tuple(self._free.items()) if free]
        ):
            with suppress(IndexError):
                self._free[min(sizes, key=self._last_allocated.__getitem__)].pop()
