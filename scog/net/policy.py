"""The policy for outgoing requests: allowed hosts, priorities and the circuit breaker."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from functools import lru_cache
from urllib.parse import urlsplit

from scog.errors import AssetRefused

DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d+)?")
"""A host and port that all URL parsers interpret alike. Internationalised names are in punycode."""


class Priority(IntEnum):
    """Priority of a request's reads. Lower values are read first."""

    PREVIEW = 0
    TILE = 1
    COMPOSITE = 2
    SERIES = 3
    EXPORT = 4


@dataclass
class UpstreamStats:
    """Upstream cost of one request, and its priority, age and size, which order the admission queue."""

    requests: int = 0
    bytes: int = 0
    searches: int = 0
    priority: Priority = field(default=Priority.TILE, compare=False)
    started_at: float = field(default_factory=time.monotonic, compare=False)
    """When the request arrived, by time.monotonic()."""
    requested_bytes: int = field(default=0, compare=False)
    """Bytes of all its reads so far, including queued ones."""
    overdue: bool = field(default=False, compare=False)
    """Whether the request's deadline has passed. Reads that make progress then continue, for the cache."""

    def count_request(self) -> None:
        """Count one upstream request."""
        self.requests += 1


def host_of(url: str) -> str:
    """The host of a URL as in messages and allow-lists: lower case, with the port unless it is the scheme's default."""
    parts = urlsplit(url)
    return _host(parts.scheme, parts.netloc)


@lru_cache(maxsize=1024)
def _host(scheme: str, netloc: str) -> str:
    parts = urlsplit(f"{scheme}://{netloc}")
    host = (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    port = parts.port
    return host if port in (None, DEFAULT_PORTS.get(scheme)) else f"{host}:{port}"


def display_url(url: str) -> str:
    """The URL as messages name it: without query and credentials."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def is_allowed(url: str, allowed: tuple[str, ...]) -> bool:
    """Whether an http(s) URL without credentials is on an allowed host; `*.example.org` allows every subdomain."""
    try:
        url.encode()
        parts = urlsplit(url)
        host = host_of(url)
    except ValueError:
        return False
    return parts.scheme in DEFAULT_PORTS and "@" not in parts.netloc and _is_named(host, allowed)


@lru_cache(maxsize=1024)
def _is_named(host: str, allowed: tuple[str, ...]) -> bool:
    matches = any(host == entry or (entry.startswith("*.") and host.endswith(entry[1:])) for entry in allowed)
    return matches and _HOST.fullmatch(host) is not None


def check_allowed(url: str, allowed: tuple[str, ...]) -> None:
    """Raise AssetRefused, which names the host and the setting, unless the URL may be read."""
    if not is_allowed(url, allowed):
        try:
            host = host_of(url)
        except ValueError:
            host = "?"
        raise AssetRefused(
            f"Pixels may not be read from {host or 'this address'}: it is not among the allowed hosts (SCOG_HOSTS).",
            reason="host-not-allowed",
        )


class BreakerState(Enum):
    """State of a circuit breaker."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass
class CircuitBreaker:
    """Stops requests to a host that keeps failing (M. Nygard, "Release It!", 2007).

    After `limit` failures within `period` seconds, without a success between them, the breaker opens: no request is
    sent for `rest` seconds. Then it is half-open: one request is sent as a probe. If the probe succeeds, the breaker
    closes, else it opens again. Only failures of the host count (connection refused or reset, 5xx), never the time that
    requests wait in a queue of this process.
    """

    limit: int = 5
    period: float = 10.0
    rest: float = 2.0
    probing: float = 10.0
    """Seconds after which another probe is sent if a probe has no outcome."""
    clock: Callable[[], float] = time.monotonic
    _failures: deque[float] = field(default_factory=deque)
    _open_until: float | None = None
    _probe: bool = False

    @property
    def state(self) -> BreakerState:
        """Closed: requests are sent. Open: none is. Half-open: the next request is a probe, or one is in flight."""
        if self._open_until is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self.clock() < self._open_until and not self._probe else BreakerState.HALF_OPEN

    @property
    def seconds_left(self) -> float:
        """Seconds until the next request may be sent."""
        return 0.0 if self._open_until is None else max(0.0, self._open_until - self.clock())

    def blocks_request(self) -> bool:
        """Whether the caller must not send a request now.

        Changes the state: the first call that returns False after `rest` seconds makes the caller's request the probe.
        """
        if self._open_until is None:
            return False
        if self.clock() < self._open_until:
            return True
        self._open_until, self._probe = self.clock() + self.probing, True
        return False

    def release_probe(self) -> None:
        """Record that the probe ended without an outcome, such as cancellation. The next request is the probe."""
        if self._probe:
            self._open_until, self._probe = self.clock(), False

    def record_success(self) -> None:
        """Record that the host responded."""
        self._failures.clear()
        self._open_until, self._probe = None, False

    def record_failure(self) -> None:
        """Record a transient failure: a connection that was refused or reset, or a 5xx status."""
        now = self.clock()
        self._failures.append(now)
        while self._failures and now - self._failures[0] > self.period:
            self._failures.popleft()
        if self._probe or len(self._failures) >= self.limit:
            self._open_until, self._probe = now + self.rest, False
            self._failures.clear()
