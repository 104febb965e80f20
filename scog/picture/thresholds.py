"""Classes by thresholds, as people write them: `0.2,0.5`, or `bare:tan,0.2,sparse,0.5,dense:006400`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from scog.errors import InvalidInput
from scog.picture.classes import Classes, by_thresholds
from scog.picture.color import parse_color
from scog.picture.image import Color

MOST_CLASSES = 32
MAX_NAME = 64
"""Characters of a class's name."""
VALID = (
    f"ascending thresholds for at most {MOST_CLASSES} classes, such as 0.2,0.5, with names and colours between them if "
    "wanted, such as bare:tan,0.2,sparse,0.5,dense:006400"
)
_NUMBER = re.compile(r"[+-]?(\d{1,32}\.?\d{0,32}|\.\d{1,32})([eE][+-]?\d{1,2})?", re.ASCII)


def parse_classes(text: str, colors: NDArray[np.uint8]) -> Classes:
    """The classes that a text stands for; those without a colour of their own take one of `colors` `(n, 4)`, spread
    evenly. Raises InvalidInput.
    """
    parts = [part.strip() for part in text.split(",")]
    if all(map(_NUMBER.fullmatch, parts)):
        written, labels = parts, [""] * (len(parts) + 1)
    else:
        written, labels = parts[1::2], parts[0::2]
    if not written or len(labels) != len(written) + 1 or not all(map(_NUMBER.fullmatch, written)):
        raise _wrong(f"{text[:80]!r} does not alternate between names and thresholds.")
    if len(labels) > MOST_CLASSES:
        raise _wrong(f"{len(labels)} classes are too many.")
    thresholds = [float(number) for number in written]
    if any(low >= high for low, high in pairwise(thresholds)):
        raise _wrong("The thresholds do not ascend.")
    spread = colors[np.linspace(0, len(colors) - 1, len(labels)).round().astype(int)]
    own = [_named(label) for label in labels]
    names = [name or _between(thresholds, place) for place, (name, _) in enumerate(own)]
    return by_thresholds(
        thresholds,
        names,
        [color or (int(r), int(g), int(b), int(a)) for (_, color), (r, g, b, a) in zip(own, spread, strict=True)],
    )


def _named(label: str) -> tuple[str, Color | None]:
    """Name and colour of a label `name:colour`, both optional."""
    name, colon, color = label.partition(":")
    if len(name) > MAX_NAME or not name.isprintable():
        raise _wrong(f"{name[:40]!r} is too long for a name, or cannot be shown.")
    return name.strip(), parse_color(color, "classes") if colon else None


def _between(thresholds: Sequence[float], place: int) -> str:
    if place == 0:
        return f"below {thresholds[0]:g}"
    if place == len(thresholds):
        return f"{thresholds[-1]:g} and above"
    return f"{thresholds[place - 1]:g} to {thresholds[place]:g}"


def _wrong(what: str) -> InvalidInput:
    return InvalidInput(what, parameter="classes", valid=VALID)
