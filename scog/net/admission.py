"""Turns: which read is next where a line is full.

The most urgent rank comes first; within a rank the image that would be finished first if it had the line for itself, as
in fair queueing: small images do not wait for large ones that came with them, and large ones are not starved.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from scog.net.concurrency import ConcurrencyLimit, Snapshot
from scog.net.policy import Rank, Tally

MIN_READS = 2
"""Reads at once whatever their size, so that a line does not lie idle between two of them."""
TYPICAL_RATE = 1_000_000.0
"""Bytes a second before the line is measured."""
Waiters = Callable[[], Iterable[Tally]]
"""Those who wait for a read by now; more may come and go while it waits for its turn."""
Key = tuple[int, float]
ABANDONED: Key = (max(Rank) + 1, 0.0)
"""Of reads that nobody waits for any more."""


@dataclass(frozen=True, eq=False)
class _Queued:
    waiters: Waiters
    size: int
    admitted: asyncio.Future[Snapshot]


class AdmissionQueue:
    """Admits reads of one host: `at_most` at once, within the line's window of bytes."""

    def __init__(self, concurrency: ConcurrencyLimit, at_most: int) -> None:
        self._concurrency = concurrency
        self._at_most = at_most
        self._in_flight = 0
        self._queue: list[_Queued] = []

    @property
    def in_flight(self) -> int:
        """Reads under way."""
        return self._in_flight

    async def acquire(self, waiters: Waiters, size: int) -> Snapshot:
        """Wait for a turn to read `size` bytes, which count as on order from then on. Call `release` afterwards."""
        if self._fits(size, self._key(waiters)[0]) and not self._queue:
            return self._start(size)
        admitted: asyncio.Future[Snapshot] = asyncio.get_running_loop().create_future()
        self._queue.append(_Queued(waiters, size, admitted))
        self._admit_queued()
        try:
            return await admitted
        except asyncio.CancelledError:
            if admitted.done() and not admitted.cancelled():
                self.release(admitted.result(), size)
            raise

    def release(self, start: Snapshot, missing: int = 0) -> None:
        """A read is over, and so many of its bytes did not come."""
        self._concurrency.end(start, missing)
        self._in_flight -= 1
        self.admit_next(recheck=True)

    def admit_next(self, *, recheck: bool = False) -> None:
        """Let in those that there is room for by now; only looked at `recheck` where the line has none."""
        if self._queue and (
            recheck or self._in_flight < MIN_READS or self._concurrency.outstanding < self._concurrency.max_outstanding
        ):
            self._admit_queued()

    def _admit_queued(self) -> None:
        while self._queue and self._in_flight < self._at_most:
            self._queue = [each for each in self._queue if not each.admitted.done()]
            first = min(self._queue, key=lambda queued: self._key(queued.waiters), default=None)
            if first is None or not self._fits(first.size, self._key(first.waiters)[0]):
                return
            first.admitted.set_result(self._start(first.size))

    def _key(self, waiters: Waiters) -> Key:
        """When it is a read's turn: by the most urgent of those who wait for it."""
        rate = self._concurrency.rate or TYPICAL_RATE
        return min(((tally.rank, tally.began + tally.asked / rate) for tally in waiters()), default=ABANDONED)

    def _fits(self, size: int, rank: int) -> bool:
        """Whether there is room; for previews, which are small and wanted at once, whatever is on order."""
        if self._in_flight >= self._at_most:
            return False
        return (
            rank == Rank.PREVIEW
            or self._in_flight < MIN_READS
            or self._concurrency.outstanding + size <= self._concurrency.max_outstanding
        )

    def _start(self, size: int) -> Snapshot:
        self._in_flight += 1
        return self._concurrency.begin(size)
