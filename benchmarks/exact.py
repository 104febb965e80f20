"""What a tile's values are, pixel by pixel: the exact transform of every pixel's centre, nearest, from a stated level.

The oracle shares no code with scog: pyproj transforms each centre, rasterio opens `overview_level=` explicitly.
Contenders choose levels by rules of their own, so each is compared at the level that suits it best.
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
"""Of reflectance or an index: what single precision may differ by, and a hundredth of what another pixel does."""
ANOTHER_LEVEL = 0.2
"""Share of wrong pixels above which it may be that a level far from the expected one was read."""


@dataclass(frozen=True)
class Level:
    """One level of a file: 0 is full size. `(rows, cols)` it has, and metres a pixel."""

    number: int
    shape: tuple[int, int]
    resolution: float


def wrong_means(plot: Plot, scenes: Sequence[Mapping[str, str]], folder: Path, stored: Path) -> float | None:
    """The share of wrong means in what was stored, None where nothing was; `scenes` are their files by band."""
    if not stored.exists():
        return None
    found, right = np.load(stored), np.array([_mean(plot, files, folder) for files in scenes], np.float32)
    if found.shape != right.shape:
        return 1.0
    return float(1 - np.isclose(found, right, rtol=0, atol=TOLERANCE, equal_nan=True).mean())


def _mean(plot: Plot, files: Mapping[str, str], folder: Path) -> float:
    """By windows of the files themselves; a pixel of 20 m lies on four of 10 m."""
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
    """The levels of a file, finest first; an overview's resolution follows from its width."""
    with rasterio.open(path) as dataset:
        width, height, pixel = dataset.width, dataset.height, dataset.transform.a
        factors = dataset.overviews(1)
    shapes = [(height, width), *((-(-height // factor), -(-width // factor)) for factor in factors)]
    return tuple(Level(number, shape, pixel * width / shape[1]) for number, shape in enumerate(shapes))


@lru_cache(maxsize=256)
def places(z: int, x: int, y: int, epsg: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Metres in a UTM zone of each pixel's centre, `(256, 256)` each, by the exact transform."""
    west, _, east, north = Work(z, x, y, "ndvi", ()).bounds
    step = (east - west) / 256
    xs, ys = np.meshgrid(west + (np.arange(256) + 0.5) * step, north - (np.arange(256) + 0.5) * step)
    found: tuple[NDArray[np.float64], NDArray[np.float64]] = _transformer(3857, epsg).transform(xs, ys)
    return found


@lru_cache
def _transformer(source: int, target: int) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


@lru_cache(maxsize=256)
def own_level(path: Path, z: int) -> int:
    """scog's rule: the coarsest level that is not coarser than a pixel of the map in the middle of the file."""
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
    """Which pixel of one level each pixel of a tile is: int rows and columns `(256, 256)`, and where there is one."""

    rows: NDArray[np.intp]
    cols: NDArray[np.intp]
    inside: NDArray[np.bool_]


@lru_cache(maxsize=256)
def pixel_map(path: Path, level: int, z: int, x: int, y: int) -> PixelMap:
    """Where a tile lies in a level of a file."""
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
    """Stored numbers of a tile `(256, 256)`, 0 where there are none."""
    place = pixel_map(path, level, z, x, y)
    options = {"overview_level": level - 1} if level else {}
    with warnings.catch_warnings(), rasterio.open(path, **options) as dataset:
        warnings.simplefilter("ignore")
        found: NDArray[Any] = np.zeros((256, 256), dataset.dtypes[0])
        if place.inside.any():
            rows, cols = place.rows[place.inside], place.cols[place.inside]
            top, left = rows.min(), cols.min()
            window = Window(left, top, cols.max() - left + 1, rows.max() - top + 1)
            found[place.inside] = dataset.read(1, window=window)[rows - top, cols - left]
    return found


class Exact:
    """The values that a tile or a median ought to have, whatever the levels; read once."""

    def __init__(self, work: Work, folder: Path) -> None:
        """`work` names its files relative to `folder`."""
        self._work = work
        self._paths = [
            {band: (folder / path).resolve() for band, path in scene["assets"].items()} for scene in work.scenes
        ]
        self._read: dict[tuple[Path, int], NDArray[Any]] = {}

    def values(self, level: int, mask_level: int | None = None) -> Floats:
        """`(band, y, x)`, NaN where invalid: the newest scene's where it has data, or masked scenes' composite."""
        layers = [self._scene(paths, level, mask_level) for paths in self._paths]
        if mask_level is None:
            return first_valid(layers)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nothing but NaN is no fault
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
        """The levels of scog's rule, of bands and of the classification."""
        paths = self._paths[0]
        return own_level(paths["red"], self._work.z), own_level(paths["scl"], self._work.z) if masked else None

    def wrong(self, values: Floats, *, masked: bool, strict: bool) -> float:
        """The share of pixels that are not what they ought to be.

        With `strict`, at the level of scog's rule; else at whatever level suits the values best.
        """
        level, mask_level = self.own_levels(masked=masked)
        if strict:
            return unlike(values, self.values(level, mask_level))
        near = _near(level)
        mask_near = [None] if mask_level is None else _near(mask_level)
        found = min(unlike(values, self.values(*pair)) for pair in itertools.product(near, mask_near))
        if found > ANOTHER_LEVEL and mask_level is None:  # some read full size whatever the zoom
            others = set(range(len(levels(self._paths[0]["red"])))) - set(near)
            found = min(found, *(unlike(values, self.values(each)) for each in others))
        return found


def _near(level: int) -> list[int]:
    return [each for each in (level, level - 1, level + 1) if 0 <= each <= 4]


def unlike(values: Floats, exact: Floats) -> float:
    """The share of pixels whose values differ, or are valid in one only."""
    if values.shape != exact.shape:
        return 1.0
    same = np.abs(values - exact) <= TOLERANCE
    same |= np.isnan(values) & np.isnan(exact)
    return float(1 - same.all(axis=0).mean())
