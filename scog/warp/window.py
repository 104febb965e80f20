"""Assembly of a resampling support's window from blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scog.cog.decode import Block
from scog.cog.range_plan import BlockIndex
from scog.cog.validity import value_dtype
from scog.geo.resampling_support import ResamplingSupport

Mask2D = NDArray[np.bool_]
DataOf = Callable[[NDArray[Any]], tuple[NDArray[Any], Mask2D]]
"""Converts stored pixels to values and validity."""
Spans = tuple[slice, slice]
"""Rows and columns."""


def gather_window(
    support: ResamplingSupport,
    block_shape: tuple[int, int],
    blocks: Mapping[BlockIndex, Block],
    data_of: DataOf,
    *,
    classes: bool = False,
) -> tuple[NDArray[Any], Mask2D]:
    """Values and validity of a support's window. Pixels outside the source and in absent blocks are invalid.

    If the support combines squares of pixels (`step` > 1), the result is the mean of their valid pixels (float32), or
    with `classes` their central pixel.
    """
    parts = []
    for index, block in blocks.items():
        rows, cols = _source_spans(support, index, block_shape)
        if rows.start < rows.stop and cols.start < cols.stop:
            top, left = index[0] * block_shape[0], index[1] * block_shape[1]
            parts.append((rows, cols, block[rows.start - top : rows.stop - top, cols.start - left : cols.stop - left]))
    if support.step > 1 and not classes:
        return _means(support, parts, data_of)
    dtype = value_dtype(next(iter(blocks.values())).dtype) if blocks else np.dtype(np.uint8)
    return _central_pixels(support, parts, data_of, dtype)


def _source_spans(support: ResamplingSupport, index: BlockIndex, block_shape: tuple[int, int]) -> Spans:
    """Rows and columns of the source that a block contributes to the window; empty if none."""
    window, step = support.window, support.step
    ends = (
        (window.top, window.bottom, index[0], block_shape[0]),
        (window.left, window.right, index[1], block_shape[1]),
    )
    rows, cols = (
        slice(max(start * step, block_number * block_length), min(stop * step, (block_number + 1) * block_length, size))
        for (start, stop, block_number, block_length), size in zip(ends, support.source, strict=True)
    )
    return rows, cols


def _central_pixels(
    support: ResamplingSupport, parts: list[tuple[slice, slice, Block]], data_of: DataOf, dtype: np.dtype[Any]
) -> tuple[NDArray[Any], Mask2D]:
    """The central pixel of each square of `step` pixels; for `step` 1 the pixel itself."""
    window, step = support.window, support.step
    values = np.zeros(window.shape, dtype)
    valid = np.zeros(window.shape, bool)
    for rows, cols, part in parts:
        # The first square with its central pixel in this part.
        row, col = (-(-(span.start - step // 2) // step) for span in (rows, cols))
        picked = part[row * step + step // 2 - rows.start :: step, col * step + step // 2 - cols.start :: step]
        top, left = row - window.top, col - window.left
        target = slice(top, top + picked.shape[0]), slice(left, left + picked.shape[1])
        values[target], valid[target] = data_of(picked)
    return values, valid


def _means(
    support: ResamplingSupport, parts: list[tuple[slice, slice, Block]], data_of: DataOf
) -> tuple[NDArray[Any], Mask2D]:
    """The mean of the valid pixels of each square. Squares that span several blocks are summed in parts."""
    window, step = support.window, support.step
    sums, counts = np.zeros(window.shape), np.zeros(window.shape, np.int64)
    for rows, cols, part in parts:
        stored, valid = data_of(part)
        top, left = rows.start // step - window.top, cols.start // step - window.left
        square_sums = _square_sums(np.where(valid, stored, 0).astype(np.float64), (rows, cols), step)
        target = slice(top, top + square_sums.shape[0]), slice(left, left + square_sums.shape[1])
        sums[target] += square_sums
        counts[target] += _square_sums(valid.astype(np.int64), (rows, cols), step)
    return (sums / np.maximum(counts, 1)).astype(np.float32), counts > 0


def _square_sums(part: NDArray[Any], spans: Spans, step: int) -> NDArray[Any]:
    """Sums over squares of `step` pixels a side, aligned to the source's corner; incomplete squares at the
    edges count.
    """
    for axis, span in enumerate(spans):
        starts = np.arange(span.start // step * step, span.stop, step) - span.start
        part = np.add.reduceat(part, np.maximum(starts, 0), axis=axis)
    return part
