"""Links that a client can trust: never to a host that somebody merely claimed in a header."""

from __future__ import annotations

from fastapi import Request

FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


def base_url(request: Request) -> str:
    """The base of this server's links: as configured; else as asked for, if that is this machine; else empty.

    With an empty base links begin at the root, relative to wherever the client found us. So it is where a proxy stands
    in front (or somebody pretends that one does): the host it asks for is not the client's.
    """
    configured = request.app.state.engine.settings.public_url
    if configured:
        return str(configured).rstrip("/")
    if any(name in request.headers for name in FORWARDED):
        return ""
    host = request.headers.get("host", "")
    name, _, port = host.rpartition(":") if not host.endswith("]") and ":" in host else (host, "", "")
    server = request.scope.get("server") or ("", None)
    ours = LOOPBACK | {str(server[0])}
    if name.lower() in ours and (not port or (port.isdecimal() and len(port) <= 5)):
        return f"{request.url.scheme}://{host}"
    return ""
