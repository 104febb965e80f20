"""Request bodies, read up to a maximum size."""

from __future__ import annotations

from fastapi import Request
from starlette.requests import ClientDisconnect

from scog.errors import TooLong
from scog.web.http.responses import ClientDisconnected


async def read_body(request: Request, max_bytes: int, noun: str) -> bytes:
    """The request body. `noun` names it in the error message.

    Raises TooLong if it has more than `max_bytes` bytes, ClientDisconnected if the client closes the connection.
    """
    data = bytearray()
    try:
        async for chunk in request.stream():
            data += chunk
            if len(data) > max_bytes:
                raise TooLong(f"The {noun} is too long.", parameter="body", valid=f"at most {max_bytes} bytes")
    except ClientDisconnect:
        raise ClientDisconnected from None
    return bytes(data)
