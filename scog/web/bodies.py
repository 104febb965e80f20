"""What clients send: read to its end, or to the bound where reading ends."""

from __future__ import annotations

from fastapi import Request
from starlette.requests import ClientDisconnect

from scog.errors import TooLong
from scog.web.respond import ClientGone


async def read_body(request: Request, most: int, what: str = "The body") -> bytes:
    """The body, of so many bytes at most. Raises TooLong, ClientGone."""
    data = bytearray()
    try:
        async for chunk in request.stream():
            data += chunk
            if len(data) > most:
                raise TooLong(f"{what} is too long.", parameter="body", valid=f"at most {most} bytes")
    except ClientDisconnect:
        raise ClientGone from None
    return bytes(data)
