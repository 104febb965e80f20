"""Gathering pixels from blocks equals fancy indexing into the whole."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from scog.cog.decode import Block
from scog.cog.range_plan import BlockIndex
from scog.geo.grid import Window
from scog.geo.index_map import IndexMap
from scog.warp.gather import gather
from tests.doubles.rasters import encoded


@st.composite
def cases(draw: st.DrawFn) -> tuple[IndexMap, NDArray[Any], tuple[int, int], dict[BlockIndex, Block]]:
    """An index map, the whole level, and its blocks (all of them, the last ones padded)."""
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    block_shape = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    dtype = draw(st.sampled_from(["uint8", "uint16", "int16", "float32"]))
    level = encoded(height, width, dtype)
    top, left = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
    window = Window(top, left, draw(st.integers(top + 1, height)), draw(st.integers(left + 1, width)))
    shape = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    index = rng.integers(0, window.shape[0] * window.shape[1], shape).astype(np.int32)
    rows, cols = -(-height // block_shape[0]), -(-width // block_shape[1])
    padded = np.zeros((rows * block_shape[0], cols * block_shape[1]), dtype)
    padded[:height, :width] = level
    blocks = {
        (row, col): padded[
            row * block_shape[0] : (row + 1) * block_shape[0], col * block_shape[1] : (col + 1) * block_shape[1]
        ]
        for row in range(rows)
        for col in range(cols)
    }
    inside = None if draw(st.booleans()) else rng.random(shape) < 0.5
    if inside is not None:
        index[~inside] = 0
    return IndexMap(slice(0, shape[0]), slice(0, shape[1]), window, index, inside), level, block_shape, blocks


def direct(index_map: IndexMap, level: NDArray[Any]) -> NDArray[Any]:
    """The result of fancy indexing."""
    row, col = np.divmod(index_map.index, index_map.window.shape[1])
    shown: NDArray[Any] = level[row + index_map.window.top, col + index_map.window.left]
    return shown


@given(cases())
def test_pixels_gathered_from_all_blocks_equal_fancy_indexing(
    case: tuple[IndexMap, NDArray[Any], tuple[int, int], dict[BlockIndex, Block]],
) -> None:
    index_map, level, block_shape, blocks = case
    result = gather(index_map, block_shape, blocks)
    np.testing.assert_array_equal(result, direct(index_map, level), strict=True)


@given(cases())
def test_the_listed_blocks_are_enough(
    case: tuple[IndexMap, NDArray[Any], tuple[int, int], dict[BlockIndex, Block]],
) -> None:
    index_map, level, block_shape, blocks = case
    named = index_map.blocks(block_shape)
    if not named:
        return
    result = gather(index_map, block_shape, {block: blocks[block] for block in named})
    shown = np.ones(result.shape, bool) if index_map.inside is None else index_map.inside
    np.testing.assert_array_equal(result[shown], direct(index_map, level)[shown])


@given(cases(), st.integers(0, 2**32))
def test_the_blocks_of_wanted_pixels_are_enough(
    case: tuple[IndexMap, NDArray[Any], tuple[int, int], dict[BlockIndex, Block]], seed: int
) -> None:
    index_map, level, block_shape, blocks = case
    wanted = np.random.default_rng(seed).random(index_map.index.shape) < 0.3
    named = index_map.blocks(block_shape, wanted)
    result = gather(index_map, block_shape, {block: blocks[block] for block in named})
    assert result.shape == index_map.index.shape
    shown = wanted if index_map.inside is None else wanted & index_map.inside
    if shown.any():
        np.testing.assert_array_equal(result[shown], direct(index_map, level)[shown])


def test_blocks_are_not_modified() -> None:
    block = encoded(8, 8)
    block.flags.writeable = False
    index_map = IndexMap(slice(0, 1), slice(0, 2), Window(0, 0, 8, 8), np.array([[3, 9]], np.int32), None)
    result = gather(index_map, (8, 8), {(0, 0): block})
    result[:] = 0
    assert block[0, 3] == encoded(8, 8)[0, 3]
