"""A limit on the memory of all reads in progress."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from scog.errors import AssetRefused


class MemoryBudget:
    """Grants up to `limit` bytes, in the order of requests. Used within one event loop."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._held = 0
        self._queue: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def hold(self, size: int) -> AsyncIterator[None]:
        """Wait until `size` bytes are free, and hold them. Raises AssetRefused if `size` exceeds the limit."""
        if size > self.limit:
            raise AssetRefused(
                f"Reading this takes {size / 1e6:.0f} MB of memory; the limit is {self.limit / 1e6:.0f} MB.",
                reason="too-much-memory",
            )
        granted = asyncio.get_running_loop().create_future()
        self._queue.append((size, granted))
        self._grant()
        try:
            await granted
            yield
        finally:
            if not granted.cancelled():
                self._held -= size
            self._grant()

    def _grant(self) -> None:
        """Grant queued requests in order, until one does not fit."""
        while self._queue:
            size, granted = self._queue[0]
            if not granted.cancelled():
                if self._held + size > self.limit:
                    return
                self._held += size
                granted.set_result(None)
            self._queue.popleft()
