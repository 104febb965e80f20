"""Precedence: reads for images wait while those for previews are under way, which take a fraction of their bytes."""

from __future__ import annotations

import asyncio
from contextlib import suppress

PATIENCE = 2.0
"""Seconds that a read waits at most, whatever previews are asked for meanwhile."""
LINGER = 0.2
"""Seconds after a preview has been read in which the next of the same map may be asked for."""


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

    def take(self) -> None:
        """Go first, until as many are released."""
        self._first += 1
        self._none.clear()

    def release(self, linger: bool) -> None:
        """Let others go on, with `linger` after a moment."""
        if linger:
            asyncio.get_running_loop().call_later(LINGER, self.release, False)
            return
        self._first -= 1
        if not self._first:
            self._none.set()

    async def give_way(self) -> None:
        """Wait until nobody goes first, for a bounded time."""
        if self._first:
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await self._none.wait()
