"""Terrain: hillshade and slope of an elevation model, by Horn's gradient, as `gdaldem`.

B. K. P. Horn, "Hill shading and the reflectance map", Proceedings of the IEEE 69(1), 1981, DOI 10.1109/PROC.1981.11918.
"""

from __future__ import annotations

import math
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

AZIMUTH, ALTITUDE = 315.0, 45.0
"""Direction of the light in degrees: clockwise from north, and above the horizon."""
MARGIN = 1
"""Number of pixels on each side from which a pixel is derived."""

Values = NDArray[np.float32]
Mask2D = NDArray[np.bool_]


class Surface(StrEnum):
    """What is derived from elevations in metres: shading from 1 (dark) to 255, or slope in degrees from 0 to 90."""

    HILLSHADE = "hillshade"
    SLOPE = "slope"


def derive(surface: Surface, elevations: Values, valid: Mask2D, metres: NDArray[np.float64]) -> tuple[Values, Mask2D]:
    """A surface derived from elevations: values float32 `(output, y, x)`, NaN where invalid, and validity `(y, x)`.

    elevations  in metres, `(output, y + 2, x + 2)`: with a margin of one pixel
    valid       validity of the elevations, `(y + 2, x + 2)`; a pixel is valid if it and its eight neighbours are
    metres      metres on the ground to east and to north per column and per row, float64 `(2, 2, y)`
    """
    inner = _all_valid(valid)
    with np.errstate(all="ignore"):  # invalid elevations may be anything
        east, north = gradient(elevations, metres)
        values = slope(east, north) if surface is Surface.SLOPE else hillshade(east, north)
    values[:, ~inner] = np.nan
    return values, inner


def gradient(elevations: Values, metres: NDArray[np.float64]) -> tuple[Values, Values]:
    """Rise per metre to east and to north, float32 `(..., y, x)`, from elevations with a margin of one pixel.

    `metres` is as in `derive`. Differences are taken first: those of close float32 numbers are exact.
    """
    across = elevations[..., 2:] - elevations[..., :-2]
    down = elevations[..., 2:, :] - elevations[..., :-2, :]
    per_col = (across[..., :-2, :] + 2 * across[..., 1:-1, :] + across[..., 2:, :]) / np.float32(8)
    per_row = (down[..., :-2] + 2 * down[..., 1:-1] + down[..., 2:]) / np.float32(8)
    (east_per_col, east_per_row), (north_per_col, north_per_row) = metres
    determinant = east_per_col * north_per_row - east_per_row * north_per_col

    def weight(metres_per_pixel: NDArray[np.float64]) -> Values:
        return np.asarray(metres_per_pixel / determinant, np.float32)[:, np.newaxis]

    if not (east_per_row.any() or north_per_col.any()):
        return per_col * weight(north_per_row), per_row * weight(east_per_col)
    return (
        per_col * weight(north_per_row) - per_row * weight(north_per_col),
        per_row * weight(east_per_col) - per_col * weight(east_per_row),
    )


def slope(east: Values, north: Values) -> Values:
    """Slope in degrees from a gradient."""
    return np.asarray(np.degrees(np.arctan(np.hypot(east, north))), np.float32)


def hillshade(east: Values, north: Values) -> Values:
    """Brightness of a surface with a gradient: 255 if it faces the light, 1 if it faces away."""
    azimuth, altitude = math.radians(AZIMUTH), math.radians(ALTITUDE)
    to_east, to_north = (np.float32(math.cos(altitude) * part(azimuth)) for part in (math.sin, math.cos))
    facing = np.float32(math.sin(altitude)) - to_east * east - to_north * north
    cosine = facing / np.sqrt(1 + east * east + north * north)
    return np.asarray(1 + 254 * np.maximum(cosine, 0), np.float32)


def _all_valid(valid: Mask2D) -> Mask2D:
    """Whether a pixel and its eight neighbours are valid, bool `(y, x)`, from validity with a margin of one pixel."""
    rows = valid[:-2] & valid[1:-1] & valid[2:]
    return np.asarray(rows[:, :-2] & rows[:, 1:-1] & rows[:, 2:])
