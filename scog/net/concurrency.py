"""An adaptive concurrency limit for one host, from its measured latency and throughput.

Each completed read is a measurement: the bytes that all reads received during it, and the mean number of reads in
flight. Throughput grows with the number of reads until the bandwidth is used up; beyond this knee only latency grows.
The limit is set to the knee. If no larger (or no smaller) number of reads was measured lately, the limit is raised (or
lowered) to measure one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import NamedTuple

MAX_AGE = 30.0
"""Seconds after which a measurement expires. Idle time is not counted."""
KNEE_SHARE = 0.85
"""A number of reads is sufficient if it reaches this share of the best throughput."""
STEEP_GROWTH, STEEP_STEP = 1.2, 3
"""If throughput grows by STEEP_GROWTH per half-octave of reads, the limit is raised by STEEP_STEP half-octaves, else by
one."""
SMOOTHING = 0.3
"""Weight of a new measurement in the moving averages."""
SAMPLE_DURATION = 0.2
"""Minimum duration in seconds of a measurement of reads in flight."""
SAMPLE_AFTER = 1.5
"""Reads in flight are measured from this multiple of the typical latency after the latest start of a read."""
MIN_DURATION = 0.02
"""A shorter read, in seconds, does not raise the limit: its data may have been in the system's buffers."""
MAX_QUEUE = 1.0
"""Maximum outstanding data in seconds. With more, short reads would only wait for each other."""
MIN_QUEUE = 0.15
"""Outstanding data that is always allowed, in seconds. Less would not shorten any wait."""
MIN_ROUND_TRIPS = 2.5
"""Outstanding data that is always allowed, in round trips. With less, the estimate of a high-latency link improves
slowly."""
INITIAL_LIMIT = 1_000_000
"""Outstanding bytes that are allowed before the first measurement."""
MIN_LIMIT = 65_536
"""Outstanding bytes that are always allowed."""
DEFAULT_ROUND_TRIP_BYTES = 262_144
"""`round_trip_bytes` before the first body is timed: 50 Mbit/s x 40 ms."""
REQUEST_COST = 0.005
"""Seconds that client and server spend on a request, in addition to the round trip."""
MIN_TIMED = 65_536
"""Minimum size in bytes of a measured read. Shorter reads show the latency, not the throughput."""
MIN_BODY_TIME = 0.0005
"""Minimum duration of a body in seconds. A body that seems to arrive faster was in the system's buffers."""


class Snapshot(NamedTuple):
    """Counter values at the start of a measurement, and the bytes that were requested."""

    time: float
    delivered: int
    read_seconds: float
    size: int


class ConcurrencyLimit:
    """Measures the reads of one host and bounds their outstanding bytes. Not thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.outstanding = 0
        """Bytes requested that have not arrived."""
        self.last_byte_at = -math.inf
        """Time of the last byte of any read, by `clock`."""
        self.delivered = 0
        """Bytes received so far."""
        self._reads = 0
        self._read_seconds = 0.0
        """Number of reads in flight, integrated over time."""
        self._busy_seconds = 0.0
        """Seconds during which at least one read was in flight."""
        self._now = clock()
        self._last_begin = -math.inf
        """Time of the latest start of a read."""
        self._sample: Snapshot | None = None
        self._rates: dict[int, tuple[float, float]] = {}
        """Number of reads in half-octaves to throughput in bytes per second, and the busy time at which it expires."""
        self._typical_size = 0.0
        """Moving average of the reads' sizes in bytes."""
        self.latency: float | None = None
        """Lowest recent time to first byte in seconds; None before the first response."""
        self._latency_expires = 0.0
        self._seconds_per_byte = 0.0
        """Moving average over single connections."""
        self.wait = 0.0
        """Moving average of the time to first byte in seconds, queueing at the host and on the network included."""
        self.max_outstanding = float(INITIAL_LIMIT)
        """The limit in bytes."""

    @property
    def rate(self) -> float | None:
        """Bytes per second of all connections, at the best number of reads; None before the first measurement."""
        return max((rate for rate, _ in self._rates.values()), default=None)

    @property
    def connection_rate(self) -> float | None:
        """Typical bytes per second of one connection that shares the bandwidth; None before the first body is timed."""
        return 1 / self._seconds_per_byte if self._seconds_per_byte else None

    @property
    def round_trip_bytes(self) -> float:
        """Bytes that one connection receives in the time that an additional request costs."""
        if self.connection_rate is None or self.latency is None:
            return DEFAULT_ROUND_TRIP_BYTES
        return self.connection_rate * (self.latency + REQUEST_COST)

    def begin(self, size: int) -> Snapshot:
        """Count a read of `size` bytes as outstanding. Returns the snapshot to pass to `end`.

        Reads below MIN_TIMED bytes are not measured.
        """
        self._advance()
        self.outstanding += size
        self._last_begin = self._now
        if size >= MIN_TIMED:
            self._reads += 1
            self._typical_size += (size - self._typical_size) * (SMOOTHING if self._typical_size else 1)
        return self._snapshot(size)

    def record_first_byte(self, seconds: float) -> None:
        """Record a time to first byte in seconds."""
        if self.latency is None or seconds <= self.latency or self._busy_seconds > self._latency_expires:
            self.latency, self._latency_expires = seconds, self._busy_seconds + MAX_AGE
        self.wait += (seconds - self.wait) / (8 if self.wait else 1)

    def record_bytes(self, count: int) -> None:
        """Record `count` bytes of a body."""
        self._advance()
        self.outstanding -= count
        self.delivered += count
        self.last_byte_at = self._now

    def adjust_outstanding(self, change: int) -> None:
        """Add `change` to the outstanding bytes. It is negative if the file ends before the requested range does."""
        self._advance()
        self.outstanding += change

    def record_body(self, size: int, seconds: float) -> None:
        """Record that one connection received `size` bytes within `seconds` after its first bytes."""
        if size >= MIN_TIMED:
            seconds_per_byte = max(seconds, MIN_BODY_TIME) / size
            self._seconds_per_byte += (seconds_per_byte - self._seconds_per_byte) * (
                SMOOTHING if self._seconds_per_byte else 1
            )

    def end(self, start: Snapshot, outstanding: int = 0) -> None:
        """End a read. `outstanding` is the number of its bytes that will not arrive. Only complete reads are measured.

        `start` is the snapshot that `begin` returned.
        """
        self._advance()
        self.outstanding -= outstanding
        if start.size >= MIN_TIMED:
            self._reads -= 1
            if not outstanding:
                self._measure(start)
        elif not outstanding and self._now - start.time > MIN_DURATION:  # a lower bound of the throughput
            self.max_outstanding = max(
                self.max_outstanding, MIN_QUEUE * (self.delivered - start.delivered) / (self._now - start.time)
            )

    def sample(self) -> None:
        """Measure reads in flight if none has started lately. Long reads thus count before they end."""
        self._advance()
        sample = self._sample
        if self._now < self._last_begin + SAMPLE_AFTER * self.wait or not self.outstanding:
            self._sample = None
        elif sample is None:
            self._sample = self._snapshot()
        elif self._now - sample.time >= SAMPLE_DURATION and self.delivered - sample.delivered >= MIN_TIMED:
            if self._reads:
                self._measure(sample)
            else:  # only short reads: at most MAX_QUEUE seconds of data
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
        """Whether throughput has grown nearly in proportion to the number of reads, up to `number` half-octaves."""
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
    """The n for which 2 ** (n / 2) is nearest to `number`."""
    return round(2 * math.log2(max(number, 0.5)))
