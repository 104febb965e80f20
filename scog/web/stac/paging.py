"""Pages: tokens that tell where one begins, and the links that carry them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from scog.catalog.archive.item_query import Found
from scog.catalog.archive.sql import total_order
from scog.catalog.item_search import FLAG, NOTHING, NUMBER, TEXT, Position
from scog.errors import InvalidInput
from scog.geo.geojson_text import parse_json
from scog.web.stac.search import Asked

MAX_TOKEN = 8192
GEOJSON = "application/geo+json"


@dataclass(frozen=True)
class Turn:
    """Where a page begins, whether it lies before that place, and how many items match, where it is known."""

    position: Position | None = None
    backward: bool = False
    matched: int | None = None


def turn_of(asked: Asked) -> Turn:
    """The page that a request asks for. Raises InvalidInput where its token is none of this search."""
    if asked.token is None:
        return Turn()
    wrong = InvalidInput("The token is none of this search.", parameter="token", valid="as a `next` link has it")
    if len(asked.token) > MAX_TOKEN:
        raise wrong
    try:
        text = base64.urlsafe_b64decode(asked.token.encode("ascii") + b"==")
        digest, backward, matched, position = parse_json(text)
    except (ValueError, TypeError, InvalidInput):
        raise wrong from None
    sound = digest == asked.digest and isinstance(backward, bool) and isinstance(position, list)
    if not sound or len(position) != len(total_order(asked.search.order)) or not all(map(_is_place, position)):
        raise wrong
    if matched is not None and (not isinstance(matched, int) or not 0 <= matched < 2**53):
        raise wrong
    return Turn([(kind, value) for kind, value in position], backward, matched)


def _is_place(entry: Any) -> bool:
    if not isinstance(entry, list) or len(entry) != 2 or isinstance(entry[0], bool):
        return False
    kind, value = entry
    if kind == NUMBER:
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**62
    return (kind == TEXT and isinstance(value, str)) or (kind in (FLAG, NOTHING) and value in (0, 1))


def token_of(asked: Asked, position: Position, backward: bool, matched: int | None) -> str:
    """The token of the page after a position, or before it."""
    text = json.dumps([asked.digest, backward, matched, position], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def page_links(
    asked: Asked, turn: Turn, found: Found, matched: int | None, address: str, query: Mapping[str, str], body: Any
) -> list[dict[str, Any]]:
    """Links to the pages beside this one: by GET with the query, or by POST where there is a body."""
    has_next = found.more if not turn.backward else turn.position is not None
    has_previous = found.more if turn.backward else turn.position is not None
    links = []
    for name, there, position, backward in (
        ("next", has_next, found.last, False),
        ("prev", has_previous, found.first, True),
    ):
        if there and position is not None:
            token = token_of(asked, position, backward, matched)
            links.append(_link(name, token, address, query, body))
    return links


def _link(name: str, token: str, address: str, query: Mapping[str, str], body: Any) -> dict[str, Any]:
    if body is None:
        href = f"{address}?{urlencode({**query, 'token': token})}"
        return {"rel": name, "type": GEOJSON, "method": "GET", "href": href}
    # The whole body, as Earth Search does: clients that do not merge get along with it as well.
    body = {**body, "token": token}
    return {"rel": name, "type": GEOJSON, "method": "POST", "href": address, "body": body, "merge": False}
