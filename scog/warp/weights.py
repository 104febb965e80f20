"""Weights of the source pixels in a resampling support, by distance or by covered share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scog.geo.resampling_support import Positions, ResamplingSupport

Floats32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Pixels:
    """Some target pixels as arrays `(pixel,)`, with the meaning that the names have in `ResamplingSupport`."""

    upper_left: NDArray[np.intp]
    row_positions: Positions
    col_positions: Positions

    def select(self, selection: NDArray[Any]) -> Pixels:
        """Some of the pixels, by index or by mask."""
        rows, cols = (
            tuple(array[selection] for array in arrays) for arrays in (self.row_positions, self.col_positions)
        )
        return Pixels(self.upper_left[selection], rows, cols)


def batches(support: ResamplingSupport, length: int) -> Iterator[tuple[slice, Pixels]]:
    """All target pixels in row-major order, in slices of `length`."""
    upper_left, rows, cols = (
        support.upper_left.ravel(),
        *([array.ravel() for array in arrays] for arrays in (support.row_positions, support.col_positions)),
    )
    for start in range(0, len(upper_left), length):
        part = slice(start, start + length)
        pixels = Pixels(
            upper_left[part].astype(np.intp),
            tuple(array[part] for array in rows),
            tuple(array[part] for array in cols),
        )
        yield part, pixels


# Weights: one array `(pixel,)` for each row or column of the support


@dataclass(frozen=True)
class Kernel:
    """Weights by distance in source pixels; 0 beyond `radius`."""

    radius: int
    weigh: Callable[[Floats32], Floats32]

    def weights(self, positions: Positions, length: int, scale: float) -> list[Floats32]:
        """One float32 array `(pixel,)` for each of `length` rows or columns; not normalised.

        The kernel is widened by the factor `scale`.
        """
        (offset,) = positions
        inverse = np.float32(1 / scale)
        return [self.weigh(np.abs(offset - np.float32(tap - length // 2 + 1)) * inverse) for tap in range(length)]


def _linear(distance: Floats32) -> Floats32:
    return np.maximum(1 - distance, np.float32(0))


def _keys(distance: Floats32) -> Floats32:
    """Keys' kernel with a = -1/2.

    R. G. Keys, Cubic convolution interpolation for digital image processing, IEEE Transactions on Acoustics, Speech,
    and Signal Processing 29(6), 1981, doi:10.1109/TASSP.1981.1163711.
    """
    near = (np.float32(1.5) * distance - np.float32(2.5)) * distance * distance + 1
    far = ((np.float32(2.5) - np.float32(0.5) * distance) * distance - 4) * distance + 2
    weights: Floats32 = np.where(distance <= 1, near, np.where(distance < 2, far, np.float32(0)))
    return weights


LINEAR = Kernel(1, _linear)
CUBIC = Kernel(2, _keys)


def shares(positions: Positions, length: int) -> list[Floats32]:
    """Share of a box in each of `length` rows or columns; the sum is 1."""
    start, stop = positions
    covered = (np.minimum(stop, tap + 1) - np.maximum(start, tap) for tap in range(length))
    return [np.maximum(part, np.float32(0)) / (stop - start) for part in covered]
