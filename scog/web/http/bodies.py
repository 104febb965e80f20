"""Bodies of requests, read within a bound."""

from __future__ import annotations

from fastapi import Request
from starlette.requests import ClientDisconnect

from scog.errors import TooLong
from scog.web.http.responses import ClientGone


async def read_body(request: Request, most: int, what: str) -> bytes:
    """The body, at most so many bytes; `what` it is, for people. Raises TooLong, ClientGone."""
    data = bytearray()
    try:
        async for chunk in request.stream():
            data += chunk
            if len(data) > most:
                raise TooLong(f"The {what} is too long.", parameter="body", valid=f"at most {most} bytes")
    except ClientDisconnect:
        raise ClientGone from None
    return bytes(data)
