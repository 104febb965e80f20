"""One bounded hedge: a request that stays silent is sent again beside the first, and the first to be heard wins.

The pattern is that of J. Dean and L. A. Barroso, "The Tail at Scale", CACM 56(2), 2013: a second copy of the few
slowest requests costs little and removes most of the tail.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from statistics import median
from typing import Any, Generic, TypeVar

T = TypeVar("T")
OnData = Callable[[], None]
Send = Callable[[OnData], Coroutine[Any, Any, T]]
"""Makes one request; calls its argument whenever something arrives."""


class ReadTimeout(Exception):
    """Nothing arrived for as long as anybody waits for it."""


class TypicalLatency:
    """Median seconds until the first byte of the latest answers."""

    def __init__(self, remembered: int = 15) -> None:
        self._waits: deque[float] = deque(maxlen=remembered)

    def add(self, seconds: float) -> None:
        """Count an answer."""
        self._waits.append(seconds)

    @property
    def seconds(self) -> float:
        """0 before the first answer."""
        return median(self._waits) if self._waits else 0.0


class Hedges:
    """Hedges of one host, few at once: where everything is slow, copies would make it slower."""

    def __init__(self, at_once: int = 4) -> None:
        self.count = 0
        """Hedges begun so far."""
        self._free = at_once

    async def first(self, send: Send[T], *, hedge_after: float, read_timeout: float) -> T:
        """The result of `send`, asked once more beside the first after `hedge_after` seconds without a sign of life.

        The one that is heard first after that goes on and the other is cancelled; one that fails leaves the race to the
        other. In the middle of an answer the patience is at least half of `read_timeout`.
        Raises Silence after `read_timeout` seconds in which nothing arrives, else what `send` raises.
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
    """The same request, made once or twice."""

    def __init__(self, send: Send[T]) -> None:
        self.got_data = False
        """Whether anything has arrived yet."""
        self._send = send
        self._started: list[asyncio.Task[T]] = []
        self._running: list[asyncio.Task[T]] = []
        self._changed = asyncio.Event()
        self._last_data = asyncio.get_running_loop().time()

    def start(self) -> None:
        """Begin a request; those before it are no longer alone."""
        task: asyncio.Task[T] = asyncio.ensure_future(self._send(lambda: self._on_data(task)))
        task.add_done_callback(lambda _: self._changed.set())
        self._started.append(task)
        self._running.append(task)

    def winner(self) -> asyncio.Task[T] | None:
        """The request that has ended well, or the last one, if that has failed."""
        for task in [task for task in self._running if task.done()]:
            if len(self._running) == 1 or task.exception() is None:
                return task
            self._running.remove(task)
        return None

    async def wait(self, within: float) -> bool:
        """Wait until something happens; False after so many seconds since the last sign without it."""
        try:
            async with asyncio.timeout_at(self._last_data + within):
                await self._changed.wait()
        except TimeoutError:
            return False
        self._changed.clear()
        return True

    async def stop(self) -> None:
        """Cancel what still runs."""
        for task in self._started:
            task.cancel()
        await asyncio.gather(*self._started, return_exceptions=True)

    def _on_data(self, task: asyncio.Task[T]) -> None:
        """Something has arrived: this request wins."""
        if task not in self._running:
            return
        for other in self._running:
            if other is not task:
                other.cancel()
        self._running = [task]
        self.got_data = True
        self._last_data = asyncio.get_running_loop().time()
        self._changed.set()
