"""A link that all connections of the origin share: a token bucket with fair queueing.

A connection with data to send joins the queue and sends one chunk per turn, as behind a router with fair queueing.
No connection's queue delays another's first byte.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import Protocol

BURST = 16_384
"""Bytes that an idle link passes at once."""
CATCH_UP = 0.1
"""Maximum delay in seconds, for lack of CPU, that a busy link makes up for to sustain its rate."""
CHUNK, TURN = 16_384, 0.01
"""A connection's turn: maximum bytes, and maximum seconds of the link."""
LEAST = 256
WAKE = 0.001
"""Resolution of the event loop's timers in seconds."""


class Sender(Protocol):
    """A connection with data to send."""

    def send(self, limit: int) -> tuple[int, bool]:
        """Send at most `limit` bytes. Returns the number sent, and whether more can be sent immediately."""


class Link:
    """The link; `rate` in bytes per second, infinite by default."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._rate = math.inf
        self._waiting: deque[Sender] = deque()
        self._free_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.closed_until = 0.0

    @property
    def rate(self) -> float:
        """Bytes per second."""
        return self._rate

    @rate.setter
    def rate(self, rate: float) -> None:
        self._rate = rate
        self._free_at = self._loop.time()

    def chunk(self, bandwidth: float, whole: int) -> int:
        """Bytes of one turn of a connection limited to `bandwidth`; at most `whole` if the link has no limit."""
        rate = min(bandwidth, self._rate)
        return max(LEAST, min(whole if self._rate == math.inf else CHUNK, int(TURN * rate)))

    def pause(self, seconds: float) -> None:
        """Stop all traffic for some seconds."""
        self.closed_until = self._loop.time() + seconds

    def charge(self, size: int) -> None:
        """Account for bytes sent without a turn, such as those of a handshake."""
        if self._rate < math.inf:
            self._free_at = max(self._free_at, self._loop.time()) + size / self._rate

    def join(self, sender: Sender) -> None:
        """Queue a connection; it leaves the queue when it cannot send more."""
        if not self._waiting and self._rate < math.inf:
            self._free_at = max(self._free_at, self._loop.time() - BURST / self._rate)
        self._waiting.append(sender)
        if self._timer is None:
            self._run()

    def leave(self, sender: Sender) -> None:
        """Remove a closed connection from the queue."""
        if sender in self._waiting:
            self._waiting.remove(sender)

    def _run(self) -> None:
        self._timer = None
        while self._waiting:
            now = self._loop.time()
            opens = max(self._free_at, self.closed_until)
            if opens > now:
                self._timer = self._loop.call_at(max(opens, now + WAKE), self._run)
                return
            self._free_at = max(self._free_at, now - CATCH_UP)
            sender = self._waiting.popleft()
            sent, more = sender.send(self._limit)
            self._free_at += sent / self._rate
            if more:
                self._waiting.append(sender)

    @property
    def _limit(self) -> int:
        return 1 << 30 if self._rate == math.inf else CHUNK
