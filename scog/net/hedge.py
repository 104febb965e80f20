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
Hear = Callable[[], None]
Ask = Callable[[Hear], Coroutine[Any, Any, T]]
"""Makes one request; calls its argument whenever something arrives."""


class Silence(Exception):
    """Nothing arrived for as long as anybody waits for it."""


class TypicalWait:
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

    async def first(self, ask: Ask[T], *, patience: float, limit: float) -> T:
        """The result of `ask`, asked once more beside the first after `patience` seconds without a sign of life.

        The one that is heard first after that goes on and the other is cancelled; one that fails leaves the race to the
        other. In the middle of an answer the patience is at least half of `limit`, since a copy starts from nothing.
        Raises Silence after `limit` seconds in which nothing arrives, else what `ask` raises.
        """
        race = _Race(ask)
        race.start()
        undecided, hedged = True, False
        try:
            while (winner := race.winner()) is None:
                waited = limit
                if undecided:
                    waited = min(limit, max(patience, limit / 2) if race.heard else patience)
                if await race.news(waited):
                    continue
                if waited == limit:
                    raise Silence
                undecided = False
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

    def __init__(self, ask: Ask[T]) -> None:
        self.heard = False
        """Whether anything has arrived yet."""
        self._ask = ask
        self._started: list[asyncio.Task[T]] = []
        self._running: list[asyncio.Task[T]] = []
        self._news = asyncio.Event()
        self._last_sign = asyncio.get_running_loop().time()

    def start(self) -> None:
        """Begin a request; those before it are no longer alone."""
        task: asyncio.Task[T] = asyncio.ensure_future(self._ask(lambda: self._hear(task)))
        task.add_done_callback(lambda _: self._news.set())
        self._started.append(task)
        self._running.append(task)

    def winner(self) -> asyncio.Task[T] | None:
        """The request that has ended well, or the last one, if that has failed."""
        for task in [task for task in self._running if task.done()]:
            if len(self._running) == 1 or task.exception() is None:
                return task
            self._running.remove(task)
        return None

    async def news(self, within: float) -> bool:
        """Wait until something happens; False after so many seconds since the last sign without it."""
        try:
            async with asyncio.timeout_at(self._last_sign + within):
                await self._news.wait()
        except TimeoutError:
            return False
        self._news.clear()
        return True

    async def stop(self) -> None:
        """Cancel what still runs."""
        for task in self._started:
            task.cancel()
        await asyncio.gather(*self._started, return_exceptions=True)

    def _hear(self, task: asyncio.Task[T]) -> None:
        """Something has arrived: this request wins."""
        if task not in self._running:
            return
        for other in self._running:
            if other is not task:
                other.cancel()
        self._running = [task]
        self.heard = True
        self._last_sign = asyncio.get_running_loop().time()
        self._news.set()
