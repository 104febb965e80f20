"""Parts of answers: what `Range` asks for, as RFC 9110 (section 14) has it. GDAL opens a GeoTIFF by its URL so."""

from __future__ import annotations

import re

from fastapi import Request, Response

from scog.imaging.image_cache import EncodedImage
from scog.web.http.problems import Problem

_ONE = re.compile(r"bytes[ \t]*=[ \t]*(\d{0,19})-(\d{0,19})[ \t]*", re.ASCII | re.IGNORECASE)


def answer_part(request: Request, shown: EncodedImage, media_type: str, headers: dict[str, str]) -> Response:
    """The body, or the part of it that the request asks for (206), or 416 where there is no such part.

    `If-Range` with another ETag, several ranges at once, and what is no range mean all of it, as the RFC allows.
    """
    headers = headers | {"Accept-Ranges": "bytes"}
    size = len(shown.body)
    asked = request.headers.get("range")
    if asked is None or request.headers.get("if-range", shown.etag).strip() != shown.etag:
        return Response(shown.body, media_type=media_type, headers=headers)
    part = part_of(asked, size)
    if part is None:
        return Response(shown.body, media_type=media_type, headers=headers)
    start, stop = part
    if start >= stop:
        told = {"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"}
        return Problem(416, f"{asked[:64]!r} asks for no byte of the {size} that there are.", headers=told)
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    return Response(shown.body[start:stop], 206, media_type=media_type, headers=headers)


def part_of(asked: str, size: int) -> tuple[int, int] | None:
    """First byte and the one after the last of a `Range` header, of a body of `size` bytes.

    None where it is not one range of bytes, which has to be ignored; an empty part where it cannot be satisfied.
    """
    found = _ONE.fullmatch(asked.strip())
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:  # the last so many bytes
        return max(0, size - int(found[2])), size if int(found[2]) else 0
    start, last = int(found[1]), int(found[2]) if found[2] else size - 1
    if found[2] and last < start:
        return None
    return min(start, size), min(last + 1, size)
