"""Errors as `application/problem+json` (RFC 9457), in the same form on every route."""

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
from scog.suggest import did_you_mean, quoted
from scog.web.http.query_route import plus_sign_hint, query_parameters
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
"""Status code by error class. The first entry that an error is an instance of applies."""

TITLES = {
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
"""Status phrases, as RFC 9457 (section 4.2.1) recommends for problems of the type `about:blank`."""
MAX_SKIPPED = 10
"""Maximum number of skipped scenes in a problem."""
MAX_DETAILED = 3
"""Maximum number of skipped scenes with a `detail`."""
_DESCRIPTIONS = {
    400: "A parameter or the body is invalid",
    404: "The path, or something that it names, does not exist",
    502: "No scene could be read, or the catalogue sent an invalid response",
    503: "The server is overloaded, or the catalogue is unavailable",
    504: "The deadline was exceeded",
}
_SCHEMA = {
    "title": "Problem",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "description": "Always `about:blank`."},
        "title": {"type": "string", "description": "The status phrase."},
        "status": {"type": "integer", "description": "The status code."},
        "detail": {"type": "string", "description": "What is wrong with this request."},
        "parameter": {"type": "string", "description": "The invalid parameter."},
        "valid": {"type": "string", "description": "Valid values, in words."},
        "position": {"type": "integer", "description": "Column of the error in an expression, from 0."},
        "skipped": {
            "type": "array",
            "description": f"Scenes that could not be read; at most {MAX_SKIPPED}.",
            "items": {
                "type": "object",
                "required": ["scene", "reason"],
                "properties": {
                    "scene": {"type": "string", "description": "The scene's id."},
                    "reason": {"type": "string", "description": "A short token, such as `no-file`."},
                    "detail": {"type": "string", "description": "Band, file, cause and remedy."},
                },
            },
        },
        "progress": {
            "type": "object",
            "description": "Progress of the image before it failed. The next request continues from there.",
            "required": ["scenes", "of", "requests", "bytes"],
            "properties": {
                "scenes": {"type": "integer", "description": "Scenes that were read."},
                "of": {"type": "integer", "description": "Scenes that the image needs, as far as determined."},
                "requests": {"type": "integer", "description": "Range requests sent."},
                "bytes": {"type": "integer", "description": "Bytes received."},
            },
        },
    },
}


_RETRY_HEADERS: dict[str, Any] = {"headers": openapi_headers(("Retry-After", "X-Scog-Upstream"))}


def _documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    content = {"application/problem+json": {"schema": _SCHEMA}}
    problems: dict[int | str, dict[str, Any]] = {
        status: {"description": _DESCRIPTIONS[status], "content": content} | (_RETRY_HEADERS if status > 500 else {})
        for status in statuses
    }
    return problems | {"4XX": {"description": "Another error of the request", "content": content}}


REQUEST_PROBLEMS = _documented(400, 404)
"""OpenAPI responses of routes that neither search the catalogue nor read pixels."""
PROBLEMS = _documented(400, 404, 502, 503, 504)
"""OpenAPI responses of routes that search the catalogue or read pixels."""


class Problem(JSONResponse):
    """A problem response, with `Cache-Control: no-store`."""

    media_type = "application/problem+json"

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        reasons: Iterable[str] = (),
        **members: Any,
    ) -> None:
        """`reasons` are those of skipped scenes; `members` are extension members, left out if None."""
        title = TITLES.get(status, "Error")
        content = {"type": "about:blank", "title": title, "status": status, "detail": detail}
        fixed = {"Cache-Control": "no-store"}
        seconds = retry_after(status, reasons)
        if seconds is not None:
            fixed["Retry-After"] = str(seconds)
        extensions = {name: value for name, value in members.items() if value is not None}
        super().__init__(content | extensions, status, dict(headers or {}) | fixed)


def add_handlers(app: FastAPI) -> None:
    """Make the app answer every error with a Problem."""
    app.add_exception_handler(errors.ScogError, _handle_scog_error)
    app.add_exception_handler(RequestValidationError, _handle_validation_error)
    app.add_exception_handler(HTTPException, _handle_http_exception)
    app.add_exception_handler(Exception, _handle_unexpected_error)


def problem_of(error: errors.ScogError, hint: str = "") -> Problem:
    """The problem that reports an error. `hint` is appended to its message."""
    status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)
    if isinstance(error, errors.NothingReadable) and error.has_no_such_band:
        status = 404  # no file failed: the scenes have no such band
    members: dict[str, Any] = {}
    if isinstance(error, errors.InvalidInput):
        members = {"parameter": error.parameter, "valid": error.valid}
    if isinstance(error, errors.InvalidExpression):
        members["position"] = error.position
    if isinstance(error, errors.NothingReadable):
        members["skipped"] = [
            skipped_scene(scene, reason, error.details.get(scene) if index < MAX_DETAILED else None)
            for index, (scene, reason) in enumerate(error.skipped[:MAX_SKIPPED])
        ]
        members["reasons"] = [reason for _, reason in error.skipped]
    progress = getattr(error, "progress", None)
    if not isinstance(progress, errors.Progress):
        return Problem(status, f"{error}{hint}", **members)
    members["progress"] = {name: count for name, count in asdict(progress).items() if name != "searches"}
    members["headers"] = {"X-Scog-Upstream": upstream_header(progress.requests, progress.bytes, progress.searches)}
    return Problem(status, f"{error} {_progress_text(progress)}", **members)


def upstream_header(requests: int, bytes_: int, searches: int) -> str:
    """The value of `X-Scog-Upstream`."""
    return f"requests={requests}; bytes={bytes_}; searches={searches}"


def _progress_text(progress: errors.Progress) -> str:
    size = f"{progress.bytes / 1e6:.1f} MB" if progress.bytes >= 1e6 else f"{progress.bytes / 1e3:.0f} KB"
    return f"{progress.scenes} of {progress.of} scenes were read; {size} arrived in {progress.requests} requests."


async def _handle_scog_error(request: Request, error: Exception) -> Problem:
    assert isinstance(error, errors.ScogError)
    hint = plus_sign_hint(request, error.parameter) if isinstance(error, errors.InvalidInput) else ""
    return problem_of(error, hint)


async def _handle_validation_error(request: Request, error: Exception) -> Problem:
    assert isinstance(error, RequestValidationError)
    return validation_problem(request, error)


def validation_problem(request: Request, error: RequestValidationError) -> Problem:
    """The problem that reports the first parameter that is unknown, missing or of the wrong type."""
    first = error.errors()[0]
    name = str(first["loc"][min(1, len(first["loc"]) - 1)])[:64]  # ("query", "bands", 3) is the fourth value of bands
    parameters = query_parameters(request)
    if first["type"] == "extra_forbidden":
        detail = f"Unknown parameter {name!r}{did_you_mean(name, parameters) or '.'}"
        return Problem(400, detail, parameter=name, valid=", ".join(parameters) or "none")
    detail = f"{validation_text(name, first)}.{plus_sign_hint(request, name)}"
    return Problem(400, detail, parameter=name, valid=parameters.get(name))


def validation_text(name: str, error: Mapping[str, Any]) -> str:
    """pydantic's message on a parameter, with its value if that is a string. Without a full stop."""
    if error["type"] == "missing":
        return f"The parameter {name!r} is required"
    value = f" {quoted(error['input'])}" if isinstance(error.get("input"), str) else ""
    message = str(error["msg"])
    return f"Invalid {name}{value}: {message[:1].lower()}{message[1:]}"


async def _handle_http_exception(request: Request, error: Exception) -> Problem:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return Problem(404, "No route or file matches this path; /docs lists all routes.")
    if error.status_code == 405:
        detail = f"The method {request.method[:16]} is not supported at this path."
        return Problem(405, detail, headers=error.headers)
    return Problem(error.status_code, f"{error.detail}.", headers=error.headers)


async def _handle_unexpected_error(request: Request, error: Exception) -> Problem:
    log.exception("unexpected error", exc_info=error)
    return Problem(500, "Unexpected error in scog. The server's log has the traceback.")
