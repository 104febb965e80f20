"""Pages of a remote file, and the file-like object through which GDAL reads them."""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable

from scog.errors import AssetChanged, SourceError
from scog.net.byte_range import ByteRange

PAGE = 128 * 1024
"""Bytes of one page. Without pages GDAL makes 30 times as many requests."""
CACHED_PAGES = 128


class Pages:
    """Reads a file in pages, of which it caches CACHED_PAGES. Used by one thread.

    GDAL only logs exceptions of its callbacks. The error of a failed read is therefore stored in `error`, and the read
    returns no bytes.
    """

    def __init__(self, read: Callable[[int, int], ByteRange]) -> None:
        """Read the first page. Raises a SourceError."""
        self._read = read
        self._pages: OrderedDict[int, bytes | memoryview] = OrderedDict()
        self.error: SourceError | None = None
        first = read(0, PAGE)
        self.size, self.identity = first.size, first.etag
        self._pages[0] = first.data

    def read(self, start: int, stop: int) -> bytes:
        """Bytes `start..stop`; fewer at the end of the file, none after a failed read."""
        stop = min(self.size, stop)
        if self.error is not None or stop <= start:
            return b""
        first, last = start // PAGE, (stop - 1) // PAGE
        try:
            if last - first >= CACHED_PAGES:  # a large block: it is read once, and not copied into pages
                return bytes(self._checked(self._read(start, stop)).data)
            data = b"".join(self._fetch(first, last))
        except SourceError as error:
            self.error = error
            return b""
        return data[start - first * PAGE : stop - first * PAGE]

    def _fetch(self, first: int, last: int) -> list[bytes | memoryview]:
        """Pages `first..last`, both included. Consecutive missing pages share a request."""
        pages = {page: self._pages[page] for page in range(first, last + 1) if page in self._pages}
        page = first
        while page <= last:
            if page in pages:
                page += 1
                continue
            until = page
            while until <= last and until not in pages:
                until += 1
            part = self._checked(self._read(page * PAGE, min(self.size, until * PAGE)))
            for i in range(page, until):
                pages[i] = self._pages[i] = part.data[(i - page) * PAGE : (i - page + 1) * PAGE]
        while len(self._pages) > CACHED_PAGES:
            self._pages.popitem(last=False)
        return [pages[page] for page in range(first, last + 1)]

    def _checked(self, part: ByteRange) -> ByteRange:
        """Return `part`. Raises AssetChanged if it belongs to another version of the file than the first page."""
        if part.etag != self.identity:
            raise AssetChanged("The file was replaced while it was read.", reason="changed")
        return part


class PagedFile(io.RawIOBase):
    """A read-only file-like object that reads pages. GDAL opens and closes several, each with its own position."""

    def __init__(self, pages: Pages) -> None:
        super().__init__()
        self._pages = pages
        self._position = 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set the position and return it."""
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._pages.size}[whence]
        return self._position

    def tell(self) -> int:
        """The position."""
        return self._position

    def read(self, size: int = -1) -> bytes:
        """The next bytes; fewer at the end of the file or after a failed read."""
        data = self._pages.read(self._position, self._pages.size if size < 0 else self._position + size)
        self._position += len(data)
        return data
