"""GeoTIFFs with every option of GDAL that changes how pixels are stored; a seed determines a choice of all options.

`choice_of(seed)` returns the options, `write` writes the file, and `truth` reads values and validity with rasterio.
"""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling

from tests.doubles.rasters import encoded

HEIGHT, WIDTH = 172, 228
"""Multiples of 4, so that overviews have square pixels too, and a grid of an overview's pixels is read from it."""
GEOREFERENCES = {
    "north up": ("EPSG:32632", Affine(10, 0, 600_000, 0, -10, 5_100_000)),
    "south up": ("EPSG:32632", Affine(10, 0, 600_000, 0, 10, 5_100_000)),
    "rotated": ("EPSG:32633", Affine(9, 3, 600_000, 3, -9, 5_100_000)),
    "oblong pixels": ("EPSG:3857", Affine(12, 0, 1_200_000, 0, -7, 5_900_000)),
    "degrees": ("EPSG:4326", Affine(1e-4, 0, 11, 0, -1e-4, 46)),
}
INTEGERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64")
FLOATS = ("float32", "float64")
BITS = {"uint8": range(1, 8), "uint16": range(9, 16), "uint32": range(17, 32), "float32": range(16, 17)}
WITH_PREDICTOR = ("DEFLATE", "OLD DEFLATE", "LZW", "ZSTD")
VALIDITY = ("none", "nodata", "NaN", "out of range", "mask", "alpha", "mask file", "nodata values")


@dataclass(frozen=True)
class Choice:
    """One way to write a GeoTIFF."""

    dtype: str
    codec: str = "DEFLATE"
    predictor: int = 1
    bits: int | None = None
    count: int = 1
    interleave: str = "pixel"
    order: str = "LITTLE"
    block: tuple[int, int] | int = (64, 64)
    """Rows and columns of a tile, or rows of a strip."""
    validity: str = "none"
    photometric: str | None = None
    overviews: tuple[int, ...] = ()
    georeference: str = "north up"
    sparse: bool = False
    big: bool = False
    further_page: bool = False

    @property
    def nodata(self) -> float | None:
        """The nodata value of the file, if it has one."""
        if self.validity == "NaN":
            return float("nan")
        if self.validity == "out of range":
            return 12345.0  # replaced after writing
        return 7.0 if self.validity == "nodata" else None


def choice_of(seed: int) -> Choice:
    """The choice for a seed."""
    pick = random.Random(seed)
    dtype = pick.choice((*INTEGERS, *FLOATS))
    codec = pick.choice(("NONE", "DEFLATE", "DEFLATE", "OLD DEFLATE", "LZW", "ZSTD", "PACKBITS", "LERC"))
    count = pick.choice((1, 1, 1, 2, 3, 4, 6))
    validity = pick.choice(VALIDITY)
    if dtype in INTEGERS and validity == "NaN":
        validity = "nodata"
    if dtype not in ("uint16", "int16") and validity == "out of range":
        validity = "nodata"
    if dtype not in ("uint8", "uint16") and validity == "alpha":
        validity = "mask"
    if validity == "alpha":
        count = pick.choice((2, 4))
    chosen = Choice(
        dtype=dtype,
        codec=codec,
        count=count,
        interleave=pick.choice(("pixel", "band")),
        order=pick.choice(("LITTLE", "LITTLE", "BIG")),
        block=pick.choice(((64, 64), (64, 64), (128, 128), (48, 112), 1, 7, 64, HEIGHT)),
        validity=validity,
        overviews=pick.choice(((), (2,), (2, 4))),
        georeference=pick.choice(tuple(GEOREFERENCES)),
        sparse=pick.random() < 0.15,
        big=pick.random() < 0.2,
        further_page=pick.random() < 0.1,
    )
    if chosen.georeference == "oblong pixels":  # for these a finer level is read
        chosen = replace(chosen, overviews=())
    if codec in WITH_PREDICTOR:
        chosen = replace(chosen, predictor=pick.choice((1, 2, 3) if dtype in FLOATS else (1, 2)))
    if codec == "LERC" and dtype in ("uint64", "int64"):
        chosen = replace(chosen, codec="DEFLATE")
    if dtype in BITS and pick.random() < 0.25 and chosen.codec != "LERC" and validity != "alpha":
        chosen = replace(chosen, bits=pick.choice(BITS[dtype]), predictor=1, order="LITTLE")
    elif dtype == "uint8" and pick.random() < 0.5:
        chosen = _of_bytes(chosen, pick)
    return chosen


def _of_bytes(choice: Choice, pick: random.Random) -> Choice:
    """Options that only uint8 images have: photometric interpretations, and their codecs."""
    kind = pick.choice(("MINISWHITE", "CMYK", "JPEG", "YCBCR", "WEBP"))
    if choice.validity == "alpha":
        kind = "WEBP"
    if kind == "MINISWHITE":
        return replace(choice, photometric=kind, count=1)
    if kind == "CMYK":  # GDAL cannot read the overviews that it builds for these
        return replace(choice, photometric=kind, count=4, overviews=())
    tiled = replace(choice, block=(64, 64), predictor=1, sparse=False, further_page=False)
    if kind == "JPEG":
        return replace(tiled, codec="JPEG", count=1)
    if kind == "YCBCR":
        return replace(tiled, codec="JPEG", count=3, photometric=kind, interleave="pixel")
    return replace(tiled, codec="WEBP", count=4 if choice.validity == "alpha" else 3, interleave="pixel")


def numbers_of(choice: Choice) -> NDArray[Any]:
    """Values `(band, y, x)`: 7 and 0 occur whether or not they are nodata; NaN occurs among floats."""
    bands = np.stack([encoded(HEIGHT, WIDTH, choice.dtype, band + 1) for band in range(choice.count)])
    if choice.bits is not None and choice.dtype != "float32":
        bands %= 2**choice.bits
    if choice.dtype == "float32" and choice.bits == 16:
        bands = bands.astype(np.float16).astype(np.float32)
    bands[:, 10:40, 20:90] = 7 if choice.bits is None or choice.bits > 3 else 1
    bands[:, 60:80, 100:220] = 0
    if choice.dtype in FLOATS:
        bands[:, 90:95, 5:50] = np.nan
    if choice.validity == "alpha":
        bands[-1] = np.clip(encoded(HEIGHT, WIDTH, choice.dtype), 1, 254)
        bands[-1][30:90, 40:180] = 0
    if choice.sparse:
        bands[:, 64:] = 0
    return bands


def write(choice: Choice, path: Path) -> None:
    """Write the file and, if chosen, its mask file."""
    crs, transform = GEOREFERENCES[choice.georeference]
    numbers = numbers_of(choice)
    tiled = isinstance(choice.block, tuple)
    layout: dict[str, Any] = (
        {"tiled": True, "blockysize": choice.block[0], "blockxsize": choice.block[1]}
        if isinstance(choice.block, tuple)
        else {"tiled": False, "blockysize": choice.block}
    )
    options: dict[str, Any] = {
        "driver": "GTiff", "width": WIDTH, "height": HEIGHT, "count": choice.count, "dtype": choice.dtype, "crs": crs,
        "transform": transform, "nodata": choice.nodata, "interleave": choice.interleave, "ENDIANNESS": choice.order,
        "BIGTIFF": "YES" if choice.big else "NO", "SPARSE_OK": choice.sparse, **layout,
    }  # fmt: skip
    codec = "DEFLATE" if choice.codec == "OLD DEFLATE" else choice.codec
    if codec != "NONE":
        options["compress"] = codec
    if codec == "WEBP":
        options["WEBP_LOSSLESS"] = True
    if choice.predictor != 1:
        options["predictor"] = choice.predictor
    if choice.bits is not None:
        options["NBITS"] = choice.bits
    if choice.photometric is not None:
        options["photometric"] = choice.photometric
    if choice.validity == "alpha":
        options["alpha"] = "YES"
    assert tiled or "blockxsize" not in options
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=choice.validity != "mask file"):
        _write(choice, path, numbers, options)
    if choice.validity == "out of range":  # rasterio refuses to write such a value
        path.write_bytes(path.read_bytes().replace(b"12345\0", b"99999\0"))
    if choice.codec == "OLD DEFLATE":
        path.write_bytes(with_tag(path.read_bytes(), 259, 8, 32946))


def _write(choice: Choice, path: Path, numbers: NDArray[Any], options: dict[str, Any]) -> None:
    with rasterio.open(path, "w", **options) as dataset:
        dataset.write(numbers)
        if choice.validity in ("mask", "mask file"):
            mask = np.full((HEIGHT, WIDTH), 255, np.uint8)
            mask[50:100, 30:150] = 0
            dataset.write_mask(mask)
        if choice.validity == "nodata values":
            dataset.update_tags(NODATA_VALUES=" ".join(["7"] * choice.count))
    if choice.overviews:
        with rasterio.open(path, "r+") as dataset:
            dataset.build_overviews(list(choice.overviews), Resampling.nearest)
    if choice.further_page:
        with rasterio.open(path, "w", **options, APPEND_SUBDATASET=True) as dataset:
            dataset.write(numbers[:, ::-1])


def truth(path: Path, level: int, band: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Values and validity of a band and level as read by rasterio."""
    options = {"overview_level": level - 1} if level else {}
    with rasterio.open(path, **options) as dataset:
        return dataset.read(band), dataset.read_masks(band) != 0


def with_tag(data: bytes, tag: int, old: int, new: int) -> bytes:
    """The file with a tag's 16-bit value `old` replaced by `new` in all directories."""
    order = "<" if data[:2] == b"II" else ">"
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    count, offset, entry = ("Q", "Q", 20) if big else ("H", "I", 12)
    changed = bytearray(data)
    at = struct.unpack_from(order + offset, data, 8 if big else 4)[0]
    while at:
        first = at + struct.calcsize(count)
        end = first + entry * struct.unpack_from(order + count, data, at)[0]
        for position in range(first, end, entry):
            value = position + (12 if big else 8)
            code, number = (struct.unpack_from(order + "H", data, each)[0] for each in (position, value))
            if (code, number) == (tag, old):
                struct.pack_into(order + "H", changed, value, new)
        at = struct.unpack_from(order + offset, data, end)[0]
    return bytes(changed)
