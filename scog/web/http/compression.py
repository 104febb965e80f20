"""Gzip compression of text responses. Images and arrays are compressed by their own formats."""

from __future__ import annotations

import asyncio
import re

from isal import igzip
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MIN_SIZE = 1024
"""Minimum size of compressed bodies in bytes. Compression of smaller ones would save no packet."""
MIN_THREAD_SIZE = 500_000
"""Larger bodies, in bytes, are compressed in a thread. That takes more than 2 ms, and tiles should not wait for it."""
_TEXT = re.compile(r"text/(?!event-stream)|application/([\w.+-]+\+)?(json|xml)|image/svg\+xml|application/javascript")


def is_text(media_type: str) -> bool:
    """Whether a media type is text that is sent whole, unlike server-sent events."""
    return _TEXT.match(media_type) is not None


def with_vary(names: str) -> str:
    """The value of a `Vary` header with `Accept-Encoding` added."""
    return names if "accept-encoding" in names.lower() else f"{names}, Accept-Encoding" if names else "Accept-Encoding"


def accepts_gzip(accepted: str) -> bool:
    """Whether an `Accept-Encoding` header accepts gzip with a nonzero weight (RFC 9110, section 12.5.3)."""
    weights: dict[str, bool] = {}
    for part in accepted.lower().split(","):
        name, *parameters = (each.strip() for each in part.split(";"))
        weights[name] = not any(re.fullmatch(r"q\s*=\s*0(\.0*)?", each) for each in parameters)
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", False)))


class GzipMiddleware:
    """ASGI middleware that compresses text responses if their body is sent in one message.

    The ETag of compressed responses becomes weak, as it identifies the uncompressed bytes.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the app, and compress its response if it qualifies."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start: Message | None = None

        async def send_compressed(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_text_response(message):
                start = message  # held until the first body message arrives
                return
            if start is not None:
                held, start = start, None
                await _send_start(scope, held, message, send)
            await send(message)

        await self._app(scope, receive, send_compressed)


def _is_text_response(start: Message) -> bool:
    return any(name == b"content-type" and is_text(value.decode("latin-1")) for name, value in start["headers"])


async def _send_start(scope: Scope, start: Message, body_message: Message, send: Send) -> None:
    """Send a response's start. Compresses `body_message`, the first body message, in place if it is the whole body."""
    headers = MutableHeaders(raw=list(start["headers"]))
    headers["Vary"] = with_vary(headers.get("Vary", ""))
    body = body_message.get("body", b"")
    compressible = (
        not body_message.get("more_body", False) and len(body) >= MIN_SIZE and "content-encoding" not in headers
    )
    if compressible and start["status"] != 206 and accepts_gzip(Headers(scope=scope).get("accept-encoding", "")):
        body_message["body"] = await _gzipped(body)
        headers["Content-Encoding"] = "gzip"
        headers["Content-Length"] = str(len(body_message["body"]))
        if (etag := headers.get("ETag")) and not etag.startswith("W/"):
            headers["ETag"] = f"W/{etag}"
    await send({**start, "headers": headers.raw})


async def _gzipped(body: bytes) -> bytes:
    """A gzip stream without a modification time: equal bodies give equal bytes."""
    if len(body) > MIN_THREAD_SIZE:
        return await asyncio.to_thread(igzip.compress, body, 2, mtime=0)
    return igzip.compress(body, 2, mtime=0)
