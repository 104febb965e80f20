"""Errors as `application/problem+json` (RFC 9457), one shape on every route."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from scog import errors

log = logging.getLogger(__name__)

STATUS: Mapping[type[errors.ScogError], int] = {
    errors.OutOfRange: 404,
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
    422: "Not a valid request",
    500: "Something went wrong here",
    502: "A source of data failed",
    503: "Not available now",
    504: "Not done in time",
}
RETRY_SECONDS = {502: 5, 503: 1, 504: 5}


class Problem(JSONResponse):
    """A problem as a response; never kept by caches."""

    media_type = "application/problem+json"

    def __init__(self, status: int, detail: str, **more: Any) -> None:
        name = TITLES.get(status, "Error")
        content = {"type": "about:blank", "title": name, "status": status, "detail": detail}
        headers = {"Cache-Control": "no-store"}
        if status in RETRY_SECONDS:
            headers["Retry-After"] = str(RETRY_SECONDS[status])
        super().__init__(content | {key: value for key, value in more.items() if value}, status, headers)


def add_handlers(app: FastAPI) -> None:
    """Answer every error of the app with a Problem."""
    app.add_exception_handler(errors.ScogError, _of_ours)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _unforeseen)


def problem_of(error: errors.ScogError) -> Problem:
    """The problem that tells of an error of ours."""
    status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)
    more: dict[str, Any] = {}
    if isinstance(error, errors.InvalidInput):
        more = {"parameter": error.parameter, "valid": error.valid}
    if isinstance(error, errors.InvalidExpression):
        more["position"] = error.position
    if isinstance(error, errors.NothingReadable):
        more["skipped"] = [{"scene": scene, "reason": reason} for scene, reason in error.skipped[:10]]
    return Problem(status, str(error), **more)


async def _of_ours(request: Request, error: Exception) -> Problem:
    assert isinstance(error, errors.ScogError)
    return problem_of(error)


async def _of_validation(request: Request, error: Exception) -> Problem:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    name = str(first["loc"][-1])[:64]
    if first["type"] == "extra_forbidden":
        return Problem(400, f"There is no parameter {name!r}.", parameter=name, valid=_parameters(request))
    return Problem(400, f"{name}: {first['msg']}.", parameter=name)


async def _of_http(request: Request, error: Exception) -> Problem:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return Problem(404, "There is nothing at this address; /docs lists what there is.")
    return Problem(error.status_code, str(error.detail))


async def _unforeseen(request: Request, error: Exception) -> Problem:
    log.exception("unforeseen error", exc_info=error)
    return Problem(500, "This is a fault of scog's; its log says more.")


def _parameters(request: Request) -> str:
    """The names of the query parameters that the asked route has."""
    operation = request.scope.get("route")
    names: list[str] = []
    for parameter in getattr(getattr(operation, "dependant", None), "query_params", []):
        model = getattr(parameter.field_info, "annotation", None)
        names += list(getattr(model, "model_fields", {})) or [parameter.alias]
    return ", ".join(names) or "none"
