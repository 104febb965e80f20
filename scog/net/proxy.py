"""HTTP proxies: the choice of a proxy for a URL, and CONNECT tunnels."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

MAX_RESPONSE = 16_384
"""Maximum bytes of a proxy's response to CONNECT."""


class ProxyError(ConnectionError):
    """The proxy cannot be used, or refused to connect."""


@dataclass(frozen=True)
class Proxy:
    """An HTTP proxy: host, port, and the header with its credentials, if any."""

    host: str
    port: int
    headers: Mapping[str, str]

    def __str__(self) -> str:
        return f"the proxy {self.host}:{self.port}"

    @classmethod
    def parse(cls, url: str) -> Self:
        """Parse `[http://][user:password@]host[:port]`. Raises ProxyError, which does not show the password."""
        parts = urlsplit(url if "://" in url else f"http://{url}")
        try:
            host, port = parts.hostname, parts.port or 80
        except ValueError:
            host, port = None, 0
        name = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        if parts.scheme != "http":
            raise ProxyError(f"The proxy {name} is not supported: it must be an http:// URL.")
        if not host:
            raise ProxyError(f"The proxy {name} has no valid host and port.")
        headers = {}
        if parts.username is not None:
            credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
            headers["Proxy-Authorization"] = f"Basic {base64.b64encode(credentials).decode()}"
        return cls(host, port, headers)


@dataclass(frozen=True)
class Proxies:
    """Proxy URLs by scheme (`http`, `https`, `all`). `no` lists the hosts that are reached without a proxy."""

    urls: Mapping[str, str]

    @classmethod
    def from_environment(cls) -> Self:
        """The proxies of HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY. Lower-case names take precedence."""
        return cls(getproxies_environment())

    def find(self, scheme: str, host: str, port: int) -> Proxy | None:
        """The proxy for a server, or None. Raises ProxyError if it cannot be used."""
        url = self.urls.get(scheme) or self.urls.get("all")
        authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        if not url or proxy_bypass_environment(authority, dict(self.urls)):
            return None
        return Proxy.parse(url)


async def open_tunnel(sock: socket.socket, proxy: Proxy, host: str, port: int) -> None:
    """Open a tunnel to a host through a connected proxy (CONNECT, RFC 9110 section 9.3.6).

    Raises ProxyError if the proxy refuses.
    """
    loop = asyncio.get_running_loop()
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = "".join(f"{name}: {value}\r\n" for name, value in proxy.headers.items())
    await loop.sock_sendall(sock, f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{lines}\r\n".encode("latin-1"))
    response = b""
    while b"\r\n\r\n" not in response:
        received = await loop.sock_recv(sock, MAX_RESPONSE)
        response += received
        if not received or len(response) > MAX_RESPONSE:
            raise ProxyError(f"{proxy} did not answer CONNECT {authority}.")
    version, _, rest = response.partition(b" ")
    if not version.startswith(b"HTTP/1.") or not rest.startswith(b"2"):
        status = response.partition(b"\r\n")[0][:80].decode("latin-1")
        raise ProxyError(f"{proxy} refused CONNECT {authority}: {status}")
    if not response.endswith(b"\r\n\r\n"):  # in TLS the client sends first
        raise ProxyError(f"{proxy} sent data after its response to CONNECT {authority}.")
