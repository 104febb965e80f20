"""The state of one host: concurrency limit, circuit breaker, admission queue, and the timeouts derived from them."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from scog.net.admission import AdmissionQueue
from scog.net.concurrency import ConcurrencyLimit
from scog.net.policy import BreakerState, CircuitBreaker, UpstreamStats

ACTIVE_WITHIN = 1.0
"""A host is responding if it sent a byte within this many seconds."""
SILENT_HOST_FACTOR = 3
"""Factor on the stall timeout while a host sends nothing at all: the cause is then likely the network, which may
recover."""
HEDGE_AFTER = 1.0
"""Minimum seconds without a first byte before a read is hedged."""
FEW_READS = 4
"""No read is split if an image has at least this many reads."""
MAX_PARTS = 4
"""Maximum number of concurrent requests into which one read is split."""
MIN_PART = 0.25
"""Minimum size of each of these requests, in multiples of `round_trip_bytes`."""
MAX_HEDGES = 8
"""Maximum number of concurrent hedges of one host."""
SLOW_AFTER = 3.0
"""Seconds over which the rate of a body is measured."""
MIN_RATE = 4096.0
"""A request is abandoned below this rate in bytes per second."""
MIN_RATE_SHARE = 1 / 16
"""A request is abandoned below this fraction of its fair share of the host's bandwidth."""


@dataclass(frozen=True)
class HostState:
    """The state of one host, for operators. Rates in bytes per second, times in seconds; None if not measured yet.

    `max_outstanding` is the concurrency limit in bytes, `reads` the number of reads in flight.
    """

    name: str
    breaker: BreakerState
    seconds_left: float
    latency: float | None
    rate: float | None
    connection_rate: float | None
    max_outstanding: float
    reads: int


class Host:
    """Concurrency limit, breaker and timeouts of one host. Not thread-safe."""

    def __init__(self, name: str, *, stall: float, max_reads: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.breaker = CircuitBreaker(clock=clock)
        self.concurrency = ConcurrencyLimit()
        self.admission = AdmissionQueue(self.concurrency, max_reads)
        self.reads: Counter[int] = Counter()
        """Number of reads in flight or queued, by the `id` of their tally."""
        self.hedges = 0
        """Number of hedges in flight."""
        self.url = ""
        """The URL of the latest read; empty before the first read."""
        self._stall = stall

    @property
    def state(self) -> HostState:
        """The current state."""
        concurrency, breaker = self.concurrency, self.breaker
        return HostState(
            self.name, breaker.state, breaker.seconds_left, concurrency.latency, concurrency.rate,
            concurrency.connection_rate, concurrency.max_outstanding, self.admission.in_flight,
        )  # fmt: skip

    def stall_timeout(self, *, retried: bool) -> float:
        """Seconds without data after which a request is abandoned; longer while the host sends nothing to any request.

        Set `retried` to halve the time: for a response that has begun, since another connection continues it, and after
        a first stall.
        """
        silent = time.monotonic() - self.concurrency.last_byte_at >= ACTIVE_WITHIN
        return self._stall * (SILENT_HOST_FACTOR if silent else 1) / (2 if retried else 1)

    def part_count(self, size: int, tally: UpstreamStats) -> int:
        """Number of concurrent requests for a read of `size` bytes.

        More than 1 only for large reads while no other image reads from the host.
        """
        alone = self.reads.keys() <= {id(tally)} and self.reads.total() < FEW_READS
        if not alone or self.concurrency.connection_rate is None:
            return 1
        part_count = min(MAX_PARTS, int(size / (MIN_PART * self.concurrency.round_trip_bytes)))
        return (
            part_count
            if part_count > 1 and self.concurrency.outstanding + 2 * size <= self.concurrency.max_outstanding
            else 1
        )

    @property
    def hedge_after(self) -> float:
        """Seconds without a first byte after which a read is hedged; infinite while MAX_HEDGES are in flight."""
        return max(HEDGE_AFTER, 3 * self.concurrency.wait) if self.hedges < MAX_HEDGES else math.inf

    def is_too_slow(self, size: int, seconds: float) -> bool:
        """Whether a body that received `size` bytes in `seconds` is far below its share of the bandwidth."""
        if seconds < SLOW_AFTER:
            return False
        share = (self.concurrency.rate or 0.0) / max(1, self.admission.in_flight)
        return size / seconds < max(MIN_RATE, MIN_RATE_SHARE * share)
