"""Which bytes are asked for: everything wanted, once, and no hole wider than the gap."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from scog.pixels.fetch import MAX_RANGE, Piece, plan_requests

places = st.tuples(
    st.one_of(st.integers(0, 3000), st.integers(0, 40_000_000)),
    st.one_of(st.integers(1, 500), st.integers(1, 20_000_000)),
)
piece_lists = st.lists(places, max_size=30).map(
    lambda found: [Piece((0, i), start, start + length) for i, (start, length) in enumerate(found)]
)
gaps = st.one_of(st.integers(0, 400), st.integers(0, 2_000_000))


@given(piece_lists, gaps)
def test_laws(pieces: list[Piece], gap: int) -> None:
    requests = plan_requests(pieces, gap)
    brought = [piece for request in requests for piece in request.pieces]
    assert sorted(brought, key=lambda piece: piece.block) == pieces  # each in exactly one request
    for request in requests:
        assert request.start == min(piece.start for piece in request.pieces)
        assert request.stop == max(piece.stop for piece in request.pieces)
        stop = request.start
        for piece in sorted(request.pieces, key=lambda piece: piece.start):
            assert piece.start - stop <= gap
            stop = max(stop, piece.stop)
        assert request.stop - request.start <= MAX_RANGE or len(request.pieces) == 1
    for one, other in pairwise(requests):
        too_far = other.start - one.stop > gap
        too_long = max(one.stop, other.pieces[0].stop) - one.start > MAX_RANGE
        assert too_far or too_long  # else they should have been one


@given(piece_lists, gaps, st.randoms())
def test_order_does_not_matter(pieces: list[Piece], gap: int, random: object) -> None:
    shuffled = list(pieces)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    def spans(found: list[Piece]) -> list[tuple[int, int]]:
        return [(request.start, request.stop) for request in plan_requests(found, gap)]

    if len({piece.start for piece in pieces}) == len(pieces):
        assert spans(pieces) == spans(shuffled)


def test_examples() -> None:
    def spans(gap: int, *places: tuple[int, int]) -> list[tuple[int, int]]:
        pieces = [Piece((0, i), *place) for i, place in enumerate(places)]
        return [(request.start, request.stop) for request in plan_requests(pieces, gap)]

    assert spans(0) == []
    assert spans(0, (0, 10), (10, 20)) == [(0, 20)]
    assert spans(0, (0, 10), (11, 20)) == [(0, 10), (11, 20)]
    assert spans(1, (11, 20), (0, 10)) == [(0, 20)]
    assert spans(5, (0, 100), (10, 20), (104, 110)) == [(0, 110)]  # one lies inside another
    half = MAX_RANGE // 2
    assert spans(10, (0, half), (half, 2 * half), (2 * half, 3 * half)) == [(0, 2 * half), (2 * half, 3 * half)]
