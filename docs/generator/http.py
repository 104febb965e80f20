"""http.md: every route with its parameters, bodies and responses, from the OpenAPI document."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, NamedTuple

from fastapi.routing import APIRoute

from docs.generator.markdown import code, document, sentence, table
from scog.imaging.formats import FORMATS
from scog.settings import Settings
from scog.web.app import create_app
from scog.web.routes import documentation

INTRODUCTION = """\
Every route with its parameters. The server has the same as an OpenAPI document at `/openapi.json`, and as a page to try
it at `/docs`.

- Parameters of the query are optional unless they are marked as required. Unknown ones are refused
  (`SCOG_UNKNOWN_PARAMETERS`), and so are repeated ones unless they are marked as repeatable.
- In a URL `+` means a space; write a plus as `%2B`.
- `GET` routes also answer `HEAD`.
- Errors are problems: see [Errors](errors.md). Response headers: see [Headers](headers.md).
- Examples and background are in the guide, which each section names."""
FORMATS_TEXT = """\
`format`, or the suffix of a tile, box or feature, selects one of these."""
GUIDES = {
    "tiles": "tiles.md",
    "places": "stac.md",
    "cut-outs": "crops.md",
    "crops": "crops.md",
    "statistics": "statistics.md",
    "time series": "timeseries.md",
    "animations": "animations.md",
    "cubes": "cubes.md",
    "map clients": "map-clients.md",
    "STAC": "stac.md",
}
"""The guide of a tag."""
COLUMNS = ("parameter", "type", "default", "meaning")
SHARED = 6
"""Parameters that two routes must have in common for one to refer to the other."""


class Parameter(NamedTuple):
    """One parameter as the columns of a table."""

    name: str
    type: str
    default: str
    meaning: str


class Operation(NamedTuple):
    """One route and method; `heading` is its title in the page."""

    heading: str
    spec: Mapping[str, Any]
    path: tuple[Parameter, ...]
    query: tuple[Parameter, ...]


@cache
def openapi() -> dict[str, Any]:
    """The OpenAPI document of a server with default settings."""
    return create_app(Settings()).openapi()


def page() -> str:
    """The page."""
    operations = [
        Operation(
            f"{method.upper()} {path}",
            spec,
            tuple(_parameters(spec.get("parameters", ()), "path")),
            tuple(_parameters(spec.get("parameters", ()), "query")),
        )
        for path, methods in openapi()["paths"].items()
        for method, spec in methods.items()
    ]
    tags = sorted({tag: None for each in operations for tag in each.spec["tags"]}, key=lambda tag: tag != "tiles")
    ordered = [each for tag in tags for each in operations if each.spec["tags"] == [tag]]
    assert len(ordered) == len(operations), "each route has one tag"
    tables = _tables(ordered)
    parts = [INTRODUCTION, _contents(ordered), "## Formats", FORMATS_TEXT, _formats()]
    for tag in tags:
        guide = f" Guide: [{GUIDES[tag]}](../guide/{GUIDES[tag]})." if tag in GUIDES else ""
        parts.append(f"## {tag[0].upper()}{tag[1:]}" + (f"\n\n{guide.strip()}" if guide else ""))
        parts += [_section(each, tables[each.heading]) for each in ordered if each.spec["tags"] == [tag]]
    return document("HTTP API", *parts, "## Not in the OpenAPI document", _hidden())


def anchor(heading: str) -> str:
    """The link to a heading, as GitHub makes it."""
    return "#" + re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _contents(operations: Iterable[Operation]) -> str:
    rows = [
        (each.spec["tags"][0], f"[`{each.heading}`]({anchor(each.heading)})", sentence(each.spec["summary"])[:-1])
        for each in operations
    ]
    return table(("group", "route", "response"), rows)


def _formats() -> str:
    rows = [(", ".join(map(code, each.names)), code(each.media_type), sentence(each.description)) for each in FORMATS]
    return table(("format", "media type", "content"), rows)


def _section(operation: Operation, parameters: str) -> str:
    spec = operation.spec
    text = "\n\n".join(part for part in (sentence(spec["summary"]), spec.get("description", "").strip()) if part)
    parts = [f"### {operation.heading}", text, parameters, _body(spec), _responses(spec["responses"])]
    return "\n\n".join(part for part in parts if part)


def _tables(operations: Iterable[Operation]) -> dict[str, str]:
    """The parameters of each operation: in full, or those of the query as the difference to an earlier operation."""
    full: list[Operation] = []
    tables = {}
    for each in operations:
        costs = [(len(_difference(each, other)[0]) + len(_difference(each, other)[1]), other) for other in full]
        cost, other = min(costs, key=lambda pair: pair[0], default=(0, each))
        common = set(each.query) & set(other.query)
        if other is each or len(common) < SHARED or cost > len(each.query) // 2:
            full.append(each)
            tables[each.heading] = table(COLUMNS, (*each.path, *each.query))
            continue
        missing, own = _difference(each, other)
        but = f", except {', '.join(missing)}" if missing else ""
        text = f"The query parameters of [`{other.heading}`]({anchor(other.heading)}){but}{', and:' if own else '.'}"
        parts = (table(COLUMNS, each.path), text, table(COLUMNS, own))
        tables[each.heading] = "\n\n".join(part for part in parts if part)
    return tables


def _difference(operation: Operation, other: Operation) -> tuple[list[str], list[Parameter]]:
    """Names of parameters that only `other` has, and the parameters that only `operation` has or has otherwise."""
    names = {each.name for each in operation.query}
    missing = [each.name for each in other.query if each.name not in names]
    return missing, [each for each in operation.query if each not in other.query]


def _parameters(specs: Iterable[Mapping[str, Any]], place: str) -> Iterable[Parameter]:
    for each in specs:
        if each["in"] == place:
            text = each.get("description") or each["schema"].get("description", "")
            default = "required" if each.get("required") else _default(each["schema"])
            yield Parameter(code(each["name"]), type_of(each["schema"]), default, text)


def _default(schema: Mapping[str, Any]) -> str:
    default = schema.get("default")
    return "-" if default in (None, [], "") else code(default)


def type_of(schema: Mapping[str, Any]) -> str:
    """A JSON schema as a few words, such as `number, 0 to 100`."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return type_of(openapi()["components"]["schemas"][name])
    if "anyOf" in schema:
        kinds = [each for each in schema["anyOf"] if each.get("type") != "null"]
        return " or ".join(map(type_of, kinds))
    if "const" in schema:
        return code(schema["const"])
    if "enum" in schema:
        return ", ".join(map(code, schema["enum"]))
    if alternatives := re.fullmatch(r"\^\(([\w|]+)\)\$", schema.get("pattern", "")):
        return ", ".join(map(code, alternatives[1].split("|")))
    kind = {"string": "text", "array": "list", "object": "JSON object"}.get(
        schema.get("type", ""), schema.get("type", "any")
    )
    if kind == "list":
        return f"{type_of(schema.get('items', {}))}, repeatable"
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{kind}, {low:g} to {high:g}"
    return kind if low is None else f"{kind}, from {low:g}"


def _body(spec: Mapping[str, Any]) -> str:
    body = spec.get("requestBody")
    if not body:
        return ""
    media = ", ".join(map(code, body["content"]))
    schema = next(iter(body["content"].values())).get("schema", {})
    if "$ref" in schema:
        schema = openapi()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    text = " ".join(part for part in (body.get("description"), schema.get("description")) if part)
    rows = [
        (code(name), type_of(each), _default(each), each.get("description", ""))
        for name, each in schema.get("properties", {}).items()
        if each.get("description")
    ]
    return "\n\n".join(part for part in (f"Body: {media}. {text}".strip(), table(("key", *COLUMNS[1:]), rows)) if part)


def _responses(responses: Mapping[str, Any]) -> str:
    good = [
        f"{status}{_described(status, each)}"
        for status, each in sorted(responses.items())
        if status.startswith(("2", "3"))
    ]
    errors = [status for status in sorted(responses) if status.isdecimal() and status >= "400"]
    return f"Responses: {'; '.join(good)}." + (f" Errors: {', '.join(errors)}." if errors else "")


def _described(status: str, response: Mapping[str, Any]) -> str:
    text = response.get("description", "").rstrip(".")
    media = ", ".join(map(code, response.get("content", {})))
    standard = text in ("Successful Response", HTTPStatus(int(status)).phrase)
    return f" {media}" * bool(media and standard) + f" {text}{f' ({media})' if media else ''}" * (not standard)


def _hidden() -> str:
    """The routes that the OpenAPI document leaves out."""
    rows = {
        route.path.replace(":path", ""): sentence(" ".join((inspect.getdoc(route.endpoint) or "").split()))
        for route in (*create_app(Settings()).routes, *documentation.router.routes)
        if isinstance(route, APIRoute) and route.path not in openapi()["paths"]
    }
    return table(("route", "response"), [(code(f"GET {path}"), text) for path, text in sorted(rows.items())])
