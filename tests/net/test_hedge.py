"""A request without data is sent once more; the first of the two to receive data wins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from scog.net.hedge import Hedges, OnData, ReadTimeout, TypicalLatency

HEDGE_AFTER, READ_TIMEOUT = 0.05, 0.4
Step = float | Exception | None
"""Seconds until data arrives; None: never; an exception to raise."""


class Scripted:
    """Requests that follow scripts, one list of steps per request. Further requests follow the last one."""

    def __init__(self, *scripts: list[Step]) -> None:
        self.scripts = scripts
        self.started = 0
        self.cancelled: list[int] = []

    async def __call__(self, on_data: OnData) -> int:
        number = self.started
        self.started += 1
        try:
            for step in self.scripts[min(number, len(self.scripts) - 1)]:
                if isinstance(step, Exception):
                    raise step
                await asyncio.sleep(100 if step is None else step)
                on_data()
        except asyncio.CancelledError:
            self.cancelled.append(number)
            raise
        return number


def first(send: Callable[[OnData], Coroutine[Any, Any, int]], hedges: Hedges | None = None) -> int:
    async def work() -> int:
        async with asyncio.timeout(10):
            return await (hedges or Hedges()).first(send, hedge_after=HEDGE_AFTER, read_timeout=READ_TIMEOUT)

    return asyncio.run(work())


def test_a_fast_response_is_not_hedged() -> None:
    send = Scripted([0.0, 0.0])
    assert first(send) == 0
    assert send.started == 1


def test_a_request_without_data_is_hedged_and_cancelled() -> None:
    send = Scripted([None], [0.0])
    assert first(send) == 1
    assert (send.started, send.cancelled) == (2, [0])


def test_the_first_to_receive_data_wins_even_if_it_ends_last() -> None:
    send = Scripted([HEDGE_AFTER * 2, 0.1, 0.1], [0.1])
    assert first(send) == 0
    assert (send.started, send.cancelled) == (2, [1])


def test_there_is_one_hedge_and_then_a_timeout() -> None:
    send = Scripted([None])
    with pytest.raises(ReadTimeout):
        first(send)
    assert (send.started, sorted(send.cancelled)) == (2, [0, 1])


def test_a_response_that_makes_progress_does_not_time_out() -> None:
    send = Scripted([0.0, *[READ_TIMEOUT / 3] * 6])
    assert first(send) == 0
    assert send.started == 1


def test_a_response_that_stalls_is_hedged_later() -> None:
    send = Scripted([0.0, None], [0.0])
    assert first(send) == 1
    assert send.cancelled == [0]


def test_if_one_request_fails_the_other_decides() -> None:
    assert first(Scripted([HEDGE_AFTER * 4, 0.0], [ValueError("second")])) == 0

    class Late(Scripted):
        async def __call__(self, on_data: OnData) -> int:
            number = self.started
            if number == 0:
                self.started += 1
                await asyncio.sleep(HEDGE_AFTER * 1.5)
                raise ValueError("first")
            return await super().__call__(on_data)

    assert first(Late([0.0], [HEDGE_AFTER * 2])) == 1


def test_the_last_error_is_raised() -> None:
    with pytest.raises(ValueError, match="alone"):
        first(Scripted([ValueError("alone")]))
    send = Scripted([HEDGE_AFTER * 2, ValueError("first")], [None])
    with pytest.raises(ValueError, match="first"):
        first(send)


def test_concurrent_hedges_are_bounded() -> None:
    async def work() -> tuple[int, int]:
        hedges = Hedges(max_hedges=3)
        senders = [Scripted([HEDGE_AFTER * 3]) for _ in range(10)]
        await asyncio.gather(
            *(hedges.first(send, hedge_after=HEDGE_AFTER, read_timeout=READ_TIMEOUT) for send in senders)
        )
        started = sum(send.started for send in senders)
        again = Scripted([None], [0.0])
        await hedges.first(again, hedge_after=HEDGE_AFTER, read_timeout=READ_TIMEOUT)  # the slots are free again
        return started, again.started

    assert asyncio.run(work()) == (13, 2)


def test_cancelling_cancels_both_requests() -> None:
    async def work() -> list[int]:
        send = Scripted([None])
        task = asyncio.ensure_future(Hedges().first(send, hedge_after=HEDGE_AFTER, read_timeout=READ_TIMEOUT))
        await asyncio.sleep(HEDGE_AFTER * 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return send.cancelled

    assert sorted(asyncio.run(work())) == [0, 1]


def test_the_typical_latency_is_the_median_of_the_latest() -> None:
    typical = TypicalLatency(remembered=3)
    assert typical.seconds == 0
    for seconds in (9.0, 9.0, 1.0, 2.0, 30.0):
        typical.add(seconds)
    assert typical.seconds == 2.0
