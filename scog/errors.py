"""Everything that can go wrong, as one tree.

ScogError
├── InvalidInput          the caller asked for something that does not exist or is not allowed
│   ├── InvalidExpression a formula is wrong; knows where
│   ├── OutOfRange        a tile, place or zoom outside what can be served
│   └── TooLong           a body of more bytes than are read
├── SourceError           one file or one host let us down; a tile can go on without it
│   ├── AssetMissing      the server says that there is no such file, or that we may not have it
│   ├── AssetRefused      the file is not what we are willing to open (host, size, type, no CRS)
│   ├── AssetBroken       the bytes are not what the file's header promised
│   ├── AssetChanged      the file was replaced while we read it
│   └── SourceUnavailable timeouts, resets, 429 and 5xx after all retries
├── CatalogError          the catalogue cannot answer
│   ├── CatalogUnavailable
│   └── CatalogBroken     it answered with something that is not STAC
├── NothingReadable       every scene of a tile failed
├── Overloaded            more work is waiting than can be done before its deadlines
└── DeadlineExceeded      the work did not end in time

The tree knows no HTTP: `scog.web.http.problems` holds the table from errors to status codes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """How far an image got before it failed: `scenes` read `of` those wanted, and what that took upstream."""

    scenes: int
    of: int
    requests: int
    bytes: int
    searches: int = 0


class ScogError(Exception):
    """Base of all errors that scog raises on purpose."""


class InvalidInput(ScogError):
    """A value the caller sent cannot be used.

    `parameter` is the name the caller knows it by; `valid` says in words what would have been accepted.
    """

    def __init__(self, message: str, *, parameter: str | None = None, valid: str | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter
        self.valid = valid


class InvalidExpression(InvalidInput):
    """A formula cannot be used; `position` is the 0-based column where the trouble starts, if one is known."""

    def __init__(
        self,
        message: str,
        *,
        position: int | None = None,
        parameter: str | None = "expression",
        valid: str | None = None,
    ) -> None:
        super().__init__(message, parameter=parameter, valid=valid)
        self.position = position


class OutOfRange(InvalidInput):
    """A tile or a place that does not exist, or lies outside the zooms that are served."""


class TooLong(InvalidInput):
    """More bytes than are read of what a caller sends."""


class SourceError(ScogError):
    """One file could not be read. `reason` is a short token for headers, such as `http-404` or `timeout`.

    `url` is the file's, where it is known; it may hold what must not be shown (see `scog.imaging.skip_reasons`).
    """

    url: str | None = None

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class AssetMissing(SourceError):
    """404, 403 or no such local file."""


class AssetRefused(SourceError):
    """A host, size, type or projection that scog does not open."""


class AssetBroken(SourceError):
    """Bytes that do not decode to what the header promised."""


class AssetChanged(SourceError):
    """The file's ETag is no longer the one its description was read with."""


class SourceUnavailable(SourceError):
    """The host did not answer in time, or kept failing."""


class CatalogError(ScogError):
    """The catalogue could not be used."""


class CatalogUnavailable(CatalogError):
    """The catalogue does not answer, or only with passing faults."""


class CatalogBroken(CatalogError):
    """The catalogue answered with something that is not STAC."""


class NothingReadable(ScogError):
    """Scenes were found, but not one of them could be read; `skipped` holds `(scene id, reason)`, and `why` says of
    scenes by id what went wrong in detail.

    `progress` is set where the error is an image's.
    """

    progress: Progress | None = None

    def __init__(
        self, message: str, *, skipped: Sequence[tuple[str, str]] = (), why: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.skipped = tuple(skipped)
        self.why = dict(why or {})


class Overloaded(ScogError):
    """Too much work is waiting already; try again in a second."""


class DeadlineExceeded(ScogError):
    """The work was given up at its deadline; `progress` is set where it was an image's."""

    progress: Progress | None = None
