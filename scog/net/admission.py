"""Admission queue of one host: which read starts next when the concurrency limit is reached.

Reads of the lowest `Priority` value start first. Within a priority, fair queueing determines the order: the image that
would finish first with the whole bandwidth is read first. Small images therefore do not wait for large ones that
arrived together with them, and large ones are not starved. (A. Demers, S. Keshav and S. Shenker, "Analysis and
Simulation of a Fair Queueing Algorithm", SIGCOMM 1989.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from scog.net.concurrency import ConcurrencyLimit, Snapshot
from scog.net.policy import Priority, UpstreamStats

MIN_READS = 2
"""Reads that may run at the same time whatever their size, so that the network is not idle between two of them."""
TYPICAL_RATE = 1_000_000.0
"""Assumed bandwidth in bytes per second before the first measurement."""
Waiters = Callable[[], Iterable[UpstreamStats]]
"""Returns the tallies of the requests that wait for a read. They may change while the read is queued."""
Key = tuple[int, float]
ABANDONED: Key = (max(Priority) + 1, 0.0)
"""Sort key of a read without waiters: it comes last."""


@dataclass(frozen=True, eq=False)
class _Queued:
    waiters: Waiters
    size: int
    admitted: asyncio.Future[Snapshot]


class AdmissionQueue:
    """Admits reads of one host: at most `max_reads` reads and `ConcurrencyLimit.max_outstanding` bytes at a time."""

    def __init__(self, concurrency: ConcurrencyLimit, max_reads: int) -> None:
        self._concurrency = concurrency
        self._max_reads = max_reads
        self._in_flight = 0
        self._queue: list[_Queued] = []

    @property
    def in_flight(self) -> int:
        """Number of reads in flight."""
        return self._in_flight

    @property
    def queued(self) -> int:
        """Number of reads that wait to be started."""
        return len(self._queue)

    async def acquire(self, waiters: Waiters, size: int) -> Snapshot:
        """Wait until a read of `size` bytes may start. Its bytes count as outstanding from then on.

        Returns the snapshot to pass to `release`, which must be called when the read has ended.
        """
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

    def release(self, start: Snapshot, outstanding: int = 0) -> None:
        """End a read and admit others. `outstanding` is the number of its bytes that did not arrive."""
        self._concurrency.end(start, outstanding)
        self._in_flight -= 1
        self.admit_next(recheck=True)

    def admit_next(self, *, recheck: bool = False) -> None:
        """Start the queued reads that fit.

        This is called for every chunk that arrives. Without `recheck` it therefore returns at once if the host's limit
        is reached.
        """
        if self._queue and (
            recheck or self._in_flight < MIN_READS or self._concurrency.outstanding < self._concurrency.max_outstanding
        ):
            self._admit_queued()

    def _admit_queued(self) -> None:
        while self._queue and self._in_flight < self._max_reads:
            self._queue = [each for each in self._queue if not each.admitted.done()]
            first = min(self._queue, key=lambda queued: self._key(queued.waiters), default=None)
            if first is None or not self._fits(first.size, self._key(first.waiters)[0]):
                return
            first.admitted.set_result(self._start(first.size))

    def _key(self, waiters: Waiters) -> Key:
        """Sort key of a read: that of its most urgent waiter."""
        rate = self._concurrency.rate or TYPICAL_RATE
        return min(
            ((tally.priority, tally.started_at + tally.requested_bytes / rate) for tally in waiters()),
            default=ABANDONED,
        )

    def _fits(self, size: int, priority: int) -> bool:
        """Whether a read may start now. Previews are small and urgent: only the number of reads limits them."""
        if self._in_flight >= self._max_reads:
            return False
        return (
            priority == Priority.PREVIEW
            or self._in_flight < MIN_READS
            or self._concurrency.outstanding + size <= self._concurrency.max_outstanding
        )

    def _start(self, size: int) -> Snapshot:
        self._in_flight += 1
        return self._concurrency.begin(size)
