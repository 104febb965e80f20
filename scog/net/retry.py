"""The retry policy: which failures are retried, how often, and after which delay.

Range reads (`range_read`) use all of it; searches (`catalog_http`) have a deadline and use the delays.
"""

from __future__ import annotations

import email.utils
import random
from collections.abc import Callable
from datetime import UTC, datetime

from scog.errors import SourceError, SourceUnavailable

RETRIED_STATUS = frozenset({429, 500, 502, 503, 504})
MAX_DELAY = 10.0
"""Maximum delay before a retry in seconds. If `Retry-After` of the host is longer, the read fails."""
MAX_STALLS = 2
"""A read is retried after this many stalls. The next stall fails it."""
STALL_REASONS = frozenset({"timeout", "slow"})
FINAL_REASONS = frozenset({"http-403", "http-404", "http-410"})
"""Errors with these reasons fail a read at once. After any other invalid response the request is repeated once."""


class Retries:
    """Counts the failures of one read, and decides whether it is retried. `limit` is the number of retries in a row."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._failures = 0
        """Transient failures since the read made progress."""
        self._bad_responses = 0
        self.stalls = 0
        """Number of stalls so far."""

    @property
    def is_first(self) -> bool:
        """Whether nothing has failed yet."""
        return self._failures + self._bad_responses == 0

    def delay(self, reason: str, retry_after: str | None, *, progressed: bool) -> float | None:
        """Seconds before the retry after a transient failure; None if the read has failed.

        A failure after progress is counted as the first one.
        """
        self.stalls += reason in STALL_REASONS
        self._failures = 1 if progressed else self._failures + 1
        delay = retry_delay(self._failures, retry_after)
        stalled_out = reason in STALL_REASONS and self.stalls > MAX_STALLS
        return None if stalled_out or self._failures > self._limit or delay > MAX_DELAY else delay

    def repeats(self, error: SourceError) -> bool:
        """Whether the request is repeated after an invalid response: once, unless the error is final."""
        self._bad_responses += 1
        return not (self._bad_responses > 1 or error.reason in FINAL_REASONS or isinstance(error, SourceUnavailable))


def retry_delay(attempt: int, retry_after: str | None, rng: Callable[[], float] = random.random) -> float:
    """Seconds to wait before retry number `attempt` (1, 2, ...).

    The server's Retry-After (RFC 9110 section 10.2.3), else 0.1 s doubled with each attempt, with a jitter of +-50 %.
    """
    requested = _seconds(retry_after)
    if requested is not None:
        return requested
    return 0.1 * 2.0 ** (attempt - 1) * (0.5 + rng())


def _seconds(retry_after: str | None) -> float | None:
    if retry_after is None:
        return None
    text = retry_after.strip(" \t")  # str.strip() removes more than float() accepts
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        when = email.utils.parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())
