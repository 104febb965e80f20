"""Faults that are remembered for a while, so that a broken file is not asked for by every tile."""

from __future__ import annotations

import math
from collections.abc import Callable

from scog.errors import AssetBroken, AssetChanged, AssetMissing, AssetRefused, SourceError

LASTING_FAULT = 60.0
"""Seconds that a missing or refused file is remembered."""
PASSING_FAULT = 5.0
"""Seconds that a fault that may pass is remembered, if it came twice."""
AGAIN_WITHIN = 60.0
"""Seconds within which a second fault of a file makes the two a habit."""
NOT_THE_FILES = frozenset({"stopped", "host-resting", "host-not-allowed"})
"""Reasons that say nothing about the file."""
MAX_FAULTS = 10_000


class ErrorCache:
    """What went wrong with which file, and until when that counts."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: dict[str, tuple[float, SourceError]] = {}
        self._passed: dict[str, float] = {}
        """When a file failed in a way that may pass."""

    def remember(self, url: str, fault: SourceError) -> None:
        """Remember a fault, which from now on knows its file, unless it is gone once the file is described anew.

        What may pass counts from the second time on: the next try may well bring what the first did not.
        """
        fault.url = url
        if isinstance(fault, AssetChanged) or fault.reason in NOT_THE_FILES:
            return
        lasting = isinstance(fault, AssetMissing | AssetRefused | AssetBroken)
        if not lasting and self._clock() - self._passed.pop(url, -math.inf) > AGAIN_WITHIN:
            self._passed[url] = self._clock()
            if len(self._passed) > MAX_FAULTS:
                del self._passed[next(iter(self._passed))]
            return
        # A copy: the fault's traceback refers to all that was read.
        remembered = _copy(fault)
        self._known[url] = (self._clock() + (LASTING_FAULT if lasting else PASSING_FAULT), remembered)
        if len(self._known) > MAX_FAULTS:
            now = self._clock()
            self._known = {url: known for url, known in self._known.items() if known[0] > now}

    def check(self, url: str) -> None:
        """Raise the fault that is remembered of a file, if one is."""
        known = self._known.get(url)
        if known is None:
            return
        until, fault = known
        if self._clock() < until:
            raise _copy(fault)
        del self._known[url]


def _copy(fault: SourceError) -> SourceError:
    copy = type(fault)(str(fault), reason=fault.reason)
    copy.url = fault.url
    return copy
