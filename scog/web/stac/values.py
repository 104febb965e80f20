"""Values of a STAC request, from JSON or from a query string. Errors name the parameter."""

from __future__ import annotations

import re
from collections.abc import Sequence

from scog.catalog.fields import Fields
from scog.catalog.item_search import SortKey
from scog.catalog.properties import MAX_NAME
from scog.errors import InvalidInput
from scog.suggest import quoted

MAX_LIMIT = 10_000
"""Maximum number of items on a page."""
DEFAULT_LIMIT = 10
MAX_LISTED = 10_000
"""Maximum length of a list of ids, collections or fields."""
MAX_ORDERS = 8
"""Maximum number of fields of `sortby`."""
UNSORTABLE = frozenset({"geometry", "bbox", "assets", "links", "type", "stac_version", "stac_extensions", "properties"})
"""Members of an item that `sortby` does not accept."""
_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)


# From a query string to JSON values


def split_names(text: str) -> list[str]:
    """`a,b` as a list of strings."""
    return [part for part in text.split(",") if part]


def split_orders(text: str) -> list[dict[str, str]]:
    """`+a,-b` as objects of the sort extension. An unescaped plus sign arrives as a space."""
    parts = [part.strip() for part in text.split(",")]
    return [
        {"field": part.lstrip("+-"), "direction": "desc" if part.startswith("-") else "asc"} for part in parts if part
    ]


def split_fields(text: str) -> dict[str, list[str]]:
    """`a,-b` as an object of the fields extension."""
    parts = [part.strip() for part in text.split(",") if part.strip(" +-")]
    return {
        "include": [part.lstrip("+") for part in parts if not part.startswith("-")],
        "exclude": [part[1:] for part in parts if part.startswith("-")],
    }


# From JSON values to arguments of a search


def parse_limit(value: object) -> int:
    """The number of items on a page, reduced to MAX_LIMIT. Raises InvalidInput unless it is a positive integer."""
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InvalidInput(
            f"Invalid limit{in_quotes(value)}: it must be a positive integer.",
            parameter="limit",
            valid=f"1 to {MAX_LIMIT}",
        )
    return min(value, MAX_LIMIT)


def parse_names(value: object, parameter: str) -> tuple[str, ...]:
    """A list of ids or names. Raises InvalidInput."""
    if not isinstance(value, list) or len(value) > MAX_LISTED or not all(isinstance(entry, str) for entry in value):
        raise InvalidInput(
            f"{parameter} is not a list of strings.",
            parameter=parameter,
            valid=f"a list of at most {MAX_LISTED} strings",
        )
    return tuple(value)


def parse_orders(value: object) -> tuple[SortKey, ...]:
    """A `sortby` list of the sort extension. Raises InvalidInput."""
    valid = '[{"field": "properties.datetime", "direction": "desc"}], or in a query string -properties.datetime,+id'
    if not isinstance(value, list) or len(value) > MAX_ORDERS:
        raise InvalidInput(f"sortby is not a list of at most {MAX_ORDERS} fields.", parameter="sortby", valid=valid)
    orders = []
    for entry in value:
        name = entry.get("field") if isinstance(entry, dict) else None
        direction = entry.get("direction", "asc") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME or direction not in ("asc", "desc"):
            raise InvalidInput("An entry of sortby has no valid field and direction.", parameter="sortby", valid=valid)
        if name.partition(".")[0] in UNSORTABLE and not name.startswith("properties."):
            raise InvalidInput(
                f"Items cannot be sorted by {quoted(name)}.", parameter="sortby", valid="a property, or id"
            )
        orders.append(SortKey(name, direction == "desc"))
    return tuple(orders)


def parse_included(value: object) -> Fields:
    """A `fields` object of the fields extension. Raises InvalidInput."""
    if not isinstance(value, dict) or not set(value) <= {"include", "exclude"}:
        raise InvalidInput(
            "fields is not an object with include and exclude.",
            parameter="fields",
            valid='{"include": [], "exclude": []}',
        )
    lists: Sequence[tuple[str, ...]] = [parse_names(value.get(name) or [], "fields") for name in ("include", "exclude")]
    return Fields(*lists)


def in_quotes(value: object) -> str:
    """A string or a number in quotes after a space, for messages; an empty string for other values."""
    return f" {quoted(str(value))}" if isinstance(value, str | int | float) else ""
