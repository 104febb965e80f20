"""One line that all connections of the origin share: a token bucket whose bytes are given out in fair turns.

A connection with something to send joins the line and is let send one chunk at a time, in turn with the others, as a
router with fair queueing would have it. No connection's queue delays another's first byte.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import Protocol

BURST = 16_384
"""Bytes that an idle line lets pass at once."""
CATCH_UP = 0.1
"""Seconds that a line in use may be late, for want of processor time, and make good: its rate is kept."""
CHUNK, TURN = 16_384, 0.01
"""A connection's turn: at most so many bytes, and at most so many seconds of the line."""
LEAST = 256
WAKE = 0.001
"""Seconds; the timers of the event loop are not finer."""


class Sender(Protocol):
    """A connection that has something to send."""

    def send(self, limit: int) -> tuple[int, bool]:
        """Send at most `limit` bytes: how many were taken, and whether more can be sent at once."""


class Link:
    """The line; `rate` in bytes a second, infinite unless it is set."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._rate = math.inf
        self._waiting: deque[Sender] = deque()
        self._free_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.closed_until = 0.0

    @property
    def rate(self) -> float:
        """Bytes a second."""
        return self._rate

    @rate.setter
    def rate(self, rate: float) -> None:
        self._rate = rate
        self._free_at = self._loop.time()

    def chunk(self, bandwidth: float, whole: int) -> int:
        """Bytes of one turn of a connection that may send `bandwidth` a second; `whole` where the line is free."""
        rate = min(bandwidth, self._rate)
        return max(LEAST, min(whole if self._rate == math.inf else CHUNK, int(TURN * rate)))

    def pause(self, seconds: float) -> None:
        """Let nothing pass for a while."""
        self.closed_until = self._loop.time() + seconds

    def charge(self, size: int) -> None:
        """Count bytes that crossed the line without waiting for their turn, such as a handshake's."""
        if self._rate < math.inf:
            self._free_at = max(self._free_at, self._loop.time()) + size / self._rate

    def join(self, sender: Sender) -> None:
        """Let a connection send as soon as it is its turn; it leaves by itself once it cannot send more."""
        if not self._waiting and self._rate < math.inf:
            self._free_at = max(self._free_at, self._loop.time() - BURST / self._rate)
        self._waiting.append(sender)
        if self._timer is None:
            self._run()

    def leave(self, sender: Sender) -> None:
        """Forget a connection that was closed."""
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
