"""A small HTTP/1.1 client for byte ranges.

A general client copies each body three times and spends as long on a request as it takes to decode a small block. This
one knows GET and connections that are kept open, and nothing else: no redirects, cookies or compression. Heads are
parsed by httptools, as in uvicorn.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from scog.net.connection import CheckHead, Connection, ConnectionLost, Head, OnData
from scog.net.dialer import Dialer, Server
from scog.net.pool import Pool
from scog.net.proxy import Proxies, Proxy, ProxyError

PORTS = {"http": 80, "https": 443}
_UNESCAPED = "/%!$&'()*+,;=:@~"


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


@dataclass(frozen=True)
class _Route:
    """How requests reach a server."""

    server: Server
    proxy: Proxy | None
    pool: Pool

    def request(self, address: Address, headers: Mapping[str, str]) -> bytes:
        """The text of a request; a proxy that is no tunnel is told the whole URL (RFC 9112, 3.2.2)."""
        target = address.target
        if self.proxy and self.server[0] == "http":
            target = f"http://{address.authority}{target}"
            headers = {**headers, **self.proxy.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"GET {target} HTTP/1.1\r\nHost: {address.authority}\r\n{lines}\r\n".encode("latin-1")


def _check_proxy_head(proxy: Proxy, check_head: CheckHead) -> CheckHead:
    """Tells the proxy's refusal from the server's answers."""

    def check(head: Head) -> int:
        if head.status == 407:
            raise ProxyError(f"{proxy} asks for a name and password: give them in its URL.")
        return check_head(head)

    return check


class HttpClient:
    """Connections to any number of hosts, kept open between requests. Made and used within one event loop.

    Certificates are checked by what the system trusts, unless another context is given. Proxies are those of the
    environment at this moment, unless others are given.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, proxies: Proxies | None = None) -> None:
        self._proxies = Proxies.from_environment() if proxies is None else proxies
        self._dialer = Dialer(tls)
        self._routes: dict[Server, _Route] = {}
        self.closed = False

    @property
    def opened(self) -> int:
        """Connections opened so far."""
        return self._dialer.opened

    async def get(
        self,
        url: str,
        headers: Mapping[str, str],
        check_head: CheckHead,
        count: Callable[[], None],
        on_data: OnData | None = None,
        *,
        new_connection: bool = False,
    ) -> tuple[Head, memoryview]:
        """Answer and body; `count` is called for each request sent: again where a server had closed the connection.

        A `new_connection` request opens a connection of its own, since those that are open may be dead.

        Raises what `check_head` raises, BadHttp, or an OSError where the connection fails.
        """
        address = address_of(url)
        route = self._route(address.server)
        request = route.request(address, headers)
        if route.proxy:
            check_head = _check_proxy_head(route.proxy, check_head)
        while True:
            connection = await self._connection(route, new_connection)
            reused = connection.reused
            count()
            try:
                response = await connection.ask(request, check_head, on_data)
            except ConnectionLost as lost:
                if reused and lost.before_response:
                    continue
                raise
            if connection.reusable:
                route.pool.release(connection)
            return response

    def open_ahead(self, url: str, count: int) -> None:
        """Begin to open connections to a URL's server until `count` are idle or being opened. Never raises."""
        try:
            if not self.closed:
                self._route(address_of(url).server).pool.open_ahead(count)
        except (OSError, ValueError, KeyError):
            return  # whoever asks for the URL is told

    async def close(self) -> None:
        """End all connections."""
        self.closed = True
        for route in self._routes.values():
            route.pool.close()
        self._dialer.close()
        await asyncio.sleep(0)  # they end at the loop's next turn

    async def _connection(self, route: _Route, new_connection: bool) -> Connection:
        if self.closed:
            raise ConnectionError("the client was closed")
        if new_connection:
            return await self._dialer.dial(route.server, route.proxy)
        return await route.pool.acquire()

    def _route(self, server: Server) -> _Route:
        route = self._routes.get(server)
        if route is None:
            proxy = self._proxies.find(*server)
            route = _Route(server, proxy, Pool(partial(self._dialer.dial, server, proxy)))
            self._routes[server] = route
        return route
