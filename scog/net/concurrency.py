"""What the connections to one host give together: latency, throughput, and how many reads at once are worth it.

Each read that ends is a measurement: how many bytes came while it lasted, of all reads together, and how many reads
there were meanwhile, on average. Throughput grows with their number until the line is full; from there on only the
waiting grows. The window lies at that knee; where no larger or smaller number has been tried lately, it tries that.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import NamedTuple

FRESH = 30.0
"""Seconds of reading for which a measurement counts; idle time does not age it."""
ENOUGH = 0.85
"""Share of the best throughput from which a number of reads is large enough."""
STEEP, STRIDE = 1.2, 3
"""Where throughput grows by this factor a half-octave, the number of reads is raised by so many, else by one."""
SMOOTH = 0.3
"""Weight of a new measurement beside those before."""
GLANCE = 0.2
"""Seconds of reads under way that are measured, at least."""
GLANCE_AFTER = 1.5
"""Typical waits after a read began from which its bytes are among those that are measured."""
BURST = 0.02
"""Seconds; what comes in less may have been waiting in the system's buffers."""
LONG = 1.0
"""Seconds of data on order from which short reads wait for each other for nothing."""
RESERVE = 0.15
"""Seconds of data to have on order in any case: less would shorten nobody's waiting."""
ROUND_TRIPS = 2.5
"""Round trips of data to have on order in any case: with fewer a far line would be found out about slowly."""
FIRST_WINDOW = 1_000_000
"""Bytes on order before anything is known."""
LEAST_WINDOW = 65_536
UNKNOWN = 262_144
"""Bytes that a round trip is taken to be worth before a body has been timed; 50 Mbit/s x 40 ms."""
REQUEST_COST = 0.005
"""Seconds of work that a request costs at both ends, however near the host is."""
TIMED = 65_536
"""Bytes of a read from which it tells of the line; shorter ones tell of round trips."""
SHORTEST = 0.0005
"""Seconds; what seems to come faster was waiting in the system's buffers."""


class Mark(NamedTuple):
    """Where the counters stood when a measurement began, and the bytes that were asked for."""

    time: float
    delivered: int
    area: float
    size: int


class Line:
    """Measures one host's line. Not for several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.outstanding = 0
        """Bytes on order: asked for, and not arrived."""
        self.heard = -math.inf
        """When the last byte arrived, of any read."""
        self.delivered = 0
        self._reads = 0
        self._area = 0.0
        """Reads under way, summed over time."""
        self._busy = 0.0
        self._at = clock()
        self._began = -math.inf
        """When the latest read began."""
        self._glance: Mark | None = None
        self._rates: dict[int, tuple[float, float]] = {}
        """Bytes a second, and the busy time until which they count, by the number of reads in half-octaves."""
        self._size = 0.0
        """Bytes of a typical read."""
        self.latency: float | None = None
        """Seconds from a request to its first byte at best."""
        self._latency_until = 0.0
        self._pace = 0.0
        """Typical seconds a byte on one connection."""
        self.wait = 0.0
        """Typical seconds from a request to its first byte, the host's load and the line's queue included."""
        self.window = float(FIRST_WINDOW)
        """Bytes to have on order at most."""

    @property
    def rate(self) -> float | None:
        """Bytes a second of all connections together, as far as it was asked for."""
        return max((rate for rate, _ in self._rates.values()), default=None)

    @property
    def connection_rate(self) -> float | None:
        """Bytes a second of one connection, typically, beside those that share the line with it."""
        return 1 / self._pace if self._pace else None

    @property
    def round_trip_bytes(self) -> float:
        """Bytes that one connection brings in the time that a further request would take."""
        if self.connection_rate is None or self.latency is None:
            return UNKNOWN
        return self.connection_rate * (self.latency + REQUEST_COST)

    def begin(self, size: int) -> Mark:
        """A read of `size` bytes begins. Short ones are not measured."""
        self._advance()
        self.outstanding += size
        self._began = self._at
        if size >= TIMED:
            self._reads += 1
            self._size += (size - self._size) * (SMOOTH if self._size else 1)
        return self._mark(size)

    def answered(self, waited: float) -> None:
        """The first byte of an answer came `waited` seconds after its request."""
        if self.latency is None or waited <= self.latency or self._busy > self._latency_until:
            self.latency, self._latency_until = waited, self._busy + FRESH
        self.wait += (waited - self.wait) / (8 if self.wait else 1)

    def arrived(self, count: int) -> None:
        """Bytes of a body came."""
        self._advance()
        self.outstanding -= count
        self.delivered += count
        self.heard = self._at

    def reorder(self, more: int) -> None:
        """So many more bytes are on order, or fewer: a file ended before its read did, or a read starts afresh."""
        self._advance()
        self.outstanding += more

    def body(self, size: int, seconds: float) -> None:
        """`size` bytes came on one connection, `seconds` after the first ones."""
        if size >= TIMED:
            pace = max(seconds, SHORTEST) / size
            self._pace += (pace - self._pace) * (SMOOTH if self._pace else 1)

    def end(self, mark: Mark, missing: int = 0) -> None:
        """A read is over; so many of its bytes did not come, and are not on order any more."""
        self._advance()
        self.outstanding -= missing
        if mark.size >= TIMED:
            self._reads -= 1
            if not missing:
                self._measure(mark)
        elif not missing and self._at - mark.time > BURST:  # a lower bound of what the line gives
            self.window = max(self.window, RESERVE * (self.delivered - mark.delivered) / (self._at - mark.time))

    def glance(self) -> None:
        """Measure reads under way, where none has begun lately: long ones tell much before they end."""
        self._advance()
        glance = self._glance
        if self._at < self._began + GLANCE_AFTER * self.wait or not self.outstanding:
            self._glance = None
        elif glance is None:
            self._glance = self._mark()
        elif self._at - glance.time >= GLANCE and self.delivered - glance.delivered >= TIMED:
            if self._reads:
                self._measure(glance)
            else:  # short reads alone: no more than wait for a second
                rate = (self.delivered - glance.delivered) / (self._at - glance.time)
                self.window = max(LEAST_WINDOW, min(self.window, LONG * rate))
            self._glance = self._mark()

    def _measure(self, since: Mark) -> None:
        lasted = self._at - since.time
        came = self.delivered - since.delivered
        if lasted <= 0 or not came:
            return
        number = _half_octave((self._area - since.area) / lasted)
        rate, (known, until) = came / lasted, self._rates.get(number, (0.0, 0.0))
        if self._busy <= until:
            rate = known + SMOOTH * (rate - known)
        self._rates[number] = rate, self._busy + FRESH
        self.window = self._knee()

    def _knee(self) -> float:
        self._rates = {number: known for number, known in self._rates.items() if known[1] >= self._busy}
        best = max(rate for rate, _ in self._rates.values())
        knee = min(number for number, (rate, _) in self._rates.items() if rate >= ENOUGH * best)
        if knee == max(self._rates):
            knee += STRIDE if self._is_steep(knee) else 1
        elif knee == min(self._rates):
            knee -= 1
        reserve = max(RESERVE, ROUND_TRIPS * (self.latency or 0.0))
        return max(2 ** (knee / 2) * self._size, reserve * best, LEAST_WINDOW)

    def _is_steep(self, number: int) -> bool:
        """Whether throughput still grows nearly as the number of reads does, up to this one."""
        lower = max((each for each in self._rates if each < number), default=None)
        if lower is None:
            return False
        return self._rates[number][0] >= self._rates[lower][0] * STEEP ** (number - lower)

    def _mark(self, size: int = 0) -> Mark:
        return Mark(self._at, self.delivered, self._area, size)

    def _advance(self) -> None:
        now = self._clock()
        passed = now - self._at
        if self._reads:
            self._area += passed * self._reads
            self._busy += passed
        self._at = now


def _half_octave(number: float) -> int:
    """The n for which 2 ** (n / 2) is nearest."""
    return round(2 * math.log2(max(number, 0.5)))
