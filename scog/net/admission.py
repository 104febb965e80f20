"""Turns: which read is next where a line is full.

The most urgent rank comes first; within a rank the image that would be finished first if it had the line for itself, as
in fair queueing: small images do not wait for large ones that came with them, and large ones are not starved.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from scog.net.concurrency import Line, Mark
from scog.net.policy import Rank, Tally

LEAST_READS = 2
"""Reads at once whatever their size, so that a line does not lie idle between two of them."""
TYPICAL_RATE = 1_000_000.0
"""Bytes a second before the line is measured."""
Riders = Callable[[], Iterable[Tally]]
"""Those who wait for a read by now; more may come and go while it waits for its turn."""
Key = tuple[int, float]
IDLE: Key = (max(Rank) + 1, 0.0)
"""Of reads that nobody waits for any more."""


@dataclass(frozen=True, eq=False)
class _Waiting:
    riders: Riders
    size: int
    turn: asyncio.Future[Mark]


class Turns:
    """Admits reads of one host: `at_most` at once, within the line's window of bytes."""

    def __init__(self, line: Line, at_most: int) -> None:
        self._line = line
        self._at_most = at_most
        self._inside = 0
        self._waiting: list[_Waiting] = []

    @property
    def inside(self) -> int:
        """Reads under way."""
        return self._inside

    async def enter(self, riders: Riders, size: int) -> Mark:
        """Wait for a turn to read `size` bytes, which count as on order from then on. Call `leave` afterwards."""
        if self._has_room(size, self._key(riders)[0]) and not self._waiting:
            return self._admitted(size)
        turn: asyncio.Future[Mark] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(riders, size, turn))
        self._admit_first()
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
        self.admit(in_full=True)

    def admit(self, *, in_full: bool = False) -> None:
        """Let in those that there is room for by now; only looked at `in_full` where the line has none."""
        if self._waiting and (in_full or self._inside < LEAST_READS or self._line.outstanding < self._line.window):
            self._admit_first()

    def _admit_first(self) -> None:
        while self._waiting and self._inside < self._at_most:
            self._waiting = [each for each in self._waiting if not each.turn.done()]
            first = min(self._waiting, key=lambda waiting: self._key(waiting.riders), default=None)
            if first is None or not self._has_room(first.size, self._key(first.riders)[0]):
                return
            first.turn.set_result(self._admitted(first.size))

    def _key(self, riders: Riders) -> Key:
        """When it is a read's turn: by the most urgent of those who wait for it."""
        rate = self._line.rate or TYPICAL_RATE
        return min(((tally.rank, tally.began + tally.asked / rate) for tally in riders()), default=IDLE)

    def _has_room(self, size: int, rank: int) -> bool:
        """Whether there is room; for previews, which are small and wanted at once, whatever is on order."""
        if self._inside >= self._at_most:
            return False
        return rank == Rank.PREVIEW or self._inside < LEAST_READS or self._line.outstanding + size <= self._line.window

    def _admitted(self, size: int) -> Mark:
        self._inside += 1
        return self._line.begin(size)
