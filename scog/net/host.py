"""What is known of one host, and its reads under way: line, breaker, turns."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from scog.net.admission import AdmissionQueue
from scog.net.concurrency import ConcurrencyLimit
from scog.net.policy import BreakerState, CircuitBreaker, Tally

ACTIVE_WITHIN = 1.0
"""Seconds since a host's last byte for which it counts as answering others."""
SILENT_HOST_FACTOR = 3
"""Times longer to wait where a host sends nothing at all: then it is likely the line, which may come back."""
HEDGE_AFTER = 1.0
"""Seconds without a first byte after which a request is made again beside the first, at least."""
FEW_READS = 4
"""Reads of one image from which on none is made in parts."""
MAX_PARTS, MIN_PART = 4, 0.25
"""Parts of one read at most, and the least size of one in bytes that a round trip is worth."""
MAX_HEDGES = 8
"""Second requests at once."""
SLOW_AFTER = 3.0
"""Seconds of a body after which its rate is judged."""
MIN_RATE = 4096.0
"""Bytes a second below which a connection is given up, whatever the line."""
MIN_RATE_SHARE = 1 / 16
"""Of its share of the line's rate; a connection below is given up."""


@dataclass(frozen=True)
class HostState:
    """One host as operators see it. Rates in bytes a second, times in seconds; None where not known yet."""

    name: str
    breaker: BreakerState
    seconds_left: float
    latency: float | None
    rate: float | None
    connection_rate: float | None
    max_outstanding: float
    reads: int


class Host:
    """Judges the reads of one host by each other. Not for several threads."""

    def __init__(self, name: str, *, stall: float, at_most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.breaker = CircuitBreaker(clock=clock)
        self.concurrency = ConcurrencyLimit()
        self.admission = AdmissionQueue(self.concurrency, at_most)
        self.reads: Counter[int] = Counter()
        """Reads under way or waiting for their turn, by the identity of their tally."""
        self.hedges = 0
        self.url = ""
        """One of its URLs, once it was read from."""
        self._stall = stall

    @property
    def state(self) -> HostState:
        """The host now."""
        concurrency, breaker = self.concurrency, self.breaker
        return HostState(
            self.name, breaker.state, breaker.seconds_left, concurrency.latency, concurrency.rate,
            concurrency.connection_rate, concurrency.max_outstanding, self.admission.in_flight,
        )  # fmt: skip

    def stall_timeout(self, *, retried: bool) -> float:
        """Seconds without a byte after which a request is given up, longer while the whole host is silent.

        Half of it will do for an answer that has begun, which is gone on with elsewhere, and after a first stall.
        """
        silent = time.monotonic() - self.concurrency.last_byte_at >= ACTIVE_WITHIN
        return self._stall * (SILENT_HOST_FACTOR if silent else 1) / (2 if retried else 1)

    def part_count(self, size: int, tally: Tally) -> int:
        """In how many parts to read so many bytes side by side: more than one for an image alone on the line."""
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
        """Seconds without a first byte after which a second request is made; never, where many are under way."""
        return max(HEDGE_AFTER, 3 * self.concurrency.wait) if self.hedges < MAX_HEDGES else math.inf

    def is_too_slow(self, size: int, seconds: float) -> bool:
        """Whether a body of which `size` bytes came in so many seconds is far below its share of the line."""
        if seconds < SLOW_AFTER:
            return False
        share = (self.concurrency.rate or 0.0) / max(1, self.admission.in_flight)
        return size / seconds < max(MIN_RATE, MIN_RATE_SHARE * share)
