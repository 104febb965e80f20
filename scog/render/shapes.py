"""Vector shapes of charts, rendered as SVG or as anti-aliased PNG. Coordinates are pixels, y down."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from PIL import Image, ImageDraw, ImageFont

from scog.render.color import hexadecimal
from scog.render.image import Color

TEXT, TITLE = 12, 16
"""Font sizes in pixels."""
INK: Color = (51, 51, 51, 255)
_OVERSAMPLING = {1: 4}
"""Scale of the PNG to its oversampling factor for anti-aliasing; 2 for all other scales."""
_WHITE = (255, 255, 255, 255)

Point = tuple[float, float]


@dataclass(frozen=True)
class Stroke:
    """A polyline."""

    points: tuple[Point, ...]
    color: Color
    width: float


@dataclass(frozen=True)
class Area:
    """A filled polygon."""

    points: tuple[Point, ...]
    color: Color


@dataclass(frozen=True)
class Disc:
    """A circle, filled if `full`, else only its outline."""

    x: float
    y: float
    radius: float
    color: Color
    full: bool


@dataclass(frozen=True)
class Text:
    """A text. Its baseline starts (`l`), is centred (`m`) or ends (`r`) at x, y."""

    x: float
    y: float
    text: str
    anchor: str = "l"
    color: Color = INK
    size: int = TEXT


Shape = Stroke | Area | Disc | Text


def svg(shapes: Iterable[Shape], size: tuple[int, int], label: str) -> str:
    """SVG document of `size` (width, height) with a transparent background and an accessible `label`.

    The text colour follows `prefers-color-scheme`.
    """
    width, height = size
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">'
        f"<style>text{{font:{TEXT}px system-ui,sans-serif;fill:{hexadecimal(INK)}}}"
        f".t{{font-size:{TITLE}px}}@media(prefers-color-scheme:dark){{text{{fill:#eee}}}}</style>"
        f"{''.join(map(_svg_element, shapes))}</svg>"
    )


def png(shapes: Sequence[Shape], size: tuple[int, int], scale: int) -> bytes:
    """PNG on white, `scale` times `size` (width, height). Texts are drawn on top of all other shapes."""
    width, height = size
    factor = scale * _OVERSAMPLING.get(scale, 2)
    image = Image.new("RGB", (width * factor, height * factor), _WHITE[:3])
    pen = ImageDraw.Draw(image, "RGBA")
    for shape in shapes:
        if not isinstance(shape, Text):
            _draw(pen, shape, factor)
    image = image.resize((width * scale, height * scale), Image.Resampling.BOX)
    pen = ImageDraw.Draw(image, "RGBA")
    for shape in shapes:
        if isinstance(shape, Text):
            font = ImageFont.load_default(shape.size * scale)
            pen.text((shape.x * scale, shape.y * scale), shape.text, shape.color, font, anchor=f"{shape.anchor}s")
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _svg_element(shape: Shape) -> str:
    color = hexadecimal((*shape.color[:3], 255))
    opacity = f"{shape.color[3] / 255:.3g}"
    match shape:
        case Text():
            anchor = {"l": "start", "m": "middle", "r": "end"}[shape.anchor]
            style = ' class="t"' if shape.size == TITLE else ""
            style += "" if shape.color[3] == 255 else f' opacity="{opacity}"'
            position = f'x="{shape.x:.1f}" y="{shape.y:.1f}"'
            return f'<text {position} text-anchor="{anchor}"{style}>{escape(shape.text)}</text>'
        case Disc():
            fill = color if shape.full else "none"
            return (
                f'<circle cx="{shape.x:.1f}" cy="{shape.y:.1f}" r="{shape.radius:g}" fill="{fill}" stroke="{color}"/>'
            )
        case Area():
            return f'<polygon points="{_points(shape.points)}" fill="{color}" fill-opacity="{opacity}"/>'
        case Stroke():
            return (
                f'<polyline points="{_points(shape.points)}" fill="none" stroke="{color}" stroke-opacity="{opacity}" '
                f'stroke-width="{shape.width:g}" stroke-linejoin="round"/>'
            )


def _points(points: Sequence[Point]) -> str:
    """The `points` attribute of SVG."""
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _draw(pen: ImageDraw.ImageDraw, shape: Stroke | Area | Disc, factor: int) -> None:
    """Draw a shape, enlarged by `factor`."""
    match shape:
        case Disc():
            x, y, radius = shape.x * factor, shape.y * factor, shape.radius * factor
            box = (x - radius, y - radius, x + radius, y + radius)
            pen.ellipse(box, shape.color if shape.full else _WHITE, shape.color, factor)
        case Area():
            pen.polygon([(x * factor, y * factor) for x, y in shape.points], shape.color)
        case Stroke():
            points = [(x * factor, y * factor) for x, y in shape.points]
            pen.line(points, shape.color, max(1, round(shape.width * factor)), joint="curve")
