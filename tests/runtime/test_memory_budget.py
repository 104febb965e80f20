"""The memory budget: never more held than allowed, everybody gets a turn."""

from __future__ import annotations

import asyncio
import random

import pytest

from scog.errors import AssetRefused
from scog.runtime.memory_budget import MemoryBudget
from tests.doubles.reading import run


def test_what_would_never_fit_is_refused() -> None:
    async def work() -> None:
        budget = MemoryBudget(100)
        with pytest.raises(AssetRefused) as refused:
            async with budget.hold(101):
                raise AssertionError
        assert refused.value.reason == "too-much-memory"
        async with budget.hold(100):
            pass

    run(work())


def test_a_crowd_that_comes_and_leaves_never_holds_too_much_and_nobody_starves() -> None:
    async def work() -> None:
        chance = random.Random(7)
        budget = MemoryBudget(100)
        held = most = served = 0

        async def one(size: int) -> None:
            nonlocal held, most, served
            async with budget.hold(size):
                held += size
                most = max(most, held)
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
        left = sum(isinstance(result, asyncio.CancelledError) for result in results)
        assert served + left == 300
        assert served > 100
        assert (held, most <= 100) == (0, True)
        async with budget.hold(100):  # all of it was given back
            pass

    run(work())


def test_a_large_wish_is_not_overtaken_for_ever() -> None:
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


def test_a_leaver_at_the_head_lets_the_next_ones_in() -> None:
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
