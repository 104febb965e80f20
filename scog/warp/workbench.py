"""Where work on pixels runs: short work on the event loop, long work in threads.

Python runs one thread at a time. numpy releases the lock for each array operation and then waits to get it back, which
takes longer than the work itself under load: tiles whose blocks are in memory took 3.6 ms each in a thread beside a
busy event loop, and take 2.4 ms on the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, TypeVar

from scog.warp.resample import Resampling

MAX_INLINE_PIXELS = 1 << 19
"""Pixels, summed over layers, that are processed on the event loop: about 4 ms, an acceptable delay for requests."""
T = TypeVar("T")


class Workbench:
    """Runs work on pixels. To be made and used within one event loop."""

    def __init__(self, threads: Executor) -> None:
        self._threads = threads

    def is_quick(self, pixels: int) -> bool:
        """Whether work on a number of pixels runs on the event loop."""
        return pixels < MAX_INLINE_PIXELS

    async def work(self, pixels: int, work: Callable[..., T], *args: Any) -> T:
        """The result of `work(*args)`; `pixels` is the number of pixels that it processes, summed over layers."""
        if self.is_quick(pixels):
            return work(*args)
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)


def pixels_to_process(shape: tuple[int, int], layers: int, resampling: Resampling = Resampling.NEAREST) -> int:
    """Pixels summed over `layers`. Methods other than nearest are 30 to 500 times as slow, and never count as quick."""
    pixels = shape[0] * shape[1] * layers
    return pixels if resampling is Resampling.NEAREST else max(MAX_INLINE_PIXELS, pixels)
