"""Files that scog does not decode itself (strips, other codecs, several bands): GDAL reads them, through our bytes.

GDAL never goes to the network: it sees a file-like object whose every read goes through `Ranges`, with its policy,
deadlines and counts. These functions block; they run in threads of their own while the event loop fetches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.io import DatasetReader
from rasterio.windows import Window

from scog.cog.decode import Block
from scog.cog.gdal_pages import PagedFile, Pages
from scog.cog.masks import has_mask_inside
from scog.cog.metadata import GDAL_FAULTS, FileMetadata, describe_dataset, gdal_opening
from scog.cog.range_plan import BlockIndex
from scog.cog.validity import masked
from scog.errors import AssetBroken, AssetChanged, SourceError
from scog.net.byte_range import ByteRange


def describe_by_gdal(
    read: Callable[[int, int], ByteRange],
    read_mask: Callable[[int, int], ByteRange] | None = None,
    *,
    local: bool,
    mask_file: str | None = None,
) -> FileMetadata:
    """Describe a file that only GDAL can: its directories are not at its beginning, its pages are odd, or its mask lies
    in the file `mask_file`, which `read_mask` reads. Raises a SourceError.
    """
    with _opened(read, read_mask) as image:
        dataset = image.level(0)
        overviews = [image.level(k + 1) for k in range(len(dataset.overviews(1)))]
        found = describe_dataset(dataset, overviews, image.identity, local=local)
        if image.mask is None or has_mask_inside(dataset):
            return replace(found, identity=image.pages.identity)
        if image.mask.level(0).shape != dataset.shape:
            raise AssetBroken("The mask beside the file (.msk) has another size than it.", reason="broken-mask")
        return replace(found, masked=True, mask_file=mask_file)


def read_blocks(
    read: Callable[[int, int], ByteRange],
    read_mask: Callable[[int, int], ByteRange] | None = None,
    *,
    description: FileMetadata,
    level: int,
    blocks: Sequence[BlockIndex],
    band: int,
) -> dict[BlockIndex, Block]:
    """Blocks of one band (1, 2, ...) and level, padded to full blocks with nodata. Raises a SourceError.

    Neighbouring parts of one of the file's own blocks are read at once.
    """
    found: dict[BlockIndex, Block] = {}
    with _opened(read, read_mask) as image:
        if image.identity != description.identity:
            raise AssetChanged("The file was replaced.", reason="changed")
        for group in _groups(blocks, description.levels[level].together):
            found |= _read_group(image, description, level, group, band)
    return found


def _groups(blocks: Sequence[BlockIndex], together: tuple[int, int]) -> list[list[BlockIndex]]:
    """The blocks by what is read together."""
    groups: dict[BlockIndex, list[BlockIndex]] = {}
    for row, col in blocks:
        groups.setdefault((row // together[0], col // together[1]), []).append((row, col))
    return list(groups.values())


def _read_group(
    image: _Image, description: FileMetadata, level: int, group: Sequence[BlockIndex], band: int
) -> dict[BlockIndex, Block]:
    """Blocks that are read together, from one window."""
    where = description.levels[level]
    height, width = where.block_shape
    top, left = (min(numbers) for numbers in zip(*group, strict=True))
    bottom, right = (1 + max(numbers) for numbers in zip(*group, strict=True))
    rows = slice(top * height, min(where.grid.height, bottom * height))
    cols = slice(left * width, min(where.grid.width, right * width))
    window = Window.from_slices(rows, cols)
    numbers = image.level(level).read(band, window=window)
    if description.masked:
        numbers = masked(numbers, image.valid(level, band, window))
    found: dict[BlockIndex, Block] = {}
    for row, col in group:
        part = numbers[
            row * height - rows.start : (row + 1) * height - rows.start,
            col * width - cols.start : (col + 1) * width - cols.start,
        ]
        block = np.zeros((height, width), description.block_type)
        if not description.masked:
            block[:] = description.fill
        block[: part.shape[0], : part.shape[1]] = part
        block.flags.writeable = False
        found[row, col] = block
    return found


class _Image:
    """A file as GDAL sees it, its levels opened when they are asked for; `mask` is the file beside it with its mask."""

    def __init__(self, pages: Pages, stack: ExitStack, mask: _Image | None) -> None:
        self.pages = pages
        self.mask = mask
        self._stack = stack
        self._levels: dict[int, DatasetReader] = {}

    @property
    def identity(self) -> str:
        """Names this very version of the file, and of its mask's."""
        return self.pages.identity if self.mask is None else f"{self.pages.identity}+{self.mask.pages.identity}"

    @property
    def fault(self) -> SourceError | None:
        """Why bytes could not be read that GDAL asked for."""
        return self.pages.fault or (None if self.mask is None else self.mask.fault)

    def level(self, level: int) -> DatasetReader:
        """One of its levels; 0 is full size."""
        if level not in self._levels:
            choice = {"overview_level": level - 1} if level else {}
            name = f"scog-{id(self.pages)}/image.tif"  # rasterio finds the opener by name or by folder
            self._levels[level] = self._stack.enter_context(
                rasterio.open(name, driver="GTiff", opener=self._opener, **choice)
            )
        return self._levels[level]

    def valid(self, level: int, band: int, window: Window) -> NDArray[np.bool_]:
        """Where a band is valid by its mask."""
        dataset = self.level(level)
        if self.mask is None:
            return np.asarray(dataset.read_masks(band, window=window) != 0)
        full = self.mask.level(0)
        smaller = range(1, 1 + len(full.overviews(1)))
        fitting = next((k for k in smaller if self.mask.level(k).shape == dataset.shape), 0)
        mask = self.mask.level(fitting)
        down, across = (whole / part for whole, part in zip(mask.shape, dataset.shape, strict=True))
        scaled = Window(window.col_off * across, window.row_off * down, window.width * across, window.height * down)
        shape = round(window.height), round(window.width)
        return np.asarray(mask.read(band if mask.count > 1 else 1, window=scaled, out_shape=shape) != 0)

    def _opener(self, path: str, mode: str = "rb") -> PagedFile:
        return PagedFile(self.pages)


@contextmanager
def _opened(
    read: Callable[[int, int], ByteRange], read_mask: Callable[[int, int], ByteRange] | None = None
) -> Iterator[_Image]:
    """The file as GDAL sees it, with the file that holds its mask, if one does."""
    with ExitStack() as stack:
        stack.enter_context(gdal_opening())
        mask = None if read_mask is None else _Image(Pages(read_mask), stack, None)
        image = _Image(Pages(read), stack, mask)
        try:
            yield image
            if image.fault is not None:  # GDAL made do without what it could not read
                raise image.fault
        except GDAL_FAULTS:
            raise image.fault or AssetBroken("GDAL cannot read the file.", reason="not-a-geotiff") from None
