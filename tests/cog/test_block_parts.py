"""Parts of blocks form a regular grid, cross no edge of a block, and stay below their size limits."""

from __future__ import annotations

import math

from hypothesis import example, given
from hypothesis import strategies as st

from scog.cog.block_parts import LARGE_BLOCK_PIXELS, READ_BYTES, SIDE, BlockParts, block_parts

tiles = st.tuples(st.integers(1, 600).map(lambda n: 16 * n), st.integers(1, 600).map(lambda n: 16 * n))
sizes = st.sampled_from([1, 2, 4, 8])
levels = st.tuples(st.integers(1, 20_000), st.integers(1, 20_000))


@given(tiles, levels, sizes)
@example((16 * 599, 16 * 599), (20_000, 20_000), 2)  # a huge block without a divisor up to SIDE / 2
def test_parts_of_tiles_are_within_the_limits(block: tuple[int, int], level: tuple[int, int], size: int) -> None:
    parts = block_parts(block, level, size)
    if block[0] * block[1] > LARGE_BLOCK_PIXELS:
        for part, side, whole in zip(parts.shape, block, level, strict=True):
            assert part <= SIDE
            assert side % part == 0 or side >= whole  # no part crosses the edge of a block
        assert math.prod(parts.shape) * math.prod(parts.together) * size <= READ_BYTES
    elif block[1] < level[1]:
        assert parts.shape == block


@given(st.integers(1, 20_000), levels, sizes)
def test_parts_of_strips_are_within_the_limits(rows: int, level: tuple[int, int], size: int) -> None:
    rows = min(rows, level[0])
    parts = block_parts((rows, level[1]), level, size)
    if rows * level[1] > LARGE_BLOCK_PIXELS:
        assert parts.shape[1] <= SIDE
        assert rows % parts.shape[0] == 0 or rows >= level[0]
        together = math.prod(parts.shape) * math.prod(parts.together) * size
        assert together <= READ_BYTES or parts.together == (1, 1)
    else:
        assert parts.together == (1, 1)
        assert parts.shape[1] == level[1]
        assert parts.shape[0] == level[0] or parts.shape[0] % rows == 0


def test_contiguous_levels_are_read_a_few_rows_at_a_time() -> None:
    whole = 10_980, 10_980
    assert block_parts(whole, whole, 2, is_contiguous=True) == BlockParts((95, 10_980))


def test_the_larger_the_block_the_fewer_bytes_are_read_together() -> None:
    whole = 10_980, 10_980
    assert block_parts((2048, 2048), whole, 8) == BlockParts((2048, 2048))
    assert block_parts((4096, 4096), whole, 1) == BlockParts((1024, 1024), (4, 4))
    assert block_parts((4096, 4096), whole, 2) == BlockParts((1024, 1024), (2, 4))
    assert block_parts((4096, 4096), whole, 4) == BlockParts((1024, 1024), (2, 2))
    assert block_parts(whole, whole, 2) == BlockParts((512, 512), (2, 2))
