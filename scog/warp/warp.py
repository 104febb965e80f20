"""From blocks to a picture's pixels, by any method: an index map shows the nearest pixel, a footing weighs many."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scog.cog.decode import Block
from scog.cog.range_plan import BlockIndex
from scog.cog.validity import data_of, is_class
from scog.geo.grid import Grid
from scog.geo.index_map import IndexMap, index_map
from scog.geo.resampling_support import ResamplingSupport
from scog.warp.gather import gather
from scog.warp.resample import Resampling, footing_of, resample
from scog.warp.window import gather_window

CLASSES = "scl"
"""The band whose numbers are names: between two of them there is nothing, and no average."""

Map = IndexMap | ResamplingSupport
"""Where a picture's pixels lie in a level."""
Mask2D = NDArray[np.bool_]


def method_for(band: str, wished: Resampling) -> Resampling:
    """How a band is resampled when a method is wished for: classes only in ways that leave them what they are."""
    return Resampling.NEAREST if band == CLASSES and wished.makes_numbers else wished


def map_of(target: Grid, source: Grid, method: Resampling) -> Map | None:
    """The index map or the footing; None where the source does not reach."""
    return index_map(target, source) if method is Resampling.NEAREST else footing_of(target, source, method)


def placed(
    found: Map,
    method: Resampling,
    block_shape: tuple[int, int],
    blocks: Mapping[BlockIndex, Block],
    nodata: Collection[float],
    *,
    classes: bool = False,
) -> tuple[NDArray[Any], Mask2D]:
    """Numbers as stored, or weighed, and where they are valid, in the rectangle of the target that `found` is for.

    Numbers of `classes` are valid where they are whole.
    """
    data = partial(_classes_of if classes else data_of, nodata=nodata)
    if isinstance(found, ResamplingSupport):
        window = gather_window(found, block_shape, blocks, data, classes=method is Resampling.MODE)
        return resample(found, *window, method)
    numbers, valid = data(gather(found, block_shape, blocks))
    if found.inside is not None:
        valid &= found.inside
    return numbers, valid


def _classes_of(block: Block, nodata: Collection[float]) -> tuple[NDArray[Any], Mask2D]:
    """As `data_of`, but valid only where numbers are whole."""
    numbers, valid = data_of(block, nodata)
    return numbers, valid & is_class(numbers) if numbers.dtype.kind == "f" else valid
