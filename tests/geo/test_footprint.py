"""Footprints that intersect a rectangle, against an oracle in exact integer arithmetic."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scog.geo.footprint import Footprints
from scog.geo.outline import continuous_ring

Corner = tuple[int, int]
Box = tuple[int, int, int, int]
SQUARE = [(0, 0), (10, 0), (10, 10), (0, 10), (0, 0)]
U_SHAPE = [(0, 0), (10, 0), (10, 10), (7, 10), (7, 3), (3, 3), (3, 10), (0, 10), (0, 0)]


def touches(ring: list[Corner], box: Box) -> bool:
    """Exact, in integers: an edge intersects a side of the box, or one contains the other."""
    west, south, east, north = box
    frame = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    if any(meet(a, b, c, d) for a, b in pairwise(ring) for c, d in pairwise(frame)):
        return True
    x, y = ring[0]
    return (west <= x <= east and south <= y <= north) or inside((west, south), ring)


def turn(a: Corner, b: Corner, c: Corner) -> int:
    """Positive if a, b, c turn left, negative if right, 0 if collinear."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def between(a: Corner, b: Corner, c: Corner) -> bool:
    """Whether c, collinear with a and b, is between them."""
    return min(a[0], b[0]) <= c[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= c[1] <= max(a[1], b[1])


def meet(a: Corner, b: Corner, c: Corner, d: Corner) -> bool:
    """Whether the segments a-b and c-d intersect."""
    one, two, three, four = turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b)
    if ((one > 0 > two) or (one < 0 < two)) and ((three > 0 > four) or (three < 0 < four)):
        return True
    return (
        (one == 0 and between(a, b, c))
        or (two == 0 and between(a, b, d))
        or (three == 0 and between(c, d, a))
        or (four == 0 and between(c, d, b))
    )


def inside(place: Corner, ring: list[Corner]) -> bool:
    """Whether a point that is on no edge is inside, from the edges that a ray to the east crosses."""
    crossed = 0
    for (x0, y0), (x1, y1) in pairwise(ring):
        if (y0 > place[1]) != (y1 > place[1]):
            side = turn((x0, y0), (x1, y1), place)
            crossed += side > 0 if y1 > y0 else side < 0
    return crossed % 2 == 1


CASES = [
    # ring, box, whether they touch
    ("apart", SQUARE, (11, 11, 12, 12), False),
    ("box within", SQUARE, (4, 4, 5, 5), True),
    ("ring within", SQUARE, (-5, -5, 15, 15), True),
    ("overlap", SQUARE, (5, 5, 15, 15), True),
    ("a cross", SQUARE, (4, -5, 5, 15), True),
    ("equal", SQUARE, (0, 0, 10, 10), True),
    ("sides touch", SQUARE, (10, 2, 12, 4), True),
    ("corners touch", SQUARE, (10, 10, 12, 12), True),
    ("a place inside", SQUARE, (5, 5, 5, 5), True),
    ("a place on the edge", SQUARE, (10, 5, 10, 5), True),
    ("a place outside", SQUARE, (11, 5, 11, 5), False),
    ("in the U's opening", U_SHAPE, (4, 5, 6, 9), False),
    ("across the U's opening", U_SHAPE, (2, 5, 8, 9), True),
    ("under the U's opening", U_SHAPE, (4, 1, 6, 2), True),
    ("bounds overlap, a slope does not", [(0, 0), (10, 0), (0, 10), (0, 0)], (7, 7, 9, 9), False),
    ("a slope just touches", [(0, 0), (10, 0), (0, 10), (0, 0)], (5, 5, 9, 9), True),
]


@pytest.mark.parametrize(("ring", "box", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_footprints_intersect_boxes_as_expected(ring: list[Corner], box: Box, expected: bool) -> None:
    assert touches(ring, box) == expected, "the oracle errs"
    for turned in (ring, ring[::-1]):
        assert Footprints([[turned]]).touching(box).tolist() == [expected]


def test_no_footprints_give_no_results() -> None:
    assert Footprints([]).touching((0, 0, 1, 1)).shape == (0,)


def test_each_scene_has_one_result_for_any_number_of_rings() -> None:
    far = [(x + 50, y) for x, y in SQUARE]
    result = Footprints([[SQUARE], [far], [SQUARE, far], [U_SHAPE, SQUARE]]).touching((51, 1, 52, 2))
    assert result.dtype == np.bool_
    assert result.tolist() == [False, True, True, False]


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((178, 1, 179, 2), True),
        ((-179, 1, -178, 2), True),
        ((179, 1, -179, 2), True),
        ((175, 1, 176, 2), False),
        ((-176, 1, -175, 2), False),
        ((175, 1, -175, 2), True),
        ((-175, 1, 175, 2), False),
        ((178, 11, -178, 12), False),
        ((-180, -85, 180, 85), True),
        ((180, 1, 180, 2), True),
        ((-180, 1, -180, 2), True),
    ],
)
@pytest.mark.parametrize(
    "rings",
    [
        [[(177, 0), (-177, 0), (-177, 10), (177, 10), (177, 0)]],
        [[(177, 0), (183, 0), (183, 10), (177, 10), (177, 0)]],
        [[(-183, 0), (-177, 0), (-177, 10), (-183, 10), (-183, 0)]],
        [
            [(177, 0), (180, 0), (180, 10), (177, 10), (177, 0)],
            [(-180, 0), (-177, 0), (-177, 10), (-180, 10), (-180, 0)],
        ],
    ],
    ids=["wrapped", "beyond 180", "beyond -180", "split"],
)
def test_footprints_may_cross_the_antimeridian(rings: list[list[Corner]], box: Box, expected: bool) -> None:
    assert Footprints([[continuous_ring(tuple(ring)) for ring in rings]]).touching(box).tolist() == [expected]


def cells(ring: list[Corner], bounds: tuple[float, float, float, float], count: int) -> list[tuple[int, int]]:
    """Column and row of the cells that a footprint covers, counted from the south-west."""
    (held,) = Footprints([[continuous_ring(tuple(ring))]]).cells(bounds, count)
    return [(int(index) % count, int(index) // count) for index in held.nonzero()[0]]


def test_a_footprint_covers_the_cells_with_their_centre_in_it() -> None:
    assert cells(SQUARE, (0, 0, 40, 40), 4) == [(0, 0)]
    assert cells(SQUARE, (-4, -4, 14, 14), 2) == [(0, 0), (1, 0), (0, 1), (1, 1)]
    assert cells(U_SHAPE, (0, 0, 10, 10), 10) == [
        (column, line) for line in range(10) for column in range(10) if line < 3 or not 3 <= column < 7
    ]
    assert cells(SQUARE, (20, 20, 40, 40), 4) == []


def test_a_footprint_without_a_cell_centre_covers_the_cell_that_contains_it() -> None:
    assert cells([(1, 1), (2, 1), (2, 2), (1, 1)], (0, 0, 40, 40), 4) == [(0, 0)]
    assert cells([(38, 11), (39, 11), (39, 12), (38, 11)], (0, 0, 40, 40), 4) == [(3, 1)]
    assert cells([(-9, -9), (1, -9), (1, 1), (-9, 1), (-9, -9)], (0, 0, 40, 40), 4) == [(0, 0)], "middle outside"
    assert cells([(179, 1), (-179, 1), (-179, 2), (179, 1)], (170, 0, -170, 20), 2) == [(1, 0)]
    assert cells([(179, 1), (-179, 1), (-179, 2), (179, 1)], (170, 0, 190, 20), 2) == [(1, 0)]


coordinate = st.integers(-20, 20)
corners = st.tuples(coordinate, coordinate)
rings = st.lists(corners, min_size=3, max_size=9).map(lambda ring: [*ring, ring[0]])
boxes = st.tuples(coordinate, coordinate, coordinate, coordinate).map(
    lambda four: (min(four[0], four[2]), min(four[1], four[3]), max(four[0], four[2]), max(four[1], four[3]))
)


@given(st.lists(rings, min_size=1, max_size=6), boxes)
def test_the_oracle_agrees(many: list[list[Corner]], box: Box) -> None:
    expected = [touches(ring, box) for ring in many]
    assert Footprints([[ring] for ring in many]).touching(box).tolist() == expected


@given(st.lists(rings, min_size=1, max_size=6), boxes)
@example([[(0, -1), (1, 1), (1, 18), (0, -1)]], (2, -1, 3, 18))  # two longitudes, but no box
def test_the_oracle_agrees_across_the_antimeridian(many: list[list[Corner]], box: Box) -> None:
    """The same shapes around longitude 180, with longitudes from -180 to 180 as in catalogues."""
    expected = [touches(ring, box) for ring in many]
    moved = [continuous_ring(tuple((wrapped(x), y) for x, y in ring)) for ring in many]
    west, south, east, north = box
    result = Footprints([[ring] for ring in moved]).touching((wrapped(west), south, wrapped(east), north))
    assert result.tolist() == expected


def wrapped(x: int) -> int:
    return x + 180 if x <= 0 else x - 180


@given(rings, boxes, st.floats(0.1, 0.9))
def test_a_larger_box_intersects_all_that_a_smaller_one_does(ring: list[Corner], box: Box, by: float) -> None:
    footprints = Footprints([[ring]])
    west, south, east, north = box
    if footprints.touching(box).any():
        assert footprints.touching((west - by, south - by, east + by, north + by)).all()
