"""Hedged requests: a request without a response is sent a second time, and the first response is used.

J. Dean and L. A. Barroso, "The Tail at Scale", CACM 56(2), 2013, DOI 10.1145/2408776.2408794: a second copy of the few
slowest requests costs little and removes most of the tail latency.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from statistics import median
from typing import Any, Generic, TypeVar

T = TypeVar("T")
OnData = Callable[[], None]
"""Called whenever data arrives."""
Send = Callable[[OnData], Coroutine[Any, Any, T]]
"""Sends one request."""


class ReadTimeout(Exception):
    """No data arrived for `read_timeout` seconds."""


class TypicalLatency:
    """Median time to first byte of the latest responses."""

    def __init__(self, remembered: int = 15) -> None:
        self._waits: deque[float] = deque(maxlen=remembered)

    def add(self, seconds: float) -> None:
        """Add a time to first byte in seconds."""
        self._waits.append(seconds)

    @property
    def seconds(self) -> float:
        """The median in seconds; 0 before the first response."""
        return median(self._waits) if self._waits else 0.0


class Hedges:
    """Hedged requests to one host.

    At most `max_hedges` are in flight: if all responses are slow, more requests would make them slower.
    """

    def __init__(self, max_hedges: int = 4) -> None:
        self.count = 0
        """Number of hedges sent so far."""
        self._free = max_hedges

    async def first(self, send: Send[T], *, hedge_after: float, read_timeout: float) -> T:
        """Send a request, and a second one after `hedge_after` seconds without data. Returns the first result.

        The first of the two requests that receives data continues, and the other is cancelled. If one fails, the result
        is that of the other. After the response has begun, a hedge is sent only after at least half of `read_timeout`
        without data, since it starts from the beginning.

        Raises ReadTimeout after `read_timeout` seconds without data, else what `send` raises.
        """
        race = _Race(send)
        race.start()
        may_hedge, hedged = True, False
        try:
            while (winner := race.winner()) is None:
                timeout = read_timeout
                if may_hedge:
                    timeout = min(read_timeout, max(hedge_after, read_timeout / 2) if race.got_data else hedge_after)
                if await race.wait(timeout):
                    continue
                if timeout == read_timeout:
                    raise ReadTimeout
                may_hedge = False
                if self._free:
                    hedged = True
                    self._free -= 1
                    self.count += 1
                    race.start()
            return winner.result()
        finally:
            self._free += hedged
            await race.stop()


class _Race(Generic[T]):
    """One request, sent once or twice."""

    def __init__(self, send: Send[T]) -> None:
        self.got_data = False
        """Whether any data has arrived."""
        self._send = send
        self._started: list[asyncio.Task[T]] = []
        self._running: list[asyncio.Task[T]] = []
        self._changed = asyncio.Event()
        self._last_data = asyncio.get_running_loop().time()

    def start(self) -> None:
        """Send the request, in addition to earlier ones."""
        task: asyncio.Task[T] = asyncio.ensure_future(self._send(lambda: self._on_data(task)))
        task.add_done_callback(lambda _: self._changed.set())
        self._started.append(task)
        self._running.append(task)

    def winner(self) -> asyncio.Task[T] | None:
        """The request that has succeeded, or the last one if it has failed; else None."""
        for task in [task for task in self._running if task.done()]:
            if len(self._running) == 1 or task.exception() is None:
                return task
            self._running.remove(task)
        return None

    async def wait(self, within: float) -> bool:
        """Wait for an event. Returns False if `within` seconds have passed since the last data."""
        try:
            async with asyncio.timeout_at(self._last_data + within):
                await self._changed.wait()
        except TimeoutError:
            return False
        self._changed.clear()
        return True

    async def stop(self) -> None:
        """Cancel the requests that are still running."""
        for task in self._started:
            task.cancel()
        await asyncio.gather(*self._started, return_exceptions=True)

    def _on_data(self, task: asyncio.Task[T]) -> None:
        """Data has arrived: this request wins."""
        if task not in self._running:
            return
        for other in self._running:
            if other is not task:
                other.cancel()
        self._running = [task]
        self.got_data = True
        self._last_data = asyncio.get_running_loop().time()
        self._changed.set()
