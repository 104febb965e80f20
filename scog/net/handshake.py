"""Measures the times to connect to a host, to negotiate TLS and to receive the first byte, with plain sockets.

Callers check the URL against the allow-list first, as for any other request.
"""

from __future__ import annotations

import base64
import socket
import ssl
import time
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from scog.net.certificates import tls_context
from scog.net.policy import DEFAULT_PORTS


@dataclass(frozen=True)
class Handshake:
    """Times in seconds. `tls`, `version` and `resumed` are None over plain HTTP, `proxy` is None without a proxy."""

    connect: float
    """Until the connection is established, including the proxy's tunnel."""
    tls: float | None
    first_byte: float
    """From sending a request for one byte to the first byte of the response."""
    version: str | None
    resumed: bool | None
    """Whether a second connection resumed the TLS session of the first, which saves verifying the certificate."""
    proxy: str | None


def proxy_for(url: str) -> str | None:
    """The environment's proxy for a URL: HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, unless NO_PROXY lists the host."""
    parts = urlsplit(url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.netloc):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def measure_handshake(url: str, timeout: float = 5.0) -> Handshake:
    """Connect and request one byte; over TLS twice, of which the shorter times are returned. Blocks its thread.

    `timeout` in seconds. Raises OSError if that fails or the proxy's scheme is not supported.
    """
    parts, proxy = urlsplit(url), proxy_for(url)
    first, session = _measure(parts, proxy, timeout, None)
    if parts.scheme != "https":
        return first
    second, _ = _measure(parts, proxy, timeout, session)
    return Handshake(
        min(first.connect, second.connect),
        first.tls,
        min(first.first_byte, second.first_byte),
        first.version,
        second.resumed,
        first.proxy,
    )


def _measure(
    parts: SplitResult, proxy: str | None, timeout: float, session: ssl.SSLSession | None
) -> tuple[Handshake, ssl.SSLSession | None]:
    started_at = time.perf_counter()
    connection = _connect(parts, proxy, timeout)
    try:
        connected_at = time.perf_counter()
        secured: ssl.SSLSocket | None = None
        if parts.scheme == "https":
            secured = tls_context().wrap_socket(connection, server_hostname=parts.hostname, session=session)
            connection = secured
        secured_at = time.perf_counter()
        connection.sendall(_request(parts, proxy))
        if not connection.recv(1):
            raise ConnectionError("the connection was closed without a response")
        first_byte_at = time.perf_counter()
        return Handshake(
            connect=connected_at - started_at,
            tls=None if secured is None else secured_at - connected_at,
            first_byte=first_byte_at - secured_at,
            version=None if secured is None else secured.version(),
            resumed=None if secured is None else bool(secured.session_reused),
            proxy=None if proxy is None else urlsplit(proxy).netloc.rpartition("@")[2],
        ), None if secured is None else secured.session
    finally:
        connection.close()


def _connect(parts: SplitResult, proxy: str | None, timeout: float) -> socket.socket:
    host, port = parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme]
    if proxy is None:
        return socket.create_connection((host, port), timeout)
    proxy_url = urlsplit(proxy)
    if proxy_url.scheme != "http":
        raise OSError(f"a proxy of scheme {proxy_url.scheme}:// is not measured")
    connection = socket.create_connection((proxy_url.hostname or "", proxy_url.port or 80), timeout)
    if parts.scheme == "https":
        try:
            _open_tunnel(connection, f"{host}:{port}", _credentials(proxy_url))
        except BaseException:
            connection.close()
            raise
    return connection


def _open_tunnel(connection: socket.socket, target: str, credentials: str) -> None:
    connection.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{credentials}\r\n".encode("latin-1"))
    head = b""
    while b"\r\n\r\n" not in head:
        data = connection.recv(4096)
        if not data or len(head) > 65_536:
            raise ConnectionError("the proxy closed the connection")
        head += data
    status = head.split(b"\r\n")[0].decode("latin-1")
    if status.split(" ")[1:2] != ["200"]:
        raise ConnectionError(f"the proxy answers {status.partition(' ')[2]!r}")


def _request(parts: SplitResult, proxy: str | None) -> bytes:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    credentials = ""
    if proxy is not None and parts.scheme == "http":
        target = f"http://{parts.netloc}{target}"
        credentials = _credentials(urlsplit(proxy))
    return (
        f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nUser-Agent: scog\r\nRange: bytes=0-0\r\n"
        f"Connection: close\r\n{credentials}\r\n"
    ).encode("latin-1")


def _credentials(proxy: SplitResult) -> str:
    """The Proxy-Authorization header line for a proxy URL with user name and password, else an empty string."""
    if proxy.username is None:
        return ""
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return f"Proxy-Authorization: Basic {base64.b64encode(pair.encode()).decode()}\r\n"
