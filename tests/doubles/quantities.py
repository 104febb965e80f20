"""An archive of quantities other than reflectance: backscatter, surface temperature, and elevation in two files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray

from tests.doubles.orthophotos import Ortho

Floats = NDArray[np.float32]
PROFILES = """
name = "radar"
collections = ["radar"]
default = "vv-db"
cloud_filter = false
[[bands]]
name = "vv"
range = [0, 0.4]
nodata = -32768
[[bands]]
name = "vh"
range = [0, 0.1]
nodata = -32768
[[layers]]
name = "vv-db"
title = "Backscatter VV"
expression = "vv"
range = [-25, 0]
colormap = "gray"
unit = "dB"
transform = "decibel"
[[layers]]
name = "vh-db"
title = "Backscatter VH"
expression = "vh"
range = [-30, -5]
colormap = "gray"
unit = "dB"
transform = "decibel"
[[presets]]
name = "dual"
title = "VV, VH, ratio"
bands = ["vv", "vh", "vv / vh"]
ranges = [[-20, 0], [-26, -6], [2, 14]]
transform = "decibel"
---
name = "thermal"
collections = ["thermal"]
default = "surface-temperature"
[[bands]]
name = "lwir11"
title = "Surface temperature"
unit = "K"
range = [260, 330]
scale = 0.00341802
offset = 149
nodata = 0
[[layers]]
name = "surface-temperature"
title = "Surface temperature"
expression = "lwir11 - 273.15"
range = [-10, 50]
colormap = "inferno"
unit = "°C"
---
name = "dem"
collections = ["dem"]
default = "hillshade"
static = true
cloud_filter = false
[[bands]]
name = "elevation"
asset = "data"
unit = "m"
range = [0, 3000]
[[layers]]
name = "elevation"
expression = "elevation"
range = [0, 3000]
colormap = "terrain"
unit = "m"
[[layers]]
name = "slope"
title = "Slope"
expression = "elevation"
range = [0, 60]
colormap = "magma"
unit = "°"
surface = "slope"
[[layers]]
name = "hillshade"
title = "Hillshade"
expression = "elevation"
range = [1, 255]
colormap = "gray"
surface = "hillshade"
"""
SIDE = 60
UTM = "EPSG:32632"
PLACE = Affine(20, 0, 600_000, 0, -20, 5_100_000)
DAYS = ("2024-05-01", "2024-05-07", "2024-05-13", "2024-06-06", "2024-06-18")
STATES = ("ascending", "descending", "ascending", "descending", None)
DEM_STEP = 1 / 3600
SEAM = 11.0
"""Longitude where the two files of the elevation model meet."""
DEM_NORTH = 46.7
DEM_SHAPE = (200, 260)
"""Rows and columns of the whole elevation model."""


@dataclass(frozen=True)
class Quantities:
    """The archive's folder, and the numbers in its files, NaN where they are nodata."""

    folder: Path

    @cached_property
    def power(self) -> dict[str, Floats]:
        """Backscatter `(day, y, x)` by polarisation, in the order of DAYS. A few pixels are 0."""
        rng = np.random.default_rng(3)
        mean = 10 ** (np.linspace(-22, -4, SIDE)[np.newaxis, :] / 10) * np.ones((SIDE, 1))
        vv = np.asarray(mean * rng.gamma(4, 1 / 4, (len(DAYS), SIDE, SIDE)), np.float32)
        vh = np.asarray(vv * rng.uniform(0.1, 0.3, vv.shape), np.float32)
        for number, values in enumerate((vv, vh)):
            values[rng.random(vv.shape) < 0.05] = 0
            values[:, 10 + number : 14, 20:30] = 0
            values[1, 40:, :25] = np.nan
            values[4, :, 50:] = np.nan
        return {"vv": vv, "vh": vh}

    @cached_property
    def kelvin_numbers(self) -> NDArray[np.uint16]:
        """Stored surface temperatures `(y, x)`; 0 is nodata."""
        numbers = np.random.default_rng(4).integers(34_000, 52_000, (SIDE, SIDE)).astype(np.uint16)
        numbers[5:9, 5:9] = 0
        return numbers

    @cached_property
    def elevations(self) -> Floats:
        """The whole elevation model `(y, x)` in metres."""
        y, x = np.mgrid[: DEM_SHAPE[0], : DEM_SHAPE[1]]
        rough = np.random.default_rng(5).normal(0, 4, DEM_SHAPE)
        return np.asarray(900 + 250 * np.sin(x / 17) + 180 * np.cos(y / 13 + x / 40) + rough, np.float32)

    @property
    def dem(self) -> Ortho:
        """The whole elevation model as one raster."""
        west = SEAM - DEM_STEP * DEM_SHAPE[1] / 2
        return Ortho("EPSG:4326", Affine(DEM_STEP, 0, west, 0, -DEM_STEP, DEM_NORTH), self.elevations)

    @property
    def scene(self) -> Ortho:
        """The place of the radar's and the thermal scenes."""
        return Ortho(UTM, PLACE, self.power["vv"][0])

    def write(self) -> None:
        """Write items, files and profiles."""
        for number, profile in enumerate(PROFILES.split("---\n")):
            (self.folder / f"profile{number}.toml").write_text(profile)
        for number, (day, state) in enumerate(zip(DAYS, STATES, strict=True)):
            files = {key: np.where(np.isnan(values[number]), np.float32(-32768), values[number])
                     for key, values in self.power.items()}  # fmt: skip
            properties = {} if state is None else {"sat:orbit_state": state}
            self.write_item("radar", day, {key: Ortho(UTM, PLACE, each) for key, each in files.items()}, properties)
        self.write_item("thermal", "2024-06-01", {"lwir11": Ortho(UTM, PLACE, self.kelvin_numbers)}, {})
        half = DEM_SHAPE[1] // 2
        for name, columns in (("2021-01-01", slice(0, half)), ("2021-01-02", slice(half, None))):
            transform = self.dem.transform @ Affine.translation(columns.start, 0)
            part = Ortho(self.dem.crs, transform, np.ascontiguousarray(self.elevations[:, columns]))
            self.write_item("dem", name, {"data": part}, {})

    def write_item(self, collection: str, day: str, files: dict[str, Ortho], properties: dict[str, Any]) -> None:
        """Write an item of a collection, with a file for each asset."""
        name = f"{collection}-{day}"
        first = next(iter(files.values()))
        height, width = first.numbers.shape
        outline = first.polygon((0, 0), (width, 0), (width, height), (0, height))
        assets = {}
        for key, ortho in files.items():
            profile = {"count": 1, "dtype": ortho.numbers.dtype, "height": height, "width": width, "blocksize": 128}
            nodata = -32768 if collection == "radar" else None
            with rasterio.open(self.folder / f"{name}-{key}.tif", "w", driver="COG", compress="DEFLATE", **profile,
                               crs=ortho.crs, transform=ortho.transform, nodata=nodata) as dataset:  # fmt: skip
                dataset.write(ortho.numbers, 1)
            assets[key] = {"href": f"{name}-{key}.tif", "type": "image/tiff; application=geotiff"}
        item = {
            "type": "Feature", "stac_version": "1.0.0", "id": name, "collection": collection, "geometry": outline,
            "bbox": list(shapely.geometry.shape(outline).bounds), "assets": assets, "links": [],
            "properties": {"datetime": f"{day}T05:30:00Z"} | properties,
        }  # fmt: skip
        (self.folder / f"{name}.json").write_text(json.dumps(item))
