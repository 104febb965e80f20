"""Threads in which GDAL runs, reading its bytes through the event loop."""

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
    """A thread pool for GDAL. It is separate from the threads that compute, since its threads wait for reads."""

    def __init__(self, ranges: Ranges) -> None:
        self._ranges = ranges
        self._closed = False
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="scog-gdal")

    def close(self) -> None:
        """Stop the threads; reads in flight end at their timeouts."""
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def run(self, urls: Sequence[str], tally: UpstreamStats, work: Callable[..., T]) -> T:
        """Call `work` in a thread, with one argument per URL: a blocking function that reads a byte range of the file.

        If the call is cancelled, these functions raise SourceUnavailable, so that `work` ends soon.
        """
        loop = asyncio.get_running_loop()
        in_flight: set[Future[ByteRange]] = set()
        stopped = False

        def read(url: str, start: int, stop: int) -> ByteRange:
            if stopped or self._closed:
                raise SourceUnavailable("The read was cancelled.", reason="stopped")
            tally.requested_bytes += stop - start
            future = asyncio.run_coroutine_threadsafe(self._ranges.read(url, start, stop, tally), loop)
            in_flight.add(future)
            if stopped:
                future.cancel()
            try:
                return future.result()
            except CancelledError:
                raise SourceUnavailable("The read was cancelled.", reason="stopped") from None
            finally:
                in_flight.discard(future)

        try:
            return await loop.run_in_executor(self._threads, work, *(partial(read, url) for url in urls))
        except asyncio.CancelledError:
            stopped = True
            for future in tuple(in_flight):
                future.cancel()
            raise
