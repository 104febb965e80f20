"""Single flight: everybody who waits gets an answer, and nobody works for nobody."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scog import flight as flight_module
from scog.errors import SourceUnavailable
from scog.flight import Flight, Flights
from tests.doubles.reading import run


class Work:
    """Work that ends when it is told to, and counts how often it began, ended, and was cancelled."""

    def __init__(self) -> None:
        self.begun = self.ended = self.cancelled = 0
        self.go = asyncio.Event()
        self.fault: Exception | None = None

    async def __call__(self) -> str:
        self.begun += 1
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        self.ended += 1
        if self.fault:
            raise self.fault
        return f"result {self.begun}"


class Late:
    """A rider whose time has run out, or has not."""

    def __init__(self, overdue: bool) -> None:
        self.overdue = overdue

    def is_overdue(self) -> bool:
        return self.overdue


async def turns(count: int = 5) -> None:
    """Let everything that is ready happen."""
    for _ in range(count):
        await asyncio.sleep(0)


def test_all_who_wait_share_one_task() -> None:
    async def work() -> None:
        flights: Flights[str, str] = Flights()
        task = Work()
        waiters = [asyncio.ensure_future(flights.join("a", task)) for _ in range(50)]
        await turns()
        task.go.set()
        assert await asyncio.gather(*waiters) == ["result 1"] * 50
        assert task.begun == 1
        assert flights.get("a") is None

    run(work())


def test_all_who_wait_get_the_error_and_the_next_try_is_new() -> None:
    async def work() -> None:
        flights: Flights[str, str] = Flights()
        task = Work()
        task.fault = KeyError("no")
        task.go.set()
        results = await asyncio.gather(*(flights.join("a", task) for _ in range(5)), return_exceptions=True)
        assert [type(result) for result in results] == [KeyError] * 5
        task.fault = None
        assert await flights.join("a", task) == "result 2"

    run(work())


def test_one_task_brings_several_things() -> None:
    async def work() -> None:
        flights: Flights[str, str] = Flights()
        task = Work()
        flight = flights.start(("a", "b"), task())
        assert flights.get("a") is flights.get("b") is flight
        task.go.set()
        assert await flight.join() == "result 1"
        await turns()
        assert flights.get("a") is flights.get("b") is None

    run(work())


def test_an_early_leaver_leaves_the_others_their_result() -> None:
    async def work() -> None:
        flights: Flights[str, str] = Flights()
        task = Work()
        first, second = (asyncio.ensure_future(_await(flights.join("a", task))) for _ in range(2))
        await turns()
        first.cancel()
        await turns()
        assert task.cancelled == 0
        task.go.set()
        assert await second == "result 1"
        assert first.cancelled()

    run(work())


def test_the_last_to_leave_cancels_the_work() -> None:
    async def work() -> None:
        flights: Flights[str, str] = Flights()
        task = Work()
        waiters = [asyncio.ensure_future(_await(flights.join("a", task))) for _ in range(3)]
        await turns()
        for waiter in waiters:
            waiter.cancel()
        await turns()
        assert task.cancelled == 1
        assert all(waiter.cancelled() for waiter in waiters)
        assert flights.get("a") is None

    run(work())


def test_who_comes_after_the_last_has_left_gets_an_answer() -> None:
    """Also when the abandoned work takes its time to end."""

    async def work() -> None:
        flights: Flights[str, str] = Flights()
        stubborn = asyncio.Event()

        async def ends_slowly() -> str:
            try:
                await asyncio.Event().wait()
            finally:
                await stubborn.wait()
            return "never"

        leaver = asyncio.ensure_future(_await(flights.join("a", ends_slowly)))
        await turns()
        leaver.cancel()
        await turns()
        task = Work()
        task.go.set()
        assert await flights.join("a", task) == "result 1"
        stubborn.set()
        await turns()
        assert flights.get("a") is None

    run(work())


def test_who_joins_while_the_last_one_leaves_gets_an_answer() -> None:
    """From the moment a flight was asked for it does not count as abandoned."""

    async def work() -> None:
        flights: Flights[str, str] = Flights()
        task = Work()
        leaver = asyncio.ensure_future(_await(flights.join("a", task)))
        await turns()
        found = flights.get("a")
        assert found is not None
        joined = found.join()
        leaver.cancel()
        await turns()
        assert task.cancelled == 0
        task.go.set()
        assert await joined == "result 1"

    run(work())


def test_who_leaves_before_ever_waiting_has_left() -> None:
    """A wish that was cancelled before its first step does not keep the work going, nor count twice."""

    async def work() -> None:
        flights: Flights[str, str] = Flights()
        task = Work()
        flight = flights.start(("a",), task())
        waiter = asyncio.gather(flight.join(), flight.join())
        waiter.cancel()
        await turns()
        assert (task.cancelled, task.begun) in ((1, 1), (0, 0))
        assert flights.get("a") is None

    run(work())


def test_waiters_of_work_that_was_stopped_get_an_error_and_are_not_cancelled() -> None:
    """As when the threads that do the work are shut down."""

    async def work() -> None:
        async def stopped() -> str:
            raise asyncio.CancelledError

        flights: Flights[str, str] = Flights()
        results = await asyncio.gather(*(flights.join("a", stopped) for _ in range(3)), return_exceptions=True)
        assert [type(result) for result in results] == [SourceUnavailable] * 3
        assert {result.reason for result in results if isinstance(result, SourceUnavailable)} == {"stopped"}

    run(work())


def test_joining_what_has_ended_already() -> None:
    async def work() -> None:
        async def result() -> str:
            return "result"

        async def fault() -> str:
            raise KeyError

        good, bad = Flight(result()), Flight(fault())
        await turns()
        assert await good.join() == "result"
        with pytest.raises(KeyError):
            await bad.join()

    run(work())


def test_a_timeout_is_a_leaver() -> None:
    async def work() -> None:
        flights: Flights[str, str] = Flights()
        task = Work()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await flights.join("a", task)
        await turns()
        assert task.cancelled == 1

    run(work())


def test_at_shutdown_nothing_is_left_hanging() -> None:
    task: list[Work] = []

    async def work() -> None:
        flights: Flights[str, str] = Flights()
        task.append(Work())
        for _ in range(3):
            asyncio.ensure_future(_await(flights.join("a", task[0])))  # noqa: RUF006
        await turns()

    run(work())  # asyncio.run cancels what is left
    assert task[0].cancelled == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["join", "leave first", "leave last", "turn", "end", "fail"]), max_size=25))
def test_in_any_order_of_events_every_waiter_gets_its_answer(events: list[str]) -> None:
    async def work() -> None:
        flights: Flights[str, str] = Flights()
        task = Work()
        waiting: list[asyncio.Task[str]] = []
        left: list[asyncio.Task[str]] = []
        done: list[asyncio.Task[str]] = []
        for event in events:
            if event == "join":
                waiting.append(asyncio.ensure_future(_await(flights.join("a", task))))
            elif event.startswith("leave") and waiting:
                leaver = waiting.pop(0 if event == "leave first" else -1)
                leaver.cancel()
                left.append(leaver)
            elif event == "turn":
                await turns(1)
            elif event in ("end", "fail"):
                task.fault = KeyError() if event == "fail" else None
                task.go.set()
                done += waiting
                waiting = []
                await turns()
                task.go.clear()
        task.go.set()
        results = await asyncio.gather(*done, *waiting, return_exceptions=True)
        assert all(isinstance(result, str | KeyError) for result in results)
        assert all(isinstance(r, asyncio.CancelledError) for r in await asyncio.gather(*left, return_exceptions=True))
        await turns()
        assert flights.get("a") is None
        assert task.begun <= len(done) + len(waiting) + len(left)

    run(work())


async def _await(future: Any) -> Any:
    return await future


def test_work_that_flows_goes_on_for_who_is_overdue(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        flights: Flights[str, str] = Flights()
        task = Work()
        flight = flights.start(("a",), task(), lambda: True)
        waiter = flight.join(Late(True))
        await turns()
        waiter.cancel()
        await turns()
        assert task.cancelled == 0
        late = flights.get("a")
        assert late is flight
        task.go.set()
        assert await late.join() == "result 1"

    run(work())


@pytest.mark.parametrize(("flows", "overdue"), [(False, True), (True, False)])
def test_work_that_does_not_flow_or_that_nobody_waited_for_ends(flows: bool, overdue: bool) -> None:
    async def work() -> None:
        flights: Flights[str, str] = Flights()
        task = Work()
        waiter = flights.start(("a",), task(), lambda: flows).join(Late(overdue))
        await turns()
        waiter.cancel()
        await turns()
        assert task.cancelled == 1

    run(work())


def test_work_that_flows_goes_on_for_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flight_module, "LINGER", 0.05)

    async def work() -> None:
        flights: Flights[str, str] = Flights()
        task = Work()
        waiter = flights.start(("a",), task(), lambda: True).join(Late(True))
        await turns()
        waiter.cancel()
        await asyncio.sleep(0.2)
        assert task.cancelled == 1
        assert flights.get("a") is None

    run(work())


def test_a_flight_that_brings_less_is_no_flight_for_more() -> None:
    async def work() -> None:
        flights: Flights[str, str] = Flights()
        task = Work()
        flight = flights.start({"a": 3}, task())
        assert flights.get("a", 3) is flights.get("a") is flight
        assert flights.get("a", 4) is None
        more = flights.start({"a": 5}, Work()())
        assert flights.get("a", 4) is more
        for each in (flight, more):
            each.join().cancel()
        await turns()

    run(work())
