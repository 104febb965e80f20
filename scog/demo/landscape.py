"""Surface reflectance of the island on a day under a clear sky.

It depends only on position, day of the year and sun. Arrays are float32 `(y, x)` at 10 m.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scog.demo.land_cover import land_cover
from scog.demo.mgrs import MgrsTile, downsample, frame_grid
from scog.demo.noise import Floats, bands_of_rows, fractal, smoothstep
from scog.demo.spectra import VARIANTS, Kind, shallow_water, table
from scog.demo.terrain import Terrain, terrain

# In the order of spectra.BANDS.
_SNOW = (0.89, 0.88, 0.85, 0.82, 0.81, 0.79, 0.775, 0.76, 0.74, 0.70, 0.07, 0.05)
_SEABED = (0.14, 0.165, 0.215, 0.235, 0.25, 0.26, 0.265, 0.27, 0.28, 0.28, 0.30, 0.27)
_EXAGGERATION = 1.5  # vertical exaggeration of the hill shading


@dataclass(frozen=True)
class Landscape:
    """The part of one tile's appearance that is the same on all dates."""

    tile: MgrsTile
    x: Floats  # frame coordinates, metres
    y: Floats
    code: NDArray[np.uint8]  # kind * VARIANTS + variant
    texture: Floats  # relative brightness, around 1
    height: Floats  # metres above the sea
    normal: tuple[Floats, Floats, Floats]  # surface normal: east, north, up
    sea: tuple[Floats, ...]  # reflectance of the sea, one array per band
    wet: NDArray[np.bool_]  # True at sea
    water: Floats  # fraction of sea and fresh water, at 20 m


def landscape(tile: MgrsTile) -> Landscape:
    """The landscape of one tile. It takes one to two seconds and is reused for all dates."""
    x, y = frame_grid(tile)
    land = terrain(x, y)
    ground = land_cover(x, y, land)
    wet = ground.code // VARIANTS == Kind.SEA
    water = (wet | (ground.code // VARIANTS == Kind.FRESH_WATER)).astype(np.float32)
    meadows = smoothstep(fractal(x, y, 420, 4, 93), -0.05, 0.3) * smoothstep(land.depth, 1.5, 4)  # seagrass
    sand = 1 - np.float32(0.72) * meadows
    sea = tuple(shallow_water(np.float32(bed) * sand, land.depth, band) for band, bed in enumerate(_SEABED))
    return Landscape(
        tile, x, y, ground.code, ground.texture, land.height, _normal(land), sea, wet, downsample(water)
    )  # fmt: skip


def _normal(land: Terrain) -> tuple[Floats, Floats, Floats]:
    """Unit normal of the exaggerated terrain: east, north, up."""
    east, north = _EXAGGERATION * land.slope_east, _EXAGGERATION * land.slope_north
    up = np.asarray(1 / np.sqrt(1 + east**2 + north**2), np.float32)
    return -east * up, -north * up, up


@dataclass(frozen=True)
class Sun:
    """Sun position in degrees: azimuth clockwise from north, elevation above the horizon."""

    azimuth: float
    elevation: float

    @property
    def towards(self) -> tuple[float, float, float]:
        """Unit vector to the sun: east, north, up."""
        a, e = math.radians(self.azimuth), math.radians(self.elevation)
        return math.sin(a) * math.cos(e), math.cos(a) * math.cos(e), math.sin(e)


def illumination(land: Landscape, sun: Sun) -> Floats:
    """Illumination `(y, x)` of slopes relative to level ground: 22 % diffuse, 78 % direct light."""
    east, north, up = (np.float32(part) for part in sun.towards)
    direct = np.maximum(land.normal[0] * east + land.normal[1] * north + land.normal[2] * up, 0) / up
    return np.asarray(np.float32(0.22) + np.float32(0.78) * np.minimum(direct, np.float32(2.2)), np.float32)


def snow_fraction(land: Landscape, snow_line: float) -> Floats:
    """Snow-covered fraction `(y, x)` of each pixel, 0 to 1, for a snow line in metres above the sea."""
    ragged = land.height + np.float32(230) * np.clip(land.texture - 1, -0.25, 0.25)
    trees = np.isin(land.code // VARIANTS, (Kind.EVERGREEN, Kind.DECIDUOUS))
    max_fraction = np.where(trees, np.float32(0.45), np.float32(0.95))
    return np.where(land.height > 0, smoothstep(ragged, snow_line - 60, snow_line + 120) * max_fraction, np.float32(0))


def reflectance(land: Landscape, day: int, light: Floats, snow: Floats | None) -> Iterator[Floats]:
    """Yield surface reflectance `(y, x)` per band in the order of `BANDS`.

    light  from `illumination`
    snow   from `snow_fraction`; None without snow
    """
    light = land.texture * light
    for band, of_surface in enumerate(table(day)):
        ground = of_surface.take(land.code)
        ground *= light
        if snow is not None:
            ground += (np.float32(_SNOW[band]) * light - ground) * snow
        np.copyto(ground, land.sea[band], where=land.wet)
        yield blur(ground)


def blur(values: Floats, side: float = 0.2) -> Floats:
    """Convolve `(y, x)` with the separable kernel `[side, 1 - 2 * side, side]` to simulate a point spread function."""
    middle, beside = np.float32(1 - 2 * side), np.float32(side)
    padded, result = np.pad(values, 1, mode="edge"), np.empty_like(values)
    for rows in bands_of_rows(values):
        part = padded[rows.start : rows.stop + 2]
        down = part[1:-1] * middle + (part[:-2] + part[2:]) * beside
        result[rows] = down[:, 1:-1] * middle + (down[:, :-2] + down[:, 2:]) * beside
    return result
