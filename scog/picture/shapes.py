"""Shapes that charts are made of, and how they become an SVG or, with smooth edges, a PNG."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from PIL import Image, ImageDraw, ImageFont

from scog.picture.color import hexadecimal
from scog.picture.image import Color

TEXT, TITLE = 12, 16
"""Sizes of text, in pixels."""
INK: Color = (51, 51, 51, 255)
_FINER = {1: 4}
"""How many times finer shapes are drawn than a PNG shows them, so that edges are smooth; larger ones need less."""
_WHITE = (255, 255, 255, 255)

Place = tuple[float, float]


@dataclass(frozen=True)
class Stroke:
    """A line through places."""

    places: tuple[Place, ...]
    color: Color
    width: float


@dataclass(frozen=True)
class Area:
    """What a line around it holds."""

    places: tuple[Place, ...]
    color: Color


@dataclass(frozen=True)
class Disc:
    """A round dot, hollow or full."""

    x: float
    y: float
    radius: float
    color: Color
    full: bool


@dataclass(frozen=True)
class Text:
    """A text whose baseline begins (`l`), has its middle (`m`) or ends (`r`) at a place."""

    x: float
    y: float
    text: str
    anchor: str = "l"
    color: Color = INK
    size: int = TEXT


Shape = Stroke | Area | Disc | Text


def svg(shapes: Iterable[Shape], size: tuple[int, int], label: str) -> str:
    """An SVG of so many pixels, without background; its text is light where the reader's screen is dark."""
    width, height = size
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">'
        f"<style>text{{font:{TEXT}px system-ui,sans-serif;fill:{hexadecimal(INK)}}}"
        f".t{{font-size:{TITLE}px}}@media(prefers-color-scheme:dark){{text{{fill:#eee}}}}</style>"
        f"{''.join(map(_svg_of, shapes))}</svg>"
    )


def png(shapes: Sequence[Shape], size: tuple[int, int], scale: int) -> bytes:
    """A PNG on white, so many times larger. Texts are drawn over everything else."""
    width, height = size
    fine = scale * _FINER.get(scale, 2)
    image = Image.new("RGB", (width * fine, height * fine), _WHITE[:3])
    pen = ImageDraw.Draw(image, "RGBA")
    for shape in shapes:
        if not isinstance(shape, Text):
            _draw(pen, shape, fine)
    image = image.resize((width * scale, height * scale), Image.Resampling.BOX)
    pen = ImageDraw.Draw(image, "RGBA")
    for shape in shapes:
        if isinstance(shape, Text):
            font = ImageFont.load_default(shape.size * scale)
            pen.text((shape.x * scale, shape.y * scale), shape.text, shape.color, font, anchor=f"{shape.anchor}s")
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _svg_of(shape: Shape) -> str:
    color = hexadecimal((*shape.color[:3], 255))
    opacity = f"{shape.color[3] / 255:.3g}"
    match shape:
        case Text():
            anchor = {"l": "start", "m": "middle", "r": "end"}[shape.anchor]
            more = ' class="t"' if shape.size == TITLE else ""
            more += "" if shape.color[3] == 255 else f' opacity="{opacity}"'
            return f'<text x="{shape.x:.1f}" y="{shape.y:.1f}" text-anchor="{anchor}"{more}>{escape(shape.text)}</text>'
        case Disc():
            fill = color if shape.full else "none"
            return (
                f'<circle cx="{shape.x:.1f}" cy="{shape.y:.1f}" r="{shape.radius:g}" fill="{fill}" stroke="{color}"/>'
            )
        case Area():
            return f'<polygon points="{_points(shape.places)}" fill="{color}" fill-opacity="{opacity}"/>'
        case Stroke():
            return (
                f'<polyline points="{_points(shape.places)}" fill="none" stroke="{color}" stroke-opacity="{opacity}" '
                f'stroke-width="{shape.width:g}" stroke-linejoin="round"/>'
            )


def _points(places: Sequence[Place]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _draw(pen: ImageDraw.ImageDraw, shape: Stroke | Area | Disc, fine: int) -> None:
    """Draw a shape so many times larger."""
    match shape:
        case Disc():
            x, y, radius = shape.x * fine, shape.y * fine, shape.radius * fine
            box = (x - radius, y - radius, x + radius, y + radius)
            pen.ellipse(box, shape.color if shape.full else _WHITE, shape.color, fine)
        case Area():
            pen.polygon([(x * fine, y * fine) for x, y in shape.places], shape.color)
        case Stroke():
            places = [(x * fine, y * fine) for x, y in shape.places]
            pen.line(places, shape.color, max(1, round(shape.width * fine)), joint="curve")
