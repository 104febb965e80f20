"""The offset from DN to reflectance of Sentinel-2: one pure rule, because the metadata is unreliable.

Reflectance = DN x 0.0001 + offset. Since processing baseline 04.00 (25 January 2022), ESA adds 1000 to every DN. Earth
Search subtracted it again in `sentinel-2-l2a` and records that in the flag `earthsearch:boa_offset_applied`, which is
false for some items whose offset was in fact applied (https://github.com/Element84/earth-search/issues 9, 66, 71).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

L2A = "sentinel-2-l2a"
C1 = "sentinel-2-c1-l2a"
SCALE = 0.0001
SHIFT = -0.1
"""Reflectance offset of DN that include ESA's +1000."""


def offset_of(collection: str, applied: bool | None, baseline: str | None) -> float | None:
    """Reflectance offset of a Sentinel-2 scene's spectral bands, or None if the metadata is ambiguous.

    If None, `estimate_offset` decides from the pixels. `applied` is the flag `earthsearch:boa_offset_applied`,
    `baseline` the processing baseline, such as `05.11`.
    """
    if collection == C1:
        return SHIFT
    if applied is True:
        return 0.0
    if baseline is not None and _version(baseline) < (4,):
        return 0.0
    return None


def estimate_offset(red: NDArray[Any]) -> float:
    """Reflectance offset estimated from the pixels of a scene whose metadata is ambiguous.

    `red` holds DN of the red band's coarsest overview; 0 is nodata. With ESA's +1000, DN are hardly ever below 1000,
    even over water. Without it, forest and water are below 1000 everywhere.
    """
    valid = red[red > 0]
    if valid.size == 0 or np.count_nonzero(valid < 1000) > 0.01 * valid.size:
        return 0.0
    return 0.0 if (valid < 900).any() else SHIFT


def _version(baseline: str) -> tuple[int, ...]:
    """A processing baseline as numbers, such as `(5, 11)`. An unreadable one counts as newer than any other."""
    try:
        return tuple(int(part) for part in baseline.split("."))
    except ValueError:
        return (99,)
