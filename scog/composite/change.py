"""Change between two images of the same grid, pixel by pixel."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]
Mask2D = NDArray[np.bool_]


class Change(StrEnum):
    """The operation that expresses a change."""

    DIFFERENCE = "difference"
    RATIO = "ratio"

    @property
    def label(self) -> str:
        """Display name, appended to the layer's."""
        return "change" if self is Change.DIFFERENCE else "ratio"

    @property
    def neutral(self) -> float:
        """The value without change, at the centre of the colormap."""
        return 0.0 if self is Change.DIFFERENCE else 1.0


def change(first: Values, second: Values, valid: Mask2D, kind: Change) -> tuple[Values, Mask2D]:
    """Difference or ratio of two images `(output, y, x)`: float32 of the same shape, and its validity, bool `(y, x)`.

    `valid` is True where both images are valid. A pixel becomes invalid, and all its values NaN, if in any output the
    divisor is 0 or the result overflows.
    """
    with np.errstate(all="ignore"):
        values = first - second if kind is Change.DIFFERENCE else first / second
    finite = valid & np.isfinite(values).all(axis=0)
    values[:, ~finite] = np.nan
    return values, finite
