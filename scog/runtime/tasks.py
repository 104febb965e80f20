"""Groups of tasks: awaited together, a limited number at a time, cancelled together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


async def gather_all(awaitables: Iterable[Any]) -> list[Any]:
    """Await all concurrently, and return their results in order.

    The first error is raised after all others have ended or were cancelled.
    """
    pending = list(awaitables)
    if len(pending) < 2:  # without a task, which takes longer than much of the work
        return [await each for each in pending]
    tasks = [asyncio.ensure_future(each) for each in pending]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        await stop_all(tasks)
        raise


async def for_each(items: Iterable[T], function: Callable[[T], Awaitable[object]], at_once: int) -> None:
    """Await `function(item)` for each item in order, at most `at_once` at a time. The first error cancels others."""
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await function(item)

    await gather_all(worker() for _ in range(at_once))


async def stop_all(tasks: Sequence[asyncio.Future[Any]]) -> None:
    """Cancel all tasks and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
