"""OWS Common (OGC 06-121r3 and 06-121r9): parameters, versions and exceptions of all OGC services."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Coroutine
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError

from scog.errors import ScogError
from scog.web.http.problems import Problem, problem_of, validation_problem
from scog.web.http.query_route import Pairs, QueryRoute, plus_sign_hint, query_parameters

OWS = "http://www.opengis.net/ows/1.1"
VERSION = "1.0.0"
KEYS = ("SERVICE", "REQUEST", "VERSION", "AcceptVersions", "AcceptFormats", "Sections", "UpdateSequence")
"""Parameters of GetCapabilities, which do not describe the image."""
XML = ("application/xml", "text/xml")


class VersionNegotiationFailed(Exception):
    """The client accepts no version that the server supports."""


class OwsRoute(QueryRoute):
    """A route with case-insensitive parameter names (06-121r9, 11.5.2).

    Errors are reported as an ExceptionReport if the request has a parameter of GetCapabilities, else as a problem.
    """

    def normalised(self, request: Request, pairs: Pairs) -> Pairs:
        """The normalised query parameters, each with its name as documented."""
        documented = {name.lower(): name for name in query_parameters(request)}
        return super().normalised(request, [(documented.get(name.lower(), name), value) for name, value in pairs])

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of QueryRoute, with errors reported as an ExceptionReport."""
        handle_request = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await handle_request(request)
            except VersionNegotiationFailed as error:
                return exception_report(400, "VersionNegotiationFailed", "AcceptVersions", str(error))
            except (ScogError, RequestValidationError) as error:
                if not any(name in KEYS for name in request.query_params):
                    raise
                return _error_report(request, error)

        return handler


def check_versions(accepted: str | None) -> None:
    """Raise VersionNegotiationFailed unless a comma-separated list of versions has the supported one."""
    versions = [version.strip() for version in (accepted or VERSION).split(",")]
    if VERSION not in versions:
        raise VersionNegotiationFailed(f"None of the accepted versions is supported. Supported: {VERSION}.")


def media_type(accepted: str | None) -> str:
    """The first XML media type of a comma-separated list, else `application/xml`."""
    media_types = (name.strip().lower() for name in (accepted or "").split(","))
    return next((name for name in media_types if name in XML), XML[0])


def exception_report(
    status: int, code: str, locator: str | None, text: str, headers: dict[str, str] | None = None
) -> Response:
    """An ExceptionReport (06-121r9, 8). `locator` is the parameter in error."""
    root = Element("ows:ExceptionReport", {"xmlns:ows": OWS, "version": VERSION, "xml:lang": "en"})
    exception = ElementTree.SubElement(root, "ows:Exception", {"exceptionCode": code})
    if locator:
        exception.attrib["locator"] = locator
    ElementTree.SubElement(exception, "ows:ExceptionText").text = text
    body = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return Response(body, status, headers, media_type=XML[0])


def _error_report(request: Request, error: ScogError | RequestValidationError) -> Response:
    """An error as an ExceptionReport, with the text and headers of its problem."""
    if isinstance(error, ScogError):
        problem = problem_of(error, plus_sign_hint(request, getattr(error, "parameter", None)))
    else:
        problem = validation_problem(request, error)
    members = json.loads(bytes(problem.body))
    locator, valid = members.get("parameter"), members.get("valid")
    code = _exception_code(problem, locator, request.query_params.get("REQUEST", ""))
    text = f"{members['detail']} Valid: {valid.rstrip('.')}." if valid else members["detail"]
    headers = {name: problem.headers[name] for name in ("Cache-Control", "Retry-After") if name in problem.headers}
    status = 501 if code == "OperationNotSupported" else problem.status_code
    return exception_report(status, code, locator, text, headers)


def _exception_code(problem: Problem, locator: str | None, operation: str) -> str:
    if problem.status_code >= 500:
        return "NoApplicableCode"
    if locator == "REQUEST" and re.fullmatch("Get(Tile|FeatureInfo)", operation, re.IGNORECASE):
        return "OperationNotSupported"
    return "InvalidParameterValue" if locator else "NoApplicableCode"
