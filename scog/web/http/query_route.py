"""Normalisation of query strings before FastAPI parses them: plus signs, and optionally unknown parameters."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi import Request, Response
from fastapi.routing import APIRoute

from scog.web.params.plus_signs import HINT, restore_plus

RAW_QUERY = "scog.raw_query"
"""Key in the request's scope for the query string as received. Set if normalisation changed it."""
Pairs = list[tuple[str, str]]
"""Names and values of a query string, in order."""


class QueryRoute(APIRoute):
    """A route whose query string is normalised: see `scog.web.params.plus_signs`.

    Drops unknown parameters if SCOG_UNKNOWN_PARAMETERS is `ignore`.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, called after the query string is normalised."""
        handle_request = super().get_route_handler()

        async def handler(request: Request) -> Response:
            if request.scope["query_string"]:
                rewrite_query(request, self.normalised)
            return await handle_request(request)

        return handler

    def normalised(self, request: Request, pairs: Pairs) -> Pairs:
        """The normalised query parameters."""
        pairs = [(name, restore_plus(name, value)) for name, value in pairs]
        if request.app.state.engine.settings.unknown_parameters == "ignore":
            documented = query_parameters(request)
            pairs = [(name, value) for name, value in pairs if name in documented]
        return pairs


def rewrite_query(request: Request, normalise: Callable[[Request, Pairs], Pairs]) -> None:
    """Replace the query string in the request's scope by the normalised one."""
    query = request.scope["query_string"]
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    normalised = normalise(request, pairs)
    if normalised != pairs:
        request.scope.update({RAW_QUERY: query, "query_string": urlencode(normalised).encode()})


def raw_query(request: Request) -> bytes:
    """The query string as received."""
    query: bytes = request.scope.get(RAW_QUERY, request.scope["query_string"])
    return query


def query_parameters(request: Request) -> dict[str, str | None]:
    """The query parameters of the request's route: descriptions by name."""
    route = request.scope.get("route")
    descriptions: dict[str, str | None] = {}
    for parameter in getattr(getattr(route, "dependant", None), "query_params", []):
        model = getattr(parameter.field_info, "annotation", None)
        fields = getattr(model, "model_fields", None) or {parameter.alias: parameter.field_info}
        descriptions |= {field.alias or name: field.description for name, field in fields.items()}
    return descriptions


def plus_sign_hint(request: Request, parameter: str | None) -> str:
    """A sentence on escaping plus signs if the parameter's raw value has one, with a leading space; else empty."""
    pairs = (part.partition("=") for part in raw_query(request).decode("latin-1").split("&"))
    return f" {HINT}" if any(name == parameter and "+" in value for name, _, value in pairs) else ""
