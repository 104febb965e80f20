"""Pages: a remote file as the file-like object that GDAL reads, in pages, through our own byte ranges."""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable

from scog.errors import AssetChanged, SourceError
from scog.net.byte_range import ByteRange

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
            if last - first >= KEPT_PAGES:  # a large block, which is read once, and of which copies would be dear
                return bytes(self._same(self._read(start, stop)).data)
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
            part = self._same(self._read(page * PAGE, min(self.size, until * PAGE)))
            for i in range(page, until):
                found[i] = self._pages[i] = part.data[(i - page) * PAGE : (i - page + 1) * PAGE]
        while len(self._pages) > KEPT_PAGES:
            self._pages.popitem(last=False)
        return [found[page] for page in range(first, last + 1)]

    def _same(self, part: ByteRange) -> ByteRange:
        """A part of the file, which must be the one that was begun with."""
        if part.etag != self.identity:
            raise AssetChanged("The file was replaced while it was read.", reason="changed")
        return part


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
