"""Rasters on grids of any kind, each the only item of a collection, such as users have beside Sentinel-2."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
import shapely
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from rasterio.io import MemoryFile

from scog.geo.grid import Grid


@dataclass(frozen=True)
class Ortho:
    """A raster of one band `(y, x)` on a grid."""

    crs: str
    transform: Affine
    numbers: NDArray[Any]

    @property
    def grid(self) -> Grid:
        height, width = self.numbers.shape
        return Grid(self.crs, self.transform, width, height)

    def lonlat(self, col: float, row: float) -> tuple[float, float]:
        """Longitude and latitude of a column and row."""
        to_degrees = Transformer.from_crs(CRS.from_user_input(self.crs), 4326, always_xy=True)
        lon, lat = to_degrees.transform(*self.grid.at(col, row))
        return float(lon), float(lat)

    def polygon(self, *points: tuple[float, float]) -> dict[str, Any]:
        """A GeoJSON polygon of columns and rows."""
        ring = [list(self.lonlat(*point)) for point in points]
        return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}

    def projected(self, geometry: Mapping[str, Any]) -> Any:
        """A geometry in degrees, densified and transformed to the raster's CRS."""
        to_raster_crs = Transformer.from_crs(4326, CRS.from_user_input(self.crs), always_xy=True)
        dense = shapely.segmentize(shapely.geometry.shape(geometry), 0.0002)
        return shapely.transform(dense, lambda points: np.stack(to_raster_crs.transform(*points.T), axis=1))

    def write(self, path: Path, **options: Any) -> None:
        """Write a Cloud Optimized GeoTIFF."""
        height, width = self.numbers.shape
        profile = {"driver": "GTiff", "width": width, "height": height, "count": 1, "dtype": self.numbers.dtype}
        with MemoryFile() as memory:
            with memory.open(**profile, crs=self.crs, transform=self.transform) as out:
                out.write(self.numbers, 1)
            with rasterio.open(memory.name) as source:
                rasterio.shutil.copy(source, path, driver="COG", COMPRESS="DEFLATE", BLOCKSIZE=128, **options)


def write_collection(
    folder: Path, name: str, assets: Mapping[str, Ortho], day: str = "2024-06-12", more: Any = None, **options: Any
) -> None:
    """Write an item of a collection, with a file for each asset; `more` are further members of each asset."""
    first = next(iter(assets.values()))
    height, width = first.numbers.shape
    outline = first.polygon((0, 0), (width, 0), (width, height), (0, height))
    asset_members = {}
    for key, ortho in assets.items():
        ortho.write(folder / f"{name}-{day}-{key}.tif", **options)
        asset_members[key] = {
            "href": f"{name}-{day}-{key}.tif",
            "type": "image/tiff; application=geotiff",
            **(more or {}),
        }
    item = {
        "type": "Feature", "stac_version": "1.0.0", "id": f"{name}-{day}", "collection": name, "geometry": outline,
        "bbox": list(shapely.geometry.shape(outline).bounds), "properties": {"datetime": f"{day}T10:00:00Z"},
        "assets": asset_members, "links": [],
    }  # fmt: skip
    (folder / f"{name}-{day}.json").write_text(json.dumps(item))
