"""Masks from the scene classification (SCL): pixels of a scene that must not be used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scog.cog.validity import is_whole_number
from scog.collections.profile import Profile
from scog.composite.dilation import MAX_METRES
from scog.errors import InvalidInput

VALID = "clouds, none, or SCL classes (0 to 11) separated by commas, such as 3,8,9"


@dataclass(frozen=True)
class Mask:
    """SCL classes to mask. If `classes` is None, nothing is masked, and SCL is not read.

    Pixels within `dilate` metres on the ground of a masked pixel are masked too. Class 0 (no data) is not dilated.
    """

    classes: frozenset[int] | None
    dilate: float = 0.0

    def usable(self, scl: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether each pixel may be used, from SCL values of any dtype.

        Class 0 (no data) and values that are not integers, such as NaN or 4.5, are never usable.
        """
        classes = sorted({0, *(self.classes or ())})
        usable: NDArray[np.bool_]
        if scl.dtype == np.uint8:  # the dtype of Sentinel-2's SCL
            table = np.ones(256, bool)
            table[classes] = False
            usable = table.take(scl)
        else:
            usable = ~np.isin(scl, np.array(classes, scl.dtype)) & is_whole_number(scl)
        return usable


def parse_mask(text: str | None, dilate: float, profile: Profile) -> Mask:
    """A mask from `clouds`, `none` or a list of classes, dilated by `dilate` metres. Raises InvalidInput."""
    if not 0 <= dilate <= MAX_METRES:
        valid = f"0 to {MAX_METRES:g}"
        raise InvalidInput(f"mask_dilate must not be {dilate:g} metres.", parameter="mask_dilate", valid=valid)
    text = profile.default_mask if text is None else text
    known = frozenset() if profile.mask is None else frozenset(profile.mask.names.values())
    if text == "clouds" and profile.mask is not None:
        return Mask(profile.mask.sets["clouds"], dilate)
    if text == "none":
        if dilate:
            message = "mask_dilate has no effect without a mask."
            raise InvalidInput(message, parameter="mask_dilate", valid="omit mask_dilate, or set a mask")
        return Mask(None)
    parts = [part.strip() for part in text.split(",")]  # int() accepts less white space than strip() removes
    if not all(part.isascii() and part.isdecimal() and len(part) <= 2 for part in parts):
        raise InvalidInput(f"{text[:80]!r} is not a mask.", parameter="mask", valid=VALID)
    classes = frozenset(int(part) for part in parts)
    if not classes <= known:
        raise InvalidInput(f"There is no SCL class {max(classes)}.", parameter="mask", valid=VALID)
    return Mask(classes, dilate)
