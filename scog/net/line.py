"""What the connections to one host give together: latency, throughput, and how many bytes are worth having on order.

Each read that ends is a measurement: how many bytes came while it lasted, of all reads together, and how many were on
order meanwhile, on average. Throughput grows with the bytes on order until the line is full; from there on only the
waiting grows. The window lies at that knee; where nothing larger or smaller has been tried lately, it tries that.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import NamedTuple

FRESH = 30.0
"""Seconds of reading for which a measurement counts; idle time does not age it."""
ENOUGH = 0.9
"""Share of the best throughput from which a window is large enough."""
PROBE = 4
"""Times the largest amount on order so far that is tried next while throughput still grows."""
UNQUEUED = 2.5
"""Latencies up to which bytes on order that arrived after them met no queue."""
LONG = 1.0
"""Seconds of data on order from which it is rather too much than too little, where nothing else was tried."""
RESERVE = 0.15
"""Seconds of data to have on order in any case: less would shorten nobody's waiting."""
FIRST_WINDOW = 2_000_000
"""Bytes on order before anything is known."""
LEAST_WINDOW = 65_536
UNKNOWN = 262_144
"""Bytes that a round trip is taken to be worth before a body has been timed; 50 Mbit/s x 40 ms."""
REQUEST_COST = 0.005
"""Seconds of work that a request costs at both ends, however near the host is."""
TIMED = 65_536
"""Bytes of a body from which its rate is that of its connection, not of a packet."""
SHORTEST = 0.0005
"""Seconds; what seems to come faster was waiting in the system's buffers."""


class Mark(NamedTuple):
    """Where the counters stood when a read began."""

    time: float
    delivered: int
    area: float


class _Best:
    """The best of the measurements that are fresh, by `better`."""

    def __init__(self, better: Callable[[float, float], float]) -> None:
        self._better = better
        self.value: float | None = None
        self._until = 0.0

    def add(self, value: float, busy: float) -> None:
        if self.value is None or busy > self._until or self._better(self.value, value) == value:
            self.value, self._until = value, busy + FRESH


class Line:
    """Measures one host's line. Not for several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.outstanding = 0
        """Bytes on order: asked for, and not arrived."""
        self.heard = -math.inf
        """When the last byte arrived, of any read."""
        self.delivered = 0
        self._area = 0.0
        self._busy = 0.0
        self._at = clock()
        self._rates: dict[int, tuple[float, float]] = {}
        """Bytes a second, and the busy time until which they count, by the binary logarithm of the bytes on order."""
        self._latency = _Best(min)
        self._connection = _Best(max)
        self.wait = 0.0
        """Typical seconds from a request to its first byte, the host's load and the line's queue included."""
        self.window = float(FIRST_WINDOW)
        """Bytes to have on order at most."""

    @property
    def latency(self) -> float | None:
        """Seconds from a request to its first byte at best."""
        return self._latency.value

    @property
    def rate(self) -> float | None:
        """Bytes a second of all connections together, as far as it was asked for."""
        return max((rate for rate, _ in self._rates.values()), default=None)

    @property
    def connection_rate(self) -> float | None:
        """Bytes a second of one connection at best."""
        return self._connection.value

    @property
    def round_trip_bytes(self) -> float:
        """Bytes that one connection brings in the time that a further request would take."""
        if self._connection.value is None or self._latency.value is None:
            return UNKNOWN
        return self._connection.value * (self._latency.value + REQUEST_COST)

    def begin(self, size: int) -> Mark:
        """A read of `size` bytes begins."""
        self._advance()
        self.outstanding += size
        return Mark(self._at, self.delivered, self._area)

    def answered(self, waited: float) -> None:
        """The first byte of an answer came `waited` seconds after its request."""
        self._latency.add(waited, self._busy)
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
            self._connection.add(size / max(seconds, SHORTEST), self._busy)

    def end(self, mark: Mark, missing: int = 0) -> None:
        """A read is over; so many of its bytes did not come, and are not on order any more."""
        self._advance()
        self.outstanding -= missing
        lasted = self._at - mark.time
        came = self.delivered - mark.delivered
        if missing or lasted <= 0 or not came:
            return
        size = _size_class((self._area - mark.area) / lasted)
        rate, known = came / lasted, self._rates.get(size)
        if known is None or self._busy > known[1] or rate >= known[0]:
            self._rates[size] = rate, self._busy + FRESH
            self.window = self._knee()

    def _knee(self) -> float:
        self._rates = {size: known for size, known in self._rates.items() if known[1] >= self._busy}
        best = max(rate for rate, _ in self._rates.values())
        knee = min(size for size, (rate, _) in self._rates.items() if rate >= ENOUGH * best)
        window = float(2 ** ((knee + 1) / 2))
        if knee == min(self._rates) and (len(self._rates) > 1 or window > LONG * best):
            window /= 2  # perhaps less will do
        elif knee == max(self._rates):
            unqueued = window <= UNQUEUED * (self.latency or 0.0) * best
            window = max(PROBE * window, FIRST_WINDOW if unqueued else 0)
        return max(window, RESERVE * best, LEAST_WINDOW)

    def _advance(self) -> None:
        now = self._clock()
        passed = now - self._at
        self._area += passed * self.outstanding
        if self.outstanding:
            self._busy += passed
        self._at = now


def _size_class(size: float) -> int:
    """Half-octaves: 2 ** (n / 2) up to 2 ** ((n + 1) / 2) bytes."""
    return math.floor(2 * math.log2(max(size, 1.0)))
