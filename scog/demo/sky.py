"""The air between island and instrument: clouds, their shadows, veils, haze; and how they get classified.

One sky serves both squares of a pass, so a cloud on the seam is whole. Fields are float32 `(y, x)` at 20 m, since
clouds are soft; bands at 10 m get them interpolated.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scog.demo.landscape import Landscape, Sun, blurred
from scog.demo.noise import Floats, fractal, hashed, smoothstep, unit
from scog.demo.place import coarser

# In the order of spectra.BANDS.
# A thick cloud; the share of light that reaches the shadow of one; what the correction left of a hazy day.
_CLOUD = (0.83, 0.82, 0.80, 0.80, 0.79, 0.79, 0.79, 0.79, 0.77, 0.75, 0.50, 0.40)
_IN_SHADE = (0.56, 0.52, 0.44, 0.40, 0.38, 0.36, 0.35, 0.34, 0.33, 0.32, 0.26, 0.23)
_HAZE = (0.044, 0.036, 0.024, 0.016, 0.014, 0.010, 0.007, 0.004, 0.003, 0.002, 0.001, 0.0005)


class Class(IntEnum):
    """The scene classification's numbers."""

    NODATA = 0
    DARK = 2
    SHADOW = 3
    VEGETATION = 4
    BARE = 5
    WATER = 6
    UNCLASSIFIED = 7
    MEDIUM_CLOUD = 8
    HIGH_CLOUD = 9
    CIRRUS = 10
    SNOW = 11


@dataclass(frozen=True)
class Sky:
    """The weather at one pass; shares run from 0 to 1."""

    seed: int = 0
    clouds: float = 0  # share of the sky under thick clouds
    size: float = 1500  # metres from cloud to cloud
    base: float = 1100  # metres above the sea: how far shadows lie from their clouds
    veil: float = 0  # share of the sky under thin cirrus
    haze: float = 0


Field = Callable[[Sky, Floats, Floats], Floats]


class Air(NamedTuple):
    """What the sky does to one square."""

    cloud: Floats  # opacity
    light: Floats  # brightness of the cloud, 1 for a thick sunlit one
    shadow: Floats  # 0 sunlit, 1 full shadow
    veil: Floats  # opacity of cirrus


def air(sky: Sky, sun: Sun, x: Floats, y: Floats) -> Air:
    """Look at a sky from above, at frame coordinates of 20 m pixels."""
    nothing = np.zeros_like(x)
    if sky.clouds <= 0:
        return Air(nothing, nothing, nothing, _veil(sky, x, y))
    level = _level(_billows, sky, 1 - sky.clouds)
    billows = _billows(sky, x, y)
    cloud = smoothstep(billows, level - 0.08, level + 0.40)
    east, north, up = sun.towards
    away = sky.base / up
    towards_sun = _billows(sky, x + np.float32(away * east), y + np.float32(away * north))
    shadow = smoothstep(towards_sun, level - 0.07, level + 0.30)
    falls_north, falls_east = np.gradient(billows)
    sunny = (falls_north * north - falls_east * east) / math.hypot(east, north)  # rows run south
    thick = smoothstep(billows, level, level + 0.75)
    light = np.clip(0.40 + 0.58 * thick + 2.4 * sunny, 0.24, 1.08)
    return Air(cloud, light.astype(np.float32), shadow, _veil(sky, x, y))


def _billows(sky: Sky, x: Floats, y: Floats) -> Floats:
    seed = 1000 + 7 * sky.seed
    return fractal(x, y, sky.size, 5, seed, 0.56) + np.float32(0.45) * fractal(x, y, sky.size * 5, 2, seed + 1)


def _wisps(sky: Sky, x: Floats, y: Floats) -> Floats:
    """Streaks: noise drawn out along the wind."""
    turn = 0.4 + sky.seed * 1.7
    along = x * np.float32(math.cos(turn)) + y * np.float32(math.sin(turn))
    across = y * np.float32(math.cos(turn)) - x * np.float32(math.sin(turn))
    across += np.float32(500) * fractal(x, y, 5000, 2, 2000 + sky.seed)
    return fractal(np.asarray(along / 5, np.float32), across, 1300, 5, 2100 + sky.seed, 0.6)


def _veil(sky: Sky, x: Floats, y: Floats) -> Floats:
    if sky.veil <= 0:
        return np.zeros_like(x)
    level = _level(_wisps, sky, 1 - sky.veil)
    return smoothstep(_wisps(sky, x, y), level - 0.12, level + 1.1) * np.float32(0.45)


def _level(field: Field, sky: Sky, share: float) -> float:
    """The value below which this share of a field lies, all over the island."""
    x, y = np.meshgrid(np.arange(-9900, 10000, 220), np.arange(-5400, 5500, 220))
    ordered = np.sort(field(sky, x.astype(np.float32), y.astype(np.float32)).ravel())
    return float(ordered[min(ordered.size - 1, int(share * ordered.size))])


def finer(values: Floats) -> Floats:
    """From 20 m to 10 m, linearly between pixel centres."""
    return blurred(values.repeat(2, 0).repeat(2, 1), 0.25)


def through(ground: Floats, band: int, sky: Sky, seen: Air) -> Floats:
    """What arrives above the clouds of what one band of the ground reflects; `seen` has the ground's shape."""
    result = ground * (1 - seen.shadow * np.float32(1 - _IN_SHADE[band])) + np.float32(sky.haze * _HAZE[band])
    white = np.float32(_CLOUD[band])
    result += (np.float32(0.75) * white - result) * seen.veil
    result += (white * seen.light - result) * seen.cloud
    return result


def classify(
    land: Landscape, red: Floats, nir: Floats, light: Floats, snow: Floats | None, seen: Air
) -> NDArray[np.uint8]:
    """Scene classification from clear red and nir, light, snow and the air, all at 20 m: good, not perfect."""
    green = (nir - red) / np.maximum(nir + red, np.float32(0.01))
    result = np.where(green > 0.36, Class.VEGETATION, Class.BARE).astype(np.uint8)
    result[(nir < 0.12) & (light < 0.55)] = Class.DARK
    specks = unit(hashed(np.round(land.x[::2, ::2] / 60) + 9000, np.round(land.y[::2, ::2] / 60) + 9000), 3)
    result[(np.abs(green - 0.36) < 0.03) & (specks < 0.3)] = Class.UNCLASSIFIED
    result[land.water > 0.5] = Class.WATER
    if snow is not None:
        result[snow > 0.4] = Class.SNOW
    result[grown(seen.shadow > 0.2)] = Class.SHADOW
    result[seen.veil > 0.07] = Class.CIRRUS
    rim = grown(seen.cloud > 0.13)
    result[rim] = Class.MEDIUM_CLOUD
    result[grown(rim) & ~rim & (specks < 0.25)] = Class.UNCLASSIFIED
    result[seen.cloud > 0.5] = Class.HIGH_CLOUD
    return result


def grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask and the pixels beside it."""
    result = mask.copy()
    result[1:] |= mask[:-1]
    result[:-1] |= mask[1:]
    result[:, 1:] |= mask[:, :-1]
    result[:, :-1] |= mask[:, 1:]
    return result


def fine_air(seen: Air) -> Air:
    """The same air for bands at 10 m."""
    return Air(*(finer(field) if field.any() else np.zeros((1, 1), np.float32) for field in seen))


def coarse_grid(land: Landscape) -> tuple[Floats, Floats]:
    """Frame coordinates of a square's 20 m pixels."""
    return coarser(land.x), coarser(land.y)
