"""Which pixels the masks of a quality band hide, by its stored numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tests.doubles.collections.item import Mask2D, Numbers

Rule = Callable[[Numbers], Mask2D]


def bits(*numbers: int) -> Rule:
    """Where any of the bits is set."""
    return lambda stored: (stored & sum(1 << number for number in numbers)) != 0


def classes(*numbers: int) -> Rule:
    """Where a pixel is of a class."""
    return lambda stored: np.isin(stored, numbers)


def either(*conditions: Rule) -> Rule:
    return lambda stored: np.logical_or.reduce([condition(stored) for condition in conditions])


def masks_of(invalid: Rule, sets: Mapping[str, Rule]) -> dict[str, Rule]:
    """Masks by name; each hides invalid pixels too."""
    return {name: either(invalid, hidden) for name, hidden in sets.items()}
