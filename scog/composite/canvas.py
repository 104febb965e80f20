"""The canvas of a mosaic: scenes are painted in order, each only where no earlier one is valid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Mask2D = NDArray[np.bool_]


class Canvas:
    """An image in which the first usable value of each pixel is final.

    `values` are float32 `(band, y, x)`, NaN where not valid; `valid` is bool `(y, x)`.
    """

    def __init__(self, bands: int, shape: tuple[int, int]) -> None:
        self._bands = bands
        self._values: NDArray[np.float32] | None = None
        self.valid = np.zeros(shape, bool)

    @property
    def values(self) -> NDArray[np.float32]:
        """Values painted so far, NaN elsewhere: float32 `(band, y, x)`."""
        if self._values is None:
            self._values = np.full((self._bands, *self.valid.shape), np.nan, np.float32)
        return self._values

    @property
    def full(self) -> bool:
        """Whether every pixel is valid."""
        return bool(self.valid.all())

    def paint(self, values: NDArray[np.float32], valid: Mask2D) -> bool:
        """Paint the valid values on pixels without a value. Returns whether there were any.

        The canvas may own and modify `values`: most images have one scene, which then needs no copy.
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


def first_usable(selected: Mask2D | None, usable: Sequence[Mask2D]) -> list[Mask2D]:
    """Pixels that each scene contributes, in order: its usable pixels without those of earlier scenes.

    Only `selected` pixels count; None selects all.
    """
    remaining = selected
    shares: list[Mask2D] = []
    for mask in usable:
        share = mask if remaining is None else remaining & mask
        if len(shares) + 1 < len(usable):
            remaining = ~share if remaining is None else remaining & ~share
        shares.append(share)
    return shares
