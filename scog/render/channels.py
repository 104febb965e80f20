"""RGB rendering: three outputs as the red, green and blue channels of an image."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scog.errors import InvalidInput
from scog.render.image import Image
from scog.render.ramp import Range, normalize, scale_to_uint8

MAX_OPERATIONS = 8
VALID_FORMULA = "gamma BANDS G, sigmoidal BANDS CONTRAST BIAS, saturation S, such as gamma RGB 1.3, saturation 1.2"
_FORMULA = re.compile(
    r"(?: ?(?:gamma [rgb]{1,3} NUMBER|sigmoidal [rgb]{1,3} NUMBER NUMBER|saturation NUMBER)(?= |$)){1,MOST}".replace(
        "NUMBER", r"(?:\d{1,3}(?:\.\d{0,9})?|\.\d{1,9})"
    ).replace("MOST", str(MAX_OPERATIONS)),
    re.ASCII | re.IGNORECASE,
)

Rgb = NDArray[np.float64]
Operation = Callable[[Rgb], Rgb]


@dataclass(frozen=True)
class Channels:
    """A value range for each of red, green and blue, and an optional colour formula in rio-color's syntax."""

    ranges: tuple[Range, Range, Range]
    color_formula: str | None = None

    def paint(self, values: NDArray[np.float32], valid: NDArray[np.bool_]) -> Image:
        """Image of values `(3, y, x)` float32, transparent where `valid` `(y, x)` is False."""
        rgba = np.empty((*valid.shape, 4), np.uint8)
        if self.color_formula is None:
            for channel, rescale in enumerate(self.ranges):
                rgba[..., channel] = scale_to_uint8(values[channel], rescale, 255)
        else:
            rgba[..., :3] = np.moveaxis(self._corrected(values), 0, -1)
        rgba[..., 3] = 255
        rgba[~valid] = 0
        return Image(rgba)

    def _corrected(self, values: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Apply the colour formula, which works on values scaled to 0..1; returns uint8 `(3, y, x)`."""
        rgb = np.stack([normalize(values[channel], rescale) for channel, rescale in enumerate(self.ranges)]).astype(
            np.float64
        )
        with np.errstate(all="ignore"):
            for operation in self._operations:
                rgb = np.clip(operation(rgb), 0, 1)
        return np.asarray((rgb * 255 + 0.5).astype(np.uint8))

    @cached_property
    def _operations(self) -> Sequence[Operation]:
        return parse_color_formula(self.color_formula or "")


def parse_color_formula(text: str) -> Sequence[Operation]:
    """Parse a colour formula into functions on float64 `(3, y, x)` arrays of 0..1, applied in order.

    The parser accepts parameters that yield NaN, so each operation is tested on a small array.
    Raises InvalidInput. Syntax: https://github.com/mapbox/rio-color
    """
    from color_operations import parse_operations  # imported here because few images need it

    words = text.replace(",", " ").split()
    try:
        if not _FORMULA.fullmatch(" ".join(words)):  # the parser ignores unknown operations
            raise ValueError("not a formula")
        operations: Sequence[Operation] = parse_operations(" ".join(words))
        with np.errstate(all="ignore"):
            for operation in operations:
                if not np.isfinite(operation(np.linspace(0, 1, 12).reshape(3, 2, 2))).all():
                    raise ValueError("an operation yields values that are not finite")
    except ValueError:
        raise InvalidInput(
            f"{text[:80]!r} is not a colour formula.",
            parameter="color_formula",
            valid=f"at most {MAX_OPERATIONS} of {VALID_FORMULA}",
        ) from None
    return operations
