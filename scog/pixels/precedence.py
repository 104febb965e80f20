"""Precedence: reads for images wait while those for previews are under way, which take a fraction of their bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PATIENCE = 2.0
"""Seconds that a read waits at most, whatever previews are asked for meanwhile."""


class Precedence:
    """Who reads first. Made and used within one event loop."""

    def __init__(self) -> None:
        self._first = 0
        self._none = asyncio.Event()
        self._none.set()

    @property
    def is_taken(self) -> bool:
        """Whether others have to wait."""
        return self._first > 0

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Go first until the end of the block."""
        self._first += 1
        self._none.clear()
        try:
            yield
        finally:
            self._first -= 1
            if not self._first:
                self._none.set()

    async def give_way(self) -> None:
        """Wait until nobody goes first, for a bounded time."""
        if self._first:
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await self._none.wait()
