"""A small HTTP/1.1 client for byte ranges.

A general client copies each body three times and spends as long on a request as it takes to decode a small block. This
one knows GET and connections that are kept, and nothing else: no redirects, cookies, proxies or compression. Heads are
read by httptools, as in uvicorn; connections are made as RFC 8305 has it, by aiohappyeyeballs.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from aiohappyeyeballs import AddrInfoType, start_connection

from scog.net.buffers import Buffers
from scog.net.connection import Connection, Head, Hear, Judge, Lost

CONNECT = 2.0
"""Seconds to connect: a slow one should leave time for another try."""
IDLE = 15.0
"""Seconds for which an unused connection is used again; S3 closes it after 20."""
NAMES_KEPT = 300.0
"""Seconds for which a host's addresses are remembered."""
PORTS = {"http": 80, "https": 443}
_UNESCAPED = "/%!$&'()*+,;=:@~"

Server = tuple[str, str, int]
"""Scheme, host, port."""


class Address(NamedTuple):
    """Where a URL leads: whom to connect to, what to call it, what to ask it for."""

    server: Server
    authority: str
    target: str


@lru_cache(maxsize=4096)
def address_of(url: str) -> Address:
    """The parts of an http or https URL. What may not stand in a request is escaped."""
    parts = urlsplit(url)
    target = quote(parts.path or "/", safe=_UNESCAPED)
    if parts.query:
        target += "?" + quote(parts.query, safe=_UNESCAPED + "?")
    return Address(*_server_of(parts.scheme, parts.netloc), target)


@lru_cache(maxsize=1024)
def _server_of(scheme: str, netloc: str) -> tuple[Server, str]:
    """Whom to connect to, and what to call it; of the few hosts there are, since encoding a name takes long."""
    parts = urlsplit(f"{scheme}://{netloc}")
    host = (parts.hostname or "").encode("idna").decode()
    port = parts.port or PORTS[scheme]
    authority = f"[{host}]" if ":" in host else host
    if port != PORTS[scheme]:
        authority += f":{port}"
    return (scheme, host, port), authority


class HttpClient:
    """Connections to any number of hosts, kept open between requests. Made and used within one event loop.

    Certificates are checked by what the system trusts, unless another context is given.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._open: set[Connection] = set()
        self._idle: dict[Server, list[Connection]] = defaultdict(list)
        self._names: dict[Server, tuple[float, list[AddrInfoType]]] = {}
        self._tls = tls
        self._buffers = Buffers()
        self.closed = False

    async def get(
        self,
        url: str,
        headers: Mapping[str, str],
        judge: Judge,
        count: Callable[[], None],
        hear: Hear | None = None,
        *,
        fresh: bool = False,
    ) -> tuple[Head, memoryview]:
        """Answer and body; `count` is called for each request sent: again where a server had closed the connection.

        A `fresh` request opens a connection of its own, since those that are open may be dead.

        Raises what `judge` raises, BadHttp, or an OSError where the connection fails.
        """
        address = address_of(url)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        request = f"GET {address.target} HTTP/1.1\r\nHost: {address.authority}\r\n{lines}\r\n".encode("latin-1")
        while True:
            kept = None if fresh else self._kept(address.server)
            connection = kept or await self._connected(address.server)
            count()
            try:
                answer = await connection.ask(request, judge, hear)
            except Lost as lost:
                if kept is not None and lost.silent:
                    continue
                raise
            if connection.reusable:
                connection.idle_since = time.monotonic()
                self._idle[address.server].append(connection)
            return answer

    async def close(self) -> None:
        """End all connections."""
        self.closed = True
        for connection in tuple(self._open):
            connection.abort()
        await asyncio.sleep(0)  # they end at the loop's next turn

    def _kept(self, server: Server) -> Connection | None:
        """A connection that is open and unused; the one used last, so that others may grow old."""
        idle = self._idle[server]
        while idle:
            connection = idle.pop()
            if connection.reusable and time.monotonic() - connection.idle_since < IDLE:
                return connection
            connection.abort()
        return None

    async def _connected(self, server: Server) -> Connection:
        scheme, host, _ = server
        try:
            async with asyncio.timeout(CONNECT):
                connected = await start_connection(await self._resolved(server), happy_eyeballs_delay=0.25)
                secure: dict[str, Any] = {}
                if scheme == "https":
                    secure = {"ssl": await self._secure(), "server_hostname": host}
                loop = asyncio.get_running_loop()
                _, connection = await loop.create_connection(
                    partial(Connection, self._buffers.take), sock=connected, **secure
                )
        except OSError as fault:  # a TimeoutError is one
            self._names.pop(server, None)
            raise ConnectionError(str(fault) or "connecting took too long") from None
        self._open.add(connection)
        connection.when_lost = lambda: self._open.discard(connection)
        if self.closed:
            connection.abort()
        return connection

    async def _resolved(self, server: Server) -> list[AddrInfoType]:
        until, found = self._names.get(server, (0.0, []))
        if time.monotonic() >= until:
            _, host, port = server
            found = list(await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM))
            self._names[server] = time.monotonic() + NAMES_KEPT, found
        return found

    async def _secure(self) -> ssl.SSLContext:
        if self._tls is None:  # reads the certificates that the system trusts
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        return self._tls
