"""Answers that say what they are: ETag, Cache-Control, Server-Timing, scenes used and skipped, upstream costs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine
from typing import Any, TypeVar

from fastapi import Request, Response

from scog.cog.preview_level import PreviewLevel
from scog.errors import Overloaded
from scog.imaging.image_cache import EncodedImage
from scog.imaging.report import Report
from scog.web.http.byte_ranges import answer_part
from scog.web.http.compression import is_text, with_vary
from scog.web.http.problems import upstream
from scog.web.http.retry_after import retry_after_partial

T = TypeVar("T")

COMPLETE = "public, max-age=3600, stale-while-revalidate=86400, stale-if-error=86400"
IMMUTABLE = "public, max-age=31536000, immutable"
PARTIAL = "public, max-age=30"
PREVIEW = "public, max-age=5"
SHOWN = "scog.shown"
"""Where the scope of a request has the whole body of its answer, and its media type."""
NAMED = 10
"""Scenes named in a header; beyond it their number."""
MAX_NAME = 128
"""Characters of a scene's name; Sentinel-2's have 30."""
_UNFIT = re.compile(r"[^!-+\--~]")
"""What would end a header or a list in it: a catalogue may call its scenes as it likes."""
_UNPRINTABLE = re.compile(r"[^ -~]")
MAX_WHY = 500
"""Characters of what went wrong; the problem of an image that cannot be drawn has all of it."""


class ClientGone(Exception):
    """The client has closed its connection; nobody will read an answer."""


class Admission:
    """Counts what is in work or waiting, and refuses more than would be done in time."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._inside = 0

    async def run(self, request: Request, work: Coroutine[Any, Any, T]) -> T:
        """Do the work for as long as its client is there. Raises Overloaded, ClientGone."""
        if self._inside >= self._limit:
            work.close()
            raise Overloaded("Too much is being drawn; try again in a second.")
        self._inside += 1
        task = asyncio.ensure_future(work)
        watch = asyncio.ensure_future(_gone(request))
        try:
            await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise ClientGone
            return task.result()
        finally:
            self._inside -= 1
            watch.cancel()
            if not task.done():
                task.cancel()
                await asyncio.wait({task})


async def _gone(request: Request) -> None:
    """Return when the client has closed its connection."""
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            return


def report_headers(report: Report, keep: str = COMPLETE) -> dict[str, str]:
    """Headers that tell how an answer came to be, and how long it may be kept: as `keep` says, unless partial."""
    headers = {
        "Cache-Control": PREVIEW if report.is_preview else PARTIAL if report.partial else keep,
        "Server-Timing": ", ".join(f"{stage};dur={1000 * spent:.1f}" for stage, spent in report.seconds.items()),
        "X-Scog-Scenes": f"used={len(report.used)}; skipped={len(report.skipped)}",
        "X-Scog-Upstream": upstream(report.tally.requests, report.tally.bytes, report.tally.searches),
    }
    if report.used:
        headers["X-Scog-Used"] = _named([scene.id for scene in report.used])
    if report.skipped:
        headers["X-Scog-Skipped"] = _named([f"{scene};{reason}" for scene, reason in report.skipped.items()])
    if report.why:
        headers["X-Scog-Why"] = _text("; ".join(dict.fromkeys(report.why.values())))
    if report.unmasked:
        headers["X-Scog-Unmasked"] = _named(report.unmasked)
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
    """How coarse a preview is: `ratio=8` where pixels are eight times as large, `observations=3` of more."""
    few = "" if preview.observations is None else f"; observations={preview.observations}"
    return f"ratio={preview.ratio:.3g}{few}"


def with_etag(request: Request, encoded: EncodedImage, media_type: str, headers: dict[str, str]) -> Response:
    """The body with its ETag, or 304 without it where the client has it already; of what is not text also in parts."""
    etag = encoded.etag
    headers = headers | {"ETag": etag}
    text = is_text(media_type)
    if text:  # it may go out compressed
        headers["Vary"] = with_vary(headers.get("Vary", ""))
    if request.method != "GET":
        return Response(encoded.body, media_type=media_type, headers=headers)
    known = request.headers.get("if-none-match", "")
    if known.strip() == "*" or etag in {entry.strip().removeprefix("W/") for entry in known.split(",")}:
        return Response(status_code=304, headers=headers)
    if text:
        return Response(encoded.body, media_type=media_type, headers=headers)
    request.scope[SHOWN] = encoded, media_type
    return answer_part(request, encoded, media_type, headers)


def _text(text: str) -> str:
    """A text that fits into a header: ASCII, of a bounded length."""
    return _UNPRINTABLE.sub("_", text if len(text) <= MAX_WHY else f"{text[:MAX_WHY]}...")


def _named(entries: list[str]) -> str:
    shown = [_UNFIT.sub("_", entry[:MAX_NAME]) for entry in entries[:NAMED]]
    more = len(entries) - NAMED
    return ", ".join(shown) + (f", and {more} more" if more > 0 else "")
