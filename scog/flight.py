"""Single flight: those who want the same thing at the same time share one task.

Every waiter gets the task's result or its error, whatever the path. When the last one leaves (its client went away,
its deadline passed) the task is cancelled, since nobody wants its result.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from scog.errors import SourceUnavailable

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Flight(Generic[V]):
    """One running task and the number of those who wait for it."""

    def __init__(self, work: Coroutine[Any, Any, V]) -> None:
        self._task = asyncio.ensure_future(work)
        self._task.add_done_callback(_look_at)
        self._waiting = 0
        self._abandoned = False

    @property
    def joinable(self) -> bool:
        """Whether it can still be waited for; an abandoned task is about to end without a result."""
        return not self._abandoned

    def when_done(self, then: Callable[[], None]) -> None:
        """Call `then` once the task has ended in any way."""
        self._task.add_done_callback(lambda _: then())

    async def join(self) -> V:
        """Wait for the result. Raises what the task raised."""
        self._waiting += 1
        try:
            return await asyncio.shield(self._task)
        except asyncio.CancelledError:
            if self._task.cancelled() and not _being_cancelled():
                raise SourceUnavailable("The work was stopped.", reason="stopped") from None
            raise
        finally:
            self._waiting -= 1
            if not self._waiting and not self._task.done():
                self._abandoned = True
                self._task.cancel()


class Flights(Generic[K, V]):
    """The tasks under way, by what they will bring."""

    def __init__(self) -> None:
        self._under_way: dict[K, Flight[V]] = {}

    def get(self, key: K) -> Flight[V] | None:
        """The flight that will bring `key`, if there is one to join."""
        flight = self._under_way.get(key)
        return flight if flight is not None and flight.joinable else None

    def start(self, keys: tuple[K, ...], work: Coroutine[Any, Any, V]) -> Flight[V]:
        """Begin a task that brings all of `keys`."""
        flight = Flight(work)
        for key in keys:
            self._under_way[key] = flight
        flight.when_done(lambda: self._land(keys, flight))
        return flight

    def join(self, key: K, work: Callable[[], Coroutine[Any, Any, V]]) -> Awaitable[V]:
        """Wait for `key`: with those who do already, or by beginning `work`."""
        return (self.get(key) or self.start((key,), work())).join()

    def _land(self, keys: tuple[K, ...], flight: Flight[V]) -> None:
        for key in keys:
            if self._under_way.get(key) is flight:
                del self._under_way[key]


def _being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _look_at(task: asyncio.Future[Any]) -> None:
    """Take note of a task's error, so that asyncio does not complain when its waiters are gone."""
    if not task.cancelled():
        task.exception()
