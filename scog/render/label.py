"""Labels: a line of outlined text in the lower left corner of an image, readable on any background."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Mask2D = NDArray[np.bool_]
INK, OUTLINE = (255, 255, 255, 255), (0, 0, 0, 255)
_MIN_SIZE, _MAX_SIZE = 9, 28
"""Font size in pixels."""
_RELATIVE_SIZE = 1 / 22
"""Font size as a fraction of the image's longer side."""


@dataclass(frozen=True, eq=False)
class Label:
    """Boolean masks `(y, x)` of the pixels of the text and of the outline around it; they do not overlap."""

    ink: Mask2D
    outline: Mask2D


@lru_cache(maxsize=128)
def label(text: str, shape: tuple[int, int]) -> Label:
    """Masks of a text at the lower left of an image of `shape` (height, width); the font shrinks to fit the width.

    The text is not anti-aliased, since a palette has no entries for intermediate colours.
    """
    height, width = shape
    size = min(max(round(max(shape) * _RELATIVE_SIZE), _MIN_SIZE), _MAX_SIZE)
    while size > _MIN_SIZE and _text_width(text, size) > width:
        size -= 1
    margin = max(2, size // 2)
    masks = []
    for stroke in (0, max(1, size // 9)):
        image = Image.new("L", (width, height))
        pen = ImageDraw.Draw(image)
        pen.fontmode = "1"
        pen.text((margin, height - margin), text, 255, _font(size), anchor="ls", stroke_width=stroke)
        masks.append(np.asarray(image) > 0)
    ink, stroked = masks
    return Label(ink, stroked & ~ink)


def _text_width(text: str, size: int) -> float:
    """Width in pixels of a text with its margins."""
    return float(_font(size).getlength(text)) + 2 * max(2, size // 2)


@lru_cache(maxsize=_MAX_SIZE)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
