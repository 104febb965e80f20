"""Range requests (RFC 9110, section 14). GDAL uses them to open a GeoTIFF by URL."""

from __future__ import annotations

import re

from fastapi import Request, Response

from scog.imaging.image_cache import EncodedImage
from scog.web.http.problems import Problem

_SINGLE_RANGE = re.compile(r"bytes[ \t]*=[ \t]*(\d{0,19})-(\d{0,19})[ \t]*", re.ASCII | re.IGNORECASE)


def range_response(request: Request, image: EncodedImage, media_type: str, headers: dict[str, str]) -> Response:
    """The whole body (200), the requested range of it (206), or 416 if the range is outside the body.

    The whole body is sent if `If-Range` has another ETag, and if `Range` is malformed or has several ranges, as the
    RFC permits.
    """
    headers = headers | {"Accept-Ranges": "bytes"}
    size = len(image.body)
    range_header = request.headers.get("range")
    if range_header is None or request.headers.get("if-range", image.etag).strip() != image.etag:
        return Response(image.body, media_type=media_type, headers=headers)
    byte_range = parse_range(range_header, size)
    if byte_range is None:
        return Response(image.body, media_type=media_type, headers=headers)
    start, stop = byte_range
    if start >= stop:
        unsatisfied = {"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"}
        return Problem(
            416, f"The range {range_header[:64]!r} is outside the body, which has {size} bytes.", headers=unsatisfied
        )
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    return Response(image.body[start:stop], 206, media_type=media_type, headers=headers)


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """Half-open byte range `(start, stop)` of a `Range` header, for a body of `size` bytes.

    None if the header has to be ignored, as it is not a single byte range; empty if it cannot be satisfied.
    """
    match = _SINGLE_RANGE.fullmatch(header.strip())
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:  # suffix range: the last N bytes
        return max(0, size - int(match[2])), size if int(match[2]) else 0
    start, last = int(match[1]), int(match[2]) if match[2] else size - 1
    if match[2] and last < start:
        return None
    return min(start, size), min(last + 1, size)
