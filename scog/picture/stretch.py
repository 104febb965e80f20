"""From values to colour numbers: the range that is shown is spread over all colours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Range = tuple[float, float]
"""Value of the first and of the last colour."""
TRANSPARENT = 255


def to_palette(values: NDArray[np.float32], valid: NDArray[np.bool_], shown: Range) -> NDArray[np.uint8]:
    """Numbers 0 to 254 of a colour table for values `(y, x)`, 255 where invalid. What lies outside takes the ends."""
    numbers = _spread(values, shown, 254)
    numbers[~valid] = TRANSPARENT
    return numbers


def to_rgba(values: NDArray[np.float32], valid: NDArray[np.bool_], shown: Sequence[Range]) -> NDArray[np.uint8]:
    """Colours `(y, x, 4)` for values `(3, y, x)`, each with its own range; alpha 0 where invalid."""
    rgba = np.zeros((*valid.shape, 4), np.uint8)
    for channel, band_range in enumerate(shown):
        rgba[..., channel] = _spread(values[channel], band_range, 255)
    rgba[~valid] = 0
    rgba[valid, 3] = 255
    return rgba


def _spread(values: NDArray[np.float32], shown: Range, last: int) -> NDArray[np.uint8]:
    low, high = shown
    with np.errstate(all="ignore"):  # what is not finite is invalid, and painted over
        scaled = (values - np.float32(low)) * np.float32(last / (high - low)) + np.float32(0.5)
        numbers: NDArray[np.uint8] = np.nan_to_num(np.clip(scaled, 0, last), copy=False).astype(np.uint8)
    return numbers
