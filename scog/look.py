"""How a picture looks: which formula it shows, in which range and colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scog.bands import canonical
from scog.draw import Drawing
from scog.errors import InvalidInput
from scog.maths import indices
from scog.maths.expression import Expression, parse
from scog.picture import encode
from scog.picture.colormap import color_table
from scog.picture.stretch import Range, to_palette, to_rgba

DEFAULT_INDEX = "ndvi"
REFLECTANCE: Range = (0.0, 0.3)
"""Default stretch of bands: land hardly reflects more than 0.3 of visible light. The same for all tiles."""
UNKNOWN: Range = (-1.0, 1.0)
"""Default range of a formula, of which nothing is known."""


@dataclass(frozen=True)
class Look:
    """A formula with the range of values shown for each output; a colormap where there is one output."""

    expression: Expression
    ranges: tuple[Range, ...]
    colormap: str | None

    def png(self, drawing: Drawing) -> bytes:
        """The drawing as a PNG: colours of a palette for one output, red, green and blue for three."""
        if self.colormap is not None:
            numbers = to_palette(drawing.values[0], drawing.valid, self.ranges[0])
            return encode.palette_png(numbers, color_table(self.colormap))
        return encode.rgba_png(to_rgba(drawing.values, drawing.valid, self.ranges))


def look_of(
    *,
    index: str | None = None,
    expression: str | None = None,
    bands: Sequence[str] = (),
    rescale: Sequence[Range] = (),
    colormap: str | None = None,
) -> Look:
    """The look that some parameters stand for. Raises InvalidInput that says what would be valid."""
    if sum(choice is not None for choice in (index, expression, tuple(bands) or None)) > 1:
        raise InvalidInput("Give one of index, expression and bands.", parameter="index", valid="one of the three")
    ranges: tuple[Range, ...]
    if bands:
        if len(bands) not in (1, 3):
            raise InvalidInput("A picture takes one band or three.", parameter="bands", valid="such as red,green,blue")
        formula = parse(";".join(canonical(band) for band in bands))
        ranges, colors = (REFLECTANCE,), "greys_r"
    elif expression is not None:
        formula, ranges, colors = parse(expression), (UNKNOWN,), "viridis"
    else:
        known = indices.get(index or DEFAULT_INDEX)
        formula, ranges, colors = known.expression, (known.rescale,), known.colormap
    if formula.outputs not in (1, 3):
        raise InvalidInput(
            f"A picture shows one output or three, not {formula.outputs}.", parameter="expression", valid="one or three"
        )
    ranges = tuple(rescale) or ranges
    if len(ranges) not in (1, formula.outputs):
        raise InvalidInput(
            f"{len(ranges)} ranges for {formula.outputs} outputs.", parameter="rescale", valid=f"1 or {formula.outputs}"
        )
    if not all(low < high for low, high in ranges):
        raise InvalidInput("A range ends before it begins.", parameter="rescale", valid="the lower value first")
    if formula.outputs == 3:
        if colormap is not None:
            raise InvalidInput(
                "A colormap colours one output, not three.", parameter="colormap_name", valid="none for three outputs"
            )
        return Look(formula, ranges * (3 // len(ranges)), None)
    color_table(colormap or colors)
    return Look(formula, ranges, colormap or colors)
