"""Groups of tasks: awaited together, a bounded number at a time, cancelled together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


async def gather_all(work: Iterable[Any]) -> list[Any]:
    """Await all concurrently and return their results in order.

    The first error is raised once all others have ended or were cancelled.
    """
    works = list(work)
    if len(works) < 2:  # without a task, which would cost more than much of the work does
        return [await each for each in works]
    tasks = [asyncio.ensure_future(each) for each in works]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        await stop_all(tasks)
        raise


async def for_each(items: Iterable[T], work: Callable[[T], Awaitable[object]], at_once: int) -> None:
    """Await `work` for each item in order, at most `at_once` at a time. The first error cancels the others."""
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await work(item)

    await gather_all(worker() for _ in range(at_once))


async def stop_all(tasks: Sequence[asyncio.Future[Any]]) -> None:
    """Cancel all tasks and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
