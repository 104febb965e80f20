"""Warming up: what the first pictures would wait for, and get in each other's way with, is done at the start."""

from __future__ import annotations

import numpy as np
from affine import Affine

from scog.cog.gdal_env import gdal_opening
from scog.geo.grid import Grid, tile_grid
from scog.geo.index_map import index_map
from scog.render.encoders import png
from scog.render.layer import LayerOptions, layer_of

SQUARE = Grid("EPSG:32632", Affine(10.0, 0.0, 600_000.0, 0.0, -10.0, 5_100_060.0), 10_980, 10_980)


def warm_up() -> None:
    """GDAL registers its drivers, PROJ opens its database, colours are worked out: 0.06 s.

    PROJ's part counts for the thread that this runs in.
    """
    with gdal_opening():
        index_map(tile_grid(12, 2180, 1460), SQUARE)
    nothing = np.zeros((1, 1, 1), np.float32)
    png(layer_of(LayerOptions(index="ndvi")).style.image(nothing, np.ones((1, 1), bool)))
