"""errors.md: the exceptions with their HTTP status, the problem document, and the reasons why scenes are skipped."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from docs.generator.http import openapi
from docs.generator.markdown import code, document, prose, sentence, table
from scog import errors
from scog.imaging.skip_reasons import ADVICE
from scog.web.http.problems import STATUS, TITLES

PROBLEM = """\
Every error over HTTP is `application/problem+json` (RFC 9457), on every route. A request with `SERVICE` or `REQUEST`,
as WMTS clients send, gets an OGC ExceptionReport (OWS Common, OGC 06-121r9) with the same text. The problem `type` is
always `about:blank`: the status is the kind of error, and `parameter` and `reason` say the rest. The members:"""
STATUSES = "The status decides the title and `Retry-After` (see [headers](headers.md))."
REASONS = """\
A scene that cannot be read is skipped, and the image is made of the others. The token of the reason is in the header
`X-Scog-Skipped`, in `skipped` of a problem, and in `errors` of time series and statistics; `X-Scog-Detail` and `detail`
name band, file, cause and what to do. Tokens with a status, `http-503`, are the status that the host returned;
`no-band-nir` names the missing band. A time series also has `masked` (clouds) and `no-data` (outside the footprint, or
nodata)."""


def page() -> str:
    """The page."""
    tree = (errors.__doc__ or "").partition("\n\n")[2]
    return document(
        "Errors",
        "## Exceptions",
        "In Python every error derives from `scog.ScogError`.",
        prose(tree.partition("\n\n")[0]).replace("```text\n```text", "```text"),
        table(
            ("exception", "HTTP status", "meaning"),
            [(code(kind.__name__), _status(kind), _text(kind)) for kind in kinds()],
        ),
        "## Problems",
        PROBLEM,
        table(("member", "type", "meaning"), _members()),
        STATUSES,
        table(("status", "title"), [(str(status), title) for status, title in TITLES.items()]),
        "## Reasons why a scene is skipped",
        REASONS,
        table(("reason", "what to do"), [(code(reason), text) for reason, text in sorted(ADVICE.items())]),
    )


def kinds() -> list[type[errors.ScogError]]:
    """All exceptions, in the order of the module."""
    return [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, errors.ScogError)]


def _status(kind: type[errors.ScogError]) -> str:
    return next((str(status) for base, status in STATUS.items() if issubclass(kind, base)), "-")


def _text(kind: type[errors.ScogError]) -> str:
    return sentence(re.sub(r"\n\s*\n", " ", inspect.cleandoc(kind.__doc__ or "")))


def _members() -> Iterator[tuple[str, str, str]]:
    """The members of a problem, from the schema that the OpenAPI document has for it."""
    responses = next(
        operation["responses"]
        for operations in openapi()["paths"].values()
        for operation in operations.values()
        if "504" in operation["responses"]
    )
    schema: dict[str, Any] = responses["504"]["content"]["application/problem+json"]["schema"]
    for name, each in schema["properties"].items():
        yield code(name), each["type"], each.get("description", "")
        for inner, part in each.get("items", each).get("properties", {}).items():
            yield (
                code(f"{name}[].{inner}" if each["type"] == "array" else f"{name}.{inner}"),
                part["type"],
                part.get("description", ""),
            )
