"""The workbench: what is done with pixels in no time is done at once, on the event loop; all else in threads.

Python runs one thread at a time. For each array that a tile takes numpy lets the others have their turn, and
then waits for its own, which under load takes longer than the work itself: tiles whose blocks are in memory took 3.6 ms
each in a thread beside a busy event loop, and take 2.4 ms on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, TypeVar

from scog.warp.resample import Resampling

QUICK = 1 << 19
"""Pixels, of all layers together, that are worked on at once: some 4 ms, as long as a request may well be held up."""
T = TypeVar("T")


class Workbench:
    """Works on pixels. Made and used within one event loop."""

    def __init__(self, threads: Executor) -> None:
        self._threads = threads

    def is_quick(self, pixels: int) -> bool:
        """Whether so much is done at once."""
        return pixels < QUICK

    async def work(self, pixels: int, work: Callable[..., T], *args: Any) -> T:
        """What `work` makes of so many pixels, counted in each layer that it goes through."""
        if self.is_quick(pixels):
            return work(*args)
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)


def effort(shape: tuple[int, int], layers: int, resampling: Resampling = Resampling.NEAREST) -> int:
    """Pixels of so many layers. Other methods than nearest, which take 30 to 500 times as long, are never quick."""
    pixels = shape[0] * shape[1] * layers
    return pixels if resampling is Resampling.NEAREST else max(QUICK, pixels)
