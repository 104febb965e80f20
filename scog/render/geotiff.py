"""Encode values as a Cloud Optimized GeoTIFF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.io import MemoryFile

BLOCK = 256


def geotiff(
    values: NDArray[np.float32],
    crs: str,
    transform: Affine,
    names: Sequence[str],
    tags: Mapping[str, str],
    units: Sequence[str | None] = (),
) -> bytes:
    """COG of float32 `(band, y, x)`; nodata is NaN.

    crs        of the transform, in any form that rasterio accepts
    transform  from pixel corners to CRS units
    names      band descriptions
    tags       dataset metadata, such as TIFFTAG_SOFTWARE
    units      unit of each band, None for none
    """
    count, height, width = values.shape
    profile = {
        "driver": "COG", "count": count, "height": height, "width": width, "dtype": "float32", "nodata": float("nan"),
        "crs": crs, "transform": transform, "blocksize": BLOCK, "compress": "DEFLATE", "predictor": "YES", "level": 1,
        "overview_resampling": "nearest",
    }  # fmt: skip
    with MemoryFile() as memory:
        with memory.open(**profile) as target:
            target.write(values)
            target.descriptions = tuple(names)
            if any(units):
                target.units = tuple(unit or "" for unit in units)
            target.update_tags(**tags)
        return bytes(memory.read())
