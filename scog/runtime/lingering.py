"""Shared tasks that continue without waiters, for the next request.

At a tile's deadline, a search has often received most of its response. If it were cancelled, the next attempt on a slow
connection would fetch the same bytes again, and fail in the same way. Tasks must end by themselves, as searches do at
their own deadline.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Lingering(Generic[K, V]):
    """Shared tasks by key. At most `max_abandoned` run without a waiter. Used within one event loop."""

    def __init__(self, max_abandoned: int = 4) -> None:
        self._max_abandoned = max_abandoned
        self._tasks: dict[K, asyncio.Task[V]] = {}
        self._waiter_counts: Counter[K] = Counter()
        self._abandoned: set[K] = set()
        """Keys of the tasks that run without a waiter."""

    async def join(self, key: K, work: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """The result of the running task of `key`, or of a new one that runs `work`. Raises what the task raises."""
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.ensure_future(work())
            task.add_done_callback(lambda done: self._on_done(key, done))
        self._abandoned.discard(key)
        self._waiter_counts[key] += 1
        try:
            return await asyncio.shield(task)
        finally:
            self._waiter_counts[key] -= 1
            if not self._waiter_counts[key]:
                del self._waiter_counts[key]
                if not task.done():
                    self._abandon(key, task)

    async def close(self) -> None:
        """Cancel all tasks and wait until they have ended."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _abandon(self, key: K, task: asyncio.Task[V]) -> None:
        """Let a task without waiters continue, or cancel it if `max_abandoned` others have none."""
        if len(self._abandoned) < self._max_abandoned:
            self._abandoned.add(key)
        else:
            self._tasks.pop(key, None)  # the next request starts a new task
            task.cancel()

    def _on_done(self, key: K, task: asyncio.Task[V]) -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]
            self._abandoned.discard(key)
        if not task.cancelled():
            task.exception()  # retrieved, so that asyncio does not log it when no waiter is left
