"""Parts of blocks: they number a level evenly, none lies across two blocks, and all of them are small."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from scog.cog.block_parts import LARGE, SIDE, TOGETHER, BlockParts, parted

tiles = st.tuples(st.integers(1, 600).map(lambda n: 16 * n), st.integers(1, 600).map(lambda n: 16 * n))
sizes = st.sampled_from([1, 2, 4, 8])
levels = st.tuples(st.integers(1, 20_000), st.integers(1, 20_000))


@given(tiles, levels, sizes)
def test_parts_of_tiles(block: tuple[int, int], level: tuple[int, int], size: int) -> None:
    found = parted(block, level, size)
    if block[0] * block[1] > LARGE:
        for part, side, whole in zip(found.shape, block, level, strict=True):
            assert part <= SIDE
            assert side % part == 0 or side >= whole  # no part lies in two blocks
        assert math.prod(found.shape) * math.prod(found.together) * size <= TOGETHER
    elif block[1] < level[1]:
        assert found.shape == block


@given(st.integers(1, 20_000), levels, sizes)
def test_parts_of_strips(rows: int, level: tuple[int, int], size: int) -> None:
    rows = min(rows, level[0])
    found = parted((rows, level[1]), level, size)
    if rows * level[1] > LARGE:
        assert found.shape[1] <= SIDE
        assert rows % found.shape[0] == 0 or rows >= level[0]
        kept = math.prod(found.shape) * math.prod(found.together) * size
        assert kept <= TOGETHER or found.together == (1, 1)
    else:
        assert found.together == (1, 1)
        assert found.shape[1] == level[1]
        assert found.shape[0] == level[0] or found.shape[0] % rows == 0


def test_what_is_read_in_any_part_is_read_a_few_rows_at_a_time() -> None:
    whole = 10_980, 10_980
    assert parted(whole, whole, 2, is_contiguous=True) == BlockParts((95, 10_980))


def test_the_larger_a_block_the_less_is_kept_of_it() -> None:
    whole = 10_980, 10_980
    assert parted((2048, 2048), whole, 8) == BlockParts((2048, 2048))
    assert parted((4096, 4096), whole, 1) == BlockParts((1024, 1024), (4, 4))
    assert parted((4096, 4096), whole, 2) == BlockParts((1024, 1024), (2, 4))
    assert parted((4096, 4096), whole, 4) == BlockParts((1024, 1024), (2, 2))
    assert parted(whole, whole, 2) == BlockParts((512, 512), (2, 2))
