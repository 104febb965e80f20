"""A part of a file, as it was read from wherever that is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """Bytes `start..start+len(data)` of a file of `size` bytes; `etag` changes when the file does."""

    start: int
    data: bytes | memoryview
    size: int
    etag: str


def is_local(url: str) -> bool:
    """Whether a URL names a file of the local archive."""
    return url.startswith("file:")
