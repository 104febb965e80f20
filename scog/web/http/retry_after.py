"""Values of `Retry-After`: short if the next request continues where this one stopped, longer after failures."""

from __future__ import annotations

import re
from collections.abc import Iterable

from scog.imaging.report import Report

CONTINUE = 1
"""Seconds after a deadline or an overload. Data that arrived by then is in memory."""
RECOVER = 5
"""Seconds after a transient error of a file, which is cached that long."""
PERMANENT = 60
"""Seconds after a permanent error of a file, which is cached that long."""
_PERMANENT_REASON = re.compile(
    "http-(401|403|404|410)|no-.*|not-.*|host-not-allowed|redirect|outside-archive|pixel-type|several-bands|shape-mismatch|.*too-large"
)
PROVISIONAL = 60
"""Seconds until what a collection is is read again, after a failure."""
RETRY_SECONDS = {502: RECOVER, 503: CONTINUE, 504: CONTINUE}


def retry_after(status: int, reasons: Iterable[str] = ()) -> int | None:
    """Seconds until a failed request may be repeated; None if it should not be.

    `reasons` are those of skipped scenes.
    """
    skip_reasons = tuple(reasons)
    if status == 502 and skip_reasons and all(map(_PERMANENT_REASON.fullmatch, skip_reasons)):
        return PERMANENT
    return RETRY_SECONDS.get(status)


def retry_after_partial(report: Report) -> int | None:
    """Seconds until a partial image may be complete; None if all its scenes failed permanently."""
    if report.incomplete is not None:
        return CONTINUE
    if report.provisional and not report.skipped:
        return PROVISIONAL
    if all(map(_PERMANENT_REASON.fullmatch, report.skipped.values())):
        return None
    return RECOVER
