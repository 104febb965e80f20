"""Paging: tokens with the position of a page, and the links that contain them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from scog.catalog.archive.item_query import ItemPage
from scog.catalog.archive.sql import total_order
from scog.catalog.item_search import FLAG, NOTHING, NUMBER, TEXT, Position
from scog.errors import InvalidInput
from scog.geo.geojson_text import parse_json
from scog.suggest import quoted
from scog.web.stac.search import PageRequest

MAX_TOKEN = 8192
"""Maximum length of a token in characters."""
GEOJSON = "application/geo+json"


@dataclass(frozen=True)
class PagePosition:
    """Position of a page: after `position`, or before it if `backward`; from the start if None.

    `matched` is the number of items that match the search, None if unknown.
    """

    position: Position | None = None
    backward: bool = False
    matched: int | None = None


def parse_position(request: PageRequest) -> PagePosition:
    """The position in a request's token. Raises InvalidInput if the token is invalid or from another search."""
    if request.token is None:
        return PagePosition()
    invalid = InvalidInput(
        f"The token {quoted(request.token)} is not one of this search.",
        parameter="token",
        valid="the token of a `next` or `prev` link",
    )
    if len(request.token) > MAX_TOKEN:
        raise invalid
    try:
        text = base64.urlsafe_b64decode(request.token.encode("ascii") + b"==")
        digest, backward, matched, position = parse_json(text)
    except (ValueError, TypeError, InvalidInput):
        raise invalid from None
    is_valid = digest == request.digest and isinstance(backward, bool) and isinstance(position, list)
    if not is_valid or len(position) != len(total_order(request.search.order)) or not all(map(_is_sort_key, position)):
        raise invalid
    if matched is not None and (not isinstance(matched, int) or not 0 <= matched < 2**53):
        raise invalid
    return PagePosition([(kind, value) for kind, value in position], backward, matched)


def _is_sort_key(entry: Any) -> bool:
    """Whether a value of a token is one field's sort key: a kind and a value of it."""
    if not isinstance(entry, list) or len(entry) != 2 or isinstance(entry[0], bool):
        return False
    kind, value = entry
    if kind == NUMBER:
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**62
    return (kind == TEXT and isinstance(value, str)) or (kind in (FLAG, NOTHING) and value in (0, 1))


def make_token(request: PageRequest, position: Position, backward: bool, matched: int | None) -> str:
    """The token of the page after a position, or before it if `backward`."""
    text = json.dumps([request.digest, backward, matched, position], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def page_links(
    request: PageRequest,
    current: PagePosition,
    result: ItemPage,
    matched: int | None,
    url: str,
    query: Mapping[str, str],
    body: Any,
) -> list[dict[str, Any]]:
    """Links to the next and the previous page: GET with the query string, or POST if there is a body."""
    has_next = result.has_more if not current.backward else current.position is not None
    has_previous = result.has_more if current.backward else current.position is not None
    links = []
    for rel, exists, position, backward in (
        ("next", has_next, result.last, False),
        ("prev", has_previous, result.first, True),
    ):
        if exists and position is not None:
            token = make_token(request, position, backward, matched)
            links.append(_link(rel, token, url, query, body))
    return links


def _link(rel: str, token: str, url: str, query: Mapping[str, str], body: Any) -> dict[str, Any]:
    if body is None:
        href = f"{url}?{urlencode({**query, 'token': token})}"
        return {"rel": rel, "type": GEOJSON, "method": "GET", "href": href}
    # The whole body, as Earth Search does, for clients that ignore `merge`.
    body = {**body, "token": token}
    return {"rel": rel, "type": GEOJSON, "method": "POST", "href": url, "body": body, "merge": False}
