"""Errors that scog raises, as one tree.

ScogError
├── InvalidInput          a value from the caller does not exist or is not allowed
│   ├── InvalidExpression an expression is invalid; has the position of the error
│   ├── OutOfRange        a tile, point or zoom outside the range that is served
│   └── TooLong           a request body has more bytes than are accepted
├── SourceError           one file or one host failed; an image can be drawn without it
│   ├── AssetMissing      the file does not exist or access is denied
│   ├── AssetRefused      the file is not supported or not permitted (host, size, type, no CRS)
│   ├── AssetBroken       the bytes do not match the file's header
│   ├── AssetChanged      the file was replaced while it was read
│   └── SourceUnavailable timeout, reset, 429 or 5xx after all retries
├── CatalogError          the catalogue cannot be searched
│   ├── CatalogUnavailable it does not respond, or only with temporary errors
│   └── CatalogBroken     its response is not STAC
├── NothingReadable       scenes were found, but none of them could be read
├── Overloaded            more work is queued than can be done before its deadlines
└── DeadlineExceeded      the work did not finish before its deadline

The tree is independent of HTTP: `scog.web.http.problems` maps errors to status codes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Progress of an image until it failed: scenes read `of` the scenes needed, and upstream costs."""

    scenes: int
    of: int
    requests: int
    bytes: int
    searches: int = 0


class ScogError(Exception):
    """Base class of all errors that scog raises deliberately."""


class InvalidInput(ScogError):
    """A value from the caller is invalid.

    parameter  name of the parameter as the caller knows it
    valid      description of the accepted values
    """

    def __init__(self, message: str, *, parameter: str | None = None, valid: str | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter
        self.valid = valid


class InvalidExpression(InvalidInput):
    """An expression is invalid; `position` is the column of the error, from 0, or None if it has none."""

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
    """A tile or point does not exist, or is outside the zooms that are served."""


class TooLong(InvalidInput):
    """A request body has more bytes than are accepted."""


class SourceError(ScogError):
    """A file could not be read.

    reason  short token for headers, such as `http-404` or `timeout`
    url     URL of the file, or None; it may contain secrets (see `scog.imaging.skip_reasons`)
    """

    url: str | None = None

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class AssetMissing(SourceError):
    """The host responds with 404 or 403, or a local file does not exist."""


class AssetRefused(SourceError):
    """The file's host is not permitted, or its size, type or CRS is not supported."""


class AssetBroken(SourceError):
    """The file's bytes do not decode as its header states."""


class AssetChanged(SourceError):
    """The file's ETag differs from that of its cached header."""


class SourceUnavailable(SourceError):
    """The host does not respond in time, or keeps failing."""


class CatalogError(ScogError):
    """The catalogue cannot be searched."""


class CatalogUnavailable(CatalogError):
    """The catalogue does not respond, or only with temporary errors."""


class CatalogBroken(CatalogError):
    """The catalogue's response is not STAC."""


class NothingReadable(ScogError):
    """Scenes were found, but none of them could be read.

    `skipped` has the id and the reason of each scene, `details` a message with band, file, error and advice by scene
    id. `progress` is set if the error is that of an image.
    """

    progress: Progress | None = None

    def __init__(
        self, message: str, *, skipped: Sequence[tuple[str, str]] = (), details: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.skipped = tuple(skipped)
        self.details = dict(details or {})

    @property
    def has_no_such_band(self) -> bool:
        """Whether every scene lacks a requested band, so that no file was to blame."""
        return bool(self.skipped) and all(reason.startswith("no-band-") for _, reason in self.skipped)


class Overloaded(ScogError):
    """Too much work is queued; retry after a second."""


class DeadlineExceeded(ScogError):
    """The work was cancelled at its deadline; `progress` is set if it was that of an image."""

    progress: Progress | None = None
