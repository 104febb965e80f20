"""Threads in which GDAL reads what scog does not decode itself, through the same ranges as everything else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from scog.errors import SourceUnavailable
from scog.net.byte_range import ByteRange
from scog.net.policy import UpstreamStats
from scog.net.ranges import Ranges

THREADS = 8
T = TypeVar("T")


class GdalThreads:
    """Threads of GDAL's own: they wait for the event loop to fetch, which the computing threads must not."""

    def __init__(self, ranges: Ranges) -> None:
        self._ranges = ranges
        self._closed = False
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="scog-gdal")

    def close(self) -> None:
        """Let go of the threads; reads under way end at their deadlines."""
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def run(self, urls: Sequence[str], tally: UpstreamStats, work: Callable[..., T]) -> T:
        """Work in a thread, given a function for each file that reads it: it waits until the event loop has its bytes.

        When nobody waits for the work any more it reads no further, and soon ends.
        """
        loop = asyncio.get_running_loop()
        under_way: set[Future[ByteRange]] = set()
        stopped = False

        def read(url: str, start: int, stop: int) -> ByteRange:
            if stopped or self._closed:
                raise SourceUnavailable("The work was stopped.", reason="stopped")
            tally.asked += stop - start
            future = asyncio.run_coroutine_threadsafe(self._ranges.read(url, start, stop, tally), loop)
            under_way.add(future)
            if stopped:
                future.cancel()
            try:
                return future.result()
            except CancelledError:
                raise SourceUnavailable("The work was stopped.", reason="stopped") from None
            finally:
                under_way.discard(future)

        try:
            return await loop.run_in_executor(self._threads, work, *(partial(read, url) for url in urls))
        except asyncio.CancelledError:
            stopped = True
            for future in tuple(under_way):
                future.cancel()
            raise
