"""What is known of one host, and its reads under way: line, breaker, turns."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from scog.net.admission import Turns
from scog.net.concurrency import Line
from scog.net.policy import Breaker, BreakerState, Tally

FLOWING = 1.0
"""Seconds since a host's last byte for which it counts as answering others."""
SILENCE = 3
"""Times longer to wait where a host sends nothing at all: then it is likely the line, which may come back."""
HEDGE_AFTER = 1.0
"""Seconds without a first byte after which a request is made again beside the first, at least."""
QUIET = 4
"""Reads of one image from which on none is made in parts."""
MOST_PARTS, PART = 4, 0.25
"""Parts of one read at most, and the least size of one in bytes that a round trip is worth."""
HEDGES = 8
"""Second requests at once."""
SLOW_AFTER = 3.0
"""Seconds of a body after which its rate is judged."""
HOPELESS = 4096.0
"""Bytes a second below which a connection is given up, whatever the line."""
SHARE = 1 / 16
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
    window: float
    reads: int


class Host:
    """Judges the reads of one host by each other. Not for several threads."""

    def __init__(self, name: str, *, stall: float, at_most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.breaker = Breaker(clock=clock)
        self.line = Line()
        self.turns = Turns(self.line, at_most)
        self.reads: Counter[int] = Counter()
        """Reads under way or waiting for their turn, by the identity of their tally."""
        self.hedges = 0
        self.url = ""
        """One of its URLs, once it was read from."""
        self._stall = stall

    @property
    def state(self) -> HostState:
        """The host now."""
        line, breaker = self.line, self.breaker
        return HostState(
            self.name, breaker.state, breaker.seconds_left, line.latency, line.rate, line.connection_rate,
            line.window, self.turns.inside,
        )  # fmt: skip

    def patience(self, *, again: bool) -> float:
        """Seconds without a byte after which a request is given up, longer while the whole host is silent.

        Half of it will do for an answer that has begun, which is gone on with elsewhere, and after a first stall.
        """
        silent = time.monotonic() - self.line.heard >= FLOWING
        return self._stall * (SILENCE if silent else 1) / (2 if again else 1)

    def parts(self, size: int, tally: Tally) -> int:
        """In how many parts to read so many bytes side by side: more than one for an image alone on the line."""
        alone = self.reads.keys() <= {id(tally)} and self.reads.total() < QUIET
        if not alone or self.line.connection_rate is None:
            return 1
        parts = min(MOST_PARTS, int(size / (PART * self.line.round_trip_bytes)))
        return parts if parts > 1 and self.line.outstanding + 2 * size <= self.line.window else 1

    @property
    def hedge_after(self) -> float:
        """Seconds without a first byte after which a second request is made; never, where many are under way."""
        return max(HEDGE_AFTER, 3 * self.line.wait) if self.hedges < HEDGES else math.inf

    def is_too_slow(self, size: int, seconds: float) -> bool:
        """Whether a body of which `size` bytes came in so many seconds is far below its share of the line."""
        if seconds < SLOW_AFTER:
            return False
        share = (self.line.rate or 0.0) / max(1, self.turns.inside)
        return size / seconds < max(HOPELESS, SHARE * share)
