"""A small HTTP proxy on a real socket: forwards absolute-form requests, and opens tunnels for CONNECT.

with Proxy() as proxy:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    read("http://127.0.0.1:1234/v1")
    assert proxy.seen == ["GET http://127.0.0.1:1234/v1"]
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from typing import Self
from urllib.parse import urlsplit

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Relay:
    """A server in a thread that forwards bytes to `target`; with `tls` it terminates TLS in front of a plain server."""

    def __init__(self, target: tuple[str, int] | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.port = 0
        self._target = target
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(5)
        return self

    def __exit__(self, *exc: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert self._target is not None
        await _forward_both_ways((reader, writer), await asyncio.open_connection(*self._target))


class Proxy(Relay):
    """The proxy. `seen` holds method and target of every request; `refuse` is a status sent instead of forwarding."""

    def __init__(self, refuse: int | None = None) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.refuse = refuse

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, _, headers = (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
        method, target, _ = line.decode("latin-1").split(" ")
        self.seen.append(f"{method} {target}")
        if self.refuse is not None:
            writer.write(f"HTTP/1.1 {self.refuse} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
            return
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        upstream = await asyncio.open_connection(parts.hostname, parts.port)
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:  # one request per connection is enough
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            upstream[1].write(f"{method} {path} HTTP/1.1\r\nConnection: close\r\n".encode() + headers)
        await _forward_both_ways((reader, writer), upstream)


async def _forward_both_ways(one: Streams, other: Streams) -> None:
    """Forward bytes in both directions until one side is closed."""
    directions = [asyncio.ensure_future(_forward(one[0], other[1])), asyncio.ensure_future(_forward(other[0], one[1]))]
    try:
        await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for direction in directions:
            direction.cancel()
        other[1].transport.abort()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
