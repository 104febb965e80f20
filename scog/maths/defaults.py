"""The range and the colours of an index that nobody chose them for.

They are defaults for looking, not published thresholds: the range is what the formula gives over a table of typical
surfaces (`scog.maths.surfaces`), the colours say what the index is for. Whoever measures sets their own `rescale`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from scog.maths.expression import Expression
from scog.maths.surfaces import Spectra, mixtures, surfaces_beside, surfaces_of

COLORMAPS: Mapping[str, str] = MappingProxyType(
    {
        "vegetation": "rdylgn",
        "water": "rdbu",
        "snow": "blues_r",
        "burn": "rdylgn_r",
        "soil": "ylorbr",
        "urban": "ylorrd",
        "clouds": "greys_r",
    }
)
"""Domain to colormap; its last colour is for most of what the domain is named after: green, blue, white, red, brown."""

_TAILS = (2.0, 98.0)
"""Percentiles that become the ends of the range: ratios run away over dark water, and all else would be one colour."""
_FENCE = 1.5
"""Interquartile ranges beyond the quartiles at which the range ends unless the domain's own surfaces lie further out:
ratios whose divisor crosses 0 know no bounds."""
_STEPS = 20
"""The ends are round numbers, about this many of them within the range."""


def default_range(expression: Expression, domain: str) -> tuple[float, float]:
    """Values of the first and the last colour, for a formula of one output.

    Where 0 lies well within, as for most indices of water, it is the middle of colours that have one.
    """
    values = _values(expression, mixtures(domain))
    low, lower, upper, high = map(float, np.percentile(values, (_TAILS[0], 25, 75, _TAILS[1])))
    own, beyond = _values(expression, surfaces_of(domain)), _FENCE * (upper - lower)
    middle = float(np.median(own))
    low = min(middle, max(low, min(lower - beyond, own.min())))
    high = max(middle, min(high, max(upper + beyond, own.max())))
    if COLORMAPS[domain] == "rdbu" and low < 0 < high and max(-low, high) <= 4 * min(-low, high):
        high = max(-low, high)
        low = -high
    step = _round_step((high - low) / _STEPS)
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step  # never beyond 0, -1 or 1: all are round
    digits = max(0, 1 - math.floor(math.log10(step)))
    return round(low, digits) + 0.0, round(high, digits) + 0.0  # never -0.0


def default_colormap(expression: Expression, domain: str) -> str:
    """The domain's colormap, turned round if the index is low where there is most of it (as MSI is over wet leaves)."""
    name = COLORMAPS[domain]
    within = np.median(_values(expression, surfaces_of(domain)))
    beside = np.median(_values(expression, surfaces_beside(domain)))
    if within >= beside:
        return name
    return name.removesuffix("_r") if name.endswith("_r") else f"{name}_r"


def _values(expression: Expression, spectra: Spectra) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """What a formula gives, where it gives anything; two numbers that are something if it never does."""
    values, valid = expression.evaluate(spectra)
    known = values[0][valid].astype(np.float64)
    return known if known.size else np.array([0.0, 1.0])


def _round_step(about: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is not larger."""
    about = max(about, 1e-6)  # a formula that gives one value only
    power: float = 10.0 ** math.floor(math.log10(about))
    return max(factor * power for factor in (1, 2, 5) if factor * power <= about * (1 + 1e-9))
