"""Parts of blocks: they number a level evenly, none lies across two blocks, and all of them are small."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scog.pixels.parts import LARGE, SIDE, parted

tiles = st.tuples(st.integers(1, 600).map(lambda n: 16 * n), st.integers(1, 600).map(lambda n: 16 * n))
levels = st.tuples(st.integers(1, 20_000), st.integers(1, 20_000))


@given(tiles, levels)
def test_parts_of_tiles(block: tuple[int, int], level: tuple[int, int]) -> None:
    found = parted(block, level)
    for part, together, side, whole in zip(found.shape, found.together, block, level, strict=True):
        if together > 1:
            assert part <= SIDE
            assert side % part == 0 or side >= whole  # no part lies in two blocks
            assert part * together >= min(side, whole)
    if block[0] * block[1] > LARGE:
        assert max(found.shape) <= SIDE
    elif block[1] < level[1]:
        assert found.shape == block


@given(st.integers(1, 20_000), levels)
def test_parts_of_strips(rows: int, level: tuple[int, int]) -> None:
    rows = min(rows, level[0])
    found = parted((rows, level[1]), level)
    if rows * level[1] > LARGE:
        assert found.shape[1] <= SIDE
        assert rows % found.shape[0] == 0 or rows >= level[0]
        assert found.shape[0] * found.together[0] >= rows
        assert found.shape[1] * found.together[1] >= level[1]
    else:
        assert found.together == (1, 1)
        assert found.shape[1] == level[1]
        assert found.shape[0] == level[0] or found.shape[0] % rows == 0


def test_what_is_read_in_any_part_is_read_a_few_rows_at_a_time() -> None:
    assert parted((10_980, 10_980), (10_980, 10_980), is_open=True).shape == (95, 10_980)
    assert parted((10_980, 10_980), (10_980, 10_980)).shape == (SIDE, SIDE)
    assert parted((10_980, 10_980), (10_980, 10_980)).together == (11, 11)
    assert parted((4096, 4096), (10_980, 10_980)).shape == (SIDE, SIDE)
    assert parted((2048, 2048), (10_980, 10_980)).shape == (2048, 2048)
