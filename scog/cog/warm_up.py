"""Warms up a thread that reads headers, so that the first headers are read at full speed."""

from __future__ import annotations

import numpy as np
from affine import Affine
from rasterio.io import MemoryFile

from scog.cog.gdal_env import gdal_environment
from scog.cog.header_template import template_of
from scog.cog.ifd import walk


def describe_tiny_geotiff() -> None:
    """Read the header of a GeoTIFF of 64 x 64 pixels. The first read takes 0.02 s: PROJ opens its database."""
    with gdal_environment(), MemoryFile() as file:
        with file.open(
            driver="GTiff", width=64, height=64, count=1, dtype="uint16", nodata=0, crs="EPSG:32632",
            transform=Affine(10.0, 0.0, 600_000.0, 0.0, -10.0, 5_100_060.0), tiled=True, blockxsize=64, blockysize=64,
            compress="deflate", predictor=2,
        ) as dataset:  # fmt: skip
            dataset.write(np.ones((1, 64, 64), np.uint16))
        header: bytes = file.read()
    template_of(header, walk(header))
