"""The buffer pool never returns memory that is in use, and bounds its idle memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scog.net import buffers
from scog.net.buffers import MAX_IDLE_BYTES, MIN_POOLED, BufferPool


def address(memory: memoryview) -> int:
    """The memory address."""
    return int(np.frombuffer(memory, np.uint8).ctypes.data)


def test_memory_is_reused_once_its_last_view_is_deleted() -> None:
    pool = BufferPool()
    first = pool.allocate(700_000)
    place, part = address(first), first[5:9]
    del first
    assert pool.idle_bytes == 0, "a slice of it is still in use"
    other = pool.allocate(700_000)
    assert address(other) != place
    del part
    assert pool.idle_bytes == 2**20
    again = pool.allocate(600_000)
    assert (address(again), len(again), pool.idle_bytes) == (place, 600_000, 0)
    assert len(other) == 700_000


def test_small_buffers_are_not_pooled() -> None:
    pool = BufferPool()
    for length in (0, 1, MIN_POOLED - 1):
        assert len(pool.allocate(length)) == length
    assert pool.idle_bytes == 0


def test_idle_memory_is_bounded() -> None:
    pool = BufferPool()
    buffers_in_use = [pool.allocate(2**22) for _ in range(2 * MAX_IDLE_BYTES // 2**22)]
    buffers_in_use.clear()
    assert pool.idle_bytes == MAX_IDLE_BYTES


def test_the_least_recently_used_size_is_freed_first() -> None:
    pool = BufferPool()
    small = [pool.allocate(2**20) for _ in range(MAX_IDLE_BYTES // 2**20)]
    small.clear()
    large = [pool.allocate(2**22) for _ in range(MAX_IDLE_BYTES // 2**22)]
    large.clear()
    assert pool.idle_bytes == MAX_IDLE_BYTES
    places = {address(pool.allocate(2**22)) for _ in range(3)}
    assert len(places) == 1
    assert [len(free) for size, free in pool._free.items() if size == 2**20] == [0]


@given(st.lists(st.one_of(st.integers(1, 3 * MIN_POOLED), st.sampled_from(["first", "last"])), max_size=40))
def test_a_buffer_in_use_is_never_allocated_again(events: list[int | str]) -> None:
    pool = BufferPool()
    allocated: list[tuple[int, memoryview]] = []
    for number, event in enumerate(events):
        if isinstance(event, int):
            memory = pool.allocate(event)
            assert len(memory) == event
            memory[:] = bytes([number]) * event
            allocated.append((number, memory))
        elif allocated:
            allocated.pop(0 if event == "first" else -1)
        assert all(bytes(memory) == bytes([number]) * len(memory) for number, memory in allocated)


def test_buffers_may_be_released_in_any_thread() -> None:
    pool = BufferPool()
    with ThreadPoolExecutor(4) as threads:
        sums = [threads.submit(lambda memory: len(memory), pool.allocate(100_000)) for _ in range(500)]
        assert {each.result() for each in sums} == {100_000}
    del sums
    assert 0 < pool.idle_bytes <= buffers.MAX_IDLE_BYTES
