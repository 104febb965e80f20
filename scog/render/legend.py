"""Legends as JSON, SVG and PNG, made from the same colour table that renders the image."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from scog.render.channels import Channels
from scog.render.classes import Class, Classes
from scog.render.color import hexadecimal
from scog.render.image import Color
from scog.render.ramp import ABOVE, BELOW, STEPS, Ramp

WIDTH = 300
"""Width of a legend in pixels; the height depends on its content."""
MAX_LINES = 64
"""Maximum number of classes in SVG and PNG. The JSON lists all classes."""
_MARGIN, _LINE, _TEXT, _SWATCH, _BAR = 10, 20, 12, 14, 16
_LETTER = 0.58
"""Mean character width as a fraction of the font size."""
_INK: Color = (34, 34, 34, 255)
CHANNELS: tuple[tuple[str, Color], ...] = (
    ("red", (255, 0, 0, 255)), ("green", (0, 160, 0, 255)), ("blue", (0, 0, 255, 255)),
)  # fmt: skip


@dataclass(frozen=True)
class Legend:
    """The legend of an image: title, colour mapping, the name of each output, and their unit if they have one."""

    title: str
    coloring: Ramp | Classes | Channels
    outputs: tuple[str, ...]
    unit: str = ""

    @property
    def heading(self) -> str:
        """The title with the unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    def json(self) -> dict[str, Any]:
        """The legend as JSON: `kind` is ramp, classes or channels; colours are `#rrggbb` or `#rrggbbaa`.

        The colours of a ramp are equally spaced over its range.
        """
        body: dict[str, Any] = {"title": self.title, "outputs": list(self.outputs), "unit": self.unit or None}
        match self.coloring:
            case Ramp() as ramp:
                colors = [hexadecimal(_color(row)) for row in ramp.palette[: ABOVE + 1]]
                ends = {"below": colors[BELOW], "above": colors[ABOVE]}
                return body | {"kind": "ramp", "range": list(ramp.rescale), "colors": colors[:STEPS]} | ends
            case Classes() as classes:
                return body | {"kind": "classes", "classes": [_class(entry) for entry in classes.entries]}
            case Channels() as channels:
                shown = [
                    {"color": color, "output": output, "range": list(ends)}
                    for (color, _), output, ends in zip(CHANNELS, self.outputs, channels.ranges, strict=True)
                ]
                return body | {"kind": "channels", "channels": shown, "color_formula": channels.color_formula}

    def svg(self) -> str:
        """SVG document WIDTH pixels wide; the text colour follows `prefers-color-scheme`."""
        shapes = list(self._shapes())
        height = _height(shapes)
        elements = "".join(_svg_element(shape) for shape in shapes)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
            f'viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(f"Legend: {self.heading}")}">'
            f"<style>text{{font:{_TEXT}px system-ui,sans-serif;fill:{hexadecimal(_INK)}}}"
            "@media(prefers-color-scheme:dark){text{fill:#eee}}</style>"
            f"{elements}</svg>"
        )

    def png(self, scale: int = 1) -> bytes:
        """PNG of `image`."""
        out = io.BytesIO()
        self.image(scale).save(out, "PNG")
        return out.getvalue()

    def image(self, scale: int = 1) -> Image.Image:
        """Pillow image in RGB on white, `scale` times WIDTH pixels wide."""
        shapes = list(self._shapes())
        image = Image.new("RGBA", (WIDTH * scale, _height(shapes) * scale), (255, 255, 255, 255))
        pen = ImageDraw.Draw(image)
        for shape in shapes:
            if isinstance(shape, _Box):
                box = Image.new("RGBA", (max(1, round(shape.width * scale)), round(shape.height * scale)), shape.color)
                image.alpha_composite(box, (round(shape.x * scale), round(shape.y * scale)))
            else:
                font = ImageFont.load_default(_TEXT * scale)
                pen.text((shape.x * scale, shape.y * scale), shape.text, _INK, font, anchor=f"{shape.anchor}s")
        return image.convert("RGB")

    def _shapes(self) -> Iterator[_Box | _Text]:
        """All shapes, top to bottom."""
        yield _Text(_MARGIN, _MARGIN + _TEXT, _truncate(self.heading, WIDTH - 2 * _MARGIN))
        top = _MARGIN + _LINE
        match self.coloring:
            case Ramp() as ramp:
                yield from _bar(ramp, top)
            case Classes() as classes:
                listed = classes.entries[:MAX_LINES]
                yield from _rows([(entry.color, entry.name) for entry in listed], top)
                if remaining := len(classes.entries) - len(listed):
                    yield _Text(_MARGIN, top + len(listed) * _LINE + _SWATCH - 1, f"and {remaining} more")
            case Channels() as channels:
                lines = zip(CHANNELS, self.outputs, channels.ranges, strict=True)
                yield from _rows(
                    [(ink, f"{output}, {low:g} to {high:g}") for (_, ink), output, (low, high) in lines], top
                )


@dataclass(frozen=True)
class _Box:
    """A rectangle of one colour."""

    x: float
    y: float
    width: float
    height: float
    color: Color


@dataclass(frozen=True)
class _Text:
    """A text. Its baseline starts (`l`), is centred (`m`) or ends (`r`) at x, y."""

    x: float
    y: float
    text: str
    anchor: str = "l"


def _bar(ramp: Ramp, top: float) -> Iterator[_Box | _Text]:
    """Colour bar with tick labels below; separate boxes for the colours below and above the range, if any."""
    left, right = float(_MARGIN), float(WIDTH - _MARGIN)
    if ramp.below is not None:
        yield _Box(left, top, _BAR, _BAR, _color(ramp.palette[BELOW]))
        left += _BAR + 4
    if ramp.above is not None:
        yield _Box(right - _BAR, top, _BAR, _BAR, _color(ramp.palette[ABOVE]))
        right -= _BAR + 4
    step = (right - left) / STEPS
    for index, row in enumerate(ramp.palette[:STEPS]):
        end = right if index == STEPS - 1 else left + (index + 1) * step + 0.5  # boxes overlap, which hides seams
        yield _Box(left + index * step, top, end - left - index * step, _BAR, _color(row))
    low, high = ramp.rescale
    base = top + _BAR + _TEXT + 4
    last = -math.inf
    for value in ticks(low, high):
        x = left + (value - low) / (high - low) * (right - left)
        text = f"{value:.6g}"
        half = len(text) * _TEXT * _LETTER / 2
        middle = min(max(x, _MARGIN + half), WIDTH - _MARGIN - half)
        if middle - half > last + 4:
            yield _Box(x - 0.5, top + _BAR, 1, 3, _INK)
            yield _Text(middle, base, text, "m")
            last = middle + half


def ticks(low: float, high: float) -> list[float]:
    """Ascending round tick values within a range: multiples of 1, 2, 2.5 or 5 times a power of ten, about 3 to 8."""
    rough = (high - low) / 5
    scale = 10.0 ** math.floor(math.log10(rough))
    step = min((scale * nice for nice in (1, 2, 2.5, 5, 10)), key=lambda step: abs(step - rough))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def _rows(entries: Sequence[tuple[Color, str]], top: float) -> Iterator[_Box | _Text]:
    """One line per entry: a colour swatch and its text."""
    for number, (color, text) in enumerate(entries):
        y = top + number * _LINE
        yield _Box(_MARGIN - 1, y, _SWATCH + 2, _SWATCH + 2, (136, 136, 136, 255))
        yield _Box(_MARGIN, y + 1, _SWATCH, _SWATCH, (255, 255, 255, 255))
        yield _Box(_MARGIN, y + 1, _SWATCH, _SWATCH, color)
        room = WIDTH - 3 * _MARGIN - _SWATCH
        yield _Text(_MARGIN + _SWATCH + 8, y + _SWATCH - 1, _truncate(text, room))


def _truncate(text: str, width: float) -> str:
    """The text, truncated with an ellipsis to `width` pixels."""
    max_length = int(width / (_TEXT * _LETTER))
    return text if len(text) <= max_length else text[: max_length - 1] + "…"


def _height(shapes: Sequence[_Box | _Text]) -> int:
    bottom = max(shape.y + (shape.height if isinstance(shape, _Box) else 4) for shape in shapes)
    return math.ceil(bottom + _MARGIN)


def _svg_element(shape: _Box | _Text) -> str:
    if isinstance(shape, _Text):
        anchor = {"l": "start", "m": "middle", "r": "end"}[shape.anchor]
        return f'<text x="{shape.x:g}" y="{shape.y:g}" text-anchor="{anchor}">{escape(shape.text)}</text>'
    opacity = "" if shape.color[3] == 255 else f' fill-opacity="{shape.color[3] / 255:.3g}"'
    bounds = f'x="{shape.x:.2f}" y="{shape.y:g}" width="{shape.width:.2f}" height="{shape.height:g}"'
    return f'<rect {bounds} fill="{hexadecimal((*shape.color[:3], 255))}"{opacity}/>'


def _color(row: Any) -> Color:
    red, green, blue, alpha = (int(part) for part in row)
    return red, green, blue, alpha


def _class(entry: Class) -> dict[str, Any]:
    bounds = {"low": _finite(entry.low), "high": _finite(entry.high)}
    return {"value": entry.number, "name": entry.name, "color": hexadecimal(entry.color)} | bounds


def _finite(number: float) -> float | None:
    """The number, or None if it is infinite, which JSON cannot express (RFC 8259 section 6)."""
    return number if math.isfinite(number) else None
