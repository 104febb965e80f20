"""Colormaps: by name from cmap's catalogue, or custom ones as JSON in TiTiler's format."""

from __future__ import annotations

import json
import math
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from scog.errors import InvalidInput
from scog.render.classes import MAX_CLASSES, Class, Classes
from scog.render.color import parse_color
from scog.render.image import Color
from scog.render.ramp import STEPS, Ramp, Range
from scog.suggest import did_you_mean, quoted

SUGGESTED = ("rdylgn", "rdylbu", "rdbu", "ylorbr", "viridis", "magma", "cividis", "greys", "terrain", "ylgn", "brbg")
COLORMAP_SIZE = 256
"""Number of entries of a complete colormap."""
VALID_JSON = (
    'JSON: {"0": "#d73027", "4": [26, 152, 80, 255]} from integers to colours, '
    f'or [[[-1, 0.2], "#d73027"], [[0.2, 1], "#1a9850"]] from ranges to colours; at most {MAX_CLASSES} of them'
)


T = TypeVar("T")


@lru_cache(maxsize=64)
def color_table(name: str) -> NDArray[np.uint8]:
    """RGBA colours of a named colormap, uint8 `(STEPS, 4)`, lowest first. The suffix `_r` reverses it.

    Raises InvalidInput for an unknown name.
    """
    import cmap  # imported late: its catalogue is slow to load, and RGB images do not need it

    plausible = name.isascii() and name.replace("_", "").replace(":", "").replace("-", "").isalnum() and len(name) <= 64
    forward = name.lower().removesuffix("_r")
    try:
        full = cmap.Catalog().resolve(forward) if plausible else ""  # cmap warns of ambiguous short names
        colormap = cmap.Colormap(full + name.lower()[len(forward) :]) if full else None
    except (ValueError, KeyError, TypeError):
        colormap = None
    if colormap is None:
        suggestion = did_you_mean(name.lower(), names()) if plausible else ""
        raise InvalidInput(
            f"there is no colormap {quoted(name)}{suggestion}",
            parameter="colormap_name",
            valid=f"a name listed by /colorMaps, such as {', '.join(SUGGESTED)}; the suffix _r reverses it",
        )
    # N=STEPS interpolates exactly STEPS colours; the default of 256 would be one or two levels off.
    table = (np.asarray(colormap(np.linspace(0, 1, STEPS), N=STEPS)) * 255).round().astype(np.uint8)
    table.flags.writeable = False
    return table


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """Names of all colormaps in lower case, sorted, without the reversed ones."""
    import cmap

    return tuple(sorted({name.lower() for name in cmap.Catalog() if ":" not in name and not name.endswith("_r")}))


def parse_colormap(text: str, rescale: Range, rescaled: bool) -> Ramp | Classes:
    """Parse a colormap in TiTiler's JSON format.

    A list assigns colours to half-open value intervals `[[low, high], colour]`. An object assigns colours to integers:
    to the values themselves or, if the request has `rescale`, to the 256 steps of that range (`rescale`).
    Raises InvalidInput. Format: https://cogeotiff.github.io/rio-tiler/colormap/
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise _invalid("colormap is not valid JSON.") from None
    if isinstance(document, list) and document:
        return Classes(tuple(_interval(number, entry) for number, entry in enumerate(_limited(document), start=1)))
    if isinstance(document, dict) and document:
        colors = {_key(key): parse_color(color, "colormap") for key, color in document.items()}
        if rescaled and colors.keys() == set(range(COLORMAP_SIZE)):
            table = np.array([colors[index] for index in range(COLORMAP_SIZE)], np.uint8)
            return Ramp(rescale, table[np.linspace(0, COLORMAP_SIZE - 1, STEPS).round().astype(int)])
        if rescaled and not colors.keys() <= set(range(COLORMAP_SIZE)):
            raise _invalid(f"With rescale, the keys of a colormap must be integers from 0 to {COLORMAP_SIZE - 1}.")
        entries = sorted(_limited(list(colors.items())))
        return Classes(tuple(_step(*each, rescale) if rescaled else _single_value(*each) for each in entries))
    raise _invalid("colormap must be a non-empty JSON object or list.")


def _limited(entries: list[T]) -> list[T]:
    if len(entries) > MAX_CLASSES:
        limit = f"The limit is {MAX_CLASSES}, or all {COLORMAP_SIZE} steps with rescale."
        raise _invalid(f"{len(entries)} colours are too many. {limit}")
    return entries


def _key(key: str) -> int:
    sign, digits = (-1, key[1:]) if key.startswith("-") else (1, key)
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 6):
        raise _invalid(f"The key {key[:40]!r} is not an integer of at most 6 digits.")
    return sign * int(digits)


def _single_value(value: int, color: Color) -> Class:
    return Class(value, str(value), color, value, value)


def _step(index: int, color: Color, rescale: Range) -> Class:
    """One of the 256 steps of a range; the first and the last step extend to infinity."""
    low, step = rescale[0], (rescale[1] - rescale[0]) / (COLORMAP_SIZE - 1)
    start = -math.inf if index == 0 else low + index * step
    end = math.inf if index == COLORMAP_SIZE - 1 else low + (index + 1) * step
    return Class(index, f"{low + index * step:g}", color, start, end)


def _interval(number: int, entry: Any) -> Class:
    ends = entry[0] if isinstance(entry, list) and len(entry) == 2 else None
    if not (isinstance(ends, list) and len(ends) == 2 and all(map(_is_finite, ends)) and ends[0] < ends[1]):
        raise _invalid(f"Entry {number} is not [[low, high], colour] with low < high.")
    low, high = map(float, ends)
    return Class(number, f"{low:g} to {high:g}", parse_color(entry[1], "colormap"), low, high)


def _is_finite(number: object) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool) and -1e30 < number < 1e30


def _invalid(message: str) -> InvalidInput:
    return InvalidInput(message, parameter="colormap", valid=VALID_JSON)
