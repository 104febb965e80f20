"""What OGC's services have in common (OWS Common 1.1, 06-121r3 and r9): names in any case, versions, and exceptions."""

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
from scog.web.http.problems import Problem, problem_of, problem_of_validation
from scog.web.http.query_route import Pairs, QueryRoute, hint, parameters_of

OWS = "http://www.opengis.net/ows/1.1"
VERSION = "1.0.0"
KEYS = ("SERVICE", "REQUEST", "VERSION", "AcceptVersions", "AcceptFormats", "Sections", "UpdateSequence")
"""Parameters of GetCapabilities that say nothing of what is drawn."""
XML = ("application/xml", "text/xml")


class NotNegotiable(Exception):
    """The client accepts no version that there is."""


class OwsRoute(QueryRoute):
    """A route whose parameters have names in any case (06-121r9, 11.5.2), and which tells clients of OGC services what
    is wrong in an ExceptionReport.
    """

    def meant(self, request: Request, pairs: Pairs) -> Pairs:
        """The parameters as they were meant, each by the name that is documented."""
        spelled = {name.lower(): name for name in parameters_of(request)}
        return super().meant(request, [(spelled.get(name.lower(), name), value) for name, value in pairs])

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """As without, but for the form of errors."""
        reading = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await reading(request)
            except NotNegotiable as fault:
                return report(400, "VersionNegotiationFailed", "AcceptVersions", str(fault))
            except (ScogError, RequestValidationError) as fault:
                if not any(name in KEYS for name in request.query_params):
                    raise
                return _reported(request, fault)

        return handler


def negotiate(accepted: str | None) -> None:
    """Raises NotNegotiable unless the versions that a client accepts, with commas between, have the one there is."""
    versions = [each.strip() for each in (accepted or VERSION).split(",")]
    if VERSION not in versions:
        raise NotNegotiable(f"There is version {VERSION} only.")


def media_type(accepted: str | None) -> str:
    """The media type of the answer: the first of those accepted that is XML."""
    named = (each.strip().lower() for each in (accepted or "").split(","))
    return next((each for each in named if each in XML), XML[0])


def report(status: int, code: str, locator: str | None, text: str, headers: dict[str, str] | None = None) -> Response:
    """An ExceptionReport (06-121r9, 8)."""
    root = Element("ows:ExceptionReport", {"xmlns:ows": OWS, "version": VERSION, "xml:lang": "en"})
    exception = ElementTree.SubElement(root, "ows:Exception", {"exceptionCode": code})
    if locator:
        exception.attrib["locator"] = locator
    ElementTree.SubElement(exception, "ows:ExceptionText").text = text
    body = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return Response(body, status, headers, media_type=XML[0])


def _reported(request: Request, fault: ScogError | RequestValidationError) -> Response:
    """What is wrong, as OGC's clients read it."""
    if isinstance(fault, ScogError):
        problem = problem_of(fault, hint(request, getattr(fault, "parameter", None)))
    else:
        problem = problem_of_validation(request, fault)
    told = json.loads(bytes(problem.body))
    locator, valid = told.get("parameter"), told.get("valid")
    code = _code(problem, locator, request.query_params.get("REQUEST", ""))
    text = f"{told['detail']} Valid: {valid}." if valid else told["detail"]
    kept = {name: problem.headers[name] for name in ("Cache-Control", "Retry-After") if name in problem.headers}
    return report(501 if code == "OperationNotSupported" else problem.status_code, code, locator, text, kept)


def _code(problem: Problem, locator: str | None, operation: str) -> str:
    if problem.status_code >= 500:
        return "NoApplicableCode"
    if locator == "REQUEST" and re.fullmatch("Get(Tile|FeatureInfo)", operation, re.IGNORECASE):
        return "OperationNotSupported"
    return "InvalidParameterValue" if locator else "NoApplicableCode"
