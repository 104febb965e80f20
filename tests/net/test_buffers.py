"""The buffer pool never hands out memory that is in use, and bounds what it keeps."""

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


def test_memory_is_reused_once_no_view_is_left() -> None:
    room = BufferPool()
    first = room.allocate(700_000)
    place, part = address(first), first[5:9]
    del first
    assert room.idle_bytes == 0, "a slice of it is still in use"
    other = room.allocate(700_000)
    assert address(other) != place
    del part
    assert room.idle_bytes == 2**20
    again = room.allocate(600_000)
    assert (address(again), len(again), room.idle_bytes) == (place, 600_000, 0)
    assert len(other) == 700_000


def test_small_buffers_are_not_pooled() -> None:
    room = BufferPool()
    for length in (0, 1, MIN_POOLED - 1):
        assert len(room.allocate(length)) == length
    assert room.idle_bytes == 0


def test_idle_memory_is_bounded() -> None:
    room = BufferPool()
    everything = [room.allocate(2**22) for _ in range(2 * MAX_IDLE_BYTES // 2**22)]
    everything.clear()
    assert room.idle_bytes == MAX_IDLE_BYTES


def test_the_least_recently_used_size_is_freed_first() -> None:
    room = BufferPool()
    once = [room.allocate(2**20) for _ in range(MAX_IDLE_BYTES // 2**20)]
    once.clear()
    now = [room.allocate(2**22) for _ in range(MAX_IDLE_BYTES // 2**22)]
    now.clear()
    assert room.idle_bytes == MAX_IDLE_BYTES
    places = {address(room.allocate(2**22)) for _ in range(3)}
    assert len(places) == 1
    assert [len(free) for size, free in room._free.items() if size == 2**20] == [0]


@given(st.lists(st.one_of(st.integers(1, 3 * MIN_POOLED), st.sampled_from(["first", "last"])), max_size=40))
def test_a_buffer_is_never_handed_out_twice(events: list[int | str]) -> None:
    room = BufferPool()
    held: list[tuple[int, memoryview]] = []
    for number, event in enumerate(events):
        if isinstance(event, int):
            memory = room.allocate(event)
            assert len(memory) == event
            memory[:] = bytes([number]) * event
            held.append((number, memory))
        elif held:
            held.pop(0 if event == "first" else -1)
        assert all(bytes(memory) == bytes([number]) * len(memory) for number, memory in held)


def test_buffers_may_be_released_in_any_thread() -> None:
    room = BufferPool()
    with ThreadPoolExecutor(4) as threads:
        sums = [threads.submit(lambda memory: len(memory), room.allocate(100_000)) for _ in range(500)]
        assert {each.result() for each in sums} == {100_000}
    del sums
    assert 0 < room.idle_bytes <= buffers.MAX_IDLE_BYTES
