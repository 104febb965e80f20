"""An item of a made-up archive: files with the encodings of a real collection, and an oracle of what they mean.

The oracle reads the files with rasterio and computes with the encodings, without scog's profiles.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
import shapely
from affine import Affine
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.io import MemoryFile

from scog.geo.grid import Grid

SIDE = 64
"""Pixels of a side of the coarsest files."""
DAY = "2024-06-12"
Values = NDArray[np.float64]
Mask2D = NDArray[np.bool_]
Numbers = NDArray[Any]
COG = "image/tiff; application=geotiff; profile=cloud-optimized"


@dataclass(frozen=True)
class Encoding:
    """How a file stores values: value = number x scale + offset; of `nodata` none. Reflectance is floored at 0."""

    dtype: str
    scale: float = 1.0
    offset: float = 0.0
    nodata: float | None = None
    reflectance: bool = False
    lowest: float = 0
    """Range of the stored numbers to make, both ends inclusive."""
    highest: float = 255

    def make(self, seed: int, count: int, size: int) -> Numbers:
        """Stored numbers `(band, y, x)`: random, with a tenth of nodata."""
        rng = np.random.default_rng(seed)
        shape = (count, size, size)
        if np.dtype(self.dtype).kind == "f":
            numbers = rng.uniform(self.lowest, self.highest, shape).astype(self.dtype)
        else:
            numbers = rng.integers(int(self.lowest), int(self.highest) + 1, shape).astype(self.dtype)
        if self.nodata is not None:
            numbers[rng.random(shape) < 0.1] = self.nodata
        return numbers

    def values(self, numbers: Numbers) -> tuple[Values, Mask2D]:
        """What stored numbers mean, float64, and where they are valid."""
        valid = np.ones(numbers.shape, bool) if self.nodata is None else numbers != self.nodata
        values = numbers * np.float64(self.scale) + self.offset
        return np.maximum(values, 0) if self.reflectance else values, valid


@dataclass(frozen=True)
class MadeFile:
    """An asset's file: the canonical names of its bands, their encoding, and the other members of the asset."""

    key: str
    bands: tuple[str, ...]
    encoding: Encoding
    finer: int = 1
    """Pixels per pixel of the coarsest files, along a side."""
    words: Mapping[str, Any] = field(default_factory=dict)
    tagged: bool = False
    """Whether the file has scale and offset in its tags."""
    numbers: Numbers | None = None
    """Stored numbers `(band, y, x)`; None to make them."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Creation options of GDAL's GTiff driver."""


@dataclass(frozen=True)
class Quantity:
    """A quantity: the bands that it needs, and its values from theirs."""

    bands: tuple[str, ...]
    formula: Callable[..., Values]


@dataclass(frozen=True, eq=False)
class Made:
    """One item of a collection.

    name        of this made-up item in tests
    scene       id of the item
    profile     name of the profile that must be chosen
    corner      x and y of its upper left corner; each item of a collection has its own place
    pixel       width and height of a pixel of the coarsest files, in units of the CRS
    masks       where a mask of a name hides pixels, from the stored numbers of the mask's band
    quantities  by name
    """

    name: str
    collection: str
    scene: str
    profile: str
    crs: str
    corner: tuple[float, float]
    pixel: tuple[float, float]
    files: Sequence[MadeFile]
    properties: Mapping[str, Any]
    mask_band: str = ""
    masks: Mapping[str, Callable[[Numbers], Mask2D]] = field(default_factory=dict)
    quantities: Mapping[str, Quantity] = field(default_factory=dict)

    @property
    def finest(self) -> int:
        return max(file.finer for file in self.files)

    def grid(self, finer: int) -> Grid:
        """The grid of files with pixels finer by a factor."""
        (left, top), (width, height) = self.corner, self.pixel
        size = SIDE * finer
        return Grid(self.crs, Affine(width / finer, 0, left, 0, -height / finer, top), size, size)

    def file_of(self, band: str) -> MadeFile:
        return next(file for file in self.files if band in file.bands)

    @cached_property
    def band_names(self) -> tuple[str, ...]:
        return tuple(band for file in self.files for band in file.bands)

    def lonlat(self, grid: Grid, col: float, row: float) -> tuple[float, float]:
        """Longitude and latitude of a column and row."""
        lon, lat = Transformer.from_crs(self.crs, 4326, always_xy=True).transform(*(grid.transform @ (col, row)))
        return float(lon), float(lat)

    def polygon(self, *points: tuple[float, float]) -> dict[str, Any]:
        """A GeoJSON polygon of points, as shares of the width and the height."""
        grid = self.grid(1)
        ring = [list(self.lonlat(grid, x * SIDE, y * SIDE)) for x, y in points]
        return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}

    # Writing

    def write(self, archive: Path) -> None:
        """Write files and item below an archive's folder."""
        folder = archive / self.collection / self.scene
        folder.mkdir(parents=True)
        for file in self.files:
            self._write_file(folder / f"{file.key}.tif", file)
        outline = self.polygon((0, 0), (0.5, 0), (1, 0), (1, 0.5), (1, 1), (0.5, 1), (0, 1), (0, 0.5))
        item = {
            "type": "Feature", "stac_version": "1.0.0", "id": self.scene, "collection": self.collection, "links": [],
            "geometry": outline, "bbox": list(shapely.geometry.shape(outline).bounds),
            "properties": {"datetime": f"{DAY}T10:20:30Z", **self.properties},
            "assets": {
                "thumbnail": {"href": "./thumbnail.jpg", "type": "image/jpeg", "roles": ["thumbnail"]},
                **{file.key: {"href": f"./{file.key}.tif", "type": COG, "roles": ["data"], **file.words}
                   for file in self.files},
            },
        }  # fmt: skip
        (folder / f"{self.scene}.json").write_text(json.dumps(item))

    def _write_file(self, path: Path, file: MadeFile) -> None:
        numbers = file.numbers
        if numbers is None:
            numbers = file.encoding.make(
                zlib.crc32(f"{self.name} {file.key}".encode()), len(file.bands), SIDE * file.finer
            )
        count, height, width = numbers.shape
        grid = self.grid(file.finer)
        profile = {"driver": "GTiff", "width": width, "height": height, "count": count, "dtype": numbers.dtype.name}
        with MemoryFile() as memory:
            profile |= {"crs": grid.crs, "transform": grid.transform, "nodata": file.encoding.nodata, **file.options}
            with memory.open(**profile) as out:
                out.write(numbers)
                if file.tagged:
                    out.scales, out.offsets = [file.encoding.scale] * count, [file.encoding.offset] * count
            with rasterio.open(memory.name) as source:
                rasterio.shutil.copy(source, path, driver="COG", COMPRESS="DEFLATE", BLOCKSIZE=128, OVERVIEWS="NONE")

    # The oracle

    def stored(self, archive: Path, band: str) -> Numbers:
        """The stored numbers of a band `(y, x)`."""
        file = self.file_of(band)
        with rasterio.open(archive / self.collection / self.scene / f"{file.key}.tif") as dataset:
            return dataset.read(file.bands.index(band) + 1)

    def values(self, archive: Path, band: str, finer: int) -> tuple[Values, Mask2D]:
        """Values of a band, float64 `(y, x)`, and where they are valid, on the grid that is finer by a factor."""
        values, valid = self.file_of(band).encoding.values(self.stored(archive, band))
        return repeated(values, finer), repeated(valid, finer)

    def usable(self, archive: Path, mask: str, finer: int) -> Mask2D:
        """Where a mask leaves pixels."""
        return ~repeated(self.masks[mask](self.stored(archive, self.mask_band)), finer)


def repeated(pixels: NDArray[Any], finer: int) -> NDArray[Any]:
    """Each pixel as often as the grid that is finer by a factor has it."""
    times = SIDE * finer // pixels.shape[0]
    return np.repeat(np.repeat(pixels, times, axis=0), times, axis=1)
