"""Ramps: a range of values spread over the colours of a colormap."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scog.picture.image import TRANSPARENT, Color, Image, palette_of

Range = tuple[float, float]
"""Value of the first and of the last colour."""
STEPS = 253
"""Colours of a ramp: a palette holds 256, one each is for what lies below, above and nowhere."""
BELOW, ABOVE = STEPS, STEPS + 1


@dataclass(frozen=True, eq=False)
class Ramp:
    """Colours `(STEPS, 4)` uint8, lowest first, over the values from `shown[0]` to `shown[1]`.

    What lies beyond takes the first or the last colour, unless `below` or `above` says otherwise.
    """

    shown: Range
    colors: NDArray[np.uint8]
    below: Color | None = None
    above: Color | None = None

    @cached_property
    def palette(self) -> NDArray[np.uint8]:
        """The colours, then what lies below and above."""
        below = self.colors[:1] if self.below is None else [self.below]
        above = self.colors[-1:] if self.above is None else [self.above]
        return palette_of(np.concatenate((self.colors, below, above)).astype(np.uint8))

    def paint(self, values: NDArray[np.float32], valid: NDArray[np.bool_]) -> Image:
        """The picture of values `(1, y, x)`, transparent where they are not valid."""
        return Image(self.numbers(values[0], valid), self.palette)

    def numbers(self, values: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Colour numbers `(y, x)`: 0 to 252 within the range, 253 below, 254 above it, 255 where not valid."""
        numbers = spread(values, self.shown, STEPS - 1)
        if self.below is not None:
            numbers[values < np.float32(self.shown[0])] = BELOW
        if self.above is not None:
            numbers[values > np.float32(self.shown[1])] = ABOVE
        numbers[~valid] = TRANSPARENT
        return numbers


def spread(values: NDArray[np.float32], shown: Range, last: int) -> NDArray[np.uint8]:
    """Whole numbers 0 to `last` for values from one end of a range to the other; what lies outside takes the ends."""
    scaled = shares(values, shown, last)
    scaled += np.float32(0.5)
    with np.errstate(all="ignore"):  # what is not finite is invalid, and painted over
        numbers: NDArray[np.uint8] = scaled.astype(np.uint8)
    return numbers


def spread16(values: NDArray[np.float32], valid: NDArray[np.bool_], shown: Range) -> NDArray[np.uint16]:
    """Whole numbers 1 to 65535 for values `(y, x)` from one end of a range to the other; 0 where not valid."""
    numbers = (shares(values, shown, 65534) + np.float32(1.5)).astype(np.uint16)
    numbers[~valid] = 0
    return numbers


def shares(values: NDArray[np.float32], shown: Range, last: float = 1.0) -> NDArray[np.float32]:
    """Where values lie between the ends of a range, 0 to `last`, float32; 0 for what is not a number."""
    low, high = shown
    with np.errstate(all="ignore"):
        scaled = values - np.float32(low)
        scaled *= np.float32(last / (high - low))
        np.clip(scaled, 0, last, out=scaled)
    scaled[np.isnan(scaled)] = 0
    return scaled
