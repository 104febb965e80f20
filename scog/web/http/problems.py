"""Errors as `application/problem+json` (RFC 9457), one shape on every route."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from scog import errors
from scog.imaging.report import skipped_scene
from scog.suggest import did_you_mean
from scog.web.http.query_route import hint, parameters_of
from scog.web.http.response_headers import openapi_headers
from scog.web.http.retry_after import retry_after

log = logging.getLogger(__name__)

STATUS: Mapping[type[errors.ScogError], int] = {
    errors.OutOfRange: 404,
    errors.TooLong: 413,
    errors.InvalidInput: 400,
    errors.CatalogUnavailable: 503,
    errors.CatalogBroken: 502,
    errors.NothingReadable: 502,
    errors.SourceError: 502,
    errors.Overloaded: 503,
    errors.DeadlineExceeded: 504,
}
"""The first entry that an error is an instance of counts."""

TITLES = {
    400: "Not a valid request",
    404: "Not found",
    405: "Method not allowed",
    413: "Too long",
    414: "Too long",
    416: "No such part",
    431: "Too long",
    500: "Something went wrong here",
    502: "A source of data failed",
    503: "Not available now",
    504: "Not done in time",
}
NAMED, DETAILED = 10, 3
"""Scenes that are named in a problem, and of which it is said in detail what went wrong."""
_SCHEMA = {
    "title": "Problem",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string", "description": "The same for every problem of this status."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong this time, for people."},
        "parameter": {"type": "string", "description": "The parameter that is wrong."},
        "valid": {"type": "string", "description": "What would be valid, in words."},
        "position": {"type": "integer", "description": "Column of a formula where the trouble starts, from 0."},
        "skipped": {
            "type": "array",
            "description": f"Scenes that could not be read; at most {NAMED}.",
            "items": {
                "type": "object",
                "required": ["scene", "reason"],
                "properties": {
                    "scene": {"type": "string"},
                    "reason": {"type": "string", "description": "A short token, such as `no-file`."},
                    "detail": {"type": "string", "description": "Which band and file, why, and what to do."},
                },
            },
        },
        "progress": {
            "type": "object",
            "description": "How far the image got. The next request goes on from what has arrived.",
            "required": ["scenes", "of", "requests", "bytes"],
            "properties": {
                "scenes": {"type": "integer", "description": "Scenes that were read."},
                "of": {"type": "integer", "description": "Scenes that had to be read, as far as is known."},
                "requests": {"type": "integer", "description": "Range requests that were sent for it."},
                "bytes": {"type": "integer", "description": "Bytes that arrived for it."},
            },
        },
    },
}


_RETRIED = {"headers": openapi_headers(("Retry-After", "X-Scog-Upstream"))}


def _documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    content = {"application/problem+json": {"schema": _SCHEMA}}
    problems: dict[int | str, dict[str, Any]] = {
        status: {"description": TITLES[status], "content": content} | (_RETRIED if status > 500 else {})
        for status in statuses
    }
    return problems | {"4XX": {"description": "Another fault of the request", "content": content}}


REFUSALS = _documented(400, 404)
"""For the documentation of routes that only look at the request."""
PROBLEMS = _documented(400, 404, 502, 503, 504)
"""For the documentation of routes that ask the catalogue or read pixels."""


class Problem(JSONResponse):
    """A problem as a response; never kept by caches."""

    media_type = "application/problem+json"

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        reasons: Iterable[str] = (),
        **more: Any,
    ) -> None:
        name = TITLES.get(status, "Error")
        content = {"type": "about:blank", "title": name, "status": status, "detail": detail}
        fixed = {"Cache-Control": "no-store"}
        seconds = retry_after(status, reasons)
        if seconds is not None:
            fixed["Retry-After"] = str(seconds)
        known = {key: value for key, value in more.items() if value is not None}
        super().__init__(content | known, status, dict(headers or {}) | fixed)


def add_handlers(app: FastAPI) -> None:
    """Answer every error of the app with a Problem."""
    app.add_exception_handler(errors.ScogError, _of_ours)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _unforeseen)


def problem_of(error: errors.ScogError, hint: str = "") -> Problem:
    """The problem that tells of an error of ours, with a `hint` behind what it says itself."""
    status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)
    more: dict[str, Any] = {}
    if isinstance(error, errors.InvalidInput):
        more = {"parameter": error.parameter, "valid": error.valid}
    if isinstance(error, errors.InvalidExpression):
        more["position"] = error.position
    if isinstance(error, errors.NothingReadable):
        more["skipped"] = [
            skipped_scene(scene, reason, error.why.get(scene) if place < DETAILED else None)
            for place, (scene, reason) in enumerate(error.skipped[:NAMED])
        ]
        more["reasons"] = [reason for _, reason in error.skipped]
    progress = getattr(error, "progress", None)
    if not isinstance(progress, errors.Progress):
        return Problem(status, f"{error}{hint}", **more)
    more["progress"] = {name: number for name, number in asdict(progress).items() if name != "searches"}
    more["headers"] = {"X-Scog-Upstream": upstream(progress.requests, progress.bytes, progress.searches)}
    return Problem(status, f"{error} {_in_words(progress)}", **more)


def upstream(requests: int, bytes_: int, searches: int) -> str:
    """What an answer took of other servers, as a header says it."""
    return f"requests={requests}; bytes={bytes_}; searches={searches}"


def _in_words(progress: errors.Progress) -> str:
    size = f"{progress.bytes / 1e6:.1f} MB" if progress.bytes >= 1e6 else f"{progress.bytes / 1e3:.0f} KB"
    return f"{progress.scenes} of {progress.of} scenes were read; {size} arrived in {progress.requests} requests."


async def _of_ours(request: Request, error: Exception) -> Problem:
    assert isinstance(error, errors.ScogError)
    return problem_of(error, hint(request, error.parameter) if isinstance(error, errors.InvalidInput) else "")


async def _of_validation(request: Request, error: Exception) -> Problem:
    assert isinstance(error, RequestValidationError)
    return problem_of_validation(request, error)


def problem_of_validation(request: Request, error: RequestValidationError) -> Problem:
    """The problem that tells of the first parameter that is of the wrong kind, or that there is not."""
    first = error.errors()[0]
    name = str(first["loc"][min(1, len(first["loc"]) - 1)])[:64]  # ("query", "bands", 3): the fourth of bands
    known = parameters_of(request)
    if first["type"] == "extra_forbidden":
        what = f"There is no parameter {name!r}{did_you_mean(name, known) or '.'}"
        return Problem(400, what, parameter=name, valid=", ".join(known) or "none")
    return Problem(400, f"{name}: {first['msg']}.{hint(request, name)}", parameter=name, valid=known.get(name))


async def _of_http(request: Request, error: Exception) -> Problem:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return Problem(404, "There is nothing at this address; /docs lists what there is.")
    return Problem(error.status_code, f"{error.detail}.", headers=error.headers)


async def _unforeseen(request: Request, error: Exception) -> Problem:
    log.exception("unforeseen error", exc_info=error)
    return Problem(500, "This is a fault of scog's; its log says more.")
