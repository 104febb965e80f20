"""Rasters whose values encode their positions, made at test time in every layout of GeoTIFFs.

`raster(kind)` returns a file's bytes; `KINDS` names them all. `PLAIN` are those that scog decodes without GDAL.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.io import MemoryFile

HEIGHT, WIDTH = 311, 405
"""Odd, so that overviews round up and the last blocks extend beyond the image."""
TRANSFORM = Affine(10.0, 0.0, 600_000.0, 0.0, -10.0, 5_100_000.0)
ROTATED_TRANSFORM = Affine(9.5, -2.5, 600_000.0, -3.0, -9.0, 5_100_000.0)
CRS = "EPSG:32632"


def encoded(height: int, width: int, dtype: str = "uint16", band: int = 1) -> NDArray[Any]:
    """Values, never 0, that encode row, column and band; equal ones are far apart if the type is wide enough."""
    row, col = np.mgrid[0:height, 0:width]
    position = row * 256 + col + row // 256 * 31 + col // 256 * 77 + band * 101  # unique within 256 x 256
    if np.dtype(dtype).kind == "f":
        return (position * 40_503 % 65_536 / 16 + 1).astype(dtype)
    bits = min(np.dtype(dtype).itemsize * 8, 32)
    numbers = position * 40_503 % 2**bits  # an odd factor mixes and keeps them different
    return np.maximum(numbers, 1).astype(dtype) if np.iinfo(dtype).min == 0 else _signed(numbers, dtype)


def _signed(numbers: NDArray[Any], dtype: str) -> NDArray[Any]:
    """Wrap half of the values to negative; the type's minimum, which is nodata, does not occur."""
    return np.maximum(numbers.astype(np.uint64).astype(dtype), np.iinfo(dtype).min + 1)


def _geotiff(
    numbers: NDArray[Any], *, overviews: tuple[int, ...] = (), nodata: float | None = 0.0, **overrides: Any
) -> bytes:
    """A GeoTIFF by GDAL's GTiff driver. Overviews are appended to the file, as by `gdaladdo`."""
    count, height, width = numbers.shape
    profile = {"crs": CRS, "transform": TRANSFORM, "dtype": numbers.dtype.name, "nodata": nodata} | overrides
    mask = profile.pop("mask", None)
    with MemoryFile() as memory:
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
            with memory.open(driver="GTiff", width=width, height=height, count=count, **profile) as dataset:
                dataset.write(numbers)
                if mask is not None:
                    dataset.write_mask(mask)
            if overviews:
                with rasterio.open(memory.name, "r+") as dataset:
                    dataset.build_overviews(list(overviews), Resampling.nearest)
        return bytes(memory.getbuffer())


def _cog(
    numbers: NDArray[Any], *, nodata: float | None = 0.0, transform: Affine = TRANSFORM, **overrides: Any
) -> bytes:
    """A Cloud Optimized GeoTIFF by GDAL's COG driver: directories first, then overviews, then the full image."""
    options = {"BLOCKSIZE": 128, "COMPRESS": "DEFLATE", "OVERVIEW_RESAMPLING": "NEAREST"} | overrides
    mask = options.pop("mask", None)
    plain_file = _geotiff(numbers, nodata=nodata, transform=transform, mask=mask)
    with MemoryFile(plain_file) as source, MemoryFile() as target:
        rasterio.shutil.copy(source.name, target.name, driver="COG", **options)
        return bytes(target.getbuffer())


def _band(dtype: str = "uint16", height: int = HEIGHT, width: int = WIDTH) -> NDArray[Any]:
    return encoded(height, width, dtype)[np.newaxis]


def _bands(count: int, dtype: str = "uint16") -> NDArray[Any]:
    return np.stack([encoded(HEIGHT, WIDTH, dtype, band + 1) for band in range(count)])


def _holes() -> NDArray[np.bool_]:
    """A mask with a hole that spans several blocks."""
    mask = np.ones((HEIGHT, WIDTH), bool)
    mask[100:180, 90:300] = False
    return mask


def _sparse() -> bytes:
    """A sparse file: most blocks are missing."""
    numbers = np.zeros((1, HEIGHT, WIDTH), np.uint16)
    numbers[:, :100, :100] = encoded(100, 100)
    return _cog(numbers, SPARSE_OK="TRUE", PREDICTOR=2)


def _tiled(**overrides: Any) -> dict[str, Any]:
    return {"tiled": True, "blockxsize": 128, "blockysize": 128, "compress": "DEFLATE"} | overrides


PLAIN: dict[str, Callable[[], bytes]] = {
    "uint16": lambda: _cog(_band(), PREDICTOR=2),
    "uint16 without predictor": lambda: _cog(_band(), PREDICTOR="NO"),
    "int16": lambda: _cog(_band("int16"), PREDICTOR=2, nodata=-32768.0),
    "uint8": lambda: _cog(_band("uint8"), PREDICTOR=2),
    "int8": lambda: _cog(_band("int8"), PREDICTOR=2, nodata=-128.0),
    "uint32": lambda: _cog(_band("uint32"), PREDICTOR=2),
    "int32": lambda: _cog(_band("int32"), PREDICTOR=2),
    "uint64": lambda: _cog(_band("uint64"), PREDICTOR=2),
    "float32": lambda: _cog(_band("float32"), nodata=float("nan")),
    "float64": lambda: _cog(_band("float64"), nodata=None),
    "uncompressed": lambda: _cog(_band(), COMPRESS="NONE"),
    "BigTIFF": lambda: _cog(_band(), BIGTIFF="YES", PREDICTOR=2),
    "rotated": lambda: _cog(_band(), transform=ROTATED_TRANSFORM, PREDICTOR=2),
    "sparse": _sparse,
    "blocks of 256": lambda: _cog(_band(height=600, width=500), BLOCKSIZE=256, PREDICTOR=2),
    "blocks of 512": lambda: _cog(_band(height=600, width=500), BLOCKSIZE=512, PREDICTOR=2),
    "blocks of 1024": lambda: _cog(_band(height=600, width=1100), BLOCKSIZE=1024, PREDICTOR=2),
    "oblong blocks": lambda: _geotiff(_band(), **_tiled(blockxsize=64, blockysize=192)),
    "no nodata": lambda: _cog(_band(), nodata=None, PREDICTOR=2),
    "nodata that does not fit": lambda: _unfit_nodata(),
    "no overviews": lambda: _cog(_band(), OVERVIEWS="NONE", PREDICTOR=2),
    "directories at the end": lambda: _geotiff(_band(), overviews=(2, 4), **_tiled()),
    "header of 17 KB": lambda: _geotiff(_band(height=860, width=860), **_tiled(blockxsize=16, blockysize=16)),
}
OTHER: dict[str, Callable[[], bytes]] = {
    "big-endian": lambda: _geotiff(_band(), overviews=(2,), predictor=2, ENDIANNESS="BIG", **_tiled()),
    "striped": lambda: _geotiff(_band(), compress="DEFLATE", overviews=(2, 4)),
    "striped, uncompressed": lambda: _geotiff(_band()),
    "directories far away": lambda: _geotiff(_band(height=1500, width=1400), overviews=(2, 4), **_tiled(compress=None)),
    "ZSTD": lambda: _cog(_band(), COMPRESS="ZSTD", PREDICTOR=2),
    "LZW": lambda: _cog(_band(), COMPRESS="LZW", PREDICTOR=2),
    "JPEG": lambda: _cog(_band("uint8"), COMPRESS="JPEG", QUALITY=100),
    "float predictor": lambda: _cog(_band("float32"), PREDICTOR=3),
    "three bands": lambda: _cog(_bands(3), PREDICTOR=2),
    "bands apart": lambda: _geotiff(_bands(2), interleave="band", overviews=(2,), **_tiled()),
    "mask": lambda: _cog(_band(), nodata=None, mask=_holes()),
    "mask and nodata": lambda: _geotiff(_band(), mask=_holes(), **_tiled()),
    "12 bits": lambda: _geotiff(_band() // 32, NBITS=12, **_tiled()),
    "overviews with another predictor": lambda: _cog(_band(), PREDICTOR="NO", OVERVIEW_PREDICTOR="YES"),
    "overviews with another codec": lambda: _cog(_band(), OVERVIEW_COMPRESS="LZW"),
}
MAKERS = PLAIN | OTHER
KINDS = tuple(MAKERS)


def _unfit_nodata() -> bytes:
    """Unsigned values with a negative nodata value, as some conversions write them."""
    numbers = np.zeros((1, HEIGHT, WIDTH), np.uint16)
    numbers[:, :100, :100] = encoded(100, 100)
    data = _geotiff(numbers, nodata=12345, **_tiled(SPARSE_OK=True))
    assert data.count(b"12345\0") == 1
    return data.replace(b"12345\0", b"-9999\0")


@cache
def raster(kind: str) -> bytes:
    """A file's bytes."""
    return MAKERS[kind]()
