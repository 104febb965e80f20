"""Range plans: every block once, and no gap longer than allowed."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scog.cog.range_plan import (
    MAX_EXTRA_BLOCKS,
    MAX_RANGE,
    SMALL_BLOCK,
    SPLIT_FROM,
    BlockRange,
    plan_requests,
    split_if_large,
    with_extra_blocks,
)

places = st.tuples(
    st.one_of(st.integers(0, 3000), st.integers(0, 40_000_000)),
    st.one_of(st.integers(1, 500), st.integers(1, 20_000_000)),
)
block_range_lists = st.lists(places, max_size=30).map(
    lambda lengths: [
        BlockRange((0, i), start, start + length, start + length) for i, (start, length) in enumerate(lengths)
    ]
)
gaps = st.one_of(st.integers(0, 400), st.integers(0, 2_000_000))


@given(block_range_lists, gaps)
def test_every_block_is_read_once_within_the_limits(block_ranges: list[BlockRange], gap: int) -> None:
    requests = plan_requests(block_ranges, gap)
    planned = [each for request in requests for each in request.block_ranges]
    assert sorted(planned, key=lambda each: each.block) == block_ranges  # each in exactly one request
    for request in requests:
        assert request.start == min(each.start for each in request.block_ranges)
        assert request.stop == max(each.stop for each in request.block_ranges)
        stop = request.start
        for each in sorted(request.block_ranges, key=lambda each: each.start):
            assert each.start - stop <= gap
            stop = max(stop, each.stop)
        assert request.stop - request.start <= MAX_RANGE or len(request.block_ranges) == 1
    for one, other in pairwise(requests):
        too_far = other.start - one.stop > gap
        too_long = max(one.stop, other.block_ranges[0].stop) - one.start > MAX_RANGE
        assert too_far or too_long  # else they would be joined


@given(block_range_lists, gaps, st.randoms())
def test_order_does_not_matter(block_ranges: list[BlockRange], gap: int, random: object) -> None:
    shuffled = list(block_ranges)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    def spans(block_ranges: list[BlockRange]) -> list[tuple[int, int]]:
        return [(request.start, request.stop) for request in plan_requests(block_ranges, gap)]

    if len({each.start for each in block_ranges}) == len(block_ranges):
        assert spans(block_ranges) == spans(shuffled)


def test_examples_are_planned_as_expected() -> None:
    def spans(gap: int, *places: tuple[int, int]) -> list[tuple[int, int]]:
        block_ranges = [BlockRange((0, i), *place, place[1]) for i, place in enumerate(places)]
        return [(request.start, request.stop) for request in plan_requests(block_ranges, gap)]

    assert spans(0) == []
    assert spans(0, (0, 10), (10, 20)) == [(0, 20)]
    assert spans(0, (0, 10), (11, 20)) == [(0, 10), (11, 20)]
    assert spans(1, (11, 20), (0, 10)) == [(0, 20)]
    assert spans(5, (0, 100), (10, 20), (104, 110)) == [(0, 110)]  # one is inside another
    half = MAX_RANGE // 2
    assert spans(10, (0, half), (half, 2 * half), (2 * half, 3 * half)) == [(0, 2 * half), (2 * half, 3 * half)]


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=40), st.sets(st.integers(0, 39), min_size=1), gaps)
def test_blocks_in_gaps_are_added(lengths: list[int], chosen: set[int], gap: int) -> None:
    """All blocks that are completely within a request's bytes; none are added if they are too many."""
    sizes = np.array([lengths])
    offsets = np.cumsum(sizes, axis=1) - sizes
    needed = {i for i in chosen if i < len(lengths) and lengths[i]}
    ends = ((i, int(offsets[0, i]), int(offsets[0, i] + lengths[i])) for i in needed)
    block_ranges = [BlockRange((0, i), start, end, end) for i, start, end in ends]
    for request in plan_requests(block_ranges, gap):
        more = with_extra_blocks(request, offsets, sizes)
        assert (more.start, more.stop) == (request.start, request.stop)
        inside = {i for i, size in enumerate(lengths) if size and request.start <= offsets[0, i] < request.stop}
        few = len(inside) <= len(request.block_ranges) + MAX_EXTRA_BLOCKS
        assert {each.block[1] for each in more.block_ranges} == (
            inside if few else {each.block[1] for each in request.block_ranges}
        )
        for each in more.block_ranges:
            assert (each.start, each.stop - each.start) == (offsets[each.block], sizes[each.block])
        assert (request.gap == 0) == (len(inside) == len(request.block_ranges))


small_block_ranges = st.lists(
    st.tuples(st.integers(0, 2_500_000), st.integers(1, SMALL_BLOCK + 20_000)), max_size=12
).map(
    lambda lengths: [
        BlockRange((0, i), start, start + length, start + length) for i, (start, length) in enumerate(lengths)
    ]
)


@given(small_block_ranges, gaps)
def test_large_requests_for_small_blocks_are_split(block_ranges: list[BlockRange], gap: int) -> None:
    for request in plan_requests(block_ranges, gap):
        parts = split_if_large(request)
        assert sorted(sum((part.block_ranges for part in parts), ()), key=repr) == sorted(
            request.block_ranges, key=repr
        )
        for part in parts:
            assert part.start == min(each.start for each in part.block_ranges)
            assert part.stop == max(each.stop for each in part.block_ranges)
        small = all(each.stop - each.start <= SMALL_BLOCK for each in request.block_ranges)
        assert len(parts) == (2 if small and request.stop - request.start > SPLIT_FROM else 1)


def test_halves_have_about_the_same_size() -> None:
    block_ranges = tuple(BlockRange((0, i), 270_000 * i, 270_000 * (i + 1), 270_000 * (i + 1)) for i in range(5))
    [request] = plan_requests(block_ranges, 0)
    assert [(part.start, part.stop) for part in split_if_large(request)] == [(0, 540_000), (540_000, 1_350_000)]
    [request] = plan_requests(block_ranges[:3], 0)
    assert split_if_large(request) == (request,)
