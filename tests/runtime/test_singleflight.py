"""Single flight: every waiter gets a result, and no work runs without a waiter."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scog.errors import SourceUnavailable
from scog.runtime import singleflight as flight_module
from scog.runtime.singleflight import Flight, SingleFlight
from tests.doubles.reading import run


class Work:
    """Work that ends when `go` is set, and counts its starts, ends and cancellations."""

    def __init__(self) -> None:
        self.started = self.ended = self.cancelled = 0
        self.go = asyncio.Event()
        self.fault: Exception | None = None

    async def __call__(self) -> str:
        self.started += 1
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        self.ended += 1
        if self.fault:
            raise self.fault
        return f"result {self.started}"


class Late:
    """A waiter that is overdue or not."""

    def __init__(self, overdue: bool) -> None:
        self.overdue = overdue


async def run_loop(count: int = 5) -> None:
    """Run `count` iterations of the event loop."""
    for _ in range(count):
        await asyncio.sleep(0)


def test_all_waiters_share_one_task() -> None:
    async def work() -> None:
        flights: SingleFlight[str, str] = SingleFlight()
        task = Work()
        waiters = [asyncio.ensure_future(flights.join("a", task)) for _ in range(50)]
        await run_loop()
        task.go.set()
        assert await asyncio.gather(*waiters) == ["result 1"] * 50
        assert task.started == 1
        assert flights.get("a") is None

    run(work())


def test_all_waiters_get_the_error_and_the_next_call_starts_anew() -> None:
    async def work() -> None:
        flights: SingleFlight[str, str] = SingleFlight()
        task = Work()
        task.fault = KeyError("no")
        task.go.set()
        results = await asyncio.gather(*(flights.join("a", task) for _ in range(5)), return_exceptions=True)
        assert [type(result) for result in results] == [KeyError] * 5
        task.fault = None
        assert await flights.join("a", task) == "result 2"

    run(work())


def test_one_task_delivers_several_keys() -> None:
    async def work() -> None:
        flights: SingleFlight[str, str] = SingleFlight()
        task = Work()
        flight = flights.start(("a", "b"), task())
        assert flights.get("a") is flights.get("b") is flight
        task.go.set()
        assert await flight.join() == "result 1"
        await run_loop()
        assert flights.get("a") is flights.get("b") is None

    run(work())


def test_a_cancelled_waiter_does_not_cancel_the_others() -> None:
    async def work() -> None:
        flights: SingleFlight[str, str] = SingleFlight()
        task = Work()
        first, second = (asyncio.ensure_future(_await(flights.join("a", task))) for _ in range(2))
        await run_loop()
        first.cancel()
        await run_loop()
        assert task.cancelled == 0
        task.go.set()
        assert await second == "result 1"
        assert first.cancelled()

    run(work())


def test_cancelling_the_last_waiter_cancels_the_work() -> None:
    async def work() -> None:
        flights: SingleFlight[str, str] = SingleFlight()
        task = Work()
        waiters = [asyncio.ensure_future(_await(flights.join("a", task))) for _ in range(3)]
        await run_loop()
        for waiter in waiters:
            waiter.cancel()
        await run_loop()
        assert task.cancelled == 1
        assert all(waiter.cancelled() for waiter in waiters)
        assert flights.get("a") is None

    run(work())


def test_a_waiter_after_the_last_cancelled_one_gets_a_result() -> None:
    """Even while the abandoned task is still ending."""

    async def work() -> None:
        flights: SingleFlight[str, str] = SingleFlight()
        may_end = asyncio.Event()

        async def ends_slowly() -> str:
            try:
                await asyncio.Event().wait()
            finally:
                await may_end.wait()
            return "never"

        waiter = asyncio.ensure_future(_await(flights.join("a", ends_slowly)))
        await run_loop()
        waiter.cancel()
        await run_loop()
        task = Work()
        task.go.set()
        assert await flights.join("a", task) == "result 1"
        may_end.set()
        await run_loop()
        assert flights.get("a") is None

    run(work())


def test_a_waiter_that_joins_while_the_last_is_cancelled_gets_a_result() -> None:
    """A task that was joined does not count as abandoned."""

    async def work() -> None:
        flights: SingleFlight[str, str] = SingleFlight()
        task = Work()
        waiter = asyncio.ensure_future(_await(flights.join("a", task)))
        await run_loop()
        joined = flights.get("a")
        assert joined is not None
        joined = joined.join()
        waiter.cancel()
        await run_loop()
        assert task.cancelled == 0
        task.go.set()
        assert await joined == "result 1"

    run(work())


def test_a_waiter_may_be_cancelled_before_its_first_step() -> None:
    """A waiter that is cancelled before its first step does not keep the task running."""

    async def work() -> None:
        flights: SingleFlight[str, str] = SingleFlight()
        task = Work()
        flight = flights.start(("a",), task())
        waiter = asyncio.gather(flight.join(), flight.join())
        waiter.cancel()
        await run_loop()
        assert (task.cancelled, task.started) in ((1, 1), (0, 0))
        assert flights.get("a") is None

    run(work())


def test_waiters_of_cancelled_work_get_an_error() -> None:
    """As when the worker threads are shut down."""

    async def work() -> None:
        async def stopped() -> str:
            raise asyncio.CancelledError

        flights: SingleFlight[str, str] = SingleFlight()
        results = await asyncio.gather(*(flights.join("a", stopped) for _ in range(3)), return_exceptions=True)
        assert [type(result) for result in results] == [SourceUnavailable] * 3
        assert {result.reason for result in results if isinstance(result, SourceUnavailable)} == {"stopped"}

    run(work())


def test_a_finished_task_can_be_joined() -> None:
    async def work() -> None:
        async def result() -> str:
            return "result"

        async def fault() -> str:
            raise KeyError

        good, bad = Flight(result()), Flight(fault())
        await run_loop()
        assert await good.join() == "result"
        with pytest.raises(KeyError):
            await bad.join()

    run(work())


def test_a_timeout_cancels_the_waiter() -> None:
    async def work() -> None:
        flights: SingleFlight[str, str] = SingleFlight()
        task = Work()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await flights.join("a", task)
        await run_loop()
        assert task.cancelled == 1

    run(work())


def test_shutdown_cancels_running_work() -> None:
    task: list[Work] = []

    async def work() -> None:
        flights: SingleFlight[str, str] = SingleFlight()
        task.append(Work())
        for _ in range(3):
            asyncio.ensure_future(_await(flights.join("a", task[0])))  # noqa: RUF006
        await run_loop()

    run(work())  # asyncio.run cancels remaining tasks
    assert task[0].cancelled == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["join", "leave first", "leave last", "turn", "end", "fail"]), max_size=25))
def test_in_any_order_of_events_every_waiter_gets_a_result(events: list[str]) -> None:
    async def work() -> None:
        flights: SingleFlight[str, str] = SingleFlight()
        task = Work()
        waiting: list[asyncio.Task[str]] = []
        cancelled: list[asyncio.Task[str]] = []
        done: list[asyncio.Task[str]] = []
        for event in events:
            if event == "join":
                waiting.append(asyncio.ensure_future(_await(flights.join("a", task))))
            elif event.startswith("leave") and waiting:
                waiter = waiting.pop(0 if event == "leave first" else -1)
                waiter.cancel()
                cancelled.append(waiter)
            elif event == "turn":
                await run_loop(1)
            elif event in ("end", "fail"):
                task.fault = KeyError() if event == "fail" else None
                task.go.set()
                done += waiting
                waiting = []
                await run_loop()
                task.go.clear()
        task.go.set()
        results = await asyncio.gather(*done, *waiting, return_exceptions=True)
        assert all(isinstance(result, str | KeyError) for result in results)
        assert all(
            isinstance(r, asyncio.CancelledError) for r in await asyncio.gather(*cancelled, return_exceptions=True)
        )
        await run_loop()
        assert flights.get("a") is None
        assert task.started <= len(done) + len(waiting) + len(cancelled)

    run(work())


async def _await(future: Any) -> Any:
    return await future


def test_work_that_makes_progress_continues_for_an_overdue_waiter(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        flights: SingleFlight[str, str] = SingleFlight()
        task = Work()
        flight = flights.start(("a",), task(), lambda: True)
        waiter = flight.join(Late(True))
        await run_loop()
        waiter.cancel()
        await run_loop()
        assert task.cancelled == 0
        late = flights.get("a")
        assert late is flight
        task.go.set()
        assert await late.join() == "result 1"

    run(work())


@pytest.mark.parametrize(("flows", "overdue"), [(False, True), (True, False)])
def test_work_without_progress_or_overdue_waiter_is_cancelled(flows: bool, overdue: bool) -> None:
    async def work() -> None:
        flights: SingleFlight[str, str] = SingleFlight()
        task = Work()
        waiter = flights.start(("a",), task(), lambda: flows).join(Late(overdue))
        await run_loop()
        waiter.cancel()
        await run_loop()
        assert task.cancelled == 1

    run(work())


def test_work_without_waiters_is_cancelled_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flight_module, "LINGER", 0.05)

    async def work() -> None:
        flights: SingleFlight[str, str] = SingleFlight()
        task = Work()
        waiter = flights.start(("a",), task(), lambda: True).join(Late(True))
        await run_loop()
        waiter.cancel()
        await asyncio.sleep(0.2)
        assert task.cancelled == 1
        assert flights.get("a") is None

    run(work())


def test_a_task_that_delivers_less_is_not_joined_for_more() -> None:
    async def work() -> None:
        flights: SingleFlight[str, str] = SingleFlight()
        task = Work()
        flight = flights.start({"a": 3}, task())
        assert flights.get("a", 3) is flights.get("a") is flight
        assert flights.get("a", 4) is None
        more = flights.start({"a": 5}, Work()())
        assert flights.get("a", 4) is more
        for each in (flight, more):
            each.join().cancel()
        await run_loop()

    run(work())
