"""A small HTTP/1.1 client for byte ranges.

General clients copy each body three times, and spend as much time on a request as decoding a small block takes. This
client only supports GET and persistent connections: no redirects, cookies or compression. httptools parses heads, as in
uvicorn.
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
    """A parsed URL: the server to connect to, the Host header, and the request target."""

    server: Server
    authority: str
    target: str


@lru_cache(maxsize=4096)
def address_of(url: str) -> Address:
    """Parse an http or https URL. Characters that a request must not contain are percent-encoded."""
    parts = urlsplit(url)
    target = quote(parts.path or "/", safe=_UNESCAPED)
    if parts.query:
        target += "?" + quote(parts.query, safe=_UNESCAPED + "?")
    return Address(*_server_of(parts.scheme, parts.netloc), target)


@lru_cache(maxsize=1024)
def _server_of(scheme: str, netloc: str) -> tuple[Server, str]:
    """Server and Host header of a URL's scheme and netloc. Cached, since IDNA encoding is slow."""
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

    def request(self, address: Address, headers: Mapping[str, str], token: str) -> bytes:
        """The bytes of a request. A proxy without tunnel needs the absolute URL as target (RFC 9112 section 3.2.2)."""
        target = address.target
        if token:
            target += ("&" if "?" in target else "?") + quote(token, safe=_UNESCAPED + "?")
        if self.proxy and self.server[0] == "http":
            target = f"http://{address.authority}{target}"
            headers = {**headers, **self.proxy.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"GET {target} HTTP/1.1\r\nHost: {address.authority}\r\n{lines}\r\n".encode("latin-1")


def _check_proxy_head(proxy: Proxy, check_head: CheckHead) -> CheckHead:
    """Wrap `check_head`: raise ProxyError for the proxy's own 407 (RFC 9110 section 15.5.8)."""

    def check(head: Head) -> int:
        if head.status == 407:
            raise ProxyError(f"{proxy} requires a user name and password: give them in its URL.")
        return check_head(head)

    return check


class HttpClient:
    """An HTTP client with a connection pool per server. Used within one event loop.

    Server certificates are verified with the system's trusted certificates, or with the TLS context `tls`. Proxies are
    those of the environment when the client is created, or `proxies`.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, proxies: Proxies | None = None) -> None:
        self._proxies = Proxies.from_environment() if proxies is None else proxies
        self._dialer = Dialer(tls)
        self._routes: dict[Server, _Route] = {}
        self.closed = False

    @property
    def opened(self) -> int:
        """Number of connections opened so far."""
        return self._dialer.opened

    async def get(
        self,
        url: str,
        headers: Mapping[str, str],
        check_head: CheckHead,
        on_sent: Callable[[], None],
        on_data: OnData | None = None,
        *,
        token: str = "",
        new_connection: bool = False,
    ) -> tuple[Head, memoryview]:
        """Send a GET request. Returns head and body.

        `token` is a secret part of the query: it is written to the server, and kept nowhere.

        `on_sent` is called for every request sent. The request is repeated if the server had closed an idle connection.
        `new_connection` bypasses the pool, whose connections may be dead.

        Raises ProtocolError, OSError if the connection fails, or what `check_head` raises.
        """
        address = address_of(url)
        route = self._route(address.server)
        request = route.request(address, headers, token)
        if route.proxy:
            check_head = _check_proxy_head(route.proxy, check_head)
        while True:
            connection = await self._connection(route, new_connection)
            reused = connection.reused
            on_sent()
            try:
                response = await connection.send(request, check_head, on_data)
            except ConnectionLost as error:
                if reused and error.before_response:
                    new_connection = True  # other idle connections may be dead, too
                    continue
                raise
            if connection.reusable:
                route.pool.release(connection)
            return response

    def open_ahead(self, url: str, count: int) -> None:
        """Open connections to a URL's server until `count` are idle or being opened. Never raises."""
        try:
            if not self.closed:
                self._route(address_of(url).server).pool.open_ahead(count)
        except (OSError, ValueError, KeyError):
            return  # a request for the URL raises the error

    async def close(self) -> None:
        """Close all connections."""
        self.closed = True
        for route in self._routes.values():
            route.pool.close()
        self._dialer.close()
        await asyncio.sleep(0)  # connections are closed in the loop's next iteration

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
