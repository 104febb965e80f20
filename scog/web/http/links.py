"""The base URL of links in responses, which never has a host taken from an untrusted header."""

from __future__ import annotations

from fastapi import Request

FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


def base_url(request: Request) -> str:
    """SCOG_PUBLIC_URL if set; else the request's scheme and host if the host is this machine; else an empty string.

    With an empty base URL, links are paths, which clients resolve against the URL that they requested. That is so
    behind a proxy, and if forwarding headers are present: the host in the request is then not the client's.
    """
    configured = request.app.state.engine.settings.public_url
    if configured:
        return str(configured).rstrip("/")
    if any(name in request.headers for name in FORWARDED):
        return ""
    host = request.headers.get("host", "")
    name, _, port = host.rpartition(":") if not host.endswith("]") and ":" in host else (host, "", "")
    server = request.scope.get("server") or ("", None)
    trusted = LOOPBACK | {str(server[0])}
    if name.lower() in trusted and (not port or (port.isdecimal() and len(port) <= 5)):
        return f"{request.url.scheme}://{host}"
    return ""
