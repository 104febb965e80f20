"""Single flight: concurrent requests for the same key share one task.

Every waiter gets the task's result or its error. If the last waiter is cancelled because its client disconnected, the
task is cancelled too. If the last waiter's deadline has passed, a task that makes progress continues for a while, so
that the next request finds the result in the cache.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Iterable, Mapping
from typing import Any, Generic, Protocol, TypeVar

from scog.errors import SourceUnavailable

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
LINGER = 30.0
"""Maximum seconds that a task continues without waiters."""


def _never() -> bool:
    return False


class Waiter(Protocol):
    """A request that waits for a task."""

    overdue: bool
    """Whether the request's deadline has passed, if it stopped waiting before the task ended."""


class Flight(Generic[V]):
    """A running task and its waiters."""

    def __init__(
        self,
        work: Coroutine[Any, Any, V],
        on_done: Callable[[], None] = lambda: None,
        is_progressing: Callable[[], bool] = _never,
    ) -> None:
        """Start `work`. `on_done` is called when it has ended, successfully or not, before the waiters continue.

        `is_progressing` returns whether the work makes progress.
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
        """Whether the task can be joined. An abandoned task will end without a result."""
        return not self._abandoned

    def waiters(self) -> Iterable[Waiter]:
        """The requests that wait."""
        return (waiter for waiter in self._waiting.values() if waiter is not None)

    def join(self, waiter: Waiter | None = None) -> asyncio.Future[V]:
        """A future of the result, which raises what the task raises. Cancelling it stops waiting."""
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
        """Run the work and set the result at once. A done callback would run in the event loop's next iteration."""
        result = await self._work
        self._is_progressing = _never  # breaks a reference cycle through the callback
        self._on_done()
        for future in tuple(self._waiting):
            if not future.done():
                future.set_result(result)
        return result

    def _on_future_done(self, future: asyncio.Future[V]) -> None:
        waiter = self._waiting.pop(future, None)
        if self._waiting or self._task.done():
            return
        if waiter is not None and waiter.overdue and self._is_progressing():
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
        self._work.close()  # it has not started if all waiters were cancelled at once
        self._is_progressing = _never
        self._on_done()
        if not task.cancelled():
            task.exception()  # retrieved, so that asyncio does not log it when no waiter is left
        for future in tuple(self._waiting):
            if not future.done():
                _copy_outcome(future, task)


class SingleFlight(Generic[K, V]):
    """Running tasks by the keys that they will deliver. A task may deliver a larger or smaller amount of a key."""

    def __init__(self) -> None:
        self._running: dict[K, tuple[Flight[V], int]] = {}

    def get(self, key: K, amount: int = 0) -> Flight[V] | None:
        """The task that will deliver at least `amount` of `key`; None if there is none that can be joined."""
        flight, expected = self._running.get(key, (None, 0))
        return flight if flight is not None and flight.joinable and expected >= amount else None

    def start(
        self,
        keys: Mapping[K, int] | Iterable[K],
        work: Coroutine[Any, Any, V],
        is_progressing: Callable[[], bool] = _never,
    ) -> Flight[V]:
        """Start a task that delivers all of `keys`. A mapping has the amount of each key."""
        amounts = dict(keys) if isinstance(keys, Mapping) else dict.fromkeys(keys, 0)
        flight = Flight(work, lambda: self._on_done(amounts, flight), is_progressing)
        for key, amount in amounts.items():
            self._running[key] = flight, amount
        return flight

    def join(
        self, key: K, work: Callable[[], Coroutine[Any, Any, V]], waiter: Waiter | None = None
    ) -> asyncio.Future[V]:
        """A future of `key`, from the running task or a new one.

        A new task runs `work`, and continues if the deadline of its last waiter has passed.
        """
        return (self.get(key) or self.start((key,), work(), lambda: True)).join(waiter)

    def _on_done(self, keys: Iterable[K], flight: Flight[V]) -> None:
        for key in keys:
            if self._running.get(key, (None, 0))[0] is flight:
                del self._running[key]


def _copy_outcome(future: asyncio.Future[V], task: asyncio.Future[V]) -> None:
    """Copy the outcome of a finished task to a waiter's future."""
    if task.cancelled():
        future.set_exception(SourceUnavailable("The work was stopped.", reason="stopped"))
    elif (error := task.exception()) is not None:
        future.set_exception(error)
    else:
        future.set_result(task.result())
