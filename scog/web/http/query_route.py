"""The query string of a request before its parameters are read: what clients do to it on the way is undone here."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi import Request, Response
from fastapi.routing import APIRoute

from scog.web.params.plus_signs import HINT, with_plus

SENT = "scog.sent"
"""Where the scope of a request has the query string as it was sent, if it was changed."""
Pairs = list[tuple[str, str]]


class QueryRoute(APIRoute):
    """A route that reads its query string as it was meant: see `plus`; without unknown parameters if set so."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """As FastAPI's, after the query is put right."""
        reading = super().get_route_handler()

        async def handler(request: Request) -> Response:
            if request.scope["query_string"]:
                put_right(request, self.meant)
            return await reading(request)

        return handler

    def meant(self, request: Request, pairs: Pairs) -> Pairs:
        """The parameters as they were meant."""
        pairs = [(name, with_plus(name, value)) for name, value in pairs]
        if request.app.state.engine.settings.unknown_parameters == "ignore":
            known = parameters_of(request)
            pairs = [(name, value) for name, value in pairs if name in known]
        return pairs


def put_right(request: Request, meant: Callable[[Request, Pairs], Pairs]) -> None:
    """Replace the query by what was meant, before anybody has read it."""
    query = request.scope["query_string"]
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    right = meant(request, pairs)
    if right != pairs:
        request.scope.update({SENT: query, "query_string": urlencode(right).encode()})


def sent(request: Request) -> bytes:
    """The query string as it was sent."""
    query: bytes = request.scope.get(SENT, request.scope["query_string"])
    return query


def parameters_of(request: Request) -> dict[str, str | None]:
    """The names of the query parameters that the asked route has, each with its description."""
    operation = request.scope.get("route")
    known: dict[str, str | None] = {}
    for parameter in getattr(getattr(operation, "dependant", None), "query_params", []):
        model = getattr(parameter.field_info, "annotation", None)
        fields = getattr(model, "model_fields", None) or {parameter.alias: parameter.field_info}
        known |= {field.alias or name: field.description for name, field in fields.items()}
    return known


def hint(request: Request, parameter: str | None) -> str:
    """What to do about a parameter that is wrong, if a plus sign may have become a space in it; else nothing."""
    named = (part.partition("=") for part in sent(request).decode("latin-1").split("&"))
    return f" {HINT}" if any(name == parameter and "+" in value for name, _, value in named) else ""
