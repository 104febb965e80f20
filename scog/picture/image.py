"""A picture: the colours of pixels, before any file format."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Color = tuple[int, int, int, int]
"""Red, green, blue and opacity, 0 to 255."""
CLEAR: Color = (0, 0, 0, 0)
TRANSPARENT = 255
"""Colour number of pixels that show nothing."""


@dataclass(frozen=True, eq=False)
class Image:
    """Colours of pixels: colour numbers `(y, x)` into a `palette`, or where that is None colours `(y, x, 4)`.

    Both are uint8, and so is the palette `(256, 4)`: red, green, blue and opacity; TRANSPARENT is its last entry.
    """

    pixels: NDArray[np.uint8]
    palette: NDArray[np.uint8] | None = None

    @property
    def rgba(self) -> NDArray[np.uint8]:
        """Colours `(y, x, 4)`."""
        return self.pixels if self.palette is None else self.palette[self.pixels]


def palette_of(colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A palette that begins with these colours `(n, 4)`, at most 255; the rest of it is transparent."""
    palette = np.zeros((256, 4), np.uint8)
    palette[: len(colors)] = colors
    palette.flags.writeable = False
    return palette
