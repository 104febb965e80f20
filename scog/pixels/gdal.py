"""Files that scog does not decode itself (strips, other codecs, several bands): GDAL reads them, through our bytes.

GDAL never goes to the network: it sees a file-like object whose every read goes through `Ranges`, with its policy,
deadlines and counts. These functions block; they run in threads of their own while the event loop fetches.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import numpy as np
import rasterio
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from scog.errors import AssetBroken, AssetChanged, SourceError
from scog.net.byte_range import ByteRange
from scog.pixels.decode import Block
from scog.pixels.description import Description, describe_dataset, gdal_opening, has_mask
from scog.pixels.fetch import BlockIndex

PAGE = 128 * 1024
"""Bytes read at once for GDAL; without pages it makes 30 times the requests."""
KEPT_PAGES = 128


class Pages:
    """The bytes of a file, read in pages.

    Errors raised inside GDAL's callbacks only print noise, so a failed read is noted in `fault` and returns nothing.
    """

    def __init__(self, read: Callable[[int, int], ByteRange]) -> None:
        self._read = read
        self._pages: OrderedDict[int, bytes | memoryview] = OrderedDict()
        self.fault: SourceError | None = None
        first = read(0, PAGE)
        self.size, self.identity = first.size, first.etag
        self._pages[0] = first.data

    def read(self, start: int, stop: int) -> bytes:
        """Bytes `start..stop`; fewer at the end of the file, none once a read failed."""
        stop = min(self.size, stop)
        if self.fault is not None or stop <= start:
            return b""
        first, last = start // PAGE, (stop - 1) // PAGE
        try:
            data = b"".join(self._fetched(first, last))
        except SourceError as fault:
            self.fault = fault
            return b""
        return data[start - first * PAGE : stop - first * PAGE]

    def _fetched(self, first: int, last: int) -> list[bytes | memoryview]:
        """Pages `first..last`; those missing in one run are read in one request."""
        found = {page: self._pages[page] for page in range(first, last + 1) if page in self._pages}
        page = first
        while page <= last:
            if page in found:
                page += 1
                continue
            until = page
            while until <= last and until not in found:
                until += 1
            part = self._read(page * PAGE, min(self.size, until * PAGE))
            if part.etag != self.identity:
                raise AssetChanged("The file was replaced while it was read.", reason="changed")
            for i in range(page, until):
                found[i] = self._pages[i] = part.data[(i - page) * PAGE : (i - page + 1) * PAGE]
        while len(self._pages) > KEPT_PAGES:
            self._pages.popitem(last=False)
        return [found[page] for page in range(first, last + 1)]


class PagedFile(io.RawIOBase):
    """A file as GDAL wants to see it, with a place of its own in it: GDAL opens and closes it several times over."""

    def __init__(self, pages: Pages) -> None:
        super().__init__()
        self._pages = pages
        self._at = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a place in the file."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._pages.size}[whence]
        return self._at

    def tell(self) -> int:
        """The place in the file."""
        return self._at

    def read(self, size: int = -1) -> bytes:
        """The next bytes; fewer at the end of the file or once a read failed."""
        data = self._pages.read(self._at, self._pages.size if size < 0 else self._at + size)
        self._at += len(data)
        return data


def describe_scattered(read: Callable[[int, int], ByteRange], *, local: bool) -> Description:
    """Describe a file whose directories are not at its beginning. Raises a SourceError."""
    with _opened(read) as (pages, open_level):
        dataset = open_level(0)
        overviews = [open_level(k + 1) for k in range(len(dataset.overviews(1)))]
        return describe_dataset(dataset, overviews, pages.identity, local=local)


def read_blocks(
    read: Callable[[int, int], ByteRange], description: Description, level: int, blocks: Sequence[BlockIndex], band: int
) -> dict[BlockIndex, Block]:
    """Blocks of one band (1, 2, ...) and level, padded to full blocks with nodata. Raises a SourceError."""
    found: dict[BlockIndex, Block] = {}
    height, width = description.levels[level].block_shape
    with _opened(read) as (pages, open_level):
        if pages.identity != description.identity:
            raise AssetChanged("The file was replaced.", reason="changed")
        dataset = open_level(level)
        masked = has_mask(dataset)
        for row, col in blocks:
            rows = slice(row * height, min(dataset.height, (row + 1) * height))
            cols = slice(col * width, min(dataset.width, (col + 1) * width))
            window = Window.from_slices(rows, cols)
            numbers = dataset.read(band, window=window)
            block = np.full((height, width), description.fill, description.dtype)
            block[: numbers.shape[0], : numbers.shape[1]] = numbers
            if masked:
                mask = dataset.read_masks(band, window=window)
                block[: numbers.shape[0], : numbers.shape[1]][mask == 0] = description.fill
            block.flags.writeable = False
            found[row, col] = block
    return found


@contextmanager
def _opened(read: Callable[[int, int], ByteRange]) -> Iterator[tuple[Pages, Callable[[int], DatasetReader]]]:
    """The file's bytes as GDAL sees it, and a function that opens one of its levels (0 is full size)."""
    with ExitStack() as stack:
        stack.enter_context(gdal_opening())
        pages = Pages(read)

        def opener(path: str, mode: str = "rb") -> PagedFile:
            return PagedFile(pages)

        def open_level(level: int) -> DatasetReader:
            choice = {"overview_level": level - 1} if level else {}
            name = f"scog-{id(pages)}/image.tif"  # rasterio finds the opener by name or by folder
            return stack.enter_context(rasterio.open(name, driver="GTiff", opener=opener, **choice))

        try:
            yield pages, open_level
            if pages.fault is not None:  # GDAL made do without what it could not read
                raise pages.fault
        except (RasterioError, ValueError, OverflowError):
            raise pages.fault or AssetBroken("GDAL cannot read the file.", reason="not-a-geotiff") from None
