"""Small archives made at test time: COGs with values chosen by the test, items as Earth Search's, and an oracle.

The oracle computes the same image independently: it opens the files with rasterio, selects the overview, and transforms
every pixel centre with pyproj.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.enums import Resampling
from rasterio.io import MemoryFile
from rasterio.shutil import copy

from scog.geo.grid import Grid

L2A = "sentinel-2-l2a"
C1 = "sentinel-2-c1-l2a"
NEAR_EDGE = 1e-6  # source pixels
Mask2D = NDArray[np.bool_]
Numbers = NDArray[Any]


@dataclass(frozen=True)
class Square:
    """A small MGRS tile: its UTM zone's EPSG code, its corner in metres, its side in pixels of 10 m."""

    name: str
    epsg: int
    left: float
    top: float
    size: int = 600

    @property
    def crs(self) -> str:
        return f"EPSG:{self.epsg}"

    def ring(self) -> list[list[float]]:
        """Its outline in degrees, with points along the sides, which are curved in degrees."""
        side = 10 * self.size
        along = np.linspace(0, 1, 9)[:-1]
        x = self.left + side * np.concatenate((along, along * 0 + 1, 1 - along, along * 0))
        y = self.top - side * np.concatenate((along * 0 + 1, 1 - along, along * 0, along))
        lon, lat = Transformer.from_crs(self.epsg, 4326, always_xy=True).transform(x, y)
        ring = [[float(a), float(b)] for a, b in zip(lon, lat, strict=True)]
        return [*ring, ring[0]]

    def lonlat(self, across: float = 0.5, down: float = 0.5) -> tuple[float, float]:
        """Longitude and latitude of a point, given as fractions of the sides."""
        side = 10 * self.size
        point = self.left + across * side, self.top - down * side
        lon, lat = Transformer.from_crs(self.epsg, 4326, always_xy=True).transform(*point)
        return float(lon), float(lat)


@dataclass
class MadeScene:
    """A scene to write: stored numbers by band (`scl` at 20 m), and the metadata of its item."""

    id: str
    square: Square
    time: str
    bands: Mapping[str, Numbers]
    collection: str = L2A
    applied: bool | None = True
    baseline: str = "05.00"
    cloud_cover: float | None = 10.0
    platform: str = "sentinel-2a"
    orbit: int | None = None
    strip: str | None = None
    """Sensing start of its datastrip, as `20220610T102031`; by default `time`. Equal for duplicates of one scene."""
    files: dict[str, Path] = field(default_factory=dict)

    def item(self) -> dict[str, Any]:
        """The item as Earth Search writes it, with only the members that scog reads."""
        taken = datetime.fromisoformat(self.time.replace("Z", "+00:00")).astimezone(UTC)
        orbit = self.orbit if self.orbit is not None else int(taken.timestamp()) % 1_000_000
        strip = self.strip or f"{taken:%Y%m%dT%H%M%S}"
        letter = self.platform[-1].upper()
        properties = {
            "datetime": self.time,
            "platform": self.platform,
            "constellation": "sentinel-2",
            "eo:cloud_cover": self.cloud_cover,
            "grid:code": f"MGRS-{self.square.name}",
            "proj:epsg": self.square.epsg,
            "s2:processing_baseline": self.baseline,
            "s2:datatake_id": f"GS2{letter}_{taken:%Y%m%dT%H%M%S}_{orbit:06d}_N{self.baseline}",
            "s2:datastrip_id": f"S2{letter}_OPER_MSI_L2A_DS_S{strip}_N{self.baseline}",
            "s2:generation_time": self.time,
        }
        if self.applied is not None and self.collection == L2A:
            properties["earthsearch:boa_offset_applied"] = self.applied
        return {
            "type": "Feature",
            "stac_version": "1.0.0",
            "id": self.id,
            "collection": self.collection,
            "properties": properties,
            "geometry": {"type": "Polygon", "coordinates": [self.square.ring()]},
            "links": [],
            "assets": {
                band: {
                    "href": f"./{band}.tif",
                    "type": "image/tiff; application=geotiff; profile=cloud-optimized",
                    "raster:bands": [
                        {"nodata": 0} if band == "scl" else {"nodata": 0, "scale": 0.0001, "offset": -0.1}
                    ],
                }
                for band in self.bands
            },
        }

    def write(self, folder: Path) -> MadeScene:
        """Write its files and its item below an archive's folder."""
        scene_folder = folder / self.collection / self.id
        scene_folder.mkdir(parents=True)
        for band, numbers in self.bands.items():
            pixel = 10 * self.square.size / numbers.shape[0]
            self.files[band] = scene_folder / f"{band}.tif"
            write_cog(self.files[band], numbers, self.square.crs, self.square.left, self.square.top, pixel)
        self.write_item(scene_folder)
        return self

    def write_item(self, scene_folder: Path) -> None:
        """Write its item beside its files."""
        (scene_folder / f"{self.id}.json").write_text(json.dumps(self.item()))


def write_cog(
    path: Path,
    numbers: Numbers,
    crs: str,
    left: float,
    top: float,
    pixel: float,
    resampling: str = "nearest",
    nodata: float | None = 0,
) -> None:
    """Write a tiled DEFLATE COG. Overviews by `nearest` keep values that encode positions."""
    height, width = numbers.shape
    spectral = numbers.dtype != np.uint8
    profile = {
        "driver": "GTiff", "height": height, "width": width, "count": 1, "dtype": numbers.dtype.name, "nodata": nodata,
        "crs": crs, "transform": Affine(pixel, 0, left, 0, -pixel, top),
    }  # fmt: skip
    options = {
        "driver": "GTiff", "copy_src_overviews": True, "tiled": True, "blockxsize": 256, "blockysize": 256,
        "compress": "deflate", "zlevel": 1, "predictor": 2 if spectral else 1,
    }  # fmt: skip
    factors = [factor for factor in (2, 4, 8, 16) if max(height, width) / factor >= 20]
    env = rasterio.Env(GDAL_TIFF_OVR_BLOCKSIZE="128")
    with env, MemoryFile() as memory, memory.open(**profile) as whole:
        whole.write(numbers, 1)
        whole.build_overviews(factors, Resampling[resampling])
        copy(whole, str(path), **options)


def positions(square: Square, across: bool, pixel: int = 10) -> NDArray[np.uint16]:
    """Values that encode the column (`across`) or the row: 1000 + its index."""
    count = square.size * 10 // pixel
    along = np.arange(1000, 1000 + count, dtype=np.uint16)
    encoded: NDArray[np.uint16] = np.broadcast_to(along if across else along[:, np.newaxis], (count, count)).copy()
    return encoded


def constant(square: Square, number: int, pixel: int = 10, dtype: type = np.uint16) -> Numbers:
    """The same value in every pixel."""
    count = square.size * 10 // pixel
    return np.full((count, count), number, dtype)


# The oracle


@dataclass(frozen=True)
class Sampled:
    """Values of a file on a grid; where they are valid; where a centre is on a pixel edge, so either side is right."""

    numbers: Numbers
    valid: Mask2D
    on_edge: Mask2D


def sample(path: Path, grid: Grid) -> Sampled:
    """The nearest pixel of the expected level, each pixel centre transformed exactly."""
    level = expected_level(path, grid)
    options = {} if level == 0 else {"overview_level": level - 1}
    with rasterio.open(path, **options) as source:
        x, y = pixel_centres(grid, str(source.crs))
        a, b, c, d, e, f = tuple(~source.transform)[:6]
        col, row = a * x + b * y + c, d * x + e * y + f
        inside = (col >= 0) & (col < source.width) & (row >= 0) & (row < source.height)
        on_edge = (abs(col - np.round(col)) < NEAR_EDGE) | (abs(row - np.round(row)) < NEAR_EDGE)
        pixels = source.read(1)
        numbers = np.zeros(grid.shape, pixels.dtype)
        numbers[inside] = pixels[row[inside].astype(int), col[inside].astype(int)]
        return Sampled(numbers, inside & (numbers != source.nodata), on_edge)


@lru_cache(maxsize=4)
def pixel_centres(grid: Grid, crs: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x and y of each pixel centre of a grid in a CRS, transformed exactly."""
    a, b, c, d, e, f = tuple(grid.transform)[:6]
    col, row = np.meshgrid(np.arange(grid.width) + 0.5, np.arange(grid.height) + 0.5)
    x, y = a * col + b * row + c, d * col + e * row + f
    x, y = Transformer.from_crs(grid.crs, crs, always_xy=True).transform(x, y)
    return x, y


@lru_cache(maxsize=256)
def expected_level(path: Path, grid: Grid) -> int:
    """The coarsest level that is not coarser than the smaller side of a target pixel at the file's centre."""
    with rasterio.open(path) as source:
        centre = [(source.bounds.left + source.bounds.right) / 2], [(source.bounds.bottom + source.bounds.top) / 2]
        x, y = Transformer.from_crs(source.crs, grid.crs, always_xy=True).transform(*centre)
        back = Transformer.from_crs(grid.crs, source.crs, always_xy=True)
        width, height = grid.transform.a, -grid.transform.e
        ends = [
            [back.transform(x[0] - width / 2, y[0]), back.transform(x[0] + width / 2, y[0])],
            [back.transform(x[0], y[0] - height / 2), back.transform(x[0], y[0] + height / 2)],
        ]
        extent = min(math.dist(*pair) for pair in ends)
        resolutions = [source.res[0]]
        for number in range(len(source.overviews(1))):
            with rasterio.open(path, overview_level=number) as overview:
                resolutions.append(source.res[0] * source.width / overview.width)
    return max((level for level, resolution in enumerate(resolutions) if resolution <= extent), default=0)


CLOUDY = (0, 1, 3, 8, 9, 10)


def newest_clear(
    scenes: Sequence[MadeScene], bands: Sequence[str], grid: Grid, masked: Sequence[int] | None = CLOUDY
) -> tuple[dict[str, Numbers], Mask2D, Mask2D]:
    """Stored numbers by band of the first given scene in which a pixel has all bands and is not masked.

    Also returns where there is such a scene, and where a centre is on a pixel edge of any scene.
    """
    stored: dict[str, Numbers] = {band: np.zeros(grid.shape, np.uint16) for band in bands}
    valid, on_edge = np.zeros(grid.shape, bool), np.zeros(grid.shape, bool)
    for scene in scenes:
        layers = {band: sample(scene.files[band], grid) for band in bands}
        usable = np.logical_and.reduce([layer.valid for layer in layers.values()])
        if masked is not None:
            layers["scl"] = sample(scene.files["scl"], grid)
            usable &= layers["scl"].valid & ~np.isin(layers["scl"].numbers, masked)
        new = usable & ~valid
        for band in bands:
            stored[band][new] = layers[band].numbers[new]
        valid |= new
        on_edge |= np.logical_or.reduce([layer.on_edge for layer in layers.values()])
    return stored, valid, on_edge
