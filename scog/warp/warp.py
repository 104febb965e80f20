"""Warping: from blocks to the pixels of a target grid, with an index map (nearest) or a resampling support."""

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
"""The band with class values, which must not be interpolated or averaged."""

Map = IndexMap | ResamplingSupport
"""Geometry of a target grid in an overview level."""
Mask2D = NDArray[np.bool_]


def method_for(band: str, requested: Resampling) -> Resampling:
    """The resampling method for a band: nearest for classes if the requested one would create new values."""
    return Resampling.NEAREST if band == CLASSES and requested.makes_numbers else requested


def map_of(target: Grid, source: Grid, method: Resampling) -> Map | None:
    """The index map or the resampling support; None if the grids do not intersect."""
    return index_map(target, source) if method is Resampling.NEAREST else footing_of(target, source, method)


def placed(
    geometry: Map,
    method: Resampling,
    block_shape: tuple[int, int],
    blocks: Mapping[BlockIndex, Block],
    nodata: Collection[float],
    *,
    classes: bool = False,
) -> tuple[NDArray[Any], Mask2D]:
    """Values and validity `(y, x)` of the rectangle of the target grid that `geometry` covers.

    Values are as stored for nearest and mode, float32 otherwise. `nodata` are the stored values that mean nodata. With
    `classes`, only integer values are valid.
    """
    data = partial(_classes_of if classes else data_of, nodata=nodata)
    if isinstance(geometry, ResamplingSupport):
        window = gather_window(geometry, block_shape, blocks, data, classes=method is Resampling.MODE)
        return resample(geometry, *window, method)
    values, valid = data(gather(geometry, block_shape, blocks))
    if geometry.inside is not None:
        valid &= geometry.inside
    return values, valid


def _classes_of(block: Block, nodata: Collection[float]) -> tuple[NDArray[Any], Mask2D]:
    """As `data_of`, but only integer values are valid."""
    values, valid = data_of(block, nodata)
    return values, valid & is_class(values) if values.dtype.kind == "f" else valid
