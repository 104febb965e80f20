"""Contact sheets: many pictures of one place side by side, each with its name and its legend."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image as PILImage
from PIL import ImageDraw, ImageFont

from scog.picture.image import Image
from scog.picture.legend import WIDTH, Legend

_GAP, _CAPTION, _TEXT = 12, 24, 15


@dataclass(frozen=True, eq=False)
class Cell:
    """One picture of a sheet: what it is called, and what is seen; None where nothing could be drawn."""

    name: str
    image: Image | None
    legend: Legend


def contact_sheet(cells: Sequence[Cell], columns: int) -> bytes:
    """A PNG on white with the cells in rows. Pictures wider than a legend are shown as wide as that."""
    drawn = [_drawn(cell) for cell in cells]
    rows = [drawn[first : first + columns] for first in range(0, len(drawn), columns)]
    heights = [max(cell.height for cell in row) for row in rows]
    size = columns * (WIDTH + _GAP) + _GAP, sum(heights) + (len(rows) + 1) * _GAP
    sheet = PILImage.new("RGB", size, "white")
    top = _GAP
    for row, height in zip(rows, heights, strict=True):
        for column, cell in enumerate(row):
            sheet.paste(cell, (_GAP + column * (WIDTH + _GAP), top))
        top += height + _GAP
    out = io.BytesIO()
    sheet.save(out, "PNG", optimize=True)
    return out.getvalue()


def _drawn(cell: Cell) -> PILImage.Image:
    legend = cell.legend.image()
    drawn = PILImage.new("RGB", (WIDTH, _CAPTION + WIDTH + legend.height), "white")
    pen = ImageDraw.Draw(drawn)
    font = ImageFont.load_default(_TEXT)
    pen.text((0, _CAPTION - 6), cell.name, "black", font, anchor="ls")
    pen.rectangle((0, _CAPTION, WIDTH - 1, _CAPTION + WIDTH - 1), "#dddddd")
    if cell.image is None:
        pen.text((WIDTH / 2, _CAPTION + WIDTH / 2), "cannot be drawn", "black", font, anchor="mm")
    else:
        image = PILImage.fromarray(cell.image.rgba)
        image.thumbnail((WIDTH, WIDTH))
        drawn.paste(image, ((WIDTH - image.width) // 2, _CAPTION + (WIDTH - image.height) // 2), image)
    drawn.paste(legend, (0, _CAPTION + WIDTH))
    return drawn
