"""Text goes out compressed where the client takes gzip; images and values are compressed already."""

from __future__ import annotations

import asyncio
import re

from isal import igzip
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MIN_SIZE = 1024
"""Bytes below which compressing saves no packet."""
IN_THREAD = 500_000
"""Bytes beyond which it takes more than 2 ms, which tiles need not wait for."""
_TEXT = re.compile(r"text/(?!event-stream)|application/([\w.+-]+\+)?(json|xml)|image/svg\+xml|application/javascript")


def is_text(media_type: str) -> bool:
    """Whether a media type is of text that is sent whole; events are sent as they come."""
    return _TEXT.match(media_type) is not None


def with_vary(names: str) -> str:
    """The value of `Vary` with `Accept-Encoding` among it."""
    return names if "accept-encoding" in names.lower() else f"{names}, Accept-Encoding" if names else "Accept-Encoding"


def takes_gzip(accepted: str) -> bool:
    """Whether an `Accept-Encoding` header has gzip, with a weight that is not 0."""
    weights: dict[str, bool] = {}
    for part in accepted.lower().split(","):
        name, *parameters = (each.strip() for each in part.split(";"))
        weights[name] = not any(re.fullmatch(r"q\s*=\s*0(\.0*)?", each) for each in parameters)
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", False)))


class Compressed:
    """Compresses answers of text that come in one piece. Their ETag becomes weak, since the bytes are others."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its answer back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start: Message | None = None

        async def pass_on(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_of_text(message):
                start = message  # until it is known whether it has one piece
                return
            if start is not None:
                begun, start = start, None
                await _begin(scope, begun, message, send)
            await send(message)

        await self._app(scope, receive, pass_on)


def _is_of_text(start: Message) -> bool:
    return any(name == b"content-type" and is_text(value.decode("latin-1")) for name, value in start["headers"])


async def _begin(scope: Scope, start: Message, first: Message, send: Send) -> None:
    """Send what an answer begins with; `first`, its first piece, is compressed where that is worth it."""
    headers = MutableHeaders(raw=list(start["headers"]))
    headers["Vary"] = with_vary(headers.get("Vary", ""))
    body = first.get("body", b"")
    whole = not first.get("more_body", False) and len(body) >= MIN_SIZE and "content-encoding" not in headers
    if whole and start["status"] != 206 and takes_gzip(Headers(scope=scope).get("accept-encoding", "")):
        first["body"] = await _gzipped(body)
        headers["Content-Encoding"] = "gzip"
        headers["Content-Length"] = str(len(first["body"]))
        if (etag := headers.get("ETag")) and not etag.startswith("W/"):
            headers["ETag"] = f"W/{etag}"
    await send({**start, "headers": headers.raw})


async def _gzipped(body: bytes) -> bytes:
    """The same bytes for the same body: no time is written into it."""
    if len(body) > IN_THREAD:
        return await asyncio.to_thread(igzip.compress, body, 2, mtime=0)
    return igzip.compress(body, 2, mtime=0)
