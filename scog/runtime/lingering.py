"""Shared work that goes on when those who wait for it have left, for whoever comes next.

A search that is given up at a tile's deadline has most of its answer already; on a slow line the next try would fetch
the same bytes again and fail in the same way. The work has to end by itself: a catalogue has its own deadline.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Lingering(Generic[K, V]):
    """Tasks by what they bring, at most `most` of them without anybody who waits. Used within one event loop."""

    def __init__(self, most: int = 4) -> None:
        self._most = most
        self._tasks: dict[K, asyncio.Task[V]] = {}
        self._waiting: Counter[K] = Counter()
        self._abandoned: set[K] = set()

    async def join(self, key: K, work: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """The result of the work under way for `key`, or of `work` begun now; raises what that raises."""
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.ensure_future(work())
            task.add_done_callback(lambda ended: self._end(key, ended))
        self._abandoned.discard(key)
        self._waiting[key] += 1
        try:
            return await asyncio.shield(task)
        finally:
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key]
                if not task.done():
                    self._abandon(key, task)

    async def close(self) -> None:
        """Cancel all work."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _abandon(self, key: K, task: asyncio.Task[V]) -> None:
        """Nobody waits any more: let it go on, unless many others do."""
        if len(self._abandoned) < self._most:
            self._abandoned.add(key)
        else:
            self._tasks.pop(key, None)  # who comes now begins anew
            task.cancel()

    def _end(self, key: K, task: asyncio.Task[V]) -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]
            self._abandoned.discard(key)
        if not task.cancelled():
            task.exception()  # looked at, so that asyncio does not complain where nobody waits
