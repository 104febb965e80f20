"""Size limits of requests, and HEAD for all GET routes."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scog.web.http.problems import Problem

MAX_QUERY = 16_384
"""Maximum length of a query string in bytes. An expression of 512 characters, each percent-encoded, has 1,536."""
MAX_HEADERS = 65_536
"""Maximum length of all headers in bytes."""
HEAD = "scog.head"
"""Key in the scope of a GET request that was received as HEAD."""


class RequestLimits:
    """ASGI middleware that rejects oversized requests and answers HEAD as GET without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the app, or reject the request with 414 or 431."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif len(scope["query_string"]) > MAX_QUERY:
            await Problem(414, f"The query string is longer than {MAX_QUERY} bytes.")(scope, receive, send)
        elif sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADERS:
            await Problem(431, f"The headers are longer than {MAX_HEADERS} bytes.")(scope, receive, send)
        elif scope["method"] == "HEAD":
            await self._app(_as_get(scope), receive, _without_body(send))
        else:
            await self._app(scope, receive, send)


def _as_get(scope: Scope) -> Scope:
    """The request as GET, without `Range`, which only GET defines (RFC 9110, section 14.2)."""
    headers = [(name, value) for name, value in scope["headers"] if name != b"range"]
    return {**scope, "method": "GET", "headers": headers, HEAD: True}


def _without_body(send: Send) -> Send:
    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return send_head
