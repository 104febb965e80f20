"""The offset between stored numbers and reflectance: one pure rule, since the metadata cannot be trusted as it stands.

Reflectance = DN x 0.0001 + offset. Since processing baseline 04.00 (25 January 2022) ESA's products carry +1000 DN;
Earth Search took them off again for one collection and says so in a flag that is sometimes falsely false
(https://github.com/Element84/earth-search/issues 9, 66, 71).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

L2A = "sentinel-2-l2a"
C1 = "sentinel-2-c1-l2a"
SCALE = 0.0001
SHIFT = -0.1
"""The offset of numbers that carry +1000."""


def offset_of(collection: str, applied: bool | None, baseline: str | None) -> float | None:
    """The offset of a Sentinel-2 scene's spectral bands, or None where only the pixels can tell.

    `applied` is the flag `earthsearch:boa_offset_applied`, `baseline` the processing baseline such as `05.11`.
    """
    if collection == C1:
        return SHIFT
    if applied is True:
        return 0.0
    if baseline is not None and _version(baseline) < (4,):
        return 0.0
    return None


def settle_offset(red: NDArray[Any]) -> float:
    """The offset that stored numbers of red speak for, where the metadata is ambiguous.

    `red` holds DN of the coarsest overview. Numbers with +1000 hardly ever fall under 1000, even over water; numbers
    without do so over forest and water everywhere.
    """
    valid = red[red > 0]
    if valid.size == 0 or np.count_nonzero(valid < 1000) > 0.01 * valid.size:
        return 0.0
    return 0.0 if (valid < 900).any() else SHIFT


def _version(baseline: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in baseline.split("."))
    except ValueError:
        return (99,)
