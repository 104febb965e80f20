"""A network link between a client and its servers: one shared rate, round trips, and outages."""

from __future__ import annotations

import asyncio
import threading
import time

BURST = 0.01
"""Seconds' worth of data that an unused link may send at once, so that late timers cost no throughput."""


class Link:
    """A link of `rate` bytes per second, shared by all connections of the servers that use it.

    `latency` is the round-trip time in seconds: a connection costs one, a TLS handshake another, each request another.
    Connections send `step` bytes in turn, so that each gets the same share. May be used by several event loops.
    """

    def __init__(self, rate: float, *, latency: float = 0.0, step: int | None = None) -> None:
        self.rate = rate
        self.latency = latency
        self.step = step or max(512, int(rate * 0.002))
        self.carried = 0
        """Bytes transferred."""
        self._lock = threading.Lock()
        self._free = 0.0  # when the queued bytes will be transferred, by the link's clock
        self._until = 0.0  # when the current outage ends, by time.monotonic
        self._lost = 0.0  # seconds of all outages

    def pause(self, seconds: float) -> None:
        """Transfer nothing for `seconds`. Connections stay open; new ones have to wait."""
        with self._lock:
            until = time.monotonic() + seconds
            self._lost += until - max(self._until, until - seconds)
            self._until = until

    async def round_trip(self) -> None:
        """Wait for one round trip."""
        await asyncio.sleep(self.latency)
        while (wait := self._until - time.monotonic()) > 0:  # noqa: ASYNC110 (used by several event loops)
            await asyncio.sleep(wait)

    async def carry(self, count: int) -> None:
        """Wait until `count` bytes are transferred, after those queued before."""
        with self._lock:
            done = self._free = max(self._free, self._clock() - BURST) + count / self.rate
        while (wait := done - self._clock()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(max(wait, self._until - time.monotonic()))
        self.carried += count

    def _clock(self) -> float:
        """Seconds during which the link was up."""
        return max(time.monotonic(), self._until) - self._lost
