"""What a file says of itself: its place, its levels, and where each block of pixels lies in the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
from rasterio.enums import ColorInterp
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader

from scog.cog.block_parts import BlockParts, Shape, parted
from scog.cog.masks import has_mask
from scog.cog.storage import Storage
from scog.cog.validity import as_number, record_type
from scog.errors import AssetRefused
from scog.geo.crs import horizontal_crs
from scog.geo.grid import Grid, transformer
from scog.geo.ground_control_points import Curve, placed_by
from scog.geo.world_width import turn

MAX_SIDE = 20_000
"""Largest side of a remote raster in pixels; Sentinel-2's are 10,980."""
MAX_BLOCK_BYTES = 64_000_000
"""Largest block in bytes that is kept in one piece, as stored or decoded."""
PIXEL_TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64")
FARTHEST = 1e12
"""CRS units beyond which nothing lies."""
LARGE_BYTES = 1 << 24
"""Bytes of a decoded block beyond which GDAL decodes only one such block at a time."""
MAX_DECODED_BYTES = 256_000_000
"""Largest block in bytes that GDAL decodes, with all the bands that are decoded together."""

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
    a size of 0 is a block that was never written: all nodata. Where the file's own blocks are large, those named here
    are parts of them: so many rows and columns of these are read `together`, and to decode a block of the file's takes
    `working_bytes` besides, if that is much.
    """

    grid: Grid
    block_shape: tuple[int, int]
    offsets: NDArray[np.int64] | None
    sizes: NDArray[np.int64] | None
    together: tuple[int, int] = (1, 1)
    working_bytes: int = 0

    @property
    def blocks(self) -> tuple[int, int]:
        """How many rows and columns of blocks there are."""
        height, width = self.block_shape
        return -(-self.grid.height // height), -(-self.grid.width // width)

    def with_companions(self, blocks: Iterable[Shape]) -> frozenset[Shape]:
        """These blocks, and those that are read together with one of them."""
        if self.together == (1, 1):
            return frozenset(blocks)
        (high, wide), (rows, cols) = self.together, self.blocks
        return frozenset(
            (row, col)
            for top, left in {(row // high * high, col // wide * wide) for row, col in blocks}
            for row in range(top, min(top + high, rows))
            for col in range(left, min(left + wide, cols))
        )


@dataclass(frozen=True, eq=False)
class FileMetadata:
    """What a file's header says. `plain` files are decoded by scog, all others by GDAL.

    `identity` names this very version of the file. `compression` and `predictor` (TIFF's) are those of a plain file;
    `stop` is where its last block ends. In a `masked` file a mask or an alpha band says what is valid, not nodata: its
    blocks hold records (see `scog.cog.validity`). `mask_file` is where the mask lies, if not in the file itself.
    Where the file does not say where it lies, the CRS of its levels is UNPLACED, their transforms are the file's, or in
    pixels.
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
    masked: bool = False
    mask_file: str | None = None
    pixel_interleaved: bool = False
    """Whether each block of the file holds several bands (PlanarConfiguration 1)."""

    @cached_property
    def resolutions(self) -> tuple[float, ...]:
        """Extent of a pixel of each level, in CRS units."""
        return tuple(level.grid.resolution for level in self.levels)

    def block_bytes(self, level: int) -> int:
        """Bytes of one decoded block."""
        height, width = self.levels[level].block_shape
        return height * width * self.block_type.itemsize

    def reading_bytes(self, level: int, blocks: Iterable[Shape]) -> int:
        """Bytes of blocks of a level, and of those that are read together with them."""
        return len(self.levels[level].with_companions(blocks)) * self.block_bytes(level)

    @property
    def block_type(self) -> np.dtype[Any]:
        """The type of the pixels of its blocks."""
        return record_type(self.dtype) if self.masked else self.dtype

    @property
    def fill(self) -> Any:
        """The number that stands where nothing was written."""
        number = as_number(self.nodata, self.dtype)
        return 0 if number is None else number

    def unplain(self) -> FileMetadata:
        """The same file, read by GDAL. Tests use it to hold both ways equal."""
        return replace(self, plain=False)


@dataclass(frozen=True)
class RasterFacts:
    """What GDAL tells of a file, but for where its blocks lie.

    `overviews` says how much smaller each is; `interleaved` how many bands are decoded together.
    """

    crs: str
    transform: Affine
    curve: Curve | None
    shape: tuple[int, int]
    overviews: tuple[int, ...]
    dtype: np.dtype[Any]
    nodata: float | None
    count: int
    interleaved: int
    masked: bool
    bands: tuple[FileBand, ...]


def facts_of(dataset: DatasetReader, local: bool) -> RasterFacts:
    """What GDAL tells of an open file. Raises AssetRefused."""
    _check(dataset, local)
    crs, transform, curve = _place(dataset)
    return RasterFacts(
        crs=crs,
        transform=transform,
        curve=curve,
        shape=dataset.shape,
        overviews=tuple(dataset.overviews(1)),
        dtype=np.dtype(dataset.dtypes[0]),
        nodata=dataset.nodata,
        count=dataset.count,
        interleaved=dataset.count if dataset.tags(ns="IMAGE_STRUCTURE").get("INTERLEAVE") == "PIXEL" else 1,
        masked=has_mask(dataset),
        bands=_bands(dataset),
    )


def describe_dataset(
    dataset: DatasetReader, overviews: Sequence[DatasetReader], identity: str, *, local: bool = False
) -> FileMetadata:
    """Describe an open file that GDAL alone can read. Raises AssetRefused."""
    facts = facts_of(dataset, local)
    levels = (level_of(facts, level.shape, level.block_shapes[0]) for level in (dataset, *overviews))
    masked = any(map(has_mask, (dataset, *overviews)))
    return replace(description_of(facts, identity, tuple(levels)), masked=masked)


@contextmanager
def gdal_opening() -> Iterator[None]:
    """GDAL as scog opens files with it: alone with the file it was given."""
    with rasterio.Env(**GDAL_OPTIONS):
        yield


def description_of(
    facts: RasterFacts, identity: str, levels: tuple[Level, ...], storage: Storage | None = None, stop: int = 0
) -> FileMetadata:
    """The description of a file with these levels, which is plain where it is known how its blocks are stored."""
    return FileMetadata(
        identity=identity,
        dtype=facts.dtype,
        nodata=facts.nodata,
        count=facts.count,
        compression="" if storage is None else storage.compression,
        predictor=1 if storage is None else storage.predictor,
        plain=storage is not None,
        levels=levels,
        stop=stop,
        bands=facts.bands,
        masked=facts.masked,
        pixel_interleaved=facts.interleaved > 1,
    )


def _check(dataset: DatasetReader, local: bool) -> None:
    if dataset.dtypes[0] not in PIXEL_TYPES or len(set(dataset.dtypes)) > 1:
        types = ", ".join(dict.fromkeys(dataset.dtypes))
        raise AssetRefused(
            f"Pixels of type {types} are not read; all bands must be of one of the types {', '.join(PIXEL_TYPES)}.",
            reason="pixel-type",
        )
    if not local and max(dataset.shape) > MAX_SIDE:
        raise AssetRefused(f"The raster is larger than {MAX_SIDE} pixels a side.", reason="too-large")


def level_of(
    facts: RasterFacts, shape: Shape, block_shape: Shape, *, plain: bool = False, is_open: bool = False
) -> Level:
    """A level without its blocks' places. `plain`: its blocks are decoded one by one, and not by GDAL."""
    height, width = shape
    block_height, block_width = block_shape
    a, b, c, d, e, f = tuple(facts.transform)[:6]
    wider, higher = facts.shape[1] / width, facts.shape[0] / height
    transform = Affine(a * wider, b * higher, c, d * wider, e * higher, f)
    curve = None if facts.curve is None else replace(facts.curve, zoom=(wider, higher))
    grid = Grid(facts.crs, transform, width, height, curve)
    item = facts.dtype.itemsize
    parting = BlockParts(block_shape) if plain else parted(block_shape, shape, item, is_open=is_open)
    whole = 1 if is_open else block_height
    decoded = whole * block_width * facts.interleaved * item
    if decoded > MAX_DECODED_BYTES:
        raise AssetRefused(
            f"Blocks of {block_width} x {whole} pixels take {decoded / 1e6:.0f} MB each when decoded;"
            f" {MAX_DECODED_BYTES / 1e6:.0f} are allowed.",
            reason="block-too-large",
        )
    working = 2 * decoded if decoded > LARGE_BYTES and not plain else 0  # as stored and as decoded, both at once
    return Level(grid, parting.shape, None, None, parting.together, working)


def _place(dataset: DatasetReader) -> tuple[str, Affine, Curve | None]:
    """Where a file says that it lies: its CRS, else UNPLACED, and how its pixels lie there. Raises AssetRefused."""
    transform = dataset.transform
    if not is_placing(transform):
        what = f"The file's transform {tuple(transform)[:6]} is flat, or lies nowhere on the Earth."
        raise AssetRefused(what, reason="no-crs")
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


def is_placing(transform: Affine) -> bool:
    """Whether a transform can lead to places on the Earth, in whatever units."""
    return bool(transform.determinant) and all(abs(number) < FARTHEST for number in tuple(transform)[:6])


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
