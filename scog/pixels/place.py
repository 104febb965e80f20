"""From blocks to a picture's pixels, by any method: an index map shows the nearest pixel, a footing weighs many."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scog.pixels.decode import Block
from scog.pixels.description import as_number
from scog.pixels.fetch import BlockIndex
from scog.pixels.gather import gather
from scog.pixels.mask import is_class
from scog.pixels.resample import Resampling, footing_of, resample
from scog.pixels.window import gather_window
from scog.space.footing import Footing
from scog.space.grid import Grid
from scog.space.indexmap import IndexMap, index_map

CLASSES = "scl"
"""The band whose numbers are names: between two of them there is nothing, and no average."""

Map = IndexMap | Footing
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
    nodata: float | None,
    *,
    classes: bool = False,
) -> tuple[NDArray[Any], Mask2D]:
    """Numbers as stored, or weighed, and where they are valid, in the rectangle of the target that `found` is for.

    Numbers of `classes` are valid where they are whole.
    """
    has_data = partial(_has_data, nodata=nodata, classes=classes)
    if isinstance(found, Footing):
        window = gather_window(found, block_shape, blocks, has_data, classes=method is Resampling.MODE)
        return resample(found, *window, method)
    numbers = gather(found, block_shape, blocks)
    valid = has_data(numbers)
    if found.inside is not None:
        valid &= found.inside
    return numbers, valid


def _has_data(numbers: NDArray[Any], nodata: float | None, *, classes: bool) -> Mask2D:
    """Where numbers are data: not nodata, and finite; those of classes whole, too."""
    unwritten = as_number(nodata, numbers.dtype)
    valid = np.ones(numbers.shape, bool) if unwritten is None else numbers != unwritten
    if numbers.dtype.kind == "f":
        valid &= is_class(numbers) if classes else np.isfinite(numbers)
    return valid
