"""Responses: ETag and Cache-Control, headers that describe an image, and admission control."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from scog.cog.preview_level import PreviewLevel
from scog.collections.profile import Profile
from scog.errors import Overloaded
from scog.imaging.image_cache import EncodedImage
from scog.imaging.report import Report
from scog.web.http.byte_ranges import range_response
from scog.web.http.compression import is_text, with_vary
from scog.web.http.problems import upstream_header
from scog.web.http.retry_after import retry_after_partial

T = TypeVar("T")

COMPLETE = "public, max-age=3600, stale-while-revalidate=86400, stale-if-error=86400"
"""`Cache-Control` of complete images."""
IMMUTABLE = "public, max-age=31536000, immutable"
"""`Cache-Control` of images of pinned scenes."""
PARTIAL = "public, max-age=30"
"""`Cache-Control` of partial images."""
PREVIEW = "public, max-age=5"
"""`Cache-Control` of previews."""
FULL_BODY = "scog.full_body"
"""Key in a request's scope for the whole body of its response, as `(EncodedImage, media type)`."""
MAX_LISTED = 10
"""Maximum number of scenes in a header. The others are counted."""
MAX_ID = 128
"""Maximum length of a scene's id in a header. Ids of Sentinel-2 have 30 characters."""
_UNSAFE = re.compile(r"[^!-+\--~]")
"""Characters that would end a header or an entry of its list. Catalogues may use any character in ids."""
_UNSAFE_IN_TEXT = re.compile(r"[^ -+\--~]")
"""The same for entries with blanks."""
_UNPRINTABLE = re.compile(r"[^ -~]")
MAX_DETAIL = 500
"""Maximum characters of `X-Scog-Detail`. The problem of an image that cannot be drawn has the whole text."""


class ClientDisconnected(Exception):
    """The client has closed its connection."""


class GeoJSONResponse(JSONResponse):
    """A response with GeoJSON's media type (RFC 7946, section 12)."""

    media_type = "application/geo+json"


class Admission:
    """Admission control: limits the number of requests in progress, queued ones included, and rejects others."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._admitted = 0

    async def run(self, request: Request, coroutine: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine, which is cancelled if the client disconnects.

        Raises Overloaded if the limit is reached, ClientDisconnected if the client has closed its connection.
        """
        if self._admitted >= self._limit:
            coroutine.close()
            raise Overloaded(f"The server is busy with {self._limit} requests of this kind. Try again in a second.")
        self._admitted += 1
        task = asyncio.ensure_future(coroutine)
        watch = asyncio.ensure_future(_disconnected(request))
        try:
            await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise ClientDisconnected
            return task.result()
        finally:
            self._admitted -= 1
            watch.cancel()
            if not task.done():
                task.cancel()
                await asyncio.wait({task})


async def _disconnected(request: Request) -> None:
    """Wait until the client has closed its connection."""
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            return


def profile_headers(headers: Mapping[str, str], profile: Profile) -> dict[str, str]:
    """Headers of what follows from a profile; caches may keep it for seconds only if the profile is provisional."""
    return {**headers, "Cache-Control": PARTIAL} if profile.provisional else dict(headers)


def report_headers(report: Report, cache_control: str = COMPLETE) -> dict[str, str]:
    """Headers that describe how a response was computed.

    `cache_control` applies to complete responses; partial ones and previews may be cached for seconds only.
    """
    headers = {
        "Cache-Control": PREVIEW if report.is_preview else PARTIAL if report.partial else cache_control,
        "Server-Timing": ", ".join(f"{stage};dur={1000 * spent:.1f}" for stage, spent in report.seconds.items()),
        "X-Scog-Scenes": f"used={len(report.used)}; skipped={len(report.skipped)}",
        "X-Scog-Upstream": upstream_header(report.tally.requests, report.tally.bytes, report.tally.searches),
    }
    if report.used:
        headers["X-Scog-Used"] = _list_header([scene.id for scene in report.used])
    if report.skipped:
        headers["X-Scog-Skipped"] = _list_header([f"{scene};{reason}" for scene, reason in report.skipped.items()])
    if report.details:
        headers["X-Scog-Detail"] = _ascii_text("; ".join(dict.fromkeys(report.details.values())))
    if report.unmasked:
        headers["X-Scog-Unmasked"] = _list_header(
            [";".join((scene, *(f"no-{name}" for name in missing))) for scene, missing in report.unmasked.items()]
        )
    if offsets := report.offset_lines():
        headers["X-Scog-Offset"] = _list_header(offsets, _UNSAFE_IN_TEXT)
    if notes := report.note_lines():
        headers["X-Scog-Notes"] = _ascii_text("; ".join(notes))
    if report.truncated:
        headers["X-Scog-Truncated"] = "true"
    if report.partial and (seconds := retry_after_partial(report)) is not None:
        headers["Retry-After"] = str(seconds)
    if report.preview is not None and report.is_preview:
        headers["X-Scog-Preview"] = _preview(report.preview)
    if report.incomplete:
        headers["X-Scog-Incomplete"] = report.incomplete
    if report.stale:
        headers["X-Scog-Catalog"] = f"stale; age={report.stale:.0f}"
    return headers


def _preview(preview: PreviewLevel) -> str:
    """The value of `X-Scog-Preview`: the ratio of pixel sizes, and the number of observations unless all were used."""
    observations = "" if preview.observations is None else f"; observations={preview.observations}"
    return f"ratio={preview.ratio:.3g}{observations}"


def with_etag(request: Request, file: EncodedImage, media_type: str, headers: dict[str, str]) -> Response:
    """The body with its ETag, or 304 if the client's copy is current. Range requests work unless the body is text."""
    etag = file.etag
    headers = headers | {"ETag": etag}
    compressible = is_text(media_type)
    if compressible:
        headers["Vary"] = with_vary(headers.get("Vary", ""))
    if request.method != "GET":
        return Response(file.body, media_type=media_type, headers=headers)
    if_none_match = request.headers.get("if-none-match", "")
    client_etags = {entry.strip().removeprefix("W/") for entry in if_none_match.split(",")}
    if if_none_match.strip() == "*" or etag in client_etags:
        return Response(status_code=304, headers=headers)
    if compressible:
        return Response(file.body, media_type=media_type, headers=headers)
    request.scope[FULL_BODY] = file, media_type
    return range_response(request, file, media_type, headers)


def _ascii_text(text: str) -> str:
    """A text as a header value: printable ASCII, at most MAX_DETAIL characters."""
    return _UNPRINTABLE.sub("_", text if len(text) <= MAX_DETAIL else f"{text[:MAX_DETAIL]}...")


def _list_header(entries: list[str], unsafe: re.Pattern[str] = _UNSAFE) -> str:
    """The first entries as a comma-separated header value, and the number of the others."""
    listed = [unsafe.sub("_", entry[:MAX_ID]) for entry in entries[:MAX_LISTED]]
    rest = len(entries) - MAX_LISTED
    return ", ".join(listed) + (f", and {rest} more" if rest > 0 else "")
