"""Slope and hillshade of a raster in degrees, by Horn's formula as a loop over its weights, in double precision."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.doubles.orthophotos import Ortho

METRES_PER_DEGREE = 111_320.0
Numbers = NDArray[np.float64]


def slope(raster: Ortho) -> Numbers:
    """Slope in degrees of all but the outermost pixels."""
    east, north = _gradient(raster)
    return np.degrees(np.arctan(np.hypot(east, north)))


def hillshade(raster: Ortho) -> Numbers:
    """Cosine of the angle between the normal and the light from the north-west at 45 degrees, as 1 to 255."""
    east, north = _gradient(raster)
    normal = np.stack((-east, -north, np.ones_like(east))) / np.sqrt(1 + east**2 + north**2)
    light = np.array([-0.5, 0.5, np.sqrt(0.5)])
    return 1 + 254 * np.maximum(np.tensordot(light, normal, 1), 0)


def _gradient(raster: Ortho) -> tuple[Numbers, Numbers]:
    numbers = raster.numbers.astype(np.float64)
    height, width = (length - 2 for length in numbers.shape)
    per_col, per_row = np.zeros((2, height, width))
    for row in range(3):
        for col in range(3):
            part = numbers[row : row + height, col : col + width]
            per_col += part * (col - 1) * (1, 2, 1)[row] / 8
            per_row += part * (row - 1) * (1, 2, 1)[col] / 8
    lat = raster.transform.f + raster.transform.e * (np.arange(1, height + 1) + 0.5)
    across = raster.transform.a * METRES_PER_DEGREE * np.cos(np.radians(lat))
    return per_col / across[:, np.newaxis], per_row / (raster.transform.e * METRES_PER_DEGREE)
