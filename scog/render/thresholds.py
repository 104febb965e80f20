"""Parse classes by thresholds: `0.2,0.5`, or with names and colours `bare:tan,0.2,sparse,0.5,dense:006400`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from scog.errors import InvalidInput
from scog.render.classes import Classes, by_thresholds
from scog.render.color import parse_color
from scog.render.image import Color

MAX_THRESHOLD_CLASSES = 32
MAX_NAME = 64
"""Maximum length of a class name, in characters."""
VALID = (
    f"ascending thresholds for at most {MAX_THRESHOLD_CLASSES} classes, such as 0.2,0.5, optionally with names and "
    "colours between them, such as bare:tan,0.2,sparse,0.5,dense:006400"
)
_NUMBER = re.compile(r"[+-]?(\d{1,32}\.?\d{0,32}|\.\d{1,32})([eE][+-]?\d{1,2})?", re.ASCII)


def parse_classes(text: str, colors: NDArray[np.uint8]) -> Classes:
    """Parse the `classes` parameter. Classes without a colour take evenly spaced ones of `colors`, uint8 `(n, 4)`.

    Raises InvalidInput.
    """
    parts = [part.strip() for part in text.split(",")]
    if all(map(_NUMBER.fullmatch, parts)):
        numbers, labels = parts, [""] * (len(parts) + 1)
    else:
        numbers, labels = parts[1::2], parts[0::2]
    if not numbers or len(labels) != len(numbers) + 1 or not all(map(_NUMBER.fullmatch, numbers)):
        raise _invalid(f"{text[:80]!r} does not alternate between names and thresholds.")
    if len(labels) > MAX_THRESHOLD_CLASSES:
        raise _invalid(f"{len(labels)} classes are too many.")
    thresholds = [float(number) for number in numbers]
    if any(low >= high for low, high in pairwise(thresholds)):
        raise _invalid("The thresholds are not in ascending order.")
    defaults = colors[np.linspace(0, len(colors) - 1, len(labels)).round().astype(int)]
    parsed = [_parse_label(label) for label in labels]
    names = [name or _default_name(thresholds, index) for index, (name, _) in enumerate(parsed)]
    return by_thresholds(
        thresholds,
        names,
        [color or (int(r), int(g), int(b), int(a)) for (_, color), (r, g, b, a) in zip(parsed, defaults, strict=True)],
    )


def _parse_label(label: str) -> tuple[str, Color | None]:
    """Name and colour of a label `name:colour`, both optional."""
    name, colon, color = label.partition(":")
    if len(name) > MAX_NAME or not name.isprintable():
        raise _invalid(f"The class name {name[:40]!r} has more than {MAX_NAME} characters or unprintable ones.")
    return name.strip(), parse_color(color, "classes") if colon else None


def _default_name(thresholds: Sequence[float], index: int) -> str:
    """The interval of a class as text, such as `0.2 to 0.5`."""
    if index == 0:
        return f"below {thresholds[0]:g}"
    if index == len(thresholds):
        return f"{thresholds[-1]:g} and above"
    return f"{thresholds[index - 1]:g} to {thresholds[index]:g}"


def _invalid(message: str) -> InvalidInput:
    return InvalidInput(message, parameter="classes", valid=VALID)
