"""Colours in requests: `#1a9850`, `1a9850`, `teal` or `[26, 152, 80]`; digits and lists may include an alpha value."""

from __future__ import annotations

import re

from PIL import ImageColor

from scog.errors import InvalidInput
from scog.render.image import CLEAR, Color
from scog.suggest import quoted

VALID = "a name such as teal, hexadecimal digits such as 1a9850 or 1a985080, or transparent; in JSON also [26, 152, 80]"
_HEXADECIMAL = re.compile(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})", re.ASCII)


def parse_color(value: object, parameter: str) -> Color:
    """RGBA colour of a text, or of a list of 3 or 4 integers 0..255.

    Names are those of Pillow's ImageColor, and `transparent`. Raises InvalidInput that names `parameter`.
    """
    if isinstance(value, str):
        text = value.strip().lower()
        if text == "transparent":
            return CLEAR
        digits = _HEXADECIMAL.fullmatch(text)
        if digits is not None or text in ImageColor.colormap:
            red, green, blue, *alpha = ImageColor.getrgb(f"#{digits[1]}" if digits else text)
            return red, green, blue, (*alpha, 255)[0]
    elif isinstance(value, list) and len(value) in (3, 4) and all(_is_byte(number) for number in value):
        red, green, blue, alpha = (*value, 255)[:4]
        return red, green, blue, alpha
    shown = quoted(value) if isinstance(value, str) else "This value"  # repr of deeply nested JSON may recurse
    raise InvalidInput(f"{shown} is not a colour.", parameter=parameter, valid=VALID)


def hexadecimal(color: Color) -> str:
    """`#rrggbb`, or `#rrggbbaa` if the colour is not opaque."""
    return "#" + "".join(f"{part:02x}" for part in (color if color[3] < 255 else color[:3]))


def _is_byte(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= 255
