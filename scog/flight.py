"""Single flight: those who want the same thing at the same time share one task.

Every waiter gets the task's result or its error, whatever the path. When the last one leaves (its client went away,
its deadline passed) the task is cancelled, since nobody wants its result.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from scog.errors import SourceUnavailable

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Flight(Generic[V]):
    """One running task and those who wait for it."""

    def __init__(self, work: Coroutine[Any, Any, V], land: Callable[[], None] = lambda: None) -> None:
        """Begin; `land` is called once the work has ended in any way, before those who wait go on."""
        self._work = work
        self._land = land
        self._task = asyncio.ensure_future(self._fly())
        self._task.add_done_callback(self._arrive)
        self._waiting: set[asyncio.Future[V]] = set()
        self._abandoned = False

    @property
    def joinable(self) -> bool:
        """Whether it can still be waited for; an abandoned task is about to end without a result."""
        return not self._abandoned

    def join(self) -> asyncio.Future[V]:
        """The result to come, or what the task will raise. Who calls waits from now on; to cancel it is to leave."""
        waiter: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        if self._task.done():
            _settle(waiter, self._task)
        else:
            self._waiting.add(waiter)
            waiter.add_done_callback(self._leave)
        return waiter

    async def _fly(self) -> V:
        """Work, and hand over what it brings at once: each turn of the loop is one in which others come first."""
        brought = await self._work
        self._land()
        for waiter in tuple(self._waiting):
            if not waiter.done():
                waiter.set_result(brought)
        return brought

    def _leave(self, waiter: asyncio.Future[V]) -> None:
        self._waiting.discard(waiter)
        if not self._waiting and not self._task.done():
            self._abandoned = True
            self._task.cancel()

    def _arrive(self, task: asyncio.Future[V]) -> None:
        self._work.close()  # it has not even begun if everybody left at once
        self._land()
        if not task.cancelled():
            task.exception()  # looked at, so that asyncio does not complain when all waiters are gone
        for waiter in tuple(self._waiting):
            if not waiter.done():
                _settle(waiter, task)


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
        flight = Flight(work, lambda: self._land(keys, flight))
        for key in keys:
            self._under_way[key] = flight
        return flight

    def join(self, key: K, work: Callable[[], Coroutine[Any, Any, V]]) -> asyncio.Future[V]:
        """Wait for `key`: with those who do already, or by beginning `work`."""
        return (self.get(key) or self.start((key,), work())).join()

    def _land(self, keys: tuple[K, ...], flight: Flight[V]) -> None:
        for key in keys:
            if self._under_way.get(key) is flight:
                del self._under_way[key]


def _settle(waiter: asyncio.Future[V], task: asyncio.Future[V]) -> None:
    """Give a waiter the outcome of a task that has ended."""
    if task.cancelled():
        waiter.set_exception(SourceUnavailable("The work was stopped.", reason="stopped"))
    elif (fault := task.exception()) is not None:
        waiter.set_exception(fault)
    else:
        waiter.set_result(task.result())
