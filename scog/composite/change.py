"""Changes: what two pictures of a place show beside each other, pixel by pixel."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]
Mask2D = NDArray[np.bool_]


class Change(StrEnum):
    """How a change is told."""

    DIFFERENCE = "difference"
    RATIO = "ratio"

    @property
    def label(self) -> str:
        """For people, behind the layer's."""
        return "change" if self is Change.DIFFERENCE else "ratio"

    @property
    def none(self) -> float:
        """The value where nothing has changed: the middle of its colours."""
        return 0.0 if self is Change.DIFFERENCE else 1.0


def change(first: Values, second: Values, valid: Mask2D, how: Change) -> tuple[Values, Mask2D]:
    """First minus second, or first over second, float32 `(output, y, x)`; and where that is known, bool `(y, x)`.

    `valid` is where both are. What is divided by 0 is not known, and neither is what overflows. NaN where not known.
    """
    with np.errstate(all="ignore"):
        values = first - second if how is Change.DIFFERENCE else first / second
    known = valid & np.isfinite(values).all(axis=0)
    values[:, ~known] = np.nan
    return values, known
