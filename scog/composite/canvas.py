"""Canvases: pictures that scenes are painted on, each under those before it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Mask2D = NDArray[np.bool_]


class Canvas:
    """A picture that fills up: the first usable value of each pixel stays.

    `values` are float32 `(band, y, x)`; `valid` is bool `(y, x)`, where they are known.
    """

    def __init__(self, bands: int, shape: tuple[int, int]) -> None:
        self._bands = bands
        self._values: NDArray[np.float32] | None = None
        self.valid = np.zeros(shape, bool)

    @property
    def values(self) -> NDArray[np.float32]:
        """What is known, NaN elsewhere."""
        if self._values is None:
            self._values = np.full((self._bands, *self.valid.shape), np.nan, np.float32)
        return self._values

    @property
    def full(self) -> bool:
        """Whether every pixel has its value."""
        return bool(self.valid.all())

    def paint(self, values: NDArray[np.float32], valid: Mask2D) -> bool:
        """Take the valid values for pixels that have none yet; whether there was any.

        `values` are the canvas's own from now on: most pictures are of one scene, and take no copy.
        """
        new = valid if self._values is None else valid & ~self.valid
        if not new.any():
            return False
        if self._values is None:
            if not new.all():
                np.copyto(values, np.float32(np.nan), where=~new)
            self._values, self.valid = values, new
        else:
            np.copyto(self._values, values, where=new)
            self.valid = self.valid | new
        return True


def share_out(wanted: Mask2D | None, usable: Sequence[Mask2D]) -> list[Mask2D]:
    """For each scene, in order, the wanted pixels (all, if None) that it is the first to have."""
    left = wanted
    shares: list[Mask2D] = []
    for mask in usable:
        share = mask if left is None else left & mask
        if len(shares) + 1 < len(usable):
            left = ~share if left is None else left & ~share
        shares.append(share)
    return shares
