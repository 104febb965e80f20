"""The line between a client and its servers: one rate for all connections together, round trips, and outages."""

from __future__ import annotations

import asyncio
import threading
import time

BURST = 0.01
"""Seconds of the rate that an unused link saves up, so that late timers cost no throughput."""


class Link:
    """A link of `rate` bytes a second, shared by all connections of the servers that are given it.

    `latency` is the seconds of one round trip: a connection costs one, a TLS handshake another, each request another.
    Connections send a `step` of bytes in turn, so that each gets the same share. May be used by several event loops.
    """

    def __init__(self, rate: float, *, latency: float = 0.0, step: int | None = None) -> None:
        self.rate = rate
        self.latency = latency
        self.step = step or max(512, int(rate * 0.002))
        self.carried = 0
        """Bytes that were let through."""
        self._lock = threading.Lock()
        self._free = 0.0  # when what is queued will be through, by the link's clock
        self._until = 0.0  # when the present outage ends, by the machine's clock
        self._lost = 0.0  # seconds of all outages

    def pause(self, seconds: float) -> None:
        """Let nothing through for so long from now on; connections stay open, new ones have to wait."""
        with self._lock:
            until = time.monotonic() + seconds
            self._lost += until - max(self._until, until - seconds)
            self._until = until

    async def round_trip(self) -> None:
        """Wait as long as a question and its answer's first byte are under way."""
        await asyncio.sleep(self.latency)
        while (wait := self._until - time.monotonic()) > 0:  # noqa: ASYNC110 (used by several event loops)
            await asyncio.sleep(wait)

    async def carry(self, count: int) -> None:
        """Wait until so many more bytes are through, after those that were queued before."""
        with self._lock:
            done = self._free = max(self._free, self._clock() - BURST) + count / self.rate
        while (wait := done - self._clock()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(max(wait, self._until - time.monotonic()))
        self.carried += count

    def _clock(self) -> float:
        """Seconds that go by while the link is up only."""
        return max(time.monotonic(), self._until) - self._lost
