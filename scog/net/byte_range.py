"""A byte range of a file, read over HTTP or from a local archive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scog.errors import AssetChanged


@dataclass(frozen=True)
class ByteRange:
    """Bytes `start..start+len(data)` of a file of `size` bytes. `etag` identifies the file's version."""

    start: int
    data: bytes | memoryview
    size: int
    etag: str


def concatenate(first: ByteRange, others: Sequence[ByteRange]) -> ByteRange:
    """Join adjacent ranges of one file. Raises AssetChanged if they belong to different versions of it."""
    stop = first.start + len(first.data)
    for part in others:
        if part.start != stop or part.etag != first.etag:
            raise AssetChanged("The file was replaced while it was read.", reason="changed")
        stop += len(part.data)
    data = b"".join((first.data, *(part.data for part in others)))
    return ByteRange(first.start, memoryview(data), first.size, first.etag)


def is_local(url: str) -> bool:
    """Whether a URL is a `file:` URL, that is, a file of the local archive."""
    return url.startswith("file:")
