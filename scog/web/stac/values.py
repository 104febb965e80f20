"""Single values of a STAC request, from JSON or from a query string. Each refusal names its parameter."""

from __future__ import annotations

import re
from collections.abc import Sequence

from scog.catalog.fields import Fields
from scog.catalog.item_search import Order
from scog.catalog.properties import MAX_NAME
from scog.errors import InvalidInput

MAX_LIMIT = 10_000
DEFAULT_LIMIT = 10
MAX_LISTED = 10_000
MAX_ORDERS = 8
UNSORTABLE = frozenset({"geometry", "bbox", "assets", "links", "type", "stac_version", "stac_extensions", "properties"})
_WHOLE = re.compile(r"[+-]?\d{1,18}", re.ASCII)


# From a query string to what JSON would hold


def split_texts(text: str) -> list[str]:
    """`a,b` as texts."""
    return [part for part in text.split(",") if part]


def split_orders(text: str) -> list[dict[str, str]]:
    """`+a,-b` as the sort extension's objects. An unescaped plus arrives as a space."""
    parts = [part.strip() for part in text.split(",")]
    return [
        {"field": part.lstrip("+-"), "direction": "desc" if part.startswith("-") else "asc"} for part in parts if part
    ]


def split_fields(text: str) -> dict[str, list[str]]:
    """`a,-b` as the fields extension's object."""
    parts = [part.strip() for part in text.split(",") if part.strip(" +-")]
    return {
        "include": [part.lstrip("+") for part in parts if not part.startswith("-")],
        "exclude": [part[1:] for part in parts if part.startswith("-")],
    }


# From JSON to what a search takes


def limit_of(value: object) -> int:
    """The number of items on a page; too many mean as many as there may be. Raises InvalidInput."""
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InvalidInput("The limit is no number of items.", parameter="limit", valid=f"1 to {MAX_LIMIT}")
    return min(value, MAX_LIMIT)


def texts_of(value: object, parameter: str) -> tuple[str, ...]:
    """A list of names. Raises InvalidInput."""
    if not isinstance(value, list) or len(value) > MAX_LISTED or not all(isinstance(entry, str) for entry in value):
        raise InvalidInput(
            f"{parameter} is no list of names.", parameter=parameter, valid=f"a list of at most {MAX_LISTED} texts"
        )
    return tuple(value)


def orders_of(value: object) -> tuple[Order, ...]:
    """The sort extension's list. Raises InvalidInput."""
    valid = '[{"field": "properties.datetime", "direction": "desc"}], or in a query string -properties.datetime,+id'
    if not isinstance(value, list) or len(value) > MAX_ORDERS:
        raise InvalidInput(f"sortby is a list of at most {MAX_ORDERS} fields.", parameter="sortby", valid=valid)
    orders = []
    for entry in value:
        name = entry.get("field") if isinstance(entry, dict) else None
        direction = entry.get("direction", "asc") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME or direction not in ("asc", "desc"):
            raise InvalidInput("sortby has an entry without field or direction.", parameter="sortby", valid=valid)
        if name.partition(".")[0] in UNSORTABLE and not name.startswith("properties."):
            raise InvalidInput(f"Items have no order by {name[:40]!r}.", parameter="sortby", valid="properties, or id")
        orders.append(Order(name, direction == "desc"))
    return tuple(orders)


def fields_of(value: object) -> Fields:
    """The fields extension's object. Raises InvalidInput."""
    if not isinstance(value, dict) or not set(value) <= {"include", "exclude"}:
        raise InvalidInput("fields is no such object.", parameter="fields", valid='{"include": [], "exclude": []}')
    lists: Sequence[tuple[str, ...]] = [texts_of(value.get(name) or [], "fields") for name in ("include", "exclude")]
    return Fields(*lists)
