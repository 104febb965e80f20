"""A bound on the memory that reads under way may take together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from scog.errors import AssetRefused


class Budget:
    """So many bytes for all; who wants more than is left waits until others give theirs back."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._returned = asyncio.Condition()

    @asynccontextmanager
    async def hold(self, size: int) -> AsyncIterator[None]:
        """Hold `size` bytes. Raises AssetRefused when that is more than there ever will be."""
        if size > self._limit:
            raise AssetRefused(
                f"Reading this takes {size / 1e6:.0f} MB at once; {self._limit / 1e6:.0f} are allowed.",
                reason="too-much-memory",
            )
        async with self._returned:
            await self._returned.wait_for(lambda: self._held + size <= self._limit)
            self._held += size
        try:
            yield
        finally:
            self._held -= size
            async with self._returned:
                self._returned.notify_all()
