"""What a file says of itself: its place, its levels, and where each block of pixels lies in the file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from pyproj.exceptions import ProjError
from rasterio._err import CPLE_BaseError
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader

from scog.errors import AssetRefused
from scog.space.around import turn
from scog.space.crs import horizontal_crs
from scog.space.grid import Grid, transformer
from scog.space.polynomial import Curve, placed_by

MAX_SIDE = 20_000
"""Largest side of a remote raster in pixels; Sentinel-2's are 10,980."""
MAX_BLOCK_PIXELS = 4_000_000
MAX_BLOCK_BYTES = 64_000_000
"""Largest block in bytes, as stored or with all the bands that are decoded together."""
VIRTUAL_BLOCK_PIXELS = 1 << 20

GDAL_OPTIONS = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",  # no look for .ovr, .msk and .aux.xml beside the file
    "GDAL_CACHEMAX": 16 * 2**20,  # scog keeps blocks itself
    "GDAL_NUM_THREADS": 1,
}


GDAL_FAULTS = (RasterioError, CPLE_BaseError, ValueError, OverflowError)
"""What comes of a file that GDAL cannot read; the latter two of a CRS or numbers that cannot be."""
UNPLACED = ""
"""In place of a CRS, where a file has none."""


@dataclass(frozen=True)
class FileBand:
    """What a file says of a band: its description, scale and offset (GDAL's tags), and whether it is alpha."""

    name: str = ""
    scale: float = 1.0
    offset: float = 0.0
    alpha: bool = False


@dataclass(frozen=True, eq=False)
class Level:
    """One level of a file: its grid, its blocks' shape `(rows, columns)`, and where each block lies.

    `offsets` and `sizes` are int64 `(block rows, block columns)` in bytes, or None where only GDAL knows;
    a size of 0 is a block that was never written: all nodata.
    """

    grid: Grid
    block_shape: tuple[int, int]
    offsets: NDArray[np.int64] | None
    sizes: NDArray[np.int64] | None

    @property
    def blocks(self) -> tuple[int, int]:
        """How many rows and columns of blocks there are."""
        height, width = self.block_shape
        return -(-self.grid.height // height), -(-self.grid.width // width)


@dataclass(frozen=True, eq=False)
class Description:
    """What a file's header says. `plain` files are decoded by scog, all others by GDAL.

    `identity` names this very version of the file. `predictor` is TIFF's (1 none, 2 horizontal differences). `stop` is
    where its last block ends, as far as that is known. Where the file does not say where it lies, the CRS of its levels
    is UNPLACED, their transforms are the file's, or in pixels.
    """

    identity: str
    dtype: np.dtype[Any]
    nodata: float | None
    count: int
    compression: str
    predictor: int
    plain: bool
    levels: tuple[Level, ...]
    stop: int = 0
    bands: tuple[FileBand, ...] = (FileBand(),)

    @cached_property
    def resolutions(self) -> tuple[float, ...]:
        """Extent of a pixel of each level, in CRS units."""
        return tuple(level.grid.resolution for level in self.levels)

    def block_bytes(self, level: int) -> int:
        """Bytes of one decoded block."""
        height, width = self.levels[level].block_shape
        return height * width * self.dtype.itemsize

    @property
    def fill(self) -> Any:
        """The number that stands where nothing was written."""
        number = as_number(self.nodata, self.dtype)
        return 0 if number is None else number

    def unplain(self) -> Description:
        """The same file, read by GDAL. Tests use it to hold both ways equal."""
        return replace(self, plain=False)


@dataclass(frozen=True)
class Facts:
    """What GDAL tells of a file, but for where its blocks lie. `interleaved`: bands that are decoded together."""

    crs: str
    transform: Affine
    curve: Curve | None
    shape: tuple[int, int]
    overviews: int
    dtype: np.dtype[Any]
    nodata: float | None
    count: int
    interleaved: int
    compression: str
    predictor: int
    plain: bool
    bands: tuple[FileBand, ...]


def facts_of(dataset: DatasetReader, local: bool) -> Facts:
    """What GDAL tells of an open file. Raises AssetRefused."""
    _check(dataset, local)
    structure = dataset.tags(ns="IMAGE_STRUCTURE")
    crs, transform, curve = _place(dataset)
    return Facts(
        crs=crs,
        transform=transform,
        curve=curve,
        shape=dataset.shape,
        overviews=len(dataset.overviews(1)),
        dtype=np.dtype(dataset.dtypes[0]),
        nodata=0.0 if dataset.nodata is None and has_mask(dataset) else dataset.nodata,
        count=dataset.count,
        interleaved=dataset.count if structure.get("INTERLEAVE") == "PIXEL" else 1,
        compression=structure.get("COMPRESSION", "NONE").upper(),
        predictor=int(structure.get("PREDICTOR", 1)),
        plain=_is_plain(dataset),
        bands=_bands(dataset),
    )


def describe_dataset(
    dataset: DatasetReader, overviews: Sequence[DatasetReader], identity: str, *, local: bool = False
) -> Description:
    """Describe an open file whose directories lie scattered; GDAL reads its blocks, too. Raises AssetRefused."""
    facts = facts_of(dataset, local)
    levels = (level_of(facts, level.shape, level.block_shapes[0], grouped=True) for level in (dataset, *overviews))
    return description_of(facts, identity, tuple(levels), plain=False)


@lru_cache(maxsize=256)
def as_number(nodata: float | None, dtype: np.dtype[Any]) -> Any:
    """Nodata as a number of this type; None where there is none, or none that fits: integers have no NaN."""
    if nodata is None:
        return None
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return dtype.type(nodata)
    limits = np.iinfo(dtype)
    fits = nodata == nodata and limits.min <= nodata <= limits.max and float(nodata).is_integer()
    return dtype.type(nodata) if fits else None


@contextmanager
def gdal_opening() -> Iterator[None]:
    """GDAL as scog opens files with it: alone with the file it was given."""
    with rasterio.Env(**GDAL_OPTIONS):
        yield


def description_of(facts: Facts, identity: str, levels: tuple[Level, ...], plain: bool, stop: int = 0) -> Description:
    """The description of a file with these levels."""
    return Description(
        identity=identity,
        dtype=facts.dtype,
        nodata=facts.nodata,
        count=facts.count,
        compression=facts.compression,
        predictor=facts.predictor,
        plain=plain,
        levels=levels,
        stop=stop,
        bands=facts.bands,
    )


def _check(dataset: DatasetReader, local: bool) -> None:
    if np.dtype(dataset.dtypes[0]).kind not in "uif" or len(set(dataset.dtypes)) > 1:
        raise AssetRefused(f"Pixels of type {dataset.dtypes[0]} are not read.", reason="pixel-type")
    if not local and max(dataset.shape) > MAX_SIDE:
        raise AssetRefused(f"The raster is larger than {MAX_SIDE} pixels a side.", reason="too-large")


def _is_plain(dataset: DatasetReader) -> bool:
    """Whether `scog.pixels.decode` knows how its blocks are stored."""
    structure = dataset.tags(ns="IMAGE_STRUCTURE")
    predictor = int(structure.get("PREDICTOR", 1))
    return (
        dataset.count == 1
        and structure.get("COMPRESSION", "NONE").upper() in ("DEFLATE", "NONE")
        and (predictor == 1 or (predictor == 2 and np.dtype(dataset.dtypes[0]).kind in "ui"))
        and not has_mask(dataset)
        and "NBITS" not in dataset.tags(1, ns="IMAGE_STRUCTURE")
    )


def has_mask(dataset: DatasetReader) -> bool:
    """Whether validity is kept in a mask or alpha band; what is masked then reads as 0."""
    return dataset.mask_flag_enums[0] not in ([MaskFlags.all_valid], [MaskFlags.nodata])


def level_of(facts: Facts, shape: tuple[int, int], block_shape: tuple[int, int], *, grouped: bool) -> Level:
    """A level without its blocks' places.

    `grouped`: strips are read many at a time, as GDAL decodes them whole.
    """
    height, width = shape
    block_height, block_width = block_shape
    a, b, c, d, e, f = tuple(facts.transform)[:6]
    wider, higher = facts.shape[1] / width, facts.shape[0] / height
    transform = Affine(a * wider, b * higher, c, d * wider, e * higher, f)
    curve = None if facts.curve is None else replace(facts.curve, zoom=(wider, higher))
    grid = Grid(facts.crs, transform, width, height, curve)
    decoded = block_height * block_width * facts.interleaved * facts.dtype.itemsize
    if block_height * block_width > MAX_BLOCK_PIXELS or decoded > MAX_BLOCK_BYTES:
        raise AssetRefused("The file's blocks are larger than 4 million pixels or 64 MB.", reason="block-too-large")
    if grouped and block_width >= width:
        strips = max(1, VIRTUAL_BLOCK_PIXELS // (block_height * block_width))
        block_height, block_width = min(height, block_height * strips), width
    return Level(grid, (block_height, block_width), None, None)


def _place(dataset: DatasetReader) -> tuple[str, Affine, Curve | None]:
    """Where a file says that it lies: its CRS, else UNPLACED, and how its pixels lie there. Raises AssetRefused."""
    transform = dataset.transform
    if not transform.determinant or not math.isfinite(sum(transform)):
        raise AssetRefused(f"The file's transform {tuple(transform)[:6]} is flat or not finite.", reason="no-crs")
    points, points_crs = dataset.gcps
    if points and points_crs is not None and transform == Affine.identity():
        crs = checked_crs(points_crs.to_wkt())
        try:
            return crs, *placed_by([(each.col, each.row, each.x, each.y) for each in points], turn(crs))
        except ValueError as fault:
            raise AssetRefused(f"The file does not say where it lies: {fault}.", reason="no-crs") from None
    if dataset.crs is None or transform == Affine.identity():
        return UNPLACED, transform, None
    return checked_crs(dataset.crs.to_wkt()), transform, None


@lru_cache(maxsize=256)
def checked_crs(text: str) -> str:
    """The CRS of a raster as `horizontal_crs` names it. Raises AssetRefused where it says no places on the Earth."""
    try:
        crs = horizontal_crs(text)
        transformer(crs, "EPSG:4326")
    except (ValueError, ProjError) as fault:
        what = fault if isinstance(fault, ValueError) else "PROJ knows no way from it to longitudes and latitudes"
        raise AssetRefused(f"The file lies in no CRS of the Earth's: {what}.", reason="no-crs") from None
    return crs


def _bands(dataset: DatasetReader) -> tuple[FileBand, ...]:
    """What a file says of each of its bands."""
    what = zip(dataset.descriptions, dataset.scales, dataset.offsets, dataset.colorinterp, strict=True)
    return tuple(
        FileBand((name or "").strip(), float(scale), float(offset), color is ColorInterp.alpha)
        for name, scale, offset, color in what
    )
