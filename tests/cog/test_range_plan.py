"""Which bytes are asked for: everything wanted, once, and no hole wider than the gap."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scog.cog.range_plan import (
    HALVED,
    MAX_EXTRA_BLOCKS,
    MAX_RANGE,
    SMALL,
    BlockRange,
    in_halves,
    plan_requests,
    with_extra_blocks,
)

places = st.tuples(
    st.one_of(st.integers(0, 3000), st.integers(0, 40_000_000)),
    st.one_of(st.integers(1, 500), st.integers(1, 20_000_000)),
)
piece_lists = st.lists(places, max_size=30).map(
    lambda found: [BlockRange((0, i), start, start + length, start + length) for i, (start, length) in enumerate(found)]
)
gaps = st.one_of(st.integers(0, 400), st.integers(0, 2_000_000))


@given(piece_lists, gaps)
def test_laws(pieces: list[BlockRange], gap: int) -> None:
    requests = plan_requests(pieces, gap)
    brought = [piece for request in requests for piece in request.block_ranges]
    assert sorted(brought, key=lambda piece: piece.block) == pieces  # each in exactly one request
    for request in requests:
        assert request.start == min(piece.start for piece in request.block_ranges)
        assert request.stop == max(piece.stop for piece in request.block_ranges)
        stop = request.start
        for piece in sorted(request.block_ranges, key=lambda piece: piece.start):
            assert piece.start - stop <= gap
            stop = max(stop, piece.stop)
        assert request.stop - request.start <= MAX_RANGE or len(request.block_ranges) == 1
    for one, other in pairwise(requests):
        too_far = other.start - one.stop > gap
        too_long = max(one.stop, other.block_ranges[0].stop) - one.start > MAX_RANGE
        assert too_far or too_long  # else they should have been one


@given(piece_lists, gaps, st.randoms())
def test_order_does_not_matter(pieces: list[BlockRange], gap: int, random: object) -> None:
    shuffled = list(pieces)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    def spans(found: list[BlockRange]) -> list[tuple[int, int]]:
        return [(request.start, request.stop) for request in plan_requests(found, gap)]

    if len({piece.start for piece in pieces}) == len(pieces):
        assert spans(pieces) == spans(shuffled)


def test_examples() -> None:
    def spans(gap: int, *places: tuple[int, int]) -> list[tuple[int, int]]:
        pieces = [BlockRange((0, i), *place, place[1]) for i, place in enumerate(places)]
        return [(request.start, request.stop) for request in plan_requests(pieces, gap)]

    assert spans(0) == []
    assert spans(0, (0, 10), (10, 20)) == [(0, 20)]
    assert spans(0, (0, 10), (11, 20)) == [(0, 10), (11, 20)]
    assert spans(1, (11, 20), (0, 10)) == [(0, 20)]
    assert spans(5, (0, 100), (10, 20), (104, 110)) == [(0, 110)]  # one lies inside another
    half = MAX_RANGE // 2
    assert spans(10, (0, half), (half, 2 * half), (2 * half, 3 * half)) == [(0, 2 * half), (2 * half, 3 * half)]


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=40), st.sets(st.integers(0, 39), min_size=1), gaps)
def test_what_is_read_through_is_brought_too(lengths: list[int], chosen: set[int], gap: int) -> None:
    """All blocks that lie wholly in a request's bytes, and no other; as planned where they are too many."""
    sizes = np.array([lengths])
    offsets = np.cumsum(sizes, axis=1) - sizes
    wanted = {i for i in chosen if i < len(lengths) and lengths[i]}
    ends = ((i, int(offsets[0, i]), int(offsets[0, i] + lengths[i])) for i in wanted)
    pieces = [BlockRange((0, i), start, end, end) for i, start, end in ends]
    for request in plan_requests(pieces, gap):
        more = with_extra_blocks(request, offsets, sizes)
        assert (more.start, more.stop) == (request.start, request.stop)
        inside = {i for i, size in enumerate(lengths) if size and request.start <= offsets[0, i] < request.stop}
        few = len(inside) <= len(request.block_ranges) + MAX_EXTRA_BLOCKS
        assert {piece.block[1] for piece in more.block_ranges} == (
            inside if few else {piece.block[1] for piece in request.block_ranges}
        )
        for piece in more.block_ranges:
            assert (piece.start, piece.stop - piece.start) == (offsets[piece.block], sizes[piece.block])
        assert (request.gap == 0) == (len(inside) == len(request.block_ranges))


small_pieces = st.lists(st.tuples(st.integers(0, 2_500_000), st.integers(1, SMALL + 20_000)), max_size=12).map(
    lambda found: [BlockRange((0, i), start, start + length, start + length) for i, (start, length) in enumerate(found)]
)


@given(small_pieces, gaps)
def test_what_is_large_and_made_of_small_blocks_comes_in_halves(pieces: list[BlockRange], gap: int) -> None:
    for request in plan_requests(pieces, gap):
        parts = in_halves(request)
        assert sorted(sum((part.block_ranges for part in parts), ()), key=repr) == sorted(
            request.block_ranges, key=repr
        )
        for part in parts:
            assert part.start == min(piece.start for piece in part.block_ranges)
            assert part.stop == max(piece.stop for piece in part.block_ranges)
        small = all(piece.stop - piece.start <= SMALL for piece in request.block_ranges)
        assert len(parts) == (2 if small and request.stop - request.start > HALVED else 1)


def test_halves_are_about_as_large() -> None:
    pieces = tuple(BlockRange((0, i), 270_000 * i, 270_000 * (i + 1), 270_000 * (i + 1)) for i in range(5))
    [request] = plan_requests(pieces, 0)
    assert [(part.start, part.stop) for part in in_halves(request)] == [(0, 540_000), (540_000, 1_350_000)]
    [request] = plan_requests(pieces[:3], 0)
    assert in_halves(request) == (request,)
