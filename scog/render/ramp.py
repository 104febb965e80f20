"""Ramps: a value range mapped linearly onto the colours of a colormap."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scog.errors import InvalidInput
from scog.render.image import TRANSPARENT, Color, Image, palette_of

Range = tuple[float, float]
"""Values of the first and the last colour."""
STEPS = 253
"""Number of colours of a ramp. The other three entries of a palette are for values below and above the range, and for
invalid pixels."""
BELOW, ABOVE = STEPS, STEPS + 1
"""Palette indices of values below and above the range."""


@dataclass(frozen=True, eq=False)
class Ramp:
    """A linear colour ramp.

    rescale  values of the first and the last colour
    colors   RGBA uint8 `(STEPS, 4)`, lowest value first
    below    colour of values below the range; None: the first colour
    above    colour of values above the range; None: the last colour
    """

    rescale: Range
    colors: NDArray[np.uint8]
    below: Color | None = None
    above: Color | None = None

    @cached_property
    def palette(self) -> NDArray[np.uint8]:
        """Palette `(256, 4)` uint8: the colours, then those for BELOW and ABOVE, then transparent."""
        below = self.colors[:1] if self.below is None else [self.below]
        above = self.colors[-1:] if self.above is None else [self.above]
        return palette_of(np.concatenate((self.colors, below, above)).astype(np.uint8))

    def paint(self, values: NDArray[np.float32], valid: NDArray[np.bool_]) -> Image:
        """Image of values `(1, y, x)` float32, transparent where `valid` `(y, x)` is False."""
        return Image(self.palette_indices(values[0], valid), self.palette)

    def palette_indices(self, values: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Palette indices uint8 `(y, x)`: 0..252 within the range, BELOW, ABOVE, or TRANSPARENT where not valid."""
        indices = scale_to_uint8(values, self.rescale, STEPS - 1)
        if self.below is not None:
            indices[values < np.float32(self.rescale[0])] = BELOW
        if self.above is not None:
            indices[values > np.float32(self.rescale[1])] = ABOVE
        indices[~valid] = TRANSPARENT
        return indices


def scale_to_uint8(values: NDArray[np.float32], rescale: Range, last: int) -> NDArray[np.uint8]:
    """Scale values linearly from a range to integers 0..`last`, rounded and clipped; uint8, same shape."""
    scaled = normalize(values, rescale, last)
    scaled += np.float32(0.5)
    with np.errstate(all="ignore"):  # non-finite values are invalid and overwritten by the caller
        integers: NDArray[np.uint8] = scaled.astype(np.uint8)
    return integers


def scale_to_uint16(values: NDArray[np.float32], valid: NDArray[np.bool_], rescale: Range) -> NDArray[np.uint16]:
    """Scale values `(y, x)` linearly from a range to uint16 1..65535, rounded and clipped; 0 where not valid."""
    integers = (normalize(values, rescale, 65534) + np.float32(1.5)).astype(np.uint16)
    integers[~valid] = 0
    return integers


def normalize(values: NDArray[np.float32], rescale: Range, last: float = 1.0) -> NDArray[np.float32]:
    """Scale values linearly from a range to 0..`last`, clipped; float32, same shape, NaN becomes 0."""
    low, high = rescale
    with np.errstate(all="ignore"):
        scaled = values - np.float32(low)
        scaled *= np.float32(last / (high - low))
        np.clip(scaled, 0, last, out=scaled)
    scaled[np.isnan(scaled)] = 0
    return scaled


NUMBER = re.compile(r"[+-]?(\d{1,64}\.?\d{0,64}|\.\d{1,64})([eE][+-]?\d{1,3})?", re.ASCII)
_LARGEST = 1e30
"""Maximum magnitude of a range's ends. Beyond it, float32 arithmetic overflows."""


def _bad_range(text: str) -> InvalidInput:
    return InvalidInput(
        f"{text[:80]!r} is not a range of values.",
        parameter="rescale",
        valid="two finite numbers, the lower first, such as -0.2,0.9",
    )


def parse_rescale(texts: list[str]) -> list[tuple[float, float]]:
    """Ranges `low,high`. Raises InvalidInput unless all are finite and ascending."""
    ranges = []
    for text in texts:
        parts = text.split(",")
        if len(parts) % 2 or not all(NUMBER.fullmatch(part.strip()) for part in parts):
            raise _bad_range(text)
        numbers = [float(part) for part in parts]
        for low, high in zip(numbers[::2], numbers[1::2], strict=True):
            if not (abs(low) < _LARGEST and abs(high) < _LARGEST and low < high):
                raise _bad_range(text)
            ranges.append((low, high))
    return ranges
