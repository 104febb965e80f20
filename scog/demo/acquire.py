"""Simulate one acquisition: surface reflectance seen through the atmosphere of a day, as stored digital numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scog.demo.atmosphere import SclClass, apply_atmosphere, atmosphere_of, classify, grid_20m, upsample_atmosphere
from scog.demo.cogs import LAYOUTS
from scog.demo.landscape import Landscape, illumination, reflectance, snow_fraction
from scog.demo.mgrs import PIXEL, downsample
from scog.demo.noise import Floats
from scog.demo.overpasses import Overpass, Strip
from scog.demo.spectra import BANDS

Stored = NDArray[np.uint16] | NDArray[np.uint8]
# (upper limit, multiple): rounding digital numbers to 1 or 2 % is invisible and makes the files a third smaller.
_PRECISION = ((120, 1), (300, 4), (1000, 16), (3000, 32), (20000, 128))


def _rounding_table() -> NDArray[np.uint16]:
    """Lookup table: the rounded value of each digital number from 0 to 20000."""
    digital_numbers = np.arange(_PRECISION[-1][0] + 1)
    steps = np.array([step for _, step in _PRECISION])[np.searchsorted([top for top, _ in _PRECISION], digital_numbers)]
    return np.asarray((digital_numbers + steps // 2) // steps * steps, np.uint16)


_ROUNDED = _rounding_table()


def acquire(land: Landscape, overpass: Overpass, strip: Strip, offset: int) -> dict[str, Stored]:
    """Digital numbers `(y, x)` by file name: bands such as `B04` as uint16 with `offset` added, `SCL` as uint8.

    0 is nodata, outside the strip.
    """
    light = illumination(land, overpass.sun)
    snow = snow_fraction(land, overpass.snow_line) if overpass.snow_line is not None else None
    atmosphere = atmosphere_of(overpass.sky, overpass.sun, *grid_20m(land))
    atmosphere_10m = upsample_atmosphere(atmosphere)
    inside = _inside(land, strip)
    covered = {pixel: _fully_inside(inside, pixel) for pixel in (10, 20, 60)}
    stored: dict[str, Stored] = {}
    clear_sky: dict[str, Floats] = {}
    bands = reflectance(land, overpass.day_of_year, light, snow)
    for band, (name, ground) in enumerate(zip(BANDS, bands, strict=True)):
        pixel = LAYOUTS[name].pixel
        if pixel == PIXEL:
            values = apply_atmosphere(ground, band, overpass.sky, atmosphere_10m)
        else:
            values = apply_atmosphere(downsample(ground), band, overpass.sky, atmosphere)
        if pixel == 60:
            values = downsample(values, 3)
        stored[name] = _digital_numbers(values, covered[pixel], offset)
        if name in ("B04", "B08"):
            clear_sky[name] = downsample(ground)
    snow_20m = None if snow is None else downsample(snow)
    classes = classify(land, clear_sky["B04"], clear_sky["B08"], downsample(light), snow_20m, atmosphere)
    classes[~covered[20]] = SclClass.NODATA
    stored["SCL"] = classes
    return stored


def _inside(land: Landscape, strip: Strip) -> NDArray[np.bool_]:
    """Mask `(y, x)` of the 10 m pixels that lie entirely within the strip."""
    inside = np.ones(land.x.shape, bool)
    for edge in strip.edges:
        inside &= edge.inside(land.x, land.y, margin=PIXEL)
    return inside


def _fully_inside(inside: NDArray[np.bool_], pixel: int) -> NDArray[np.bool_]:
    """Mask of the pixels of `pixel` metres whose 10 m pixels are all inside."""
    factor = pixel // PIXEL
    parts = [inside[row::factor, column::factor] for row in range(factor) for column in range(factor)]
    return np.asarray(np.logical_and.reduce(parts), bool)


def _digital_numbers(values: Floats, inside: NDArray[np.bool_], offset: int) -> NDArray[np.uint16]:
    """Reflectance as digital numbers, uint16; 0 (nodata) outside, at least 1 inside."""
    scaled = np.clip(values * np.float32(10000), 0, _ROUNDED.size - 1).astype(np.uint16)
    rounded = np.maximum(_ROUNDED.take(scaled) + np.uint16(offset), np.uint16(1))
    return np.where(inside, rounded, np.uint16(0))
