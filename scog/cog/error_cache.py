"""Cache of errors by file, so that not every tile requests a broken file again."""

from __future__ import annotations

import math
from collections.abc import Callable

from scog.errors import AssetBroken, AssetChanged, AssetMissing, AssetRefused, SourceError

LASTING_ERROR_AGE = 60.0
"""Seconds for which the error of a missing, refused or broken file is cached."""
TRANSIENT_ERROR_AGE = 5.0
"""Seconds for which a transient error is cached."""
AGAIN_WITHIN = 60.0
"""A transient error is cached if it follows another one of the same file within this many seconds."""
NOT_THE_FILES = frozenset({"stopped", "host-resting", "host-not-allowed", "token-service"})
"""Reasons of errors that are not about the file."""
MAX_ERRORS = 10_000


class ErrorCache:
    """Caches the latest error of each file."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._errors: dict[str, tuple[float, SourceError]] = {}
        """URL to the expiry, by `clock`, and the error."""
        self._first_transient: dict[str, float] = {}
        """URL to the time of a first transient error."""

    def remember(self, url: str, error: SourceError) -> None:
        """Cache an error and set its `url`.

        AssetChanged is not cached, since reading the header again resolves it. A transient error is cached
        from its second occurrence on, since the next attempt may succeed.
        """
        error.url = url
        if isinstance(error, AssetChanged) or error.reason in NOT_THE_FILES:
            return
        lasting = isinstance(error, AssetMissing | AssetRefused | AssetBroken)
        if not lasting and self._clock() - self._first_transient.pop(url, -math.inf) > AGAIN_WITHIN:
            self._first_transient[url] = self._clock()
            if len(self._first_transient) > MAX_ERRORS:
                del self._first_transient[next(iter(self._first_transient))]
            return
        # A copy, since the traceback refers to everything that was read.
        self._errors[url] = (self._clock() + (LASTING_ERROR_AGE if lasting else TRANSIENT_ERROR_AGE), _copy(error))
        if len(self._errors) > MAX_ERRORS:
            now = self._clock()
            self._errors = {url: entry for url, entry in self._errors.items() if entry[0] > now}

    def check(self, url: str) -> None:
        """Raise the cached error of a file, if it has one."""
        entry = self._errors.get(url)
        if entry is None:
            return
        expires, error = entry
        if self._clock() < expires:
            raise _copy(error)
        del self._errors[url]


def _copy(error: SourceError) -> SourceError:
    copy = type(error)(str(error), reason=error.reason)
    copy.url = error.url
    return copy
