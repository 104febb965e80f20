"""Reference values of a tile: the exact transform of each pixel's centre, nearest neighbour, from a given level.

The oracle shares no code with scog: pyproj transforms each centre, and rasterio opens an explicit `overview_level`.
Contenders choose levels by different rules, so each is compared at the level that matches best.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window

from benchmarks.contenders.work import Plot, Work, first_valid, reflectance

Floats = NDArray[np.float32]
TOLERANCE = 1e-4
"""Of reflectance or an index: above float32 rounding, and a hundredth of the difference between pixels."""
ANOTHER_LEVEL = 0.2
"""Share of wrong pixels above which a level far from the expected one may have been read."""


@dataclass(frozen=True)
class Level:
    """A level of a file, 0 is full resolution; `shape` is `(rows, cols)`, `resolution` in metres."""

    number: int
    shape: tuple[int, int]
    resolution: float


def wrong_means(plot: Plot, scenes: Sequence[Mapping[str, str]], folder: Path, stored: Path) -> float | None:
    """The share of wrong means in the file `stored`, None if it does not exist; `scenes` are files by band."""
    if not stored.exists():
        return None
    values, expected = np.load(stored), np.array([_mean(plot, files, folder) for files in scenes], np.float32)
    if values.shape != expected.shape:
        return 1.0
    return float(1 - np.isclose(values, expected, rtol=0, atol=TOLERANCE, equal_nan=True).mean())


def _mean(plot: Plot, files: Mapping[str, str], folder: Path) -> float:
    """The mean of a plot, read from windows of the files; a 20 m pixel covers four of 10 m."""
    with rasterio.open(folder / files["red"]) as dataset:
        col, row = (round(place) for place in ~dataset.transform * (plot.west, plot.north))
    rows, cols = np.arange(row, row + plot.side), np.arange(col, col + plot.side)
    bands = []
    for band, factor in (("red", 1), ("nir", 1), ("scl", 2)):
        with rasterio.open(folder / files[band]) as dataset:
            first = rows[0] // factor, cols[0] // factor
            shape = rows[-1] // factor - first[0] + 1, cols[-1] // factor - first[1] + 1
            numbers = dataset.read(1, window=Window(first[1], first[0], shape[1], shape[0]))
            bands.append(numbers[np.ix_(rows // factor - first[0], cols // factor - first[1])])
    return plot.mean(*bands)


@lru_cache(maxsize=512)
def levels(path: Path) -> tuple[Level, ...]:
    """The levels of a file, finest first; an overview's resolution is derived from its width."""
    with rasterio.open(path) as dataset:
        width, height, pixel = dataset.width, dataset.height, dataset.transform.a
        factors = dataset.overviews(1)
    shapes = [(height, width), *((-(-height // factor), -(-width // factor)) for factor in factors)]
    return tuple(Level(number, shape, pixel * width / shape[1]) for number, shape in enumerate(shapes))


@lru_cache(maxsize=256)
def places(z: int, x: int, y: int, epsg: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x and y of each pixel's centre in a UTM zone, `(256, 256)` each, by the exact transform."""
    west, _, east, north = Work(z, x, y, "ndvi", ()).bounds
    step = (east - west) / 256
    xs, ys = np.meshgrid(west + (np.arange(256) + 0.5) * step, north - (np.arange(256) + 0.5) * step)
    xy: tuple[NDArray[np.float64], NDArray[np.float64]] = _transformer(3857, epsg).transform(xs, ys)
    return xy


@lru_cache
def _transformer(source: int, target: int) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


@lru_cache(maxsize=256)
def own_level(path: Path, z: int) -> int:
    """The level by scog's rule: the coarsest that is not coarser than a map pixel at the centre of the file."""
    with rasterio.open(path) as dataset:
        left, bottom, right, top = dataset.bounds
        epsg = dataset.crs.to_epsg()
    step = Work(z, 0, 0, "ndvi", ()).resolution
    x, y = _transformer(epsg, 3857).transform((left + right) / 2, (bottom + top) / 2)
    xs, ys = _transformer(3857, epsg).transform([x, x + step, x], [y, y, y + step])
    extent = min(math.hypot(xs[i] - xs[0], ys[i] - ys[0]) for i in (1, 2))
    return max((level.number for level in levels(path) if level.resolution <= extent * (1 + 1e-9)), default=0)


@dataclass(frozen=True, eq=False)
class PixelMap:
    """For each pixel of a tile, row and column in a level, `(256, 256)`, and whether it is inside the level."""

    rows: NDArray[np.intp]
    cols: NDArray[np.intp]
    inside: NDArray[np.bool_]


@lru_cache(maxsize=256)
def pixel_map(path: Path, level: int, z: int, x: int, y: int) -> PixelMap:
    """The pixel map from a tile to a level of a file."""
    with rasterio.open(path) as dataset:
        transform, epsg = dataset.transform, dataset.crs.to_epsg()
        width, height = dataset.width, dataset.height
    shape = levels(path)[level].shape
    xs, ys = places(z, x, y, epsg)
    cols = np.floor((xs - transform.c) / (transform.a * width / shape[1])).astype(np.intp)
    rows = np.floor((ys - transform.f) / (transform.e * height / shape[0])).astype(np.intp)
    inside = (rows >= 0) & (rows < shape[0]) & (cols >= 0) & (cols < shape[1])
    return PixelMap(rows, cols, inside)


def stored(path: Path, level: int, z: int, x: int, y: int) -> NDArray[Any]:
    """Stored numbers of a tile `(256, 256)`, 0 outside the file."""
    place = pixel_map(path, level, z, x, y)
    options = {"overview_level": level - 1} if level else {}
    with warnings.catch_warnings(), rasterio.open(path, **options) as dataset:
        warnings.simplefilter("ignore")
        numbers: NDArray[Any] = np.zeros((256, 256), dataset.dtypes[0])
        if place.inside.any():
            rows, cols = place.rows[place.inside], place.cols[place.inside]
            top, left = rows.min(), cols.min()
            window = Window(left, top, cols.max() - left + 1, rows.max() - top + 1)
            numbers[place.inside] = dataset.read(1, window=window)[rows - top, cols - left]
    return numbers


class Exact:
    """Expected values of a tile or a composite from given levels; each level is read once."""

    def __init__(self, work: Work, folder: Path) -> None:
        """The assets of `work` are paths relative to `folder`."""
        self._work = work
        self._paths = [
            {band: (folder / path).resolve() for band, path in scene["assets"].items()} for scene in work.scenes
        ]
        self._read: dict[tuple[Path, int], NDArray[Any]] = {}

    def values(self, level: int, mask_level: int | None = None) -> Floats:
        """`(band, y, x)`, NaN where invalid: the newest valid scene, or with `mask_level` the masked composite."""
        layers = [self._scene(paths, level, mask_level) for paths in self._paths]
        if mask_level is None:
            return first_valid(layers)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # all-NaN pixels are expected
            return self._work.composed(np.stack(layers))

    def _scene(self, paths: Mapping[str, Path], level: int, mask_level: int | None) -> Floats:
        bands = [reflectance(self._stored(paths[band], level)) for band in self._work.bands]
        values = self._work.values(bands)
        if mask_level is not None:
            self._work.masked(values, self._stored(paths["scl"], mask_level))
        return values

    def _stored(self, path: Path, level: int) -> NDArray[Any]:
        if (path, level) not in self._read:
            self._read[path, level] = stored(path, level, self._work.z, self._work.x, self._work.y)
        return self._read[path, level]

    def own_levels(self, *, masked: bool) -> tuple[int, int | None]:
        """The levels by scog's rule, of bands and of the classification."""
        paths = self._paths[0]
        return own_level(paths["red"], self._work.z), own_level(paths["scl"], self._work.z) if masked else None

    def wrong(self, values: Floats, *, masked: bool, strict: bool) -> float:
        """The share of pixels that differ from the expected values.

        With `strict`, at the level of scog's rule; otherwise at the level that matches best.
        """
        level, mask_level = self.own_levels(masked=masked)
        if strict:
            return unlike(values, self.values(level, mask_level))
        near = _near(level)
        mask_near = [None] if mask_level is None else _near(mask_level)
        share = min(unlike(values, self.values(*pair)) for pair in itertools.product(near, mask_near))
        if share > ANOTHER_LEVEL and mask_level is None:  # some contenders read full resolution at every zoom
            others = set(range(len(levels(self._paths[0]["red"])))) - set(near)
            share = min(share, *(unlike(values, self.values(each)) for each in others))
        return share


def _near(level: int) -> list[int]:
    return [each for each in (level, level - 1, level + 1) if 0 <= each <= 4]


def unlike(values: Floats, exact: Floats) -> float:
    """The share of pixels whose values differ, or that are valid in only one array."""
    if values.shape != exact.shape:
        return 1.0
    same = np.abs(values - exact) <= TOLERANCE
    same |= np.isnan(values) & np.isnan(exact)
    return float(1 - same.all(axis=0).mean())
