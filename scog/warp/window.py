"""From blocks to a window: all the numbers that a picture's footing rests on, and where they are data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scog.cog.decode import Block
from scog.cog.range_plan import BlockIndex
from scog.cog.validity import number_type
from scog.geo.resampling_support import ResamplingSupport

Mask2D = NDArray[np.bool_]
DataOf = Callable[[NDArray[Any]], tuple[NDArray[Any], Mask2D]]
"""Finds the numbers of pixels as stored, and where they are data."""
Spans = tuple[slice, slice]
"""Rows and columns."""


def gather_window(
    footing: ResamplingSupport,
    block_shape: tuple[int, int],
    blocks: Mapping[BlockIndex, Block],
    data_of: DataOf,
    *,
    classes: bool = False,
) -> tuple[NDArray[Any], Mask2D]:
    """Numbers of a footing's window, and where they are valid: not beside the source, nor where a block is absent.

    Where the footing takes pixels together, the mean of those with data, as float32; of `classes` the middle pixel.
    """
    parts = []
    for index, block in blocks.items():
        rows, cols = _spans(footing, index, block_shape)
        if rows.start < rows.stop and cols.start < cols.stop:
            top, left = index[0] * block_shape[0], index[1] * block_shape[1]
            parts.append((rows, cols, block[rows.start - top : rows.stop - top, cols.start - left : cols.stop - left]))
    if footing.step > 1 and not classes:
        return _means(footing, parts, data_of)
    dtype = number_type(next(iter(blocks.values())).dtype) if blocks else np.dtype(np.uint8)
    return _picks(footing, parts, data_of, dtype)


def _spans(footing: ResamplingSupport, index: BlockIndex, block_shape: tuple[int, int]) -> Spans:
    """Which rows and columns of the source a block holds of the window; empty spans where it holds none."""
    window, step = footing.window, footing.step
    ends = (
        (window.top, window.bottom, index[0], block_shape[0]),
        (window.left, window.right, index[1], block_shape[1]),
    )
    rows, cols = (
        slice(max(first * step, number * length), min(last * step, (number + 1) * length, size))
        for (first, last, number, length), size in zip(ends, footing.source, strict=True)
    )
    return rows, cols


def _picks(
    footing: ResamplingSupport, parts: list[tuple[slice, slice, Block]], data_of: DataOf, dtype: np.dtype[Any]
) -> tuple[NDArray[Any], Mask2D]:
    """The middle of each square of pixels taken together; the pixel itself where none are."""
    window, step = footing.window, footing.step
    numbers = np.zeros(window.shape, dtype)
    valid = np.zeros(window.shape, bool)
    for rows, cols, part in parts:
        row, col = (-(-(span.start - step // 2) // step) for span in (rows, cols))  # the first whose middle is here
        shown = part[row * step + step // 2 - rows.start :: step, col * step + step // 2 - cols.start :: step]
        top, left = row - window.top, col - window.left
        where = slice(top, top + shown.shape[0]), slice(left, left + shown.shape[1])
        numbers[where], valid[where] = data_of(shown)
    return numbers, valid


def _means(
    footing: ResamplingSupport, parts: list[tuple[slice, slice, Block]], data_of: DataOf
) -> tuple[NDArray[Any], Mask2D]:
    """The mean of each square of pixels; one that lies across blocks comes in parts."""
    window, step = footing.window, footing.step
    sums, counts = np.zeros(window.shape), np.zeros(window.shape, np.int64)
    for rows, cols, part in parts:
        stored, known = data_of(part)
        top, left = rows.start // step - window.top, cols.start // step - window.left
        of_squares = _of_squares(np.where(known, stored, 0).astype(np.float64), (rows, cols), step)
        where = slice(top, top + of_squares.shape[0]), slice(left, left + of_squares.shape[1])
        sums[where] += of_squares
        counts[where] += _of_squares(known.astype(np.int64), (rows, cols), step)
    return (sums / np.maximum(counts, 1)).astype(np.float32), counts > 0


def _of_squares(part: NDArray[Any], spans: Spans, step: int) -> NDArray[Any]:
    """Sums over squares of `step` pixels a side, counted from the source's corner; the outer ones may be cut."""
    for axis, span in enumerate(spans):
        starts = np.arange(span.start // step * step, span.stop, step) - span.start
        part = np.add.reduceat(part, np.maximum(starts, 0), axis=axis)
    return part
