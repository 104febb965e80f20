"""Reads metadata and blocks through GDAL: strips, codecs other than DEFLATE, several bands, masks.

GDAL never accesses the network. It reads from a file-like object whose bytes come from `Ranges`, with its policy,
timeouts and counters. These functions block: they run in threads while the event loop fetches the bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.io import DatasetReader
from rasterio.windows import Window

from scog.cog.decode import Block, Blocks
from scog.cog.gdal_env import GDAL_ERRORS, gdal_environment
from scog.cog.gdal_pages import PagedFile, Pages
from scog.cog.masks import has_mask_inside
from scog.cog.metadata import FileMetadata, Level
from scog.cog.range_plan import BlockIndex
from scog.cog.raster_profile import describe_dataset
from scog.cog.validity import masked
from scog.errors import AssetBroken, AssetChanged, SourceError
from scog.net.byte_range import ByteRange

ReadRange = Callable[[int, int], ByteRange]
"""Reads bytes `start..stop` of one file."""


def describe_by_gdal(
    read: ReadRange, read_mask: ReadRange | None = None, *, local: bool, mask_file: str | None = None
) -> FileMetadata:
    """The metadata of a file whose header only GDAL can read.

    Its directories are not at its beginning, they have an unusual order, or its mask is in the file `mask_file`, which
    `read_mask` reads. Raises a SourceError.
    """
    with _opened(read, read_mask) as image:
        dataset = image.level(0)
        overviews = [image.level(k + 1) for k in range(len(dataset.overviews(1)))]
        metadata = describe_dataset(dataset, overviews, image.identity, local=local)
        if image.mask is None or has_mask_inside(dataset):
            return replace(metadata, identity=image.pages.identity)
        mask_shape = image.mask.level(0).shape
        if mask_shape != dataset.shape:
            raise AssetBroken(
                f"The external mask (.msk) has shape {mask_shape}; the file has {dataset.shape}.", reason="broken-mask"
            )
        return replace(metadata, masked=True, mask_file=mask_file)


def read_blocks(
    read: ReadRange,
    read_mask: ReadRange | None = None,
    *,
    metadata: FileMetadata,
    level: int,
    blocks: Sequence[BlockIndex],
    bands: Sequence[int],
) -> dict[int, Blocks]:
    """Blocks of one level by band (1, 2, ...), padded to full blocks with nodata.

    Parts of one block of the file are read together. Raises a SourceError: AssetChanged if the file was replaced.
    """
    result: dict[int, Blocks] = {band: {} for band in bands}
    with _opened(read, read_mask) as image:
        if image.identity != metadata.identity:
            raise AssetChanged("The file was replaced since it was described.", reason="changed")
        for group in _groups(blocks, metadata.levels[level].together):
            for band, group_blocks in _read_group(image, metadata, level, group, bands).items():
                result[band] |= group_blocks
    return result


def _groups(blocks: Sequence[BlockIndex], together: tuple[int, int]) -> list[list[BlockIndex]]:
    """The blocks in groups that are read together."""
    groups: dict[BlockIndex, list[BlockIndex]] = {}
    for row, col in blocks:
        groups.setdefault((row // together[0], col // together[1]), []).append((row, col))
    return list(groups.values())


def _read_group(
    image: _Image, metadata: FileMetadata, level: int, group: Sequence[BlockIndex], bands: Sequence[int]
) -> dict[int, Blocks]:
    """Blocks that are read together, from one window, by band."""
    rows, cols = _span(metadata.levels[level], group)
    window = Window.from_slices(rows, cols)
    dataset = image.level(level)
    values: Iterable[NDArray[Any]]
    if metadata.levels[level].working_bytes:  # GDAL caches the decoded block; reading band by band saves memory
        values = (dataset.read(band, window=window) for band in bands)
    else:
        values = dataset.read(list(bands), window=window)
    result: dict[int, Blocks] = {}
    for band, pixels in zip(bands, values, strict=True):
        if metadata.masked:
            pixels = masked(pixels, image.valid(level, band, window))
        result[band] = {block: _padded(pixels, metadata, level, block, (rows.start, cols.start)) for block in group}
    return result


def _span(level: Level, blocks: Sequence[BlockIndex]) -> tuple[slice, slice]:
    """The slices of the level's rows and columns that blocks span."""
    height, width = level.block_shape
    top, left = (min(indices) for indices in zip(*blocks, strict=True))
    bottom, right = (1 + max(indices) for indices in zip(*blocks, strict=True))
    rows = slice(top * height, min(level.grid.height, bottom * height))
    return rows, slice(left * width, min(level.grid.width, right * width))


def _padded(
    pixels: NDArray[Any], metadata: FileMetadata, level: int, block: BlockIndex, origin: tuple[int, int]
) -> Block:
    """One full block of a window whose first pixel is at row and column `origin` of the level."""
    height, width = metadata.levels[level].block_shape
    top, left = block[0] * height - origin[0], block[1] * width - origin[1]
    part = pixels[top : top + height, left : left + width]
    padded = np.zeros((height, width), metadata.block_dtype)
    if not metadata.masked:
        padded[:] = metadata.fill
    padded[: part.shape[0], : part.shape[1]] = part
    padded.flags.writeable = False
    return padded


class _Image:
    """An open file. Its levels are opened on first use. `mask` is the file with its external mask."""

    def __init__(self, pages: Pages, stack: ExitStack, mask: _Image | None) -> None:
        self.pages = pages
        self.mask = mask
        self._stack = stack
        self._levels: dict[int, DatasetReader] = {}

    @property
    def identity(self) -> str:
        """Identifies this version of the file and of its external mask."""
        return self.pages.identity if self.mask is None else f"{self.pages.identity}+{self.mask.pages.identity}"

    @property
    def error(self) -> SourceError | None:
        """The error of the first failed read of bytes."""
        return self.pages.error or (None if self.mask is None else self.mask.error)

    def level(self, level: int) -> DatasetReader:
        """The dataset of one level; 0 is full resolution."""
        if level not in self._levels:
            options = {"overview_level": level - 1} if level else {}
            name = f"scog-{id(self.pages)}/image.tif"  # rasterio looks openers up by name or by folder
            self._levels[level] = self._stack.enter_context(
                rasterio.open(name, driver="GTiff", opener=self._opener, **options)
            )
        return self._levels[level]

    def valid(self, level: int, band: int, window: Window) -> NDArray[np.bool_]:
        """The mask of a window, bool `(y, x)`: True where the pixel is valid."""
        dataset = self.level(level)
        if self.mask is None:
            return np.asarray(dataset.read_masks(band, window=window) != 0)
        overviews = range(1, 1 + len(self.mask.level(0).overviews(1)))
        mask_level = next((k for k in overviews if self.mask.level(k).shape == dataset.shape), 0)
        mask = self.mask.level(mask_level)
        row_scale, col_scale = (size / own_size for size, own_size in zip(mask.shape, dataset.shape, strict=True))
        scaled = Window(
            window.col_off * col_scale, window.row_off * row_scale, window.width * col_scale, window.height * row_scale
        )
        shape = round(window.height), round(window.width)
        return np.asarray(mask.read(band if mask.count > 1 else 1, window=scaled, out_shape=shape) != 0)

    def _opener(self, path: str, mode: str = "rb") -> PagedFile:
        return PagedFile(self.pages)


@contextmanager
def _opened(read: ReadRange, read_mask: ReadRange | None) -> Iterator[_Image]:
    """Open a file, with its external mask if it has one. Raises a SourceError."""
    with ExitStack() as stack:
        stack.enter_context(gdal_environment())
        mask = None if read_mask is None else _Image(Pages(read_mask), stack, None)
        image = _Image(Pages(read), stack, mask)
        try:
            yield image
            if image.error is not None:  # GDAL continued without the bytes that it could not read
                raise image.error
        except GDAL_ERRORS:
            raise image.error or AssetBroken("GDAL cannot read the file.", reason="not-a-geotiff") from None
