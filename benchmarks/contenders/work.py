"""Requests to contenders, and the arithmetic that all contenders share.

Needs only numpy, and bottleneck if it is installed: the module runs in every contender's environment.
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
"""Reflectance per stored number; 0 is nodata."""


@dataclass(frozen=True)
class Work:
    """One request: a Web Mercator tile, its layer, its scenes (newest first), and the classes to mask.

    A scene has `id`, `datetime`, `mgrs_tile`, `epsg`, `bbox` and `footprint` in degrees, and `assets`: URLs by band.
    """

    z: int
    x: int
    y: int
    kind: str
    scenes: tuple[dict[str, Any], ...]
    mask: tuple[int, ...] = ()
    composite: str = "median"
    """The composite of several dates."""

    @staticmethod
    def of(request: Mapping[str, Any]) -> Work:
        """The request from its JSON message."""
        place = request["z"], request["x"], request["y"]
        scenes, mask = tuple(request["scenes"]), tuple(request.get("mask", ()))
        return Work(*place, request["kind"], scenes, mask, request.get("composite", "median"))

    @property
    def resolution(self) -> float:
        """Metres of Web Mercator per pixel."""
        return WORLD / (SIDE << self.z)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in metres of Web Mercator."""
        side = WORLD / (1 << self.z)
        west, north = -WORLD / 2 + self.x * side, WORLD / 2 - self.y * side
        return west, north - side, west + side, north

    @property
    def bands(self) -> tuple[str, ...]:
        """The bands that the layer needs."""
        return KINDS[self.kind][0]

    def values(self, bands: Sequence[Values]) -> Values:
        """`(band, y, x)` from the reflectances of `bands`, each `(y, x)` with NaN where invalid."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return KINDS[self.kind][1](*bands)

    def masked(self, values: Values, classes: NDArray[np.integer[Any]]) -> Values:
        """The values with NaN where the scene classification is one of the classes to mask; changes `values`."""
        is_masked = np.zeros(256, bool)
        is_masked[list(self.mask)] = True
        values[:, is_masked[classes]] = np.nan
        return values

    def composed(self, layers: NDArray[np.float32]) -> Values:
        """The composite over time of `(time, band, y, x)`."""
        with np.errstate(invalid="ignore"):
            return np.asarray(COMPOSITES[self.composite](layers, axis=0), np.float32)


@dataclass(frozen=True)
class Plot:
    """A square of 10 m pixels in the scenes' UTM zone, whose mean NDVI is requested for each scene.

    `west` and `north` are its corner in metres, multiples of 10; `side` is its number of pixels a side: 1 is a point.
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
        """The request from its JSON message."""
        place = float(request["west"]), float(request["north"]), int(request["side"]), int(request["epsg"])
        return Plot(*place, tuple(request["scenes"]), tuple(request["mask"]))

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in metres."""
        return self.west, self.north - 10 * self.side, self.west + 10 * self.side, self.north

    @property
    def middle(self) -> tuple[float, float]:
        """x and y of the centre in metres."""
        return self.west + 5 * self.side, self.north - 5 * self.side

    def mean(self, red: NDArray[Any], nir: NDArray[Any], classes: NDArray[Any]) -> float:
        """The mean NDVI of unmasked pixels from stored numbers of any shape; NaN if all are masked."""
        with np.errstate(invalid="ignore", divide="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # all-NaN pixels are expected
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
    """The bands as they are; a pixel that is NaN in one band becomes NaN in all."""
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
    """The first valid value of each pixel, in the order of the layers `(band, y, x)`."""
    values = layers[0]
    for layer in layers[1:]:
        missing = np.isnan(values)
        if not missing.any():
            break
        values = np.where(missing, layer, values)
    return values


def _percentile90(layers: NDArray[np.float32], axis: int) -> Values:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # all-NaN pixels are expected
        return np.nanpercentile(layers, 90, axis=axis)


COMPOSITES: dict[str, Callable[..., Values]] = {"median": nanmedian, "p90": _percentile90}
"""Reducers over time that contenders have libraries for; NaN is ignored."""
