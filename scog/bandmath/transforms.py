"""Transforms: quantities whose values are shown on another scale than that on which they may be averaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Decibel:
    """Decibels of a linear power: 10 log10(power). A power that is not above 0 has none.

    Power is averaged, decibels are not: the mean of -20 dB and 0 dB is -3 dB. A difference in dB is a ratio of power.
    """

    name: str = "decibel"
    unit: str = "dB"

    def of(self, power: NDArray[Any]) -> NDArray[Any]:
        """Decibels, in the dtype of `power`, float32 or float64; NaN where there are none."""
        with np.errstate(all="ignore"):
            decibels: NDArray[Any] = np.log10(power)
            decibels *= 10
        decibels[~np.isfinite(decibels)] = np.nan
        return decibels

    def of_number(self, power: float) -> float:
        """Decibels of one number above 0."""
        return float(self.of(np.array([power], np.float64))[0])

    def linear(self, decibels: NDArray[Any]) -> NDArray[np.float64]:
        """The power of decibels, float64."""
        return np.asarray(np.power(10.0, np.asarray(decibels, np.float64) / 10))


Transform = Decibel
DECIBEL = Decibel()
TRANSFORMS: Mapping[str, Transform] = MappingProxyType({DECIBEL.name: DECIBEL})
"""Transforms by their name in profiles."""

Transforms = tuple[Transform | None, ...]
"""The transform of each output; empty if no output has one."""


def transforms_of(name: str, outputs: int) -> Transforms:
    """The transform of a name for each of `outputs`; empty for an empty name. Raises KeyError for an unknown one."""
    return (TRANSFORMS[name],) * outputs if name else ()


def unit_of(name: str) -> str:
    """The unit of a transform's values by its name; empty for an empty name. Raises KeyError for an unknown one."""
    return TRANSFORMS[name].unit if name else ""


def transformed(
    transforms: Sequence[Transform | None], values: NDArray[np.float32], valid: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Values float32 `(output, y, x)` on the scale of their transforms, and their validity bool `(y, x)`.

    A pixel becomes invalid, and all its values NaN, if an output has no value on its scale.
    """
    if not any(transforms):
        return values, valid
    values, valid = values.copy(), valid.copy()
    for transform, output in zip(transforms, values, strict=True):
        if transform is not None:
            output[:] = transform.of(output)
            valid &= np.isfinite(output)
    values[:, ~valid] = np.nan
    return values, valid
