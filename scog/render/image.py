"""Images in memory: pixel colours before encoding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Color = tuple[int, int, int, int]
"""Red, green, blue and alpha, 0 to 255."""
CLEAR: Color = (0, 0, 0, 0)
TRANSPARENT = 255
"""Palette index of transparent pixels."""


@dataclass(frozen=True, eq=False)
class Image:
    """An indexed or true-colour image, all uint8.

    pixels   palette indices `(y, x)`, or RGBA `(y, x, 4)` if there is no palette
    palette  RGBA `(256, 4)` whose last entry, TRANSPARENT, is transparent; None for true colour
    """

    pixels: NDArray[np.uint8]
    palette: NDArray[np.uint8] | None = None

    @property
    def rgba(self) -> NDArray[np.uint8]:
        """RGBA uint8 `(y, x, 4)`."""
        return self.pixels if self.palette is None else self.palette[self.pixels]


def palette_of(colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Read-only palette `(256, 4)` that starts with at most 255 colours `(n, 4)`; the other entries are transparent."""
    palette = np.zeros((256, 4), np.uint8)
    palette[: len(colors)] = colors
    palette.flags.writeable = False
    return palette
