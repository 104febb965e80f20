"""Turns: which read is next where a line is full. The most urgent image comes first, and is finished before others."""

from __future__ import annotations

import asyncio
import heapq
import itertools

from scog.net.line import Line, Mark
from scog.net.policy import Tally

LEAST_READS = 2
"""Reads at once whatever their size, so that a line does not lie idle between two of them."""
FAIR_SHARE = 8_000_000
"""Bytes after which an image comes behind those of its rank that have taken less: a few tiles' worth."""
Key = tuple[int, int, int, int]


class Turns:
    """Admits reads of one host: `at_most` at once, within the line's window of bytes."""

    def __init__(self, line: Line, at_most: int) -> None:
        self._line = line
        self._at_most = at_most
        self._inside = 0
        self._waiting: list[tuple[Key, int, asyncio.Future[Mark]]] = []
        self._numbers = itertools.count()

    @property
    def inside(self) -> int:
        """Reads under way."""
        return self._inside

    async def enter(self, tally: Tally, size: int) -> Mark:
        """Wait for a turn to read `size` bytes, which count as on order from then on. Call `leave` afterwards."""
        asked, tally.asked = tally.asked, tally.asked + size
        if not self._waiting and self._has_room(size):
            return self._admitted(size)
        turn: asyncio.Future[Mark] = asyncio.get_running_loop().create_future()
        key = (tally.rank, asked // FAIR_SHARE, tally.order, next(self._numbers))
        heapq.heappush(self._waiting, (key, size, turn))
        self.admit()
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave(turn.result(), size)
            raise

    def leave(self, mark: Mark, missing: int = 0) -> None:
        """A read is over, and so many of its bytes did not come."""
        self._line.end(mark, missing)
        self._inside -= 1
        self.admit()

    def admit(self) -> None:
        """Let in those that there is room for by now."""
        while self._waiting:
            _, size, turn = self._waiting[0]
            if not turn.done():
                if not self._has_room(size):
                    return
                turn.set_result(self._admitted(size))
            heapq.heappop(self._waiting)

    def _has_room(self, size: int) -> bool:
        if self._inside >= self._at_most:
            return False
        return self._inside < LEAST_READS or self._line.outstanding + size <= self._line.window

    def _admitted(self, size: int) -> Mark:
        self._inside += 1
        return self._line.begin(size)
