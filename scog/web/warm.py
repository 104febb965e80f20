"""Warming up: what the first picture would otherwise wait for is done when the server stands."""

from __future__ import annotations

import numpy as np
from affine import Affine
from rasterio.io import MemoryFile

from scog.look import Wish, look_of
from scog.picture.encode import png
from scog.pixels.description import gdal_opening
from scog.pixels.directories import walk
from scog.pixels.kind import kind_of
from scog.space.grid import Grid, tile_grid
from scog.space.indexmap import index_map

SQUARE = Grid("EPSG:32632", Affine(10.0, 0.0, 600_000.0, 0.0, -10.0, 5_100_060.0), 10_980, 10_980)


def warm_up() -> None:
    """Go the way of a picture once: GDAL finds its drivers, PROJ its grids, colours are worked out (0.2 s).

    PROJ's part counts for the thread that this runs in.
    """
    index_map(tile_grid(12, 2180, 1460), SQUARE)
    header = _header()
    kind_of(header, walk(header))
    nothing = np.zeros((1, 1, 1), np.float32)
    png(look_of(Wish(index="ndvi")).picture(nothing, np.ones((1, 1), bool)))


def _header() -> bytes:
    """A GeoTIFF of one block."""
    profile = {"driver": "GTiff", "dtype": "uint16", "count": 1, "width": 16, "height": 16, "tiled": True}
    with gdal_opening(), MemoryFile() as memory:
        with memory.open(
            **profile, blockxsize=16, blockysize=16, crs=SQUARE.crs, transform=SQUARE.transform
        ) as dataset:
            dataset.write(np.zeros((1, 16, 16), np.uint16))
        return bytes(memory.read())
