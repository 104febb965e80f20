"""MemoryBudget: never more than its limit is held, and every request is granted."""

from __future__ import annotations

import asyncio
import random

import pytest

from scog.errors import AssetRefused
from scog.runtime.memory_budget import MemoryBudget
from tests.doubles.reading import run


def test_more_than_the_limit_is_refused() -> None:
    async def work() -> None:
        budget = MemoryBudget(100)
        with pytest.raises(AssetRefused) as refused:
            async with budget.hold(101):
                raise AssertionError
        assert refused.value.reason == "too-much-memory"
        async with budget.hold(100):
            pass

    run(work())


def test_concurrent_and_cancelled_requests_stay_within_the_limit() -> None:
    async def work() -> None:
        chance = random.Random(7)
        budget = MemoryBudget(100)
        held = peak = served = 0

        async def one(size: int) -> None:
            nonlocal held, peak, served
            async with budget.hold(size):
                held += size
                peak = max(peak, held)
                try:
                    await asyncio.sleep(chance.random() / 500)
                finally:
                    held -= size
            served += 1

        tasks = [asyncio.ensure_future(one(chance.choice([0, 1, 30, 60, 100]))) for _ in range(300)]
        for _ in range(40):
            await asyncio.sleep(chance.random() / 200)
            for task in chance.sample(tasks, 3):
                task.cancel()
                task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        cancelled = sum(isinstance(result, asyncio.CancelledError) for result in results)
        assert served + cancelled == 300
        assert served > 100
        assert (held, peak <= 100) == (0, True)
        async with budget.hold(100):  # all of it was released
            pass

    run(work())


def test_a_large_request_is_not_overtaken() -> None:
    async def work() -> None:
        budget = MemoryBudget(10)
        order: list[str] = []

        async def one(name: str, size: int) -> None:
            async with budget.hold(size):
                order.append(name)
                await asyncio.sleep(0.001)

        await asyncio.gather(one("a", 6), one("large", 10), *(one("small", 1) for _ in range(20)))
        assert order[:2] == ["a", "large"]

    run(work())


def test_cancelling_the_first_in_the_queue_admits_the_next() -> None:
    async def work() -> None:
        budget = MemoryBudget(10)

        async def one(size: int) -> None:
            async with budget.hold(size):
                pass

        async with budget.hold(5):
            head, small = asyncio.ensure_future(one(10)), asyncio.ensure_future(one(1))
            await asyncio.sleep(0.001)
            assert not small.done()
            head.cancel()
            await asyncio.sleep(0.001)
            assert small.done()

    run(work())
