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

MAX_AGE = 30.0
"""Seconds of reading for which a measurement counts; idle time does not age it."""
KNEE_SHARE = 0.85
"""Share of the best throughput from which a number of reads is large enough."""
STEEP_GROWTH, STEEP_STEP = 1.2, 3
"""Where throughput grows by this factor a half-octave, the number of reads is raised by so many, else by one."""
SMOOTHING = 0.3
"""Weight of a new measurement beside those before."""
SAMPLE_DURATION = 0.2
"""Seconds of reads under way that are measured, at least."""
SAMPLE_AFTER = 1.5
"""Typical waits after a read began from which its bytes are among those that are measured."""
MIN_DURATION = 0.02
"""Seconds; what comes in less may have been waiting in the system's buffers."""
MAX_QUEUE = 1.0
"""Seconds of data on order from which short reads wait for each other for nothing."""
MIN_QUEUE = 0.15
"""Seconds of data to have on order in any case: less would shorten nobody's waiting."""
MIN_ROUND_TRIPS = 2.5
"""Round trips of data to have on order in any case: with fewer a far line would be found out about slowly."""
INITIAL_LIMIT = 1_000_000
"""Bytes on order before anything is known."""
MIN_LIMIT = 65_536
DEFAULT_ROUND_TRIP_BYTES = 262_144
"""Bytes that a round trip is taken to be worth before a body has been timed; 50 Mbit/s x 40 ms."""
REQUEST_COST = 0.005
"""Seconds of work that a request costs at both ends, however near the host is."""
MIN_TIMED = 65_536
"""Bytes of a read from which it tells of the line; shorter ones tell of round trips."""
MIN_BODY_TIME = 0.0005
"""Seconds; what seems to come faster was waiting in the system's buffers."""


class Snapshot(NamedTuple):
    """Where the counters stood when a measurement began, and the bytes that were asked for."""

    time: float
    delivered: int
    read_seconds: float
    size: int


class ConcurrencyLimit:
    """Measures one host's line. Not for several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.outstanding = 0
        """Bytes on order: asked for, and not arrived."""
        self.last_byte_at = -math.inf
        """When the last byte arrived, of any read."""
        self.delivered = 0
        self._reads = 0
        self._read_seconds = 0.0
        """Reads under way, summed over time."""
        self._busy_seconds = 0.0
        self._now = clock()
        self._last_begin = -math.inf
        """When the latest read began."""
        self._sample: Snapshot | None = None
        self._rates: dict[int, tuple[float, float]] = {}
        """Bytes a second, and the busy time until which they count, by the number of reads in half-octaves."""
        self._typical_size = 0.0
        """Bytes of a typical read."""
        self.latency: float | None = None
        """Seconds from a request to its first byte at best."""
        self._latency_expires = 0.0
        self._seconds_per_byte = 0.0
        """Typical seconds a byte on one connection."""
        self.wait = 0.0
        """Typical seconds from a request to its first byte, the host's load and the line's queue included."""
        self.max_outstanding = float(INITIAL_LIMIT)
        """Bytes to have on order at most."""

    @property
    def rate(self) -> float | None:
        """Bytes a second of all connections together, as far as it was asked for."""
        return max((rate for rate, _ in self._rates.values()), default=None)

    @property
    def connection_rate(self) -> float | None:
        """Bytes a second of one connection, typically, beside those that share the line with it."""
        return 1 / self._seconds_per_byte if self._seconds_per_byte else None

    @property
    def round_trip_bytes(self) -> float:
        """Bytes that one connection brings in the time that a further request would take."""
        if self.connection_rate is None or self.latency is None:
            return DEFAULT_ROUND_TRIP_BYTES
        return self.connection_rate * (self.latency + REQUEST_COST)

    def begin(self, size: int) -> Snapshot:
        """A read of `size` bytes begins. Short ones are not measured."""
        self._advance()
        self.outstanding += size
        self._last_begin = self._now
        if size >= MIN_TIMED:
            self._reads += 1
            self._typical_size += (size - self._typical_size) * (SMOOTHING if self._typical_size else 1)
        return self._snapshot(size)

    def record_first_byte(self, seconds: float) -> None:
        """The first byte of an answer came `seconds` seconds after its request."""
        if self.latency is None or seconds <= self.latency or self._busy_seconds > self._latency_expires:
            self.latency, self._latency_expires = seconds, self._busy_seconds + MAX_AGE
        self.wait += (seconds - self.wait) / (8 if self.wait else 1)

    def record_bytes(self, count: int) -> None:
        """Bytes of a body came."""
        self._advance()
        self.outstanding -= count
        self.delivered += count
        self.last_byte_at = self._now

    def adjust_outstanding(self, more: int) -> None:
        """So many more bytes are on order, or fewer: a file ended before its read did, or a read starts afresh."""
        self._advance()
        self.outstanding += more

    def record_body(self, size: int, seconds: float) -> None:
        """`size` bytes came on one connection, `seconds` after the first ones."""
        if size >= MIN_TIMED:
            seconds_per_byte = max(seconds, MIN_BODY_TIME) / size
            self._seconds_per_byte += (seconds_per_byte - self._seconds_per_byte) * (
                SMOOTHING if self._seconds_per_byte else 1
            )

    def end(self, start: Snapshot, missing: int = 0) -> None:
        """A read is over; so many of its bytes did not come, and are not on order any more."""
        self._advance()
        self.outstanding -= missing
        if start.size >= MIN_TIMED:
            self._reads -= 1
            if not missing:
                self._measure(start)
        elif not missing and self._now - start.time > MIN_DURATION:  # a lower bound of what the line gives
            self.max_outstanding = max(
                self.max_outstanding, MIN_QUEUE * (self.delivered - start.delivered) / (self._now - start.time)
            )

    def sample(self) -> None:
        """Measure reads under way, where none has begun lately: long ones tell much before they end."""
        self._advance()
        sample = self._sample
        if self._now < self._last_begin + SAMPLE_AFTER * self.wait or not self.outstanding:
            self._sample = None
        elif sample is None:
            self._sample = self._snapshot()
        elif self._now - sample.time >= SAMPLE_DURATION and self.delivered - sample.delivered >= MIN_TIMED:
            if self._reads:
                self._measure(sample)
            else:  # short reads alone: no more than wait for a second
                rate = (self.delivered - sample.delivered) / (self._now - sample.time)
                self.max_outstanding = max(MIN_LIMIT, min(self.max_outstanding, MAX_QUEUE * rate))
            self._sample = self._snapshot()

    def _measure(self, since: Snapshot) -> None:
        elapsed = self._now - since.time
        received = self.delivered - since.delivered
        if elapsed <= 0 or not received:
            return
        number = _half_octave((self._read_seconds - since.read_seconds) / elapsed)
        rate, (previous, expires) = received / elapsed, self._rates.get(number, (0.0, 0.0))
        if self._busy_seconds <= expires:
            rate = previous + SMOOTHING * (rate - previous)
        self._rates[number] = rate, self._busy_seconds + MAX_AGE
        self.max_outstanding = self._limit_at_knee()

    def _limit_at_knee(self) -> float:
        self._rates = {
            number: previous for number, previous in self._rates.items() if previous[1] >= self._busy_seconds
        }
        best = max(rate for rate, _ in self._rates.values())
        knee = min(number for number, (rate, _) in self._rates.items() if rate >= KNEE_SHARE * best)
        if knee == max(self._rates):
            knee += STEEP_STEP if self._is_steep(knee) else 1
        elif knee == min(self._rates):
            knee -= 1
        reserve = max(MIN_QUEUE, MIN_ROUND_TRIPS * (self.latency or 0.0))
        return max(2 ** (knee / 2) * self._typical_size, reserve * best, MIN_LIMIT)

    def _is_steep(self, number: int) -> bool:
        """Whether throughput still grows nearly as the number of reads does, up to this one."""
        lower = max((each for each in self._rates if each < number), default=None)
        if lower is None:
            return False
        return self._rates[number][0] >= self._rates[lower][0] * STEEP_GROWTH ** (number - lower)

    def _snapshot(self, size: int = 0) -> Snapshot:
        return Snapshot(self._now, self.delivered, self._read_seconds, size)

    def _advance(self) -> None:
        now = self._clock()
        elapsed = now - self._now
        if self._reads:
            self._read_seconds += elapsed * self._reads
            self._busy_seconds += elapsed
        self._now = now


def _half_octave(number: float) -> int:
    """The n for which 2 ** (n / 2) is nearest."""
    return round(2 * math.log2(max(number, 0.5)))
