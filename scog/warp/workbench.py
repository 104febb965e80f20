"""Runs functions on pixels: fast ones on the event loop, slow ones in threads.

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
"""Pixels, summed over bands, that are processed on the event loop: about 4 ms, an acceptable delay for requests."""
T = TypeVar("T")


class Workbench:
    """Runs functions on pixels. Used within one event loop."""

    def __init__(self, threads: Executor) -> None:
        self._threads = threads

    def is_quick(self, pixels: int) -> bool:
        """Whether a function that processes a number of pixels runs on the event loop."""
        return pixels < MAX_INLINE_PIXELS

    async def run(self, pixels: int, function: Callable[..., T], *args: Any) -> T:
        """Return `function(*args)`. `pixels` is the number of pixels that it processes, summed over bands."""
        if self.is_quick(pixels):
            return function(*args)
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *args)


def pixels_to_process(shape: tuple[int, int], bands: int, resampling: Resampling = Resampling.NEAREST) -> int:
    """Pixels summed over `bands`. Methods other than nearest are 30 to 500 times as slow, and never count as quick."""
    pixels = shape[0] * shape[1] * bands
    return pixels if resampling is Resampling.NEAREST else max(MAX_INLINE_PIXELS, pixels)
