"""Describes why a connection failed, and what the user can do about it."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator

NEXT_STEP = "Check the network and SCOG_CATALOG, or set HTTPS_PROXY; `scog doctor` shows details."
_CERTIFICATE = "If a proxy intercepts TLS, add its certificate to SSL_CERT_FILE; `scog doctor` shows details."
_ERRNO = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EPIPE: "connection reset",
    errno.ENETUNREACH: "network unreachable",
    errno.EHOSTUNREACH: "host unreachable",
    errno.ETIMEDOUT: "connecting took too long",
}


def reason_of(error: BaseException) -> tuple[str, str]:
    """A message `cannot be reached: REASON`, and what to do about it.

    The reason is that of the exception, or of one that it was raised from.
    """
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return f"cannot be reached: its certificate is not trusted ({cause.verify_message})", _CERTIFICATE
            case socket.gaierror():
                return "cannot be reached: its host name cannot be resolved", NEXT_STEP
            case OSError(errno=int(number)) if number in _ERRNO:
                return f"cannot be reached: {_ERRNO[number]}", NEXT_STEP
    name = type(error).__name__
    text = str(error)
    if name == "ProxyError":
        return f"cannot be reached: the proxy answers {text!r}", "Check HTTPS_PROXY; `scog doctor` shows details."
    return f"cannot be reached: {text or name}", NEXT_STEP


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The exception, the exceptions that it was raised from, and the members of exception groups."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
        waiting += [each.__cause__, each.__context__]
