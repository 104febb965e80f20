"""Rasters whose pixel values say where they are, made at test time in every shape that GeoTIFFs come in.

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
"""Odd on purpose: overviews round up, and the last blocks hang over."""
PLACE = Affine(10.0, 0.0, 600_000.0, 0.0, -10.0, 5_100_000.0)
TURNED = Affine(9.5, -2.5, 600_000.0, -3.0, -9.0, 5_100_000.0)
CRS = "EPSG:32632"


def encoded(height: int, width: int, dtype: str = "uint16", band: int = 1) -> NDArray[Any]:
    """Numbers, none of them 0, that name row, column and band; alike ones lie far apart if the type is wide enough."""
    row, col = np.mgrid[0:height, 0:width]
    place = row * 256 + col + row // 256 * 31 + col // 256 * 77 + band * 101  # no two alike within 256 x 256
    if np.dtype(dtype).kind == "f":
        return (place * 40_503 % 65_536 / 16 + 1).astype(dtype)
    bits = min(np.dtype(dtype).itemsize * 8, 32)
    numbers = place * 40_503 % 2**bits  # an odd factor mixes and keeps them different
    return np.maximum(numbers, 1).astype(dtype) if np.iinfo(dtype).min == 0 else _signed(numbers, dtype)


def _signed(numbers: NDArray[Any], dtype: str) -> NDArray[Any]:
    """Half of the numbers become negative; the smallest of the type, which is nodata, does not occur."""
    return np.maximum(numbers.astype(np.uint64).astype(dtype), np.iinfo(dtype).min + 1)


def _written(
    numbers: NDArray[Any], *, overviews: tuple[int, ...] = (), nodata: float | None = 0.0, **how: Any
) -> bytes:
    """A GeoTIFF by GDAL's GTiff driver; overviews are appended, as `gdaladdo` does, and lie at the end of the file."""
    count, height, width = numbers.shape
    profile = {"crs": CRS, "transform": PLACE, "dtype": numbers.dtype.name, "nodata": nodata} | how
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


def _cog(numbers: NDArray[Any], *, nodata: float | None = 0.0, transform: Affine = PLACE, **how: Any) -> bytes:
    """A Cloud Optimized GeoTIFF by GDAL's COG driver: directories first, then overviews, then the full image."""
    options = {"BLOCKSIZE": 128, "COMPRESS": "DEFLATE", "OVERVIEW_RESAMPLING": "NEAREST"} | how
    mask = options.pop("mask", None)
    first = _written(numbers, nodata=nodata, transform=transform, mask=mask)
    with MemoryFile(first) as source, MemoryFile() as target:
        rasterio.shutil.copy(source.name, target.name, driver="COG", **options)
        return bytes(target.getbuffer())


def _one(dtype: str = "uint16", height: int = HEIGHT, width: int = WIDTH) -> NDArray[Any]:
    return encoded(height, width, dtype)[np.newaxis]


def _bands(count: int, dtype: str = "uint16") -> NDArray[Any]:
    return np.stack([encoded(HEIGHT, WIDTH, dtype, band + 1) for band in range(count)])


def _holes() -> NDArray[np.bool_]:
    """A mask with a hole that crosses blocks."""
    mask = np.ones((HEIGHT, WIDTH), bool)
    mask[100:180, 90:300] = False
    return mask


def _sparse() -> bytes:
    """Most blocks were never written."""
    numbers = np.zeros((1, HEIGHT, WIDTH), np.uint16)
    numbers[:, :100, :100] = encoded(100, 100)
    return _cog(numbers, SPARSE_OK="TRUE", PREDICTOR=2)


def _tiled(**how: Any) -> dict[str, Any]:
    return {"tiled": True, "blockxsize": 128, "blockysize": 128, "compress": "DEFLATE"} | how


PLAIN: dict[str, Callable[[], bytes]] = {
    "uint16": lambda: _cog(_one(), PREDICTOR=2),
    "uint16 without predictor": lambda: _cog(_one(), PREDICTOR="NO"),
    "int16": lambda: _cog(_one("int16"), PREDICTOR=2, nodata=-32768.0),
    "uint8": lambda: _cog(_one("uint8"), PREDICTOR=2),
    "int8": lambda: _cog(_one("int8"), PREDICTOR=2, nodata=-128.0),
    "uint32": lambda: _cog(_one("uint32"), PREDICTOR=2),
    "int32": lambda: _cog(_one("int32"), PREDICTOR=2),
    "uint64": lambda: _cog(_one("uint64"), PREDICTOR=2),
    "float32": lambda: _cog(_one("float32"), nodata=float("nan")),
    "float64": lambda: _cog(_one("float64"), nodata=None),
    "uncompressed": lambda: _cog(_one(), COMPRESS="NONE"),
    "BigTIFF": lambda: _cog(_one(), BIGTIFF="YES", PREDICTOR=2),
    "rotated": lambda: _cog(_one(), transform=TURNED, PREDICTOR=2),
    "sparse": _sparse,
    "blocks of 256": lambda: _cog(_one(height=600, width=500), BLOCKSIZE=256, PREDICTOR=2),
    "blocks of 512": lambda: _cog(_one(height=600, width=500), BLOCKSIZE=512, PREDICTOR=2),
    "blocks of 1024": lambda: _cog(_one(height=600, width=1100), BLOCKSIZE=1024, PREDICTOR=2),
    "oblong blocks": lambda: _written(_one(), **_tiled(blockxsize=64, blockysize=192)),
    "no nodata": lambda: _cog(_one(), nodata=None, PREDICTOR=2),
    "nodata that does not fit": lambda: _unfit(),
    "no overviews": lambda: _cog(_one(), OVERVIEWS="NONE", PREDICTOR=2),
    "directories at the end": lambda: _written(_one(), overviews=(2, 4), **_tiled()),
    "header of 17 KB": lambda: _written(_one(height=860, width=860), **_tiled(blockxsize=16, blockysize=16)),
}
OTHER: dict[str, Callable[[], bytes]] = {
    "big-endian": lambda: _written(_one(), overviews=(2,), predictor=2, ENDIANNESS="BIG", **_tiled()),
    "striped": lambda: _written(_one(), compress="DEFLATE", overviews=(2, 4)),
    "striped, uncompressed": lambda: _written(_one()),
    "directories far away": lambda: _written(_one(height=1500, width=1400), overviews=(2, 4), **_tiled(compress=None)),
    "ZSTD": lambda: _cog(_one(), COMPRESS="ZSTD", PREDICTOR=2),
    "LZW": lambda: _cog(_one(), COMPRESS="LZW", PREDICTOR=2),
    "JPEG": lambda: _cog(_one("uint8"), COMPRESS="JPEG", QUALITY=100),
    "float predictor": lambda: _cog(_one("float32"), PREDICTOR=3),
    "three bands": lambda: _cog(_bands(3), PREDICTOR=2),
    "bands apart": lambda: _written(_bands(2), interleave="band", overviews=(2,), **_tiled()),
    "mask": lambda: _cog(_one(), nodata=None, mask=_holes()),
    "mask and nodata": lambda: _written(_one(), mask=_holes(), **_tiled()),
    "12 bits": lambda: _written(_one() // 32, NBITS=12, **_tiled()),
    "overviews with another predictor": lambda: _cog(_one(), PREDICTOR="NO", OVERVIEW_PREDICTOR="YES"),
    "overviews with another codec": lambda: _cog(_one(), OVERVIEW_COMPRESS="LZW"),
}
MAKERS = PLAIN | OTHER
KINDS = tuple(MAKERS)


def _unfit() -> bytes:
    """Unsigned numbers and a negative nodata, as careless conversions leave them."""
    numbers = np.zeros((1, HEIGHT, WIDTH), np.uint16)
    numbers[:, :100, :100] = encoded(100, 100)
    data = _written(numbers, nodata=12345, **_tiled(SPARSE_OK=True))
    assert data.count(b"12345\0") == 1
    return data.replace(b"12345\0", b"-9999\0")


@cache
def raster(kind: str) -> bytes:
    """A file's bytes."""
    return MAKERS[kind]()
