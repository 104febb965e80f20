"""Contact sheets: several images of the same area in a grid, each with its name and legend."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image as PILImage
from PIL import ImageDraw, ImageFont

from scog.render.image import Image
from scog.render.legend import WIDTH, Legend

_GAP, _CAPTION, _TEXT = 12, 24, 15


@dataclass(frozen=True, eq=False)
class Cell:
    """One image of a sheet with its name and legend; `image` is None if it could not be rendered."""

    name: str
    image: Image | None
    legend: Legend


def contact_sheet(cells: Sequence[Cell], columns: int) -> bytes:
    """PNG on white with the cells row by row. Images larger than legend.WIDTH pixels are scaled down to it."""
    rendered = [_render(cell) for cell in cells]
    rows = [rendered[first : first + columns] for first in range(0, len(rendered), columns)]
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


def _render(cell: Cell) -> PILImage.Image:
    """Caption, image and legend, one below the other."""
    legend = cell.legend.image()
    canvas = PILImage.new("RGB", (WIDTH, _CAPTION + WIDTH + legend.height), "white")
    pen = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(_TEXT)
    pen.text((0, _CAPTION - 6), cell.name, "black", font, anchor="ls")
    pen.rectangle((0, _CAPTION, WIDTH - 1, _CAPTION + WIDTH - 1), "#dddddd")
    if cell.image is None:
        pen.text((WIDTH / 2, _CAPTION + WIDTH / 2), "cannot be drawn", "black", font, anchor="mm")
    else:
        image = PILImage.fromarray(cell.image.rgba)
        image.thumbnail((WIDTH, WIDTH))
        canvas.paste(image, ((WIDTH - image.width) // 2, _CAPTION + (WIDTH - image.height) // 2), image)
    canvas.paste(legend, (0, _CAPTION + WIDTH))
    return canvas
