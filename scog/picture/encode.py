"""From colours or values to the bytes that go out."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scog.picture.stretch import TRANSPARENT

FAST = 1
"""zlib's fastest level: 2 ms a tile where the default takes 9, for a tenth more bytes."""


def palette_png(numbers: NDArray[np.uint8], colors: NDArray[np.uint8]) -> bytes:
    """A PNG of colour numbers `(y, x)`, 255 transparent, with the colours `(255, 3)` in its palette."""
    image = Image.fromarray(numbers)
    image.putpalette(np.vstack((colors, np.zeros((1, 3), np.uint8))).tobytes())
    return _png(image, transparency=TRANSPARENT)


def rgba_png(colors: NDArray[np.uint8]) -> bytes:
    """A PNG of colours `(y, x, 4)`."""
    return _png(Image.fromarray(colors))


def npy(values: NDArray[np.float32]) -> bytes:
    """Values `(band, y, x)` as numpy writes them; NaN where invalid."""
    out = io.BytesIO()
    np.save(out, values, allow_pickle=False)
    return out.getvalue()


def _png(image: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=FAST, **options)
    return out.getvalue()
