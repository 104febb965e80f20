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
from enum import Enum, IntEnum
from functools import lru_cache
from urllib.parse import urlsplit

from scog.errors import AssetRefused

RETRIED_STATUS = frozenset({429, 500, 502, 503, 504})
DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d+)?")
"""Host names that every parser of URLs reads alike; what was internationalised comes as punycode."""


class Rank(IntEnum):
    """How urgent the reads of an answer are; lower ranks come first."""

    PREVIEW = 0
    TILE = 1
    COMPOSITE = 2
    SERIES = 3
    EXPORT = 4


@dataclass
class Tally:
    """What one request of ours costs upstream, and when it gets its turn."""

    requests: int = 0
    bytes: int = 0
    searches: int = 0
    rank: Rank = field(default=Rank.TILE, compare=False)
    began: float = field(default_factory=time.monotonic, compare=False)
    asked: int = field(default=0, compare=False)
    """Bytes of all reads so far, those included that are waiting for their turn."""
    overdue: bool = field(default=False, compare=False)
    """Whether time ran out for the answer: what flows already may then go on into the cache."""

    def is_overdue(self) -> bool:
        """Whether time ran out."""
        return self.overdue

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
    matches = any(host == entry or (entry.startswith("*.") and host.endswith(entry[1:])) for entry in allowed)
    return matches and _HOST.fullmatch(host) is not None


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


def retry_delay(attempt: int, retry_after: str | None, rng: Callable[[], float] = random.random) -> float:
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


class BreakerState(Enum):
    """Whether a host is asked."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass
class CircuitBreaker:
    """Leaves a host alone for `rest` seconds after `limit` faults within `period` seconds without a success between.

    Then one request is let through as a probe (half-open): its success closes the breaker, its fault opens it again.
    Faults are what a host does (refuses, resets, answers 5xx), never how long our own requests wait for each other.
    """

    limit: int = 5
    period: float = 10.0
    rest: float = 2.0
    probing: float = 10.0
    """Seconds after which a probe without an outcome lets the next one through."""
    clock: Callable[[], float] = time.monotonic
    _faults: deque[float] = field(default_factory=deque)
    _open_until: float | None = None
    _probe: bool = False

    @property
    def state(self) -> BreakerState:
        """Closed: asked; open: left alone; half-open: the next request is a probe, or one is under way."""
        if self._open_until is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self.clock() < self._open_until and not self._probe else BreakerState.HALF_OPEN

    @property
    def seconds_left(self) -> float:
        """Seconds until the next request may pass."""
        return 0.0 if self._open_until is None else max(0.0, self._open_until - self.clock())

    def is_open(self) -> bool:
        """Whether the host is to be left alone now. Where it says no after a rest, the caller is the probe."""
        if self._open_until is None:
            return False
        if self.clock() < self._open_until:
            return True
        self._open_until, self._probe = self.clock() + self.probing, True
        return False

    def release_probe(self) -> None:
        """The probe ended without an outcome: the next request is one."""
        if self._probe:
            self._open_until, self._probe = self.clock(), False

    def success(self) -> None:
        """The host answered."""
        self._faults.clear()
        self._open_until, self._probe = None, False

    def fault(self) -> None:
        """The host failed in a way that may pass: it refused or reset a connection, or answered 5xx."""
        now = self.clock()
        self._faults.append(now)
        while self._faults and now - self._faults[0] > self.period:
            self._faults.popleft()
        if self._probe or len(self._faults) >= self.limit:
            self._open_until, self._probe = now + self.rest, False
            self._faults.clear()
