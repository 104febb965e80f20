"""The profile of a file that GDAL opened, and the metadata derived from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from affine import Affine
from rasterio.enums import ColorInterp
from rasterio.io import DatasetReader

from scog.cog.block_parts import BlockParts, Shape, block_parts
from scog.cog.georeferencing import georeference
from scog.cog.masks import has_mask, has_only_alpha
from scog.cog.metadata import FileBand, FileMetadata, Level
from scog.cog.storage import Storage
from scog.errors import AssetRefused
from scog.geo.grid import Grid
from scog.geo.ground_control_points import PolynomialTransform

PIXEL_TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64")
MAX_SIDE = 20_000
"""Maximum side of a remote raster in pixels. Sentinel-2 bands have 10,980."""
LARGE_BYTES = 1 << 24
"""GDAL decodes only one block at a time if a decoded block has more bytes."""
MAX_DECODED_BYTES = 256_000_000
"""Maximum bytes of a block that GDAL decodes, including all bands that are decoded together."""


@dataclass(frozen=True)
class RasterProfile:
    """All that GDAL reports of a file, except for the location of its blocks.

    `overviews` are the overviews' decimation factors. `interleaved` is the number of bands in one block.
    """

    crs: str
    transform: Affine
    curve: PolynomialTransform | None
    shape: tuple[int, int]
    overviews: tuple[int, ...]
    dtype: np.dtype[Any]
    nodata: float | None
    count: int
    interleaved: int
    masked: bool
    masked_by_alpha: bool
    bands: tuple[FileBand, ...]


def profile_of(dataset: DatasetReader, local: bool) -> RasterProfile:
    """The profile of an open file. A `local` file may be larger than MAX_SIDE. Raises AssetRefused."""
    _check(dataset, local)
    crs, transform, curve = georeference(dataset)
    return RasterProfile(
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
        masked_by_alpha=has_only_alpha(dataset),
        bands=_bands(dataset),
    )


def describe_dataset(
    dataset: DatasetReader, overviews: Sequence[DatasetReader], identity: str, *, local: bool = False
) -> FileMetadata:
    """The metadata of an open file that only GDAL can read. Raises AssetRefused."""
    profile = profile_of(dataset, local)
    levels = (level_of(profile, level.shape, level.block_shapes[0]) for level in (dataset, *overviews))
    masked = any(map(has_mask, (dataset, *overviews)))
    return replace(metadata_of(profile, identity, tuple(levels)), masked=masked)


def metadata_of(
    profile: RasterProfile, identity: str, levels: tuple[Level, ...], storage: Storage | None = None, stop: int = 0
) -> FileMetadata:
    """The metadata of a file with these levels. The file is plain if `storage` is given."""
    return FileMetadata(
        identity=identity,
        dtype=profile.dtype,
        nodata=profile.nodata,
        count=profile.count,
        compression="" if storage is None else storage.compression,
        predictor=1 if storage is None else storage.predictor,
        plain=storage is not None,
        levels=levels,
        stop=stop,
        bands=profile.bands,
        masked=profile.masked,
        masked_by_alpha=profile.masked_by_alpha,
        pixel_interleaved=profile.interleaved > 1,
    )


def level_of(
    profile: RasterProfile, shape: Shape, block_shape: Shape, *, plain: bool = False, is_contiguous: bool = False
) -> Level:
    """A level without the location of its blocks.

    `shape` and `block_shape` are the file's, `(rows, columns)`. scog decodes the blocks of a `plain` level, one by one.
    In a contiguous level, any rows can be read without the others. Raises AssetRefused if blocks are too large.
    """
    height, width = shape
    block_height, block_width = block_shape
    a, b, c, d, e, f = tuple(profile.transform)[:6]
    x_factor, y_factor = profile.shape[1] / width, profile.shape[0] / height
    transform = Affine(a * x_factor, b * y_factor, c, d * x_factor, e * y_factor, f)
    curve = None if profile.curve is None else replace(profile.curve, zoom=(x_factor, y_factor))
    grid = Grid(profile.crs, transform, width, height, curve)
    itemsize = profile.dtype.itemsize
    parts = BlockParts(block_shape) if plain else block_parts(block_shape, shape, itemsize, is_contiguous=is_contiguous)
    decoded_rows = 1 if is_contiguous else block_height
    decoded_bytes = decoded_rows * block_width * profile.interleaved * itemsize
    if decoded_bytes > MAX_DECODED_BYTES:
        raise AssetRefused(
            f"A block of {block_width} x {decoded_rows} pixels takes {decoded_bytes / 1e6:.0f} MB when decoded; "
            f"the limit is {MAX_DECODED_BYTES / 1e6:.0f} MB.",
            reason="block-too-large",
        )
    # The stored and the decoded block are in memory at the same time.
    working_bytes = 2 * decoded_bytes if decoded_bytes > LARGE_BYTES and not plain else 0
    return Level(grid, parts.shape, None, None, parts.together, working_bytes)


def _check(dataset: DatasetReader, local: bool) -> None:
    if dataset.dtypes[0] not in PIXEL_TYPES or len(set(dataset.dtypes)) > 1:
        types = ", ".join(dict.fromkeys(dataset.dtypes))
        raise AssetRefused(
            f"Unsupported pixel type {types}; all bands must have the same type, one of {', '.join(PIXEL_TYPES)}.",
            reason="pixel-type",
        )
    if not local and max(dataset.shape) > MAX_SIDE:
        height, width = dataset.shape
        raise AssetRefused(
            f"The raster has {width} x {height} pixels; the limit is {MAX_SIDE} per side.", reason="too-large"
        )


def _bands(dataset: DatasetReader) -> tuple[FileBand, ...]:
    bands = zip(dataset.descriptions, dataset.scales, dataset.offsets, dataset.colorinterp, dataset.units, strict=True)
    return tuple(
        FileBand(
            name=(name or "").strip(),
            scale=float(scale),
            offset=float(offset),
            alpha=color is ColorInterp.alpha,
            color="" if color in _UNINFORMATIVE else color.name,
            unit=(unit or "").strip(),
            palette=_palette(dataset, number) if color is ColorInterp.palette else (),
        )
        for number, (name, scale, offset, color, unit) in enumerate(bands, start=1)
    )


_UNINFORMATIVE = (ColorInterp.undefined, ColorInterp.gray, ColorInterp.alpha, ColorInterp.palette)
"""Colour interpretations that do not name a band."""


def _palette(dataset: DatasetReader, number: int) -> tuple[tuple[int, int, int, int], ...]:
    """The colour table of a band by stored number; empty if it has none."""
    try:
        table = dataset.colormap(number)
    except ValueError:
        return ()
    return tuple(table[value] for value in sorted(table))
