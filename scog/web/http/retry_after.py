"""When to ask again: at once for what goes on where it stopped, later for what has to recover, or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterable

from scog.imaging.report import Report

AGAIN = 1
"""Seconds after which to ask again where the time was too short: what has arrived is in memory."""
RECOVER = 5
"""Seconds for which a failure of a file that may pass is remembered."""
LASTING = 60
"""Seconds for which one that hardly passes is."""
_LASTING = re.compile(
    "http-(401|403|404|410)|no-.*|not-.*|host-not-allowed|redirect|outside-archive|pixel-type|several-bands|shape-mismatch|.*too-large"
)
RETRY_SECONDS = {502: RECOVER, 503: AGAIN, 504: AGAIN}


def retry_after(status: int, reasons: Iterable[str] = ()) -> int | None:
    """Seconds after which a failed request may be repeated, if ever; `reasons` are those of skipped scenes."""
    known = tuple(reasons)
    if status == 502 and known and all(map(_LASTING.fullmatch, known)):
        return LASTING
    return RETRY_SECONDS.get(status)


def retry_after_partial(report: Report) -> int | None:
    """Seconds after which an image from which something is missing may be complete; None where nothing is, or where
    asking again would hardly help.
    """
    if report.incomplete is not None:
        return AGAIN
    if all(map(_LASTING.fullmatch, report.skipped.values())):
        return None
    return RECOVER
