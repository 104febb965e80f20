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
    sun = flight.sun
    ground = reflectance(land, flight.day_of_year, sun, flight.snow_line)
    seen = air(flight.sky, sun, *coarse_grid(land))
    fine = fine_air(seen)
    inside = _inside(land, strip)
    inside_coarse = inside[0::2, 0::2] & inside[1::2, 0::2] & inside[0::2, 1::2] & inside[1::2, 1::2]
    clear = [coarser(band) for band in ground]
    stored: dict[str, Stored] = {}
    for band, name in enumerate(BANDS):
        if LAYOUTS[name].pixel == PIXEL:
            stored[name] = _numbers(through(ground[band], band, flight.sky, fine), inside, offset)
        else:
            stored[name] = _numbers(through(clear[band], band, flight.sky, seen), inside_coarse, offset)
    snow = snow_share(land, flight.snow_line) if flight.snow_line is not None else np.zeros_like(land.x)
    classes = classify(land, clear, coarser(sunlight(land, sun)), coarser(snow), seen)
    classes[~inside_coarse] = Class.NODATA
    stored["SCL"] = classes
    return stored


def _inside(land: Landscape, strip: Strip) -> NDArray[np.bool_]:
    """Pixels that lie wholly within the strip."""
    inside = np.ones(land.x.shape, bool)
    for edge in strip.edges:
        inside &= edge.inside(land.x, land.y, margin=PIXEL)
    return inside


def _numbers(values: Floats, inside: NDArray[np.bool_], offset: int) -> NDArray[np.uint16]:
    """Reflectance as stored numbers; no valid pixel gets the 0 that means nodata."""
    whole = np.clip(values * np.float32(10000), 0, _ROUNDED.size - 1).astype(np.uint16)
    numbers = np.maximum(_ROUNDED[whole] + np.uint16(offset), np.uint16(1))
    return np.where(inside, numbers, np.uint16(0))
