"""Values as a Cloud Optimized GeoTIFF, with their place on the Earth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.io import MemoryFile

BLOCK = 256


def geotiff(
    values: NDArray[np.float32], crs: str, transform: Affine, names: Sequence[str], tags: Mapping[str, str]
) -> bytes:
    """A COG of values `(band, y, x)`, NaN (its nodata) where invalid, with a name for each band.

    `crs` and `transform` say where it lies (pixel corner to CRS units); `tags` say how it came to be.
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
            target.update_tags(**tags)
        return bytes(memory.read())
