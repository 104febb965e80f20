"""Warping: from blocks to the pixels of a target grid, with an index map (nearest) or a resampling support."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scog.cog.decode import Block
from scog.cog.range_plan import BlockIndex
from scog.cog.validity import is_whole_number, values_and_validity
from scog.geo.grid import Grid
from scog.geo.index_map import IndexMap, index_map
from scog.geo.resampling_support import ResamplingSupport
from scog.warp.gather import gather
from scog.warp.resample import Resampling, resample, support_of
from scog.warp.window import gather_window

WarpMap = IndexMap | ResamplingSupport
"""Geometry of a target grid in an overview level."""
Mask2D = NDArray[np.bool_]


def method_for(requested: Resampling, *, discrete: bool) -> Resampling:
    """The resampling method for a band: nearest for classes and bits if the requested one would create new values."""
    return Resampling.NEAREST if discrete and requested.creates_values else requested


def warp_map(target: Grid, source: Grid, method: Resampling) -> WarpMap | None:
    """The index map or the resampling support; None if the grids do not intersect."""
    return index_map(target, source) if method is Resampling.NEAREST else support_of(target, source, method)


def warp_blocks(
    geometry: WarpMap,
    method: Resampling,
    block_shape: tuple[int, int],
    blocks: Mapping[BlockIndex, Block],
    nodata: Collection[float],
    *,
    classes: bool = False,
    ignores_mask: bool = False,
) -> tuple[NDArray[Any], Mask2D]:
    """Values and validity `(y, x)` of the rectangle of the target grid that `geometry` covers.

    Values are as stored for nearest and mode, float32 otherwise. `nodata` are the stored values that mean nodata. With
    `classes`, only integer values are valid. With `ignores_mask`, the file's mask does not count.
    """
    data = partial(_classes_of if classes else values_and_validity, nodata=nodata, ignores_mask=ignores_mask)
    if isinstance(geometry, ResamplingSupport):
        window = gather_window(geometry, block_shape, blocks, data, classes=method is Resampling.MODE)
        return resample(geometry, *window, method)
    values, valid = data(gather(geometry, block_shape, blocks))
    if geometry.inside is not None:
        valid &= geometry.inside
    return values, valid


def _classes_of(block: Block, nodata: Collection[float], *, ignores_mask: bool) -> tuple[NDArray[Any], Mask2D]:
    """As `values_and_validity`, but only integer values are valid."""
    values, valid = values_and_validity(block, nodata, ignores_mask=ignores_mask)
    return values, valid & is_whole_number(values) if values.dtype.kind == "f" else valid
