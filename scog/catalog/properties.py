"""Lookup of an item's values by the names that filters, sort orders and field lists use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TOP_LEVEL = frozenset({"id", "collection", "geometry", "bbox"})
"""Names of members of the item itself; every other name is one of its properties."""
MAX_NAME = 256
"""Maximum length of a name in characters."""


def lookup(item: Mapping[str, Any], name: str) -> Any:
    """The value of a name such as `id`, `eo:cloud_cover`, `properties.eo:cloud_cover` or `proj:centroid.lat`.

    None if the item does not have it.
    """
    if name in TOP_LEVEL:
        return item.get(name)
    properties = item.get("properties")
    if not isinstance(properties, Mapping):
        return None
    plain = plain_name(name)
    return properties[plain] if plain in properties else descend(properties, plain)


def plain_name(name: str) -> str:
    """The name without the optional prefix `properties.`."""
    return name.removeprefix("properties.")


def descend(tree: Any, path: str) -> Any:
    """The value at a dotted path, or None. Names in the tree may contain dots themselves."""
    if isinstance(tree, Mapping) and path in tree:
        return tree[path]
    head, dot, rest = path.partition(".")
    if not dot or not isinstance(tree, Mapping):
        return None
    return descend(tree[head], rest) if head in tree else None
