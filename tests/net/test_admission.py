"""AdmissionQueue: order of reads by rank and finish time, no starvation, and never more than the limit in flight."""

from __future__ import annotations

import asyncio

import pytest

from scog.net.admission import MIN_READS, AdmissionQueue
from scog.net.concurrency import ConcurrencyLimit
from scog.net.policy import Priority, UpstreamStats
from tests.doubles.reading import run

SIZE = 1_000_000


def tile_waiter() -> list[UpstreamStats]:
    return [UpstreamStats()]


async def served(
    queue: AdmissionQueue, concurrency: ConcurrencyLimit, reads: list[tuple[str, UpstreamStats, int]]
) -> list[str]:
    """The names of reads in the order in which they were admitted; each read ends right after it has started."""
    order: list[str] = []

    async def read(name: str, tally: UpstreamStats, size: int) -> None:
        start = await queue.acquire(lambda: [tally], size)
        order.append(name)
        await asyncio.sleep(0)
        concurrency.record_bytes(size)
        queue.release(start)

    await asyncio.gather(*(read(*args) for args in reads))
    return order


def smallest_queue() -> tuple[AdmissionQueue, ConcurrencyLimit]:
    """A queue whose limit admits only MIN_READS reads."""
    concurrency = ConcurrencyLimit()
    concurrency.max_outstanding = 1.0
    return AdmissionQueue(concurrency, 64), concurrency


def test_reads_below_the_limit_do_not_wait() -> None:
    async def work() -> None:
        concurrency = ConcurrencyLimit()
        queue = AdmissionQueue(concurrency, 64)
        starts = [await queue.acquire(tile_waiter, 100) for _ in range(64)]
        waiting = asyncio.ensure_future(queue.acquire(tile_waiter, 100))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        queue.release(starts.pop(), 100)
        await waiting
        assert (queue.in_flight, concurrency.outstanding) == (64, 6400)

    run(work())


def test_one_image_is_finished_before_the_next() -> None:
    async def work() -> None:
        queue, concurrency = smallest_queue()
        first, second = (
            UpstreamStats(started_at=0.0, requested_bytes=2 * SIZE),
            UpstreamStats(started_at=0.1, requested_bytes=2 * SIZE),
        )
        blocking = [await queue.acquire(tile_waiter, 1) for _ in range(MIN_READS)]
        reads = [("a1", first, SIZE), ("b1", second, SIZE), ("a2", first, SIZE), ("b2", second, SIZE)]
        task = asyncio.ensure_future(served(queue, concurrency, reads))
        await asyncio.sleep(0.01)
        for start in blocking:
            queue.release(start, 1)
        assert await task == ["a1", "a2", "b1", "b2"]

    run(work())


@pytest.mark.parametrize("priority", [Priority.COMPOSITE, Priority.SERIES, Priority.EXPORT])
def test_tiles_come_first(priority: Priority) -> None:
    async def work() -> None:
        queue, concurrency = smallest_queue()
        later, tile = UpstreamStats(priority=priority), UpstreamStats()
        blocking = [await queue.acquire(tile_waiter, 1) for _ in range(MIN_READS)]
        reads = [("late", later, SIZE), ("late", later, SIZE), ("tile", tile, SIZE)]
        task = asyncio.ensure_future(served(queue, concurrency, reads))
        await asyncio.sleep(0.01)
        for start in blocking:
            queue.release(start, 1)
        assert await task == ["tile", "late", "late"]

    run(work())


def test_a_small_image_does_not_wait_for_a_concurrent_large_one() -> None:
    async def work() -> None:
        queue, concurrency = smallest_queue()
        large, small = (
            UpstreamStats(started_at=0.0, requested_bytes=10 * SIZE),
            UpstreamStats(started_at=0.1, requested_bytes=SIZE),
        )
        blocking = [await queue.acquire(tile_waiter, 1) for _ in range(MIN_READS)]
        reads = [*(("large", large, SIZE) for _ in range(10)), ("small", small, SIZE)]
        task = asyncio.ensure_future(served(queue, concurrency, reads))
        await asyncio.sleep(0.01)
        for start in blocking:
            queue.release(start, 1)
        assert (await task)[0] == "small"

    run(work())


def test_a_large_image_is_not_starved_by_small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        queue, concurrency = smallest_queue()
        large = UpstreamStats(started_at=0.0, requested_bytes=10 * SIZE)
        monkeypatch.setattr(type(concurrency), "rate", 1_000_000.0)
        blocking = [await queue.acquire(tile_waiter, 1) for _ in range(MIN_READS)]
        small = [
            (f"small {start}", UpstreamStats(started_at=float(start), requested_bytes=SIZE), SIZE)
            for start in range(20)
        ]

        task = asyncio.ensure_future(served(queue, concurrency, [("large", large, SIZE), *small]))
        await asyncio.sleep(0.01)
        for start in blocking:
            queue.release(start, 1)
        assert (await task).index("large") == 9  # the first nine have earlier finish times

    run(work())


def test_the_most_urgent_waiter_decides() -> None:
    async def work() -> None:
        queue, concurrency = smallest_queue()
        blocking = [await queue.acquire(tile_waiter, 1) for _ in range(MIN_READS)]
        waiters = [UpstreamStats(priority=Priority.EXPORT)]
        shared = asyncio.ensure_future(queue.acquire(lambda: waiters, SIZE))
        other = asyncio.ensure_future(queue.acquire(lambda: [UpstreamStats(priority=Priority.COMPOSITE)], SIZE))
        idle = asyncio.ensure_future(queue.acquire(list, SIZE))
        await asyncio.sleep(0.01)
        waiters.append(UpstreamStats())  # a tile requests the same block
        queue.release(blocking.pop(), 1)
        await asyncio.sleep(0.01)
        assert (shared.done(), other.done(), idle.done()) == (True, False, False)
        queue.release(blocking.pop(), 1)
        await asyncio.sleep(0.01)
        assert (other.done(), idle.done()) == (True, False)
        queue.release(await shared, SIZE)
        queue.release(await other, SIZE)
        queue.release(await idle, SIZE)
        assert concurrency.outstanding == 0

    run(work())


def test_the_limit_bounds_outstanding_bytes() -> None:
    async def work() -> None:
        concurrency = ConcurrencyLimit()
        concurrency.max_outstanding = 3.0 * SIZE
        queue = AdmissionQueue(concurrency, 64)
        tasks = [asyncio.ensure_future(queue.acquire(tile_waiter, SIZE)) for _ in range(10)]
        await asyncio.sleep(0)
        assert (queue.in_flight, concurrency.outstanding) == (3, 3 * SIZE)
        concurrency.record_bytes(SIZE // 2)
        concurrency.record_bytes(SIZE // 2)
        queue.admit_next()
        assert (queue.in_flight, concurrency.outstanding) == (4, 3 * SIZE)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run(work())


def test_a_cancelled_read_releases_its_bytes() -> None:
    async def work() -> None:
        queue, concurrency = smallest_queue()
        starts = [await queue.acquire(tile_waiter, 10) for _ in range(MIN_READS)]
        tasks = [asyncio.ensure_future(queue.acquire(tile_waiter, 10)) for _ in range(5)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        queue.release(starts.pop(), 10)  # admits the second, since the first was cancelled
        tasks[1].cancel()  # cancelled at the same time
        await asyncio.gather(*tasks[:2], return_exceptions=True)
        for start in starts:
            queue.release(start, 10)
        for task in tasks[2:4]:
            queue.release(await task, 10)
        queue.release(await tasks[4], 10)
        assert (queue.in_flight, concurrency.outstanding) == (0, 0)

    run(work())
