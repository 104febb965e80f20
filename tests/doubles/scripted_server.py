"""HTTP servers on real sockets, plain or over TLS, whose connections are scripted by a test."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from scog.net.connection import Head

BODY = bytes(range(256)) * 300
OK = b"HTTP/1.1 206 Partial Content\r\n"
ANSWER = OK + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter, int], Coroutine[Any, Any, None]]


@asynccontextmanager
async def serving(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server that runs `talk` for each connection, with the connection's number. Yields its base URL."""
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        try:
            await talk(reader, writer, connections)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"{'https' if tls else 'http'}://{host}:{port}"
    finally:
        server.close()


def repeating(answer: bytes, times: int = 1000, step: int = 1 << 20) -> Talk:
    """Sends `answer` up to `times` times per connection, `step` bytes at a time, and closes the connection."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        for _ in range(times):
            await reader.readuntil(b"\r\n\r\n")
            for at in range(0, len(answer), step):
                writer.write(answer[at : at + step])
                await writer.drain()
                if step < 1 << 20:
                    await asyncio.sleep(0)

    return talk


class Counter:
    """Counts requests."""

    def __init__(self) -> None:
        self.sent = 0

    def __call__(self) -> None:
        self.sent += 1


def whole(head: Head) -> int:
    """Accepts every response with a body of BODY's length."""
    return len(BODY)
