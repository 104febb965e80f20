"""The island on a day: what each pixel of a square reflects under a clear sky.

Everything here depends on place, day and sun alone. Arrays are float32 `(y, x)` at 10 m.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scog.demo.cover import cover
from scog.demo.noise import Floats, bands_of_rows, fractal, smoothstep
from scog.demo.place import Square, coarser, frame_grid
from scog.demo.spectra import VARIANTS, Kind, table, water_over
from scog.demo.terrain import Terrain, terrain

# In the order of spectra.BANDS.
_SNOW = (0.89, 0.88, 0.85, 0.82, 0.81, 0.79, 0.775, 0.76, 0.74, 0.70, 0.07, 0.05)
_SEABED = (0.14, 0.165, 0.215, 0.235, 0.25, 0.26, 0.265, 0.27, 0.28, 0.28, 0.30, 0.27)
_STEEPER = 1.5  # hills are lit as if they were steeper, for the eye


@dataclass(frozen=True)
class Landscape:
    """What does not change from date to date in one square."""

    square: Square
    x: Floats  # frame metres
    y: Floats
    code: NDArray[np.uint8]  # kind * VARIANTS + variant
    texture: Floats
    height: Floats
    normal: tuple[Floats, Floats, Floats]  # unit vector of the slope: east, north, up
    sea: tuple[Floats, ...]  # one a band: reflectance of the sea
    wet: NDArray[np.bool_]  # where it is sea
    water: Floats  # share of water of any sort, at 20 m


def landscape(square: Square) -> Landscape:
    """Draw one square; takes a second or two, so draw it once for all dates."""
    x, y = frame_grid(square)
    land = terrain(x, y)
    ground = cover(x, y, land)
    wet = ground.code // VARIANTS == Kind.SEA
    water = (wet | (ground.code // VARIANTS == Kind.FRESH_WATER)).astype(np.float32)
    meadows = smoothstep(fractal(x, y, 420, 4, 93), -0.05, 0.3) * smoothstep(land.depth, 1.5, 4)  # of sea grass
    sand = 1 - np.float32(0.72) * meadows
    sea = tuple(water_over(np.float32(bed) * sand, land.depth, band) for band, bed in enumerate(_SEABED))
    return Landscape(
        square, x, y, ground.code, ground.texture, land.height, _normal(land), sea, wet, coarser(water)
    )  # fmt: skip


def _normal(land: Terrain) -> tuple[Floats, Floats, Floats]:
    east, north = _STEEPER * land.slope_east, _STEEPER * land.slope_north
    up = np.asarray(1 / np.sqrt(1 + east**2 + north**2), np.float32)
    return -east * up, -north * up, up


@dataclass(frozen=True)
class Sun:
    """Where the sun stands: azimuth from north over east, height above the horizon; degrees."""

    azimuth: float
    elevation: float

    @property
    def towards(self) -> tuple[float, float, float]:
        """Unit vector to the sun: east, north, up."""
        a, e = math.radians(self.azimuth), math.radians(self.elevation)
        return math.sin(a) * math.cos(e), math.cos(a) * math.cos(e), math.sin(e)


def sunlight(land: Landscape, sun: Sun) -> Floats:
    """Light on the slopes relative to level ground; the sky lights what the sun does not."""
    east, north, up = (np.float32(part) for part in sun.towards)
    direct = np.maximum(land.normal[0] * east + land.normal[1] * north + land.normal[2] * up, 0) / up
    return np.asarray(np.float32(0.22) + np.float32(0.78) * np.minimum(direct, np.float32(2.2)), np.float32)


def snow_share(land: Landscape, snow_line: float) -> Floats:
    """How much of each pixel lies under snow, when it lies above a height in metres."""
    ragged = land.height + np.float32(230) * np.clip(land.texture - 1, -0.25, 0.25)
    trees = np.isin(land.code // VARIANTS, (Kind.EVERGREEN, Kind.DECIDUOUS))
    most = np.where(trees, np.float32(0.45), np.float32(0.95))
    return np.where(land.height > 0, smoothstep(ragged, snow_line - 60, snow_line + 120) * most, np.float32(0))


def reflectance(land: Landscape, day: int, light: Floats, snow: Floats | None) -> Iterator[Floats]:
    """Surface reflectance under a clear sky, one array a band in the order of `BANDS`; light and snow as above."""
    light = land.texture * light
    for band, of_surface in enumerate(table(day)):
        ground = of_surface.take(land.code)
        ground *= light
        if snow is not None:
            ground += (np.float32(_SNOW[band]) * light - ground) * snow
        np.copyto(ground, land.sea[band], where=land.wet)
        yield blurred(ground)


def blurred(values: Floats, side: float = 0.2) -> Floats:
    """As an instrument sees: each pixel has caught a share of the light of its neighbours on every side."""
    middle, beside = np.float32(1 - 2 * side), np.float32(side)
    padded, result = np.pad(values, 1, mode="edge"), np.empty_like(values)
    for rows in bands_of_rows(values):
        part = padded[rows.start : rows.stop + 2]
        down = part[1:-1] * middle + (part[:-2] + part[2:]) * beside
        result[rows] = down[:, 1:-1] * middle + (down[:, :-2] + down[:, 2:]) * beside
    return result
