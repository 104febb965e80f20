"""Labels: a line of text in the corner of a picture, readable on any background."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Mask2D = NDArray[np.bool_]
INK, OUTLINE = (255, 255, 255, 255), (0, 0, 0, 255)
_LEAST, _MOST = 9, 28
"""Sizes of text, in pixels."""
_SHARE = 1 / 22
"""Of a picture's longer side."""


@dataclass(frozen=True, eq=False)
class Label:
    """Which pixels `(y, x)` of a picture are text, and which are the outline around it."""

    ink: Mask2D
    outline: Mask2D


@lru_cache(maxsize=128)
def label(text: str, shape: tuple[int, int]) -> Label:
    """A text at the lower left of a picture of `shape`, smaller where it would have no room.

    Its pixels are text or not, nothing in between: in a palette there is no room for shades.
    """
    height, width = shape
    size = min(max(round(max(shape) * _SHARE), _LEAST), _MOST)
    while size > _LEAST and _width(text, size) > width:
        size -= 1
    margin = max(2, size // 2)
    drawn = []
    for stroke in (0, max(1, size // 9)):
        image = Image.new("L", (width, height))
        pen = ImageDraw.Draw(image)
        pen.fontmode = "1"
        pen.text((margin, height - margin), text, 255, _font(size), anchor="ls", stroke_width=stroke)
        drawn.append(np.asarray(image) > 0)
    ink, stroked = drawn
    return Label(ink, stroked & ~ink)


def _width(text: str, size: int) -> float:
    return float(_font(size).getlength(text)) + 2 * max(2, size // 2)


@lru_cache(maxsize=_MOST)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
