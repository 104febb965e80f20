"""Opens connections: name resolution, TCP (Happy Eyeballs, RFC 8305, by aiohappyeyeballs), proxy and TLS."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from aiohappyeyeballs import start_connection

from scog.net.buffers import BufferPool
from scog.net.certificates import tls_context
from scog.net.connection import Connection
from scog.net.proxy import Proxy, ProxyError, open_tunnel
from scog.net.resolver import Resolver
from scog.net.tls import RECORD_BUFFER, TlsStream

CONNECT_TIMEOUT = 5.0
"""Maximum seconds for all steps together: name resolution, TCP, proxy and TLS."""
MAX_SESSION_AGE = 3600.0
"""Maximum age in seconds of a TLS session that is resumed. Its certificate is only checked in the first handshake."""

Server = tuple[str, str, int]
"""Scheme, host and port."""


class ConnectTimeout(ConnectionError):
    """Connecting took too long. The cause may be the network or the host."""


class Dialer:
    """Opens connections; `close` closes all of them. Used within one event loop.

    Server certificates are verified with the system's trusted certificates, or with the TLS context `tls`.
    """

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self.opened = 0
        """Number of connections opened so far."""
        self._open: set[Connection | TlsStream] = set()
        self._closed = False
        self._context = tls
        self._loading: asyncio.Future[ssl.SSLContext] | None = None
        self._resolver = Resolver()
        self._buffers = BufferPool()
        self._records = memoryview(bytearray(RECORD_BUFFER))
        self._sessions: dict[Server, tuple[float, ssl.SSLSession]] = {}
        # One per core: handshakes are CPU-bound, and more at a time would delay all other work.
        self._workers = ThreadPoolExecutor(min(4, os.cpu_count() or 1), "tls")

    async def dial(self, server: Server, proxy: Proxy | None) -> Connection:
        """Open a connection. Raises OSError if that fails or takes longer than CONNECT_TIMEOUT."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                connection = await self._connected(server, proxy)
        except TimeoutError:
            self._invalidate(server, proxy)
            raise ConnectTimeout(_via(f"connecting took longer than {CONNECT_TIMEOUT:g} s", proxy)) from None
        except ProxyError:
            raise
        except (OSError, ValueError) as error:  # ValueError: not a valid host name
            self._invalidate(server, proxy)
            kind = type(error) if isinstance(error, ConnectionError) else ConnectionError
            raise kind(_via(str(error) or type(error).__name__, proxy)) from None
        self.opened += 1
        return connection

    def close(self) -> None:
        """Close all connections and cancel those that are being opened."""
        self._closed = True
        for connection in tuple(self._open):
            connection.abort()
        self._workers.shutdown(wait=False, cancel_futures=True)

    async def _connected(self, server: Server, proxy: Proxy | None) -> Connection:
        scheme, host, port = server
        peer = (proxy.host, proxy.port) if proxy else (host, port)
        sock = await start_connection(await self._resolver.resolve(*peer), happy_eyeballs_delay=0.25)
        try:
            if proxy and scheme == "https":
                await open_tunnel(sock, proxy, host, port)
            return await self._negotiate(sock, server)
        except BaseException:
            sock.close()
            raise

    async def _negotiate(self, sock: socket.socket, server: Server) -> Connection:
        """A connection over a connected socket, with TLS if the scheme is https."""
        connection = Connection(self._buffers.allocate)
        stream = TlsStream(connection, self._records, partial(self._store_session, server))
        protocol = stream if server[0] == "https" else connection
        context = await self._tls_context() if protocol is stream else None
        await asyncio.get_running_loop().create_connection(lambda: protocol, sock=sock)
        self._open.add(protocol)
        connection.on_lost = lambda: self._open.discard(protocol)
        try:
            if self._closed:
                raise ConnectionError("the client was closed")
            if context is not None:
                session = self._session(server)
                await stream.handshake(context, server[1], session, self._workers)
                if session is not None and not stream.resumed:
                    self._sessions.pop(server, None)
        except BaseException:
            protocol.abort()
            self._open.discard(protocol)
            raise
        return connection

    async def _tls_context(self) -> ssl.SSLContext:
        """The TLS context. Concurrent callers share one load."""
        if self._context is None:
            if self._loading is None or self._loading.done():
                self._loading = asyncio.ensure_future(asyncio.to_thread(tls_context))
            self._context = await asyncio.shield(self._loading)
        return self._context

    def _session(self, server: Server) -> ssl.SSLSession | None:
        until, session = self._sessions.get(server, (0.0, None))
        return session if time.monotonic() < until else None

    def _store_session(self, server: Server, tls: ssl.SSLObject) -> bool:
        """Store a TLS session to resume. Returns False if the server has not sent one yet.

        One ticket is used for many connections. The server can therefore link them, which is possible anyway by their
        common address (RFC 8446 appendix C.4).
        """
        if self._session(server) is None:
            session = tls.session
            if session is None or not session.has_ticket:
                return False
            seconds = min(MAX_SESSION_AGE, session.ticket_lifetime_hint)
            self._sessions[server] = time.monotonic() + seconds, session
        return True

    def _invalidate(self, server: Server, proxy: Proxy | None) -> None:
        """Drop the cached session and addresses, since they may have caused a failure."""
        self._sessions.pop(server, None)
        self._resolver.forget(*((proxy.host, proxy.port) if proxy else server[1:]))


def _via(message: str, proxy: Proxy | None) -> str:
    return f"{message} (through {proxy})" if proxy else message
