"""One policy for every request that leaves this machine: who may be asked, how often, and when to leave it."""

from __future__ import annotations

import email.utils
import random
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import urlsplit

from scog.errors import AssetRefused

RETRIED_STATUS = frozenset({429, 500, 502, 503, 504})
DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d+)?")
"""Host names that every parser of URLs reads alike; what was internationalised comes as punycode."""


@dataclass
class Tally:
    """What one request of ours cost upstream."""

    requests: int = 0
    bytes: int = 0
    searches: int = 0

    def count_request(self) -> None:
        """One more."""
        self.requests += 1


def host_of(url: str) -> str:
    """Host of a URL as messages and allow-lists name it: lower case, the port only where it is not the usual one."""
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


def is_allowed(url: str, allowed: tuple[str, ...]) -> bool:
    """Whether an http(s) URL without credentials names a host of the list; `*.example.org` means any host below."""
    try:
        url.encode()
        parts = urlsplit(url)
        host = host_of(url)
    except ValueError:
        return False
    return parts.scheme in DEFAULT_PORTS and "@" not in parts.netloc and _is_named(host, allowed)


@lru_cache(maxsize=1024)
def _is_named(host: str, allowed: tuple[str, ...]) -> bool:
    named = any(host == entry or (entry.startswith("*.") and host.endswith(entry[1:])) for entry in allowed)
    return named and _HOST.fullmatch(host) is not None


def check_allowed(url: str, allowed: tuple[str, ...]) -> None:
    """Raise AssetRefused, naming host and setting, unless the URL may be read."""
    if not is_allowed(url, allowed):
        try:
            host = host_of(url)
        except ValueError:
            host = "?"
        raise AssetRefused(
            f"Pixels may not be read from {host or 'this address'}: it is not among the allowed hosts (SCOG_HOSTS).",
            reason="host-not-allowed",
        )


def pause_before(attempt: int, retry_after: str | None, rng: Callable[[], float] = random.random) -> float:
    """Seconds before retry number `attempt` (1, 2, ...): what the server asks, else 0.1, 0.2 ... with jitter."""
    asked = _seconds(retry_after)
    if asked is not None:
        return asked
    return 0.1 * 2.0 ** (attempt - 1) * (0.5 + rng())


def _seconds(retry_after: str | None) -> float | None:
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        when = email.utils.parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


@dataclass
class Breaker:
    """Leaves a host alone for `rest` seconds after `limit` passing faults in a row within `period` seconds.

    Any success closes it, so one bad file among good ones never opens it.
    """

    limit: int = 5
    period: float = 10.0
    rest: float = 15.0
    clock: Callable[[], float] = time.monotonic
    _faults: deque[float] = field(default_factory=deque)
    _open_until: float = 0.0

    def is_open(self) -> bool:
        """Whether the host is to be left alone now."""
        return self.clock() < self._open_until

    def success(self) -> None:
        """The host answered."""
        self._faults.clear()
        self._open_until = 0.0

    def fault(self) -> None:
        """The host failed in a way that may pass: a timeout, a reset, a 5xx."""
        now = self.clock()
        self._faults.append(now)
        while self._faults and now - self._faults[0] > self.period:
            self._faults.popleft()
        if len(self._faults) >= self.limit:
            self._open_until = now + self.rest
            self._faults.clear()
