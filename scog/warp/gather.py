"""Gathering for nearest-neighbour resampling: target pixels take the stored values at their indices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scog.cog.decode import Block
from scog.cog.range_plan import BlockIndex
from scog.geo.index_map import IndexMap


def gather(index_map: IndexMap, block_shape: tuple[int, int], blocks: Mapping[BlockIndex, Block]) -> NDArray[Any]:
    """Stored values, or records of several bands, in the shape of `index_map.index`.

    `blocks` may lack blocks of unselected pixels. Pixels of absent blocks are 0 (records: not valid). These pixels, and
    those outside the source, must not be used.
    """
    height, width = block_shape
    window = index_map.window
    if len(blocks) == 1:
        ((row, col), block) = next(iter(blocks.items()))
        top, left = window.top - row * height, window.left - col * width
        if top >= 0 and left >= 0 and top + window.shape[0] <= height and left + window.shape[1] <= width:
            part = block[top : top + window.shape[0], left : left + window.shape[1]]
            return np.ascontiguousarray(part).ravel().take(index_map.index)
    dtype = next(iter(blocks.values())).dtype if blocks else np.uint8
    rows_of_blocks = (window.bottom - 1) // height - window.top // height + 1
    complete = len(blocks) >= rows_of_blocks * ((window.right - 1) // width - window.left // width + 1)
    assembled = (np.empty if complete else np.zeros)(window.shape, dtype)
    for (row, col), block in blocks.items():
        top, left = row * height - window.top, col * width - window.left
        rows = slice(max(0, top), min(window.shape[0], top + height))
        cols = slice(max(0, left), min(window.shape[1], left + width))
        if rows.start >= rows.stop or cols.start >= cols.stop:
            continue
        assembled[rows, cols] = block[rows.start - top : rows.stop - top, cols.start - left : cols.stop - left]
    return assembled.ravel().take(index_map.index)
