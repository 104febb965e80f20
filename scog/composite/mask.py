"""Masks from the scene classification: which pixels of a scene are not to be used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scog.cog.validity import is_class
from scog.collections.scene_classification import BY_NUMBER, CLOUDS
from scog.composite.dilation import MAX_METRES
from scog.errors import InvalidInput

VALID = "clouds, none, or SCL classes (0 to 11) divided by commas, such as 3,8,9"


@dataclass(frozen=True)
class Mask:
    """SCL classes that are taken out; none at all where `classes` is None, and then SCL is not read.

    With them goes what is nearer to them than `dilate` metres on the ground. Class 0, no data, does not grow.
    """

    classes: frozenset[int] | None
    dilate: float = 0.0

    def usable(self, scl: NDArray[Any]) -> NDArray[np.bool_]:
        """For SCL numbers of any type, True where the pixel may be used. Class 0, no data, never may.

        Each whole number is a class of its own; what is none, such as NaN or 4.5, may not be used.
        """
        classes = sorted({0, *(self.classes or ())})
        usable: NDArray[np.bool_]
        if scl.dtype == np.uint8:  # as Sentinel-2's are
            table = np.ones(256, bool)
            table[classes] = False
            usable = table.take(scl)
        else:
            usable = ~np.isin(scl, np.array(classes, scl.dtype)) & is_class(scl)
        return usable


def parse_mask(text: str, dilate: float = 0.0) -> Mask:
    """`clouds`, `none` or a list of classes, grown by so many metres. Raises InvalidInput."""
    if not 0 <= dilate <= MAX_METRES:
        valid = f"0 to {MAX_METRES:g}"
        raise InvalidInput(f"A mask does not grow by {dilate:g} metres.", parameter="mask_dilate", valid=valid)
    if text == "clouds":
        return Mask(CLOUDS, dilate)
    if text == "none":
        if dilate:
            what = "Where nothing is masked, no mask can grow."
            raise InvalidInput(what, parameter="mask_dilate", valid="leave it out, or choose a mask")
        return Mask(None)
    parts = [part.strip() for part in text.split(",")]  # int() accepts less white space than strip() removes
    if not all(part.isascii() and part.isdecimal() and len(part) <= 2 for part in parts):
        raise InvalidInput(f"{text[:80]!r} is not a mask.", parameter="mask", valid=VALID)
    classes = frozenset(int(part) for part in parts)
    if not classes <= BY_NUMBER.keys():
        raise InvalidInput(f"There is no SCL class {max(classes)}.", parameter="mask", valid=VALID)
    return Mask(classes, dilate)
