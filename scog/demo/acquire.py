"""One acquisition: the island on a day, seen through that day's sky, as the numbers that are stored."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scog.demo.cogs import LAYOUTS
from scog.demo.landscape import Landscape, reflectance, snow_share, sunlight
from scog.demo.noise import Floats
from scog.demo.passes import Pass, Strip
from scog.demo.place import PIXEL, coarser
from scog.demo.sky import Class, air, classify, coarse_grid, fine_air, through
from scog.demo.spectra import BANDS

Stored = NDArray[np.uint16] | NDArray[np.uint8]
# Numbers are rounded to 1 or 2 % of their size: (below this number, to multiples of this). Nobody sees it,
# and the files are a third smaller.
_STEPS = ((120, 1), (300, 4), (1000, 16), (3000, 32), (20000, 128))


def _rounding() -> NDArray[np.uint16]:
    """What each number from 0 to 20000 is rounded to."""
    numbers = np.arange(_STEPS[-1][0] + 1)
    steps = np.array([step for _, step in _STEPS])[np.searchsorted([top for top, _ in _STEPS], numbers)]
    return np.asarray((numbers + steps // 2) // steps * steps, np.uint16)


_ROUNDED = _rounding()


def acquire(land: Landscape, flight: Pass, strip: Strip, offset: int) -> dict[str, Stored]:
    """Arrays by file name: `B04` and so on as uint16 with the offset added, `SCL` as uint8; 0 is not seen."""
    light = sunlight(land, flight.sun)
    snow = snow_share(land, flight.snow_line) if flight.snow_line is not None else None
    seen = air(flight.sky, flight.sun, *coarse_grid(land))
    fine = fine_air(seen)
    inside = _inside(land, strip)
    whole = {pixel: _whole(inside, pixel) for pixel in (10, 20, 60)}
    stored: dict[str, Stored] = {}
    clear: dict[str, Floats] = {}
    for band, (name, ground) in enumerate(zip(BANDS, reflectance(land, flight.day_of_year, light, snow), strict=True)):
        pixel = LAYOUTS[name].pixel
        if pixel == PIXEL:
            values = through(ground, band, flight.sky, fine)
        else:
            values = through(coarser(ground), band, flight.sky, seen)
        if pixel == 60:
            values = coarser(values, 3)
        stored[name] = _numbers(values, whole[pixel], offset)
        if name in ("B04", "B08"):
            clear[name] = coarser(ground)
    classes = classify(land, clear["B04"], clear["B08"], coarser(light), None if snow is None else coarser(snow), seen)
    classes[~whole[20]] = Class.NODATA
    stored["SCL"] = classes
    return stored


def _inside(land: Landscape, strip: Strip) -> NDArray[np.bool_]:
    """Pixels that lie wholly within the strip."""
    inside = np.ones(land.x.shape, bool)
    for edge in strip.edges:
        inside &= edge.inside(land.x, land.y, margin=PIXEL)
    return inside


def _whole(inside: NDArray[np.bool_], pixel: int) -> NDArray[np.bool_]:
    """Pixels of `pixel` metres that are inside in every part."""
    times = pixel // PIXEL
    parts = [inside[row::times, column::times] for row in range(times) for column in range(times)]
    return np.asarray(np.logical_and.reduce(parts), bool)


def _numbers(values: Floats, inside: NDArray[np.bool_], offset: int) -> NDArray[np.uint16]:
    """Reflectance as stored numbers; no valid pixel gets the 0 that means nodata."""
    whole = np.clip(values * np.float32(10000), 0, _ROUNDED.size - 1).astype(np.uint16)
    numbers = np.maximum(_ROUNDED.take(whole) + np.uint16(offset), np.uint16(1))
    return np.where(inside, numbers, np.uint16(0))
