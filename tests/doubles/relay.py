"""A relay to a server, whose connections share one rate and whose requests take a latency.

with RangeServer() as origin, Relay(origin.port, rate=625_000, latency=0.04) as link:
    origin.put("/a.tif", data)
    read(f"http://{link.host}/a.tif")
    assert link.bytes == ...
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Self

PIECE = 8192
"""Bytes that one connection transfers before the next one's turn."""


class Relay:
    """Forwards connections to a port of this machine; `rate` is in bytes per second for all responses together."""

    def __init__(self, port: int, *, rate: float, latency: float = 0.0) -> None:
        self.rate = rate
        self.latency = latency
        """Round-trip time in seconds of a request, and of opening a connection."""
        self.bytes = 0
        """Bytes of responses transferred, headers included."""
        self._to = port
        self._free = 0.0
        self._connections: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(5)
        return self

    def __exit__(self, *exc: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    @property
    def host(self) -> str:
        """The relay's address, as in an allow-list."""
        return f"127.0.0.1:{self.port}"

    # On the relay's event loop

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        await asyncio.sleep(self.latency)
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._to)
        directions = [
            asyncio.ensure_future(self._requests(reader, server_writer)),
            asyncio.ensure_future(self._responses(server_reader, writer)),
        ]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for direction in directions:
                direction.cancel()
            with contextlib.suppress(OSError):
                await asyncio.gather(*directions, return_exceptions=True)
            for end in (writer, server_writer):
                end.transport.abort()
            self._connections.discard(task)

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            await asyncio.sleep(self.latency)
            writer.write(data)
            await writer.drain()

    async def _responses(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(PIECE):
            now = self._loop.time()
            self._free = max(now, self._free) + len(data) / self.rate
            await asyncio.sleep(self._free - now)
            self.bytes += len(data)
            writer.write(data)
            await writer.drain()
