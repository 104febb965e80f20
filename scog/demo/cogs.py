"""Writing one file as Earth Search's are: tiled DEFLATE, all image directories in front, averages as overviews."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.io import MemoryFile
from rasterio.shutil import copy

from scog.demo.place import PIXEL, SIZE, Square

OVERVIEWS = (2, 4, 8, 16)
_EFFORT = 4  # of DEFLATE: 2 % larger than the usual 6, in two thirds of the time


class Layout(NamedTuple):
    """How the files of one band are laid out."""

    pixel: int  # metres
    block: int  # pixels a side; overviews have half of it
    spectral: bool  # numbers are averaged and differenced; classes are neither

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return SIZE * PIXEL // self.pixel, SIZE * PIXEL // self.pixel

    def transform(self, square: Square) -> Affine:
        """From pixels to metres of the square's zone."""
        return Affine(self.pixel, 0, square.left, 0, -self.pixel, square.top)


LAYOUTS = {
    "B01": Layout(60, 256, True),
    "B02": Layout(10, 1024, True),
    "B03": Layout(10, 1024, True),
    "B04": Layout(10, 1024, True),
    "B05": Layout(20, 512, True),
    "B06": Layout(20, 512, True),
    "B07": Layout(20, 512, True),
    "B08": Layout(10, 1024, True),
    "B8A": Layout(20, 512, True),
    "B09": Layout(60, 256, True),
    "B11": Layout(20, 1024, True),
    "B12": Layout(20, 512, True),
    "SCL": Layout(20, 512, False),
}


def write_cog(
    path: Path,
    stored: NDArray[np.uint16] | NDArray[np.uint8],
    square: Square,
    layout: Layout,
    scaling: tuple[float, float] | None,
) -> None:
    """Write the numbers of one band; `scaling` (scale, offset) goes into the file's tags when given."""
    profile = {
        "driver": "GTiff", "height": stored.shape[0], "width": stored.shape[1], "count": 1, "dtype": stored.dtype.name,
        "nodata": 0, "crs": f"EPSG:{square.epsg}", "transform": layout.transform(square),
    }  # fmt: skip
    options = {
        "driver": "GTiff", "copy_src_overviews": True, "tiled": True, "blockxsize": layout.block,
        "blockysize": layout.block, "compress": "deflate", "zlevel": _EFFORT, "predictor": 2 if layout.spectral else 1,
    }  # fmt: skip
    # GDAL takes the block size of overviews from its configuration only.
    env = rasterio.Env(GDAL_TIFF_OVR_BLOCKSIZE=str(layout.block // 2))
    with env, MemoryFile() as memory, memory.open(**profile) as whole:
        whole.write(stored, 1)
        if scaling is not None:
            whole.scales, whole.offsets = (scaling[0],), (scaling[1],)
        whole.build_overviews(list(OVERVIEWS), Resampling.average if layout.spectral else Resampling.mode)
        copy(whole, str(path), **options)
