"""Checks the head of a response to a range request: valid, a transient error, or a permanent one."""

from __future__ import annotations

import re

from scog.errors import AssetBroken, AssetMissing, AssetRefused
from scog.net.connection import Head
from scog.net.retry import RETRIED_STATUS

RETRIED = RETRIED_STATUS | {408}
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")
_BEYOND_THE_END = re.compile(r"bytes \*/(\d{1,18})")


class TransientError(Exception):
    """An error that a retry may resolve. The circuit breaker counts it if `host_failure`: the host caused it."""

    def __init__(self, message: str, reason: str, *, retry_after: str | None = None, host_failure: bool = True) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry_after = retry_after
        self.host_failure = host_failure


def file_size(head: Head, start: int, stop: int) -> int:
    """The file's size in bytes. Checks that the body is the requested range `start..stop`.

    If the size is `start` or less, the range is beyond the end of the file. Raises TransientError or a
    SourceError (RFC 9110 sections 14.4, 15.3.7 and 15.5.17).
    """
    status, headers = head
    if status in RETRIED:
        raise TransientError(f"answered {status}", f"http-{status}", retry_after=headers.get("retry-after"))
    if status in (401, 403, 404, 410):
        raise AssetMissing(f"The server answered {status}.", reason=f"http-{status}")
    if 300 <= status < 400:
        raise AssetRefused("The server redirects; redirects are not followed.", reason="redirect")
    if status == 200:
        raise AssetRefused("The server does not answer range requests.", reason="no-ranges")
    content_range = headers.get("content-range", "")
    if status == 416 and (unsatisfied := _BEYOND_THE_END.fullmatch(content_range)) and int(unsatisfied[1]) <= start:
        return int(unsatisfied[1])
    match = _CONTENT_RANGE.fullmatch(content_range)
    if status != 206 or match is None:
        raise AssetBroken(f"The server answered {status} to a range request.", reason=f"http-{status}")
    first, last, size = map(int, match.groups())
    if first != start or last != min(stop, size) - 1:
        raise AssetBroken(
            f"The server sent bytes {first}-{last} instead of {start}-{min(stop, size) - 1}.", reason="wrong-range"
        )
    length = max(0, min(stop, size) - start)
    if length and headers.get("content-length", str(length)) != str(length):
        raise AssetBroken(
            f"The server announced {headers['content-length']} bytes instead of {length}.", reason="wrong-range"
        )
    return size


def file_version(head: Head, size: int) -> str:
    """Identifies a version of a file: ETag, else Last-Modified, and the size in bytes."""
    return f"{head.headers.get('etag') or head.headers.get('last-modified') or ''}/{size}"


def strong_etag(head: Head) -> str | None:
    """The ETag if it is strong, else None. Only then may two responses be joined (RFC 9110 section 8.8.1)."""
    etag = head.headers.get("etag", "")
    return etag if etag.startswith('"') else None
