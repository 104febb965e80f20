"""Turns: urgent images first, one finished before the next, none starved, and never more than the line takes."""

from __future__ import annotations

import asyncio

import pytest

from scog.net.admission import LEAST_READS, Turns
from scog.net.concurrency import Line
from scog.net.policy import Rank, Tally
from tests.doubles.reading import run

SIZE = 1_000_000


def nobody_else() -> list[Tally]:
    return [Tally()]


async def served(turns: Turns, line: Line, wishes: list[tuple[str, Tally, int]]) -> list[str]:
    """Who was served in which order, where reads end one after the other."""
    order: list[str] = []

    async def read(name: str, tally: Tally, size: int) -> None:
        mark = await turns.enter(lambda: [tally], size)
        order.append(name)
        await asyncio.sleep(0)
        line.arrived(size)
        turns.leave(mark)

    await asyncio.gather(*(read(*wish) for wish in wishes))
    return order


def narrow() -> tuple[Turns, Line]:
    """A line that takes no more than the least."""
    line = Line()
    line.window = 1.0
    return Turns(line, 64), line


def test_where_there_is_room_nobody_waits() -> None:
    async def work() -> None:
        line = Line()
        turns = Turns(line, 64)
        marks = [await turns.enter(nobody_else, 100) for _ in range(64)]
        waiting = asyncio.ensure_future(turns.enter(nobody_else, 100))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        turns.leave(marks.pop(), 100)
        await waiting
        assert (turns.inside, line.outstanding) == (64, 6400)

    run(work())


def test_one_image_is_finished_before_the_next() -> None:
    async def work() -> None:
        turns, line = narrow()
        first, second = Tally(began=0.0, asked=2 * SIZE), Tally(began=0.1, asked=2 * SIZE)
        blocking = [await turns.enter(nobody_else, 1) for _ in range(LEAST_READS)]
        wishes = [("a1", first, SIZE), ("b1", second, SIZE), ("a2", first, SIZE), ("b2", second, SIZE)]
        task = asyncio.ensure_future(served(turns, line, wishes))
        await asyncio.sleep(0.01)
        for mark in blocking:
            turns.leave(mark, 1)
        assert await task == ["a1", "a2", "b1", "b2"]

    run(work())


@pytest.mark.parametrize("rank", [Rank.COMPOSITE, Rank.SERIES, Rank.EXPORT])
def test_tiles_come_first(rank: Rank) -> None:
    async def work() -> None:
        turns, line = narrow()
        later, tile = Tally(rank=rank), Tally()
        blocking = [await turns.enter(nobody_else, 1) for _ in range(LEAST_READS)]
        wishes = [("late", later, SIZE), ("late", later, SIZE), ("tile", tile, SIZE)]
        task = asyncio.ensure_future(served(turns, line, wishes))
        await asyncio.sleep(0.01)
        for mark in blocking:
            turns.leave(mark, 1)
        assert await task == ["tile", "late", "late"]

    run(work())


def test_a_small_image_does_not_wait_for_a_large_one_that_came_with_it() -> None:
    async def work() -> None:
        turns, line = narrow()
        large, small = Tally(began=0.0, asked=10 * SIZE), Tally(began=0.1, asked=SIZE)
        blocking = [await turns.enter(nobody_else, 1) for _ in range(LEAST_READS)]
        wishes = [*(("large", large, SIZE) for _ in range(10)), ("small", small, SIZE)]
        task = asyncio.ensure_future(served(turns, line, wishes))
        await asyncio.sleep(0.01)
        for mark in blocking:
            turns.leave(mark, 1)
        assert (await task)[0] == "small"

    run(work())


def test_a_large_image_is_not_starved_by_small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        turns, line = narrow()
        large = Tally(began=0.0, asked=10 * SIZE)
        monkeypatch.setattr(type(line), "rate", 1_000_000.0)
        blocking = [await turns.enter(nobody_else, 1) for _ in range(LEAST_READS)]
        small = [(f"small {began}", Tally(began=float(began), asked=SIZE), SIZE) for began in range(20)]

        task = asyncio.ensure_future(served(turns, line, [("large", large, SIZE), *small]))
        await asyncio.sleep(0.01)
        for mark in blocking:
            turns.leave(mark, 1)
        assert (await task).index("large") == 9  # those before would have been finished before it

    run(work())


def test_the_most_urgent_of_those_who_wait_counts() -> None:
    async def work() -> None:
        turns, line = narrow()
        blocking = [await turns.enter(nobody_else, 1) for _ in range(LEAST_READS)]
        riders = [Tally(rank=Rank.EXPORT)]
        shared = asyncio.ensure_future(turns.enter(lambda: riders, SIZE))
        other = asyncio.ensure_future(turns.enter(lambda: [Tally(rank=Rank.COMPOSITE)], SIZE))
        idle = asyncio.ensure_future(turns.enter(list, SIZE))
        await asyncio.sleep(0.01)
        riders.append(Tally())  # a tile wants the same block
        turns.leave(blocking.pop(), 1)
        await asyncio.sleep(0.01)
        assert (shared.done(), other.done(), idle.done()) == (True, False, False)
        turns.leave(blocking.pop(), 1)
        await asyncio.sleep(0.01)
        assert (other.done(), idle.done()) == (True, False)
        turns.leave(await shared, SIZE)
        turns.leave(await other, SIZE)
        turns.leave(await idle, SIZE)
        assert line.outstanding == 0

    run(work())


def test_the_window_bounds_what_is_on_order() -> None:
    async def work() -> None:
        line = Line()
        line.window = 3.0 * SIZE
        turns = Turns(line, 64)
        tasks = [asyncio.ensure_future(turns.enter(nobody_else, SIZE)) for _ in range(10)]
        await asyncio.sleep(0)
        assert (turns.inside, line.outstanding) == (3, 3 * SIZE)
        line.arrived(SIZE // 2)
        line.arrived(SIZE // 2)
        turns.admit()
        assert (turns.inside, line.outstanding) == (4, 3 * SIZE)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run(work())


def test_who_leaves_the_queue_takes_nothing() -> None:
    async def work() -> None:
        turns, line = narrow()
        marks = [await turns.enter(nobody_else, 10) for _ in range(LEAST_READS)]
        tasks = [asyncio.ensure_future(turns.enter(nobody_else, 10)) for _ in range(5)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        turns.leave(marks.pop(), 10)  # admits the second, as the first is gone
        tasks[1].cancel()  # which leaves in the same moment
        await asyncio.gather(*tasks[:2], return_exceptions=True)
        for mark in marks:
            turns.leave(mark, 10)
        for task in tasks[2:4]:
            turns.leave(await task, 10)
        turns.leave(await tasks[4], 10)
        assert (turns.inside, line.outstanding) == (0, 0)

    run(work())
