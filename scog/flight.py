"""Single flight: those who want the same thing at the same time share one task.

Every waiter gets the task's result or its error, whatever the path. When the last one leaves because its client went
away the task is cancelled, since nobody wants its result. When the last one leaves because its own time was over, a
task that is getting somewhere goes on for a while, so that the next try finds its result.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Iterable, Mapping
from typing import Any, Generic, Protocol, TypeVar

from scog.errors import SourceUnavailable

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
LINGER = 30.0
"""Seconds for which a task goes on at most when nobody waits for it any more."""


def _never() -> bool:
    return False


class Waiter(Protocol):
    """One who waits for a flight."""

    def is_overdue(self) -> bool:
        """Whether it was time that ran out, where the waiting ended before the flight did."""
        ...


class Flight(Generic[V]):
    """One running task and those who wait for it."""

    def __init__(
        self,
        work: Coroutine[Any, Any, V],
        on_done: Callable[[], None] = lambda: None,
        is_progressing: Callable[[], bool] = _never,
    ) -> None:
        """Begin; `on_done` is called once the work has ended in any way, before those who wait go on.

        `is_progressing` says whether the work is getting somewhere.
        """
        self._work = work
        self._on_done = on_done
        self._is_progressing = is_progressing
        self._task = asyncio.ensure_future(self._run())
        self._task.add_done_callback(self._on_task_done)
        self._waiting: dict[asyncio.Future[V], Waiter | None] = {}
        self._abandoned = False
        self._lingering: asyncio.TimerHandle | None = None

    @property
    def joinable(self) -> bool:
        """Whether it can still be waited for; an abandoned task is about to end without a result."""
        return not self._abandoned

    def waiters(self) -> Iterable[Waiter]:
        """Those who wait."""
        return (waiter for waiter in self._waiting.values() if waiter is not None)

    def join(self, waiter: Waiter | None = None) -> asyncio.Future[V]:
        """The result to come, or what the task will raise. Who calls waits from now on; to cancel it is to leave."""
        future: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
        if self._task.done():
            _copy_outcome(future, self._task)
        else:
            self._waiting[future] = waiter
            future.add_done_callback(self._on_future_done)
        return future

    async def _run(self) -> V:
        """Work, and hand over what it brings at once: each turn of the loop is one in which others come first."""
        result = await self._work
        self._is_progressing = _never  # a flight refers to itself, and would hold what this refers to
        self._on_done()
        for future in tuple(self._waiting):
            if not future.done():
                future.set_result(result)
        return result

    def _on_future_done(self, future: asyncio.Future[V]) -> None:
        waiter = self._waiting.pop(future, None)
        if self._waiting or self._task.done():
            return
        if waiter is not None and waiter.is_overdue() and self._is_progressing():
            self._lingering = asyncio.get_running_loop().call_later(LINGER, self._abandon)
        else:
            self._abandon()

    def _abandon(self) -> None:
        if not self._waiting:
            self._abandoned = True
            self._task.cancel()

    def _on_task_done(self, task: asyncio.Future[V]) -> None:
        if self._lingering is not None:
            self._lingering.cancel()
        self._work.close()  # it has not even begun if everybody left at once
        self._is_progressing = _never
        self._on_done()
        if not task.cancelled():
            task.exception()  # looked at, so that asyncio does not complain when all waiters are gone
        for future in tuple(self._waiting):
            if not future.done():
                _copy_outcome(future, task)


class Flights(Generic[K, V]):
    """The tasks under way, by what they will bring, and how much of it."""

    def __init__(self) -> None:
        self._running: dict[K, tuple[Flight[V], int]] = {}

    def get(self, key: K, amount: int = 0) -> Flight[V] | None:
        """The flight that will bring so much of `key`, if there is one to join."""
        flight, expected = self._running.get(key, (None, 0))
        return flight if flight is not None and flight.joinable and expected >= amount else None

    def start(
        self,
        keys: Mapping[K, int] | Iterable[K],
        work: Coroutine[Any, Any, V],
        is_progressing: Callable[[], bool] = _never,
    ) -> Flight[V]:
        """Begin a task that brings all of `keys`, each as much as it says."""
        amounts = dict(keys) if isinstance(keys, Mapping) else dict.fromkeys(keys, 0)
        flight = Flight(work, lambda: self._on_done(amounts, flight), is_progressing)
        for key, amount in amounts.items():
            self._running[key] = flight, amount
        return flight

    def join(
        self, key: K, work: Callable[[], Coroutine[Any, Any, V]], waiter: Waiter | None = None
    ) -> asyncio.Future[V]:
        """Wait for `key`: with those who do already, or by beginning `work`, which goes on for who is overdue."""
        return (self.get(key) or self.start((key,), work(), lambda: True)).join(waiter)

    def _on_done(self, keys: Iterable[K], flight: Flight[V]) -> None:
        for key in keys:
            if self._running.get(key, (None, 0))[0] is flight:
                del self._running[key]


def _copy_outcome(future: asyncio.Future[V], task: asyncio.Future[V]) -> None:
    """Give a waiter the outcome of a task that has ended."""
    if task.cancelled():
        future.set_exception(SourceUnavailable("The work was stopped.", reason="stopped"))
    elif (fault := task.exception()) is not None:
        future.set_exception(fault)
    else:
        future.set_result(task.result())
