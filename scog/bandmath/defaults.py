"""Default display range and colormap of indices that have no hand-chosen ones.

The range follows from the values of the formula over typical surfaces (`scog.bandmath.surfaces`), the colormap from the
index's domain. Both are display defaults, not published thresholds; `rescale` overrides the range.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from scog.bandmath.expression import Expression
from scog.bandmath.surfaces import Spectra, mixtures, other_surfaces, surfaces_of

COLORMAPS: Mapping[str, str] = MappingProxyType(
    {
        "vegetation": "rdylgn",
        "water": "rdbu",
        "snow": "blues_r",
        "burn": "rdylgn_r",
        "soil": "ylorbr",
        "urban": "ylorrd",
        "clouds": "greys_r",
        "radar": "viridis",
    }
)
"""Domain to colormap. The last colour means the strongest signal, such as green for dense vegetation."""

_TAILS = (2.0, 98.0)
"""Percentiles at the range's ends. Extreme values, as of ratios over dark water, would compress all other colours."""
_FENCE = 1.5
"""The range ends at most this many interquartile ranges beyond the quartiles (Tukey's fence), or at the values of the
surfaces of the index's domain. Without a fence, ratios would have no bounds if their divisor crosses 0."""
_STEPS = 20
"""Range ends are rounded to a step of 1, 2 or 5 times a power of ten; the range has about this many steps."""


def default_range(expression: Expression, domain: str) -> tuple[float, float]:
    """Values of the first and the last colour for a formula with one output.

    For the diverging water colormap the range is made symmetric around 0 unless 0 is close to one end.
    """
    values = _values(expression, mixtures(domain))
    low, lower, upper, high = map(float, np.percentile(values, (_TAILS[0], 25, 75, _TAILS[1])))
    domain_values, fence = _values(expression, surfaces_of(domain)), _FENCE * (upper - lower)
    median = float(np.median(domain_values))
    low = min(median, max(low, min(lower - fence, domain_values.min())))
    high = max(median, min(high, max(upper + fence, domain_values.max())))
    if COLORMAPS[domain] == "rdbu" and low < 0 < high and max(-low, high) <= 4 * min(-low, high):
        high = max(-low, high)
        low = -high
    step = _round_step((high - low) / _STEPS)
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step  # outwards, but never past 0
    digits = max(0, 1 - math.floor(math.log10(step)))
    return round(low, digits) + 0.0, round(high, digits) + 0.0  # + 0.0 turns -0.0 into 0.0


def default_colormap(expression: Expression, domain: str) -> str:
    """The domain's colormap, reversed if the index is lower over the domain's surfaces (as MSI is over wet leaves)."""
    name = COLORMAPS[domain]
    domain_median = np.median(_values(expression, surfaces_of(domain)))
    other_median = np.median(_values(expression, other_surfaces(domain)))
    if domain_median >= other_median:
        return name
    return name.removesuffix("_r") if name.endswith("_r") else f"{name}_r"


def _values(expression: Expression, spectra: Spectra) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Valid values of a formula over some spectra, float64 `(n,)`; `[0, 1]` if none is valid."""
    values, valid = expression.evaluate(spectra)
    finite = values[0][valid].astype(np.float64)
    return finite if finite.size else np.array([0.0, 1.0])


def _round_step(size: float) -> float:
    """The largest number not above `size` that is 1, 2 or 5 times a power of ten."""
    size = max(size, 1e-6)  # 0 for a formula with a constant value
    power: float = 10.0 ** math.floor(math.log10(size))
    return max(factor * power for factor in (1, 2, 5) if factor * power <= size * (1 + 1e-9))
