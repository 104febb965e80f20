"""Colormaps: those of cmap's catalogue by name, and those that people write down as JSON, as TiTiler takes them."""

from __future__ import annotations

import json
import math
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from scog.errors import InvalidInput
from scog.picture.classes import MOST, Class, Classes
from scog.picture.color import parse_color
from scog.picture.image import Color
from scog.picture.ramp import STEPS, Ramp, Range
from scog.suggest import did_you_mean, quoted

SUGGESTED = ("rdylgn", "rdylbu", "rdbu", "ylorbr", "viridis", "magma", "cividis", "greys", "terrain", "ylgn", "brbg")
PLACES = 256
"""Entries of a colormap that is written down completely."""
VALID_JSON = (
    'JSON: {"0": "#d73027", "4": [26, 152, 80, 255]} from whole numbers to colours, '
    f'or [[[-1, 0.2], "#d73027"], [[0.2, 1], "#1a9850"]] from ranges to colours; at most {MOST} of them'
)


T = TypeVar("T")


@lru_cache(maxsize=64)
def color_table(name: str) -> NDArray[np.uint8]:
    """The colours of a named map, uint8 `(STEPS, 4)`, lowest first. A name ending in `_r` is reversed.

    Raises InvalidInput for an unknown name.
    """
    import cmap  # its catalogue takes long to load, and pictures of bands do without

    known = name.isascii() and name.replace("_", "").replace(":", "").replace("-", "").isalnum() and len(name) <= 64
    forward = name.lower().removesuffix("_r")
    try:
        full = cmap.Catalog().resolve(forward) if known else ""  # of the short ones that have namesakes cmap warns
        colormap = cmap.Colormap(full + name.lower()[len(forward) :]) if full else None
    except (ValueError, KeyError, TypeError):
        colormap = None
    if colormap is None:
        near = did_you_mean(name.lower(), names()) if known else ""
        raise InvalidInput(
            f"there is no colormap {quoted(name)}{near}",
            parameter="colormap_name",
            valid=f"a name that /colorMaps lists, such as {', '.join(SUGGESTED)}; _r behind it reverses",
        )
    # As many colours as wanted, else the nearest of 256 would be taken: one or two off.
    table = (np.asarray(colormap(np.linspace(0, 1, STEPS), N=STEPS)) * 255).round().astype(np.uint8)
    table.flags.writeable = False
    return table


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """The names of all maps, in lower case and alphabetical order, without those that are reversed."""
    import cmap

    return tuple(sorted({name.lower() for name in cmap.Catalog() if ":" not in name and not name.endswith("_r")}))


def parse_colormap(text: str, shown: Range, rescaled: bool) -> Ramp | Classes:
    """The colormap that a JSON text stands for.

    A list gives colours to ranges of values, the end of each excluded. An object gives colours to whole numbers: to
    the values themselves, or, if the picture was asked for with `rescale`, to the 256 steps of that range `shown`.
    Raises InvalidInput.
    """
    try:
        written = json.loads(text)
    except (ValueError, RecursionError):
        raise _wrong("This is not JSON.") from None
    if isinstance(written, list) and written:
        return Classes(tuple(_interval(number, entry) for number, entry in enumerate(_few(written), start=1)))
    if isinstance(written, dict) and written:
        colors = {_place(key): parse_color(color, "colormap") for key, color in written.items()}
        if rescaled and colors.keys() == set(range(PLACES)):
            table = np.array([colors[place] for place in range(PLACES)], np.uint8)
            return Ramp(shown, table[np.linspace(0, PLACES - 1, STEPS).round().astype(int)])
        if rescaled and not colors.keys() <= set(range(PLACES)):
            raise _wrong(f"With rescale, colours belong to the steps 0 to {PLACES - 1}.")
        entries = sorted(_few(list(colors.items())))
        return Classes(tuple(_step(*each, shown) if rescaled else _whole_number(*each) for each in entries))
    raise _wrong("A colormap is an object or a list, and not empty.")


def _few(entries: list[T]) -> list[T]:
    if len(entries) > MOST:
        raise _wrong(f"{len(entries)} colours are too many; with rescale they may also be all of its {PLACES} steps.")
    return entries


def _place(key: str) -> int:
    sign, digits = (-1, key[1:]) if key.startswith("-") else (1, key)
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 6):
        raise _wrong(f"{key[:40]!r} is not a whole number.")
    return sign * int(digits)


def _whole_number(value: int, color: Color) -> Class:
    return Class(value, str(value), color, value, value)


def _step(place: int, color: Color, shown: Range) -> Class:
    """One of the steps into which a range is cut; the first and the last also hold what lies beyond."""
    low, step = shown[0], (shown[1] - shown[0]) / (PLACES - 1)
    begins = -math.inf if place == 0 else low + place * step
    ends = math.inf if place == PLACES - 1 else low + (place + 1) * step
    return Class(place, f"{low + place * step:g}", color, begins, ends)


def _interval(number: int, entry: Any) -> Class:
    ends = entry[0] if isinstance(entry, list) and len(entry) == 2 else None
    if not (isinstance(ends, list) and len(ends) == 2 and all(map(_is_finite, ends)) and ends[0] < ends[1]):
        raise _wrong(f"Entry {number} is not a range of values with a colour.")
    low, high = map(float, ends)
    return Class(number, f"{low:g} to {high:g}", parse_color(entry[1], "colormap"), low, high)


def _is_finite(number: object) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool) and -1e30 < number < 1e30


def _wrong(what: str) -> InvalidInput:
    return InvalidInput(what, parameter="colormap", valid=VALID_JSON)
