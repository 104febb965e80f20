"""What a contender is asked to do, and the arithmetic that all of them share.

Needs numpy only, and bottleneck where it is installed: it must run in every contender's environment.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

try:
    from bottleneck import nanmedian
except ImportError:
    nanmedian = np.nanmedian

Values = NDArray[np.float32]
SIDE = 256
"""Pixels along a tile's side."""
WORLD = 2 * math.pi * 6378137.0
"""Metres around the equator, the width of Web Mercator."""
SCALE = np.float32(0.0001)
"""Reflectance of one stored number; 0 stands for no data."""


@dataclass(frozen=True)
class Work:
    """One request: a tile of Web Mercator, what it shows, of which scenes (newest first), which classes to mask.

    A scene has `id`, `datetime`, `square`, `epsg`, `bbox` and `footprint` in degrees, and `assets`: URLs by band.
    """

    z: int
    x: int
    y: int
    kind: str
    scenes: tuple[dict[str, Any], ...]
    mask: tuple[int, ...] = ()
    composite: str = "median"
    """How dates become one, where there are several."""

    @staticmethod
    def of(request: Mapping[str, Any]) -> Work:
        """As it was sent."""
        place = request["z"], request["x"], request["y"]
        scenes, mask = tuple(request["scenes"]), tuple(request.get("mask", ()))
        return Work(*place, request["kind"], scenes, mask, request.get("composite", "median"))

    @property
    def resolution(self) -> float:
        """Metres of Web Mercator a pixel."""
        return WORLD / (SIDE << self.z)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in metres of Web Mercator."""
        side = WORLD / (1 << self.z)
        west, north = -WORLD / 2 + self.x * side, WORLD / 2 - self.y * side
        return west, north - side, west + side, north

    @property
    def bands(self) -> tuple[str, ...]:
        """The bands it takes."""
        return KINDS[self.kind][0]

    def values(self, bands: Sequence[Values]) -> Values:
        """`(band, y, x)` from the reflectances of `bands`, each `(y, x)` with NaN where there is none."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return KINDS[self.kind][1](*bands)

    def masked(self, values: Values, classes: NDArray[np.integer[Any]]) -> Values:
        """The same values, NaN where the scene classification is one of the classes to mask."""
        unwanted = np.zeros(256, bool)
        unwanted[list(self.mask)] = True
        values[:, unwanted[classes]] = np.nan
        return values

    def composed(self, layers: NDArray[np.float32]) -> Values:
        """The composite over time of `(time, band, y, x)`."""
        with np.errstate(invalid="ignore"):
            return np.asarray(COMPOSITES[self.composite](layers, axis=0), np.float32)


@dataclass(frozen=True)
class Plot:
    """A square of pixels of 10 m in the scenes' UTM zone, of which the mean NDVI is asked, one for each scene.

    `west` and `north` are its corner in metres, multiples of 10; `side` how many pixels it has: 1 is a point.
    """

    west: float
    north: float
    side: int
    epsg: int
    scenes: tuple[dict[str, Any], ...]
    mask: tuple[int, ...] = ()

    bands = ("red", "nir")

    @staticmethod
    def of(request: Mapping[str, Any]) -> Plot:
        """As it was sent."""
        place = float(request["west"]), float(request["north"]), int(request["side"]), int(request["epsg"])
        return Plot(*place, tuple(request["scenes"]), tuple(request["mask"]))

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in metres."""
        return self.west, self.north - 10 * self.side, self.west + 10 * self.side, self.north

    @property
    def middle(self) -> tuple[float, float]:
        """In metres."""
        return self.west + 5 * self.side, self.north - 5 * self.side

    def mean(self, red: NDArray[Any], nir: NDArray[Any], classes: NDArray[Any]) -> float:
        """The mean NDVI of stored numbers, of any shape, where the classes are not masked; NaN where all are."""
        with np.errstate(invalid="ignore", divide="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nothing but NaN is no fault
            values = ndvi(reflectance(red), reflectance(nir))[0]
            values[np.isin(classes, self.mask)] = np.nan
            return float(np.nanmean(values))


def ndvi(red: Values, nir: Values) -> Values:
    """The normalised difference of near infrared and red."""
    return ((nir - red) / (nir + red))[np.newaxis]


def evi(red: Values, nir: Values, blue: Values) -> Values:
    """The enhanced vegetation index."""
    return (2.5 * (nir - red) / (nir + 6 * red - np.float32(7.5) * blue + 1))[np.newaxis]


def rgb(*bands: Values) -> Values:
    """The bands themselves; no data in one is no data in all."""
    stacked = np.stack(bands)
    stacked[:, np.isnan(stacked).any(axis=0)] = np.nan
    return stacked


KINDS: dict[str, tuple[tuple[str, ...], Callable[..., Values]]] = {
    "ndvi": (("red", "nir"), ndvi),
    "evi": (("red", "nir", "blue"), evi),
    "rgb": (("red", "green", "blue"), rgb),
}


def reflectance(stored: NDArray[Any]) -> Values:
    """Stored numbers as reflectance, NaN where they are 0; of any shape."""
    values = stored.astype(np.float32)
    values[values == 0] = np.nan
    values *= SCALE
    return values


def first_valid(layers: Sequence[Values]) -> Values:
    """The first layer's values, and where they are missing those of the next that has some; `(band, y, x)` each."""
    values = layers[0]
    for layer in layers[1:]:
        missing = np.isnan(values)
        if not missing.any():
            break
        values = np.where(missing, layer, values)
    return values


def _percentile90(layers: NDArray[np.float32], axis: int) -> Values:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nothing but NaN is no fault
        return np.nanpercentile(layers, 90, axis=axis)


COMPOSITES: dict[str, Callable[..., Values]] = {"median": nanmedian, "p90": _percentile90}
"""What contenders make of many dates by the libraries that they have; missing values are left out."""
