"""Mode resampling: the value that covers the largest share of a target pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scog.geo.resampling_support import ResamplingSupport
from scog.warp.weights import Pixels, shares

MAX_TAPS = 1 << 18
"""Maximum number of taps processed at a time: source pixels, counted once for each target pixel that uses them."""
UNITS = 1 << 15
"""Units per side of a box. Shares are integers in these units, so that equal shares compare equal."""


class Mode:
    """The value with the largest share of each target pixel's box."""

    def __init__(self, support: ResamplingSupport, values: NDArray[Any], valid: NDArray[np.bool_]) -> None:
        self._support = support
        self._width = support.window.shape[1]
        self._valid = None if valid.all() else valid.ravel()
        self._unique, codes = np.unique(values, return_inverse=True)
        self._codes = codes.ravel().astype(np.int64) << 32
        self.dtype = values.dtype
        self.batch_size = max(1, MAX_TAPS // (support.kernel_shape[0] * support.kernel_shape[1]))

    def compute(self, pixels: Pixels) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Values and validity `(pixel,)` of some target pixels."""
        sorted_taps = self._sorted(pixels)
        code, share = sorted_taps >> 32, sorted_taps & 0xFFFF_FFFF
        cumulative = share.cumsum(axis=1)
        before = cumulative - share
        before[:, 1:][code[:, 1:] == code[:, :-1]] = 0
        total_share = cumulative - np.maximum.accumulate(before, axis=1)
        index = total_share.argmax(axis=1)[
            :, np.newaxis
        ]  # argmax returns the first maximum, so the lowest value wins a tie
        winner = np.take_along_axis(code, index, axis=1)[:, 0]
        return self._unique[winner], cumulative[:, -1] > 0

    def _sorted(self, pixels: Pixels) -> NDArray[np.int64]:
        """Codes and shares of the values under each target pixel, sorted: int64 `(pixel, tap)`.

        The code is in the upper 32 bits, the share in the lower 32.
        """
        rows, cols = self._support.kernel_shape
        row_shares, col_shares = (
            [np.rint(share * UNITS).astype(np.int64) for share in shares(positions, length)]
            for positions, length in ((pixels.row_positions, rows), (pixels.col_positions, cols))
        )
        taps = np.empty((len(pixels.upper_left), rows * cols), np.int64)
        for row, row_share in enumerate(row_shares):
            for col, col_share in enumerate(col_shares):
                index = pixels.upper_left + (row * self._width + col)
                share = row_share * col_share
                if self._valid is not None:
                    share *= self._valid.take(index)
                taps[:, row * cols + col] = self._codes.take(index) + share
        taps.sort(axis=1)
        return taps
