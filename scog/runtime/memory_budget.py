"""A bound on the memory that reads under way may take together."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from scog.errors import AssetRefused


class MemoryBudget:
    """So many bytes for all; who wants more than is left waits, in turn, until others give theirs back."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._held = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def hold(self, size: int) -> AsyncIterator[None]:
        """Hold `size` bytes. Raises AssetRefused when that is more than there ever will be."""
        if size > self.limit:
            raise AssetRefused(
                f"Reading this takes {size / 1e6:.0f} MB at once; {self.limit / 1e6:.0f} are allowed.",
                reason="too-much-memory",
            )
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        self._admit()
        try:
            await turn
            yield
        finally:
            if not turn.cancelled():
                self._held -= size
            self._admit()

    def _admit(self) -> None:
        """Let in those whose turn it is, as far as there is room."""
        while self._waiting:
            size, turn = self._waiting[0]
            if not turn.cancelled():
                if self._held + size > self.limit:
                    return
                self._held += size
                turn.set_result(None)
            self._waiting.popleft()
