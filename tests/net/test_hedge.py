"""A request that stays silent is made once more; the first of the two to be heard wins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from scog.net.hedge import Hear, Hedges, Silence, TypicalWait

PATIENCE, LIMIT = 0.05, 0.4
Step = float | Exception | None
"""Seconds to wait and then to be heard; None: silence for good; an exception to raise."""


class Scripted:
    """Requests that do what they are told, one list of steps each; the last one again and again."""

    def __init__(self, *scripts: list[Step]) -> None:
        self.scripts = scripts
        self.begun = 0
        self.cancelled: list[int] = []

    async def __call__(self, hear: Hear) -> int:
        number = self.begun
        self.begun += 1
        try:
            for step in self.scripts[min(number, len(self.scripts) - 1)]:
                if isinstance(step, Exception):
                    raise step
                await asyncio.sleep(100 if step is None else step)
                hear()
        except asyncio.CancelledError:
            self.cancelled.append(number)
            raise
        return number


def first(ask: Callable[[Hear], Coroutine[Any, Any, int]], hedges: Hedges | None = None) -> int:
    async def work() -> int:
        async with asyncio.timeout(10):
            return await (hedges or Hedges()).first(ask, patience=PATIENCE, limit=LIMIT)

    return asyncio.run(work())


def test_what_is_heard_soon_is_asked_once() -> None:
    ask = Scripted([0.0, 0.0])
    assert first(ask) == 0
    assert ask.begun == 1


def test_a_silent_request_is_made_once_more_and_the_other_cancelled() -> None:
    ask = Scripted([None], [0.0])
    assert first(ask) == 1
    assert (ask.begun, ask.cancelled) == (2, [0])


def test_the_first_to_be_heard_wins_even_if_it_ends_last() -> None:
    ask = Scripted([PATIENCE * 2, 0.1, 0.1], [0.1])
    assert first(ask) == 0
    assert (ask.begun, ask.cancelled) == (2, [1])


def test_there_is_one_hedge_and_silence_has_an_end() -> None:
    ask = Scripted([None])
    with pytest.raises(Silence):
        first(ask)
    assert (ask.begun, sorted(ask.cancelled)) == (2, [0, 1])


def test_what_goes_on_slowly_has_no_limit() -> None:
    ask = Scripted([0.0, *[LIMIT / 3] * 6])
    assert first(ask) == 0
    assert ask.begun == 1


def test_an_answer_that_stalls_is_hedged_later() -> None:
    ask = Scripted([0.0, None], [0.0])
    assert first(ask) == 1
    assert ask.cancelled == [0]


def test_one_that_fails_leaves_the_race_to_the_other() -> None:
    assert first(Scripted([PATIENCE * 4, 0.0], [ValueError("second")])) == 0

    class Late(Scripted):
        async def __call__(self, hear: Hear) -> int:
            number = self.begun
            if number == 0:
                self.begun += 1
                await asyncio.sleep(PATIENCE * 1.5)
                raise ValueError("first")
            return await super().__call__(hear)

    assert first(Late([0.0], [PATIENCE * 2])) == 1


def test_an_error_is_the_last_ones() -> None:
    with pytest.raises(ValueError, match="alone"):
        first(Scripted([ValueError("alone")]))
    ask = Scripted([PATIENCE * 2, ValueError("first")], [None])
    with pytest.raises(ValueError, match="first"):
        first(ask)


def test_few_hedges_at_once() -> None:
    async def work() -> tuple[int, int]:
        hedges = Hedges(at_once=3)
        asked = [Scripted([PATIENCE * 3]) for _ in range(10)]
        await asyncio.gather(*(hedges.first(ask, patience=PATIENCE, limit=LIMIT) for ask in asked))
        begun = sum(ask.begun for ask in asked)
        again = Scripted([None], [0.0])
        await hedges.first(again, patience=PATIENCE, limit=LIMIT)  # they are given back
        return begun, again.begun

    assert asyncio.run(work()) == (13, 2)


def test_cancelling_ends_both() -> None:
    async def work() -> list[int]:
        ask = Scripted([None])
        task = asyncio.ensure_future(Hedges().first(ask, patience=PATIENCE, limit=LIMIT))
        await asyncio.sleep(PATIENCE * 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return ask.cancelled

    assert sorted(asyncio.run(work())) == [0, 1]


def test_the_typical_wait_is_the_median_of_the_latest() -> None:
    typical = TypicalWait(remembered=3)
    assert typical.seconds == 0
    for seconds in (9.0, 9.0, 1.0, 2.0, 30.0):
        typical.add(seconds)
    assert typical.seconds == 2.0
