"""Mode: the number that covers most of a target pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scog.geo.resampling_support import ResamplingSupport
from scog.warp.weights import Pixels, shares

AT_ONCE = 1 << 18
"""Source pixels worked on at once, counted for each target pixel that rests on them."""
UNITS = 1 << 15
"""In how many parts the sides of a box are divided, so that shares are whole numbers and ties are ties."""


class Mode:
    """The number with the largest share of a box."""

    def __init__(self, footing: ResamplingSupport, numbers: NDArray[Any], valid: NDArray[np.bool_]) -> None:
        self._footing = footing
        self._width = footing.window.shape[1]
        self._valid = None if valid.all() else valid.ravel()
        self._names, names = np.unique(numbers, return_inverse=True)
        self._codes = names.ravel().astype(np.int64) << 32
        self.dtype = numbers.dtype
        self.at_once = max(1, AT_ONCE // (footing.reach[0] * footing.reach[1]))

    def made(self, pixels: Pixels) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Numbers and validity of some target pixels."""
        found = self._sorted(pixels)
        code, share = found >> 32, found & 0xFFFF_FFFF
        until = share.cumsum(axis=1)
        before = until - share
        before[:, 1:][code[:, 1:] == code[:, :-1]] = 0
        share_of_code = until - np.maximum.accumulate(before, axis=1)
        best = share_of_code.argmax(axis=1)[:, np.newaxis]  # the first of several: the lowest
        winner = np.take_along_axis(code, best, axis=1)[:, 0]
        return self._names[winner], until[:, -1] > 0

    def _sorted(self, pixels: Pixels) -> NDArray[np.int64]:
        """For each target pixel `(pixel, tap)` what it covers, sorted: numbers' codes above, shares below 32 bits."""
        rows, cols = self._footing.reach
        down, across = (
            [np.rint(share * UNITS).astype(np.int64) for share in shares(places, reach)]
            for places, reach in ((pixels.down, rows), (pixels.across, cols))
        )
        found = np.empty((len(pixels.first), rows * cols), np.int64)
        for row, by_row in enumerate(down):
            for col, by_col in enumerate(across):
                at = pixels.first + (row * self._width + col)
                share = by_row * by_col
                if self._valid is not None:
                    share *= self._valid.take(at)
                found[:, row * cols + col] = self._codes.take(at) + share
        found.sort(axis=1)
        return found
