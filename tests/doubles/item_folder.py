"""A user's archive: one item in a folder, and its GeoTIFFs beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import rasterio
from affine import Affine
from numpy.typing import NDArray

TRANSFORM = Affine(10, 0, 600_000, 0, -10, 5_100_000)
CRS = "EPSG:32632"
SIDE = 300


def write_file(folder: Path, name: str, numbers: NDArray[Any], **options: Any) -> None:
    """Write numbers `(band, y, x)` as NAME.tif, by GDAL's GTiff driver."""
    profile = {
        "crs": CRS,
        "transform": TRANSFORM,
        "tiled": True,
        "blockxsize": 128,
        "blockysize": 128,
        "compress": "DEFLATE",
    }
    descriptions = options.pop("descriptions", None)
    count, height, width = numbers.shape
    shape = {"count": count, "height": height, "width": width, "dtype": numbers.dtype.name}
    with rasterio.open(folder / f"{name}.tif", "w", driver="GTiff", **{**profile, **shape, **options}) as dataset:
        dataset.write(numbers)
        if descriptions:
            dataset.descriptions = descriptions


def write_item(folder: Path, assets: dict[str, Any], ring: list[list[float]] | None = None, **properties: Any) -> None:
    """Write the item `one` of the collection `mine`; an asset's `file` is the name of its GeoTIFF."""
    if ring is None:
        x, y = TRANSFORM @ np.array([[0, SIDE, SIDE, 0, 0], [0, 0, SIDE, SIDE, 0]])
        lon, lat = pyproj.Transformer.from_crs(CRS, "EPSG:4326", always_xy=True).transform(x, y)
        ring = [[float(a), float(b)] for a, b in zip(lon, lat, strict=True)]
    members = {key: {"href": f"./{asset['file']}.tif", "type": "image/tiff; application=geotiff"} | asset
            for key, asset in assets.items()}  # fmt: skip
    item = {
        "type": "Feature", "stac_version": "1.0.0", "id": "one", "collection": "mine", "links": [], "assets": members,
        "properties": {"datetime": "2024-06-12T10:00:00Z", **properties},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }  # fmt: skip
    (folder / "one.json").write_text(json.dumps(item))
