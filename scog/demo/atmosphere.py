"""Clouds, cloud shadows, cirrus and haze, and the scene classification.

Both tiles of an overpass share one sky, so clouds continue across the seam. Fields are float32 `(y, x)` at 20 m and are
interpolated for bands at 10 m.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scog.demo.landscape import Landscape, Sun, blur
from scog.demo.mgrs import downsample
from scog.demo.noise import Floats, fractal, hashed, smoothstep, unit

# In the order of spectra.BANDS: reflectance of a thick cloud; transmittance in its shadow; residual haze reflectance.
_CLOUD = (0.83, 0.82, 0.80, 0.80, 0.79, 0.79, 0.79, 0.79, 0.77, 0.75, 0.50, 0.40)
_IN_SHADE = (0.56, 0.52, 0.44, 0.40, 0.38, 0.36, 0.35, 0.34, 0.33, 0.32, 0.26, 0.23)
_HAZE = (0.044, 0.036, 0.024, 0.016, 0.014, 0.010, 0.007, 0.004, 0.003, 0.002, 0.001, 0.0005)


class SclClass(IntEnum):
    """Values of the scene classification (SCL)."""

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
    """The weather of one overpass."""

    seed: int = 0
    clouds: float = 0  # fraction covered by thick clouds
    size: float = 1500  # distance between clouds, metres
    base: float = 1100  # cloud base above the sea, metres; determines the offset of shadows
    veil: float = 0  # fraction covered by thin cirrus
    haze: float = 0  # 0 to 1


Field = Callable[[Sky, Floats, Floats], Floats]


class Atmosphere(NamedTuple):
    """The atmosphere over one tile, fields from 0 to 1."""

    cloud: Floats  # opacity of clouds
    light: Floats  # brightness of clouds, 1 for a thick sunlit one
    shadow: Floats  # 0 sunlit, 1 full shadow
    veil: Floats  # opacity of cirrus


def atmosphere_of(sky: Sky, sun: Sun, x: Floats, y: Floats) -> Atmosphere:
    """The atmosphere `(y, x)` of a sky at frame coordinates `(y, x)` of 20 m pixels, in metres."""
    nothing = np.zeros_like(x)
    if sky.clouds <= 0:
        return Atmosphere(nothing, nothing, nothing, _veil(sky, x, y))
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
    return Atmosphere(cloud, light.astype(np.float32), shadow, _veil(sky, x, y))


def _billows(sky: Sky, x: Floats, y: Floats) -> Floats:
    seed = 1000 + 7 * sky.seed
    return fractal(x, y, sky.size, 5, seed, 0.56) + np.float32(0.45) * fractal(x, y, sky.size * 5, 2, seed + 1)


def _wisps(sky: Sky, x: Floats, y: Floats) -> Floats:
    """Streaks: noise stretched along the wind direction."""
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
    """Quantile `share` of a field over the whole island."""
    x, y = np.meshgrid(np.arange(-9900, 10000, 220), np.arange(-5400, 5500, 220))
    ordered = np.sort(field(sky, x.astype(np.float32), y.astype(np.float32)).ravel())
    return float(ordered[min(ordered.size - 1, int(share * ordered.size))])


def upsample(values: Floats) -> Floats:
    """Interpolate linearly from 20 m `(y, x)` to 10 m pixels `(2 y, 2 x)`, float32."""
    return blur(values.repeat(2, 0).repeat(2, 1), 0.25)


def apply_atmosphere(ground: Floats, band: int, sky: Sky, atmosphere: Atmosphere) -> Floats:
    """Reflectance `(y, x)` of one band above the clouds, from that of the ground; `atmosphere` has the same shape."""
    result = ground * (1 - atmosphere.shadow * np.float32(1 - _IN_SHADE[band])) + np.float32(sky.haze * _HAZE[band])
    white = np.float32(_CLOUD[band])
    result += (np.float32(0.75) * white - result) * atmosphere.veil
    result += (white * atmosphere.light - result) * atmosphere.cloud
    return result


def classify(
    land: Landscape, red: Floats, nir: Floats, light: Floats, snow: Floats | None, atmosphere: Atmosphere
) -> NDArray[np.uint8]:
    """Scene classification, uint8 `(y, x)` at 20 m, with some misclassified pixels as in real SCL.

    red, nir  surface reflectance under a clear sky
    light     from `illumination`
    snow      snow-covered fraction; None without snow
    """
    greenness = (nir - red) / np.maximum(nir + red, np.float32(0.01))
    result = np.where(greenness > 0.36, SclClass.VEGETATION, SclClass.BARE).astype(np.uint8)
    result[(nir < 0.12) & (light < 0.55)] = SclClass.DARK
    specks = unit(hashed(np.round(land.x[::2, ::2] / 60) + 9000, np.round(land.y[::2, ::2] / 60) + 9000), 3)
    result[(np.abs(greenness - 0.36) < 0.03) & (specks < 0.3)] = SclClass.UNCLASSIFIED
    result[land.water > 0.5] = SclClass.WATER
    if snow is not None:
        result[snow > 0.4] = SclClass.SNOW
    result[dilate(atmosphere.shadow > 0.2)] = SclClass.SHADOW
    result[atmosphere.veil > 0.07] = SclClass.CIRRUS
    rim = dilate(atmosphere.cloud > 0.13)
    result[rim] = SclClass.MEDIUM_CLOUD
    result[dilate(rim) & ~rim & (specks < 0.25)] = SclClass.UNCLASSIFIED
    result[atmosphere.cloud > 0.5] = SclClass.HIGH_CLOUD
    return result


def dilate(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Dilate a mask by one pixel (4-connected)."""
    result = mask.copy()
    result[1:] |= mask[:-1]
    result[:-1] |= mask[1:]
    result[:, 1:] |= mask[:, :-1]
    result[:, :-1] |= mask[:, 1:]
    return result


def upsample_atmosphere(atmosphere: Atmosphere) -> Atmosphere:
    """The atmosphere at 10 m; fields that are 0 everywhere become `(1, 1)` arrays, which broadcast."""
    return Atmosphere(*(upsample(field) if field.any() else np.zeros((1, 1), np.float32) for field in atmosphere))


def grid_20m(land: Landscape) -> tuple[Floats, Floats]:
    """Frame coordinates x and y of a tile's 20 m pixels, metres, float32 `(549, 549)` each."""
    return downsample(land.x), downsample(land.y)
