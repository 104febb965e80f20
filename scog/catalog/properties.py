"""What an item says of itself, by the names that filters, orders and field lists use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TOP_LEVEL = frozenset({"id", "collection", "geometry", "bbox"})
"""Names that mean a member of the item itself, not one of its properties."""
MAX_NAME = 256


def lookup(item: Mapping[str, Any], name: str) -> Any:
    """A value by name, such as `id`, `eo:cloud_cover`, `properties.eo:cloud_cover` or `proj:centroid.lat`.

    None where the item has none.
    """
    if name in TOP_LEVEL:
        return item.get(name)
    properties = item.get("properties")
    if not isinstance(properties, Mapping):
        return None
    plain = plain_name(name)
    return properties[plain] if plain in properties else descend(properties, plain)


def plain_name(name: str) -> str:
    """The name without the prefix that it may carry."""
    return name.removeprefix("properties.")


def descend(tree: Any, path: str) -> Any:
    """What lies at a dotted path, None where nothing does. Names may hold dots themselves."""
    if isinstance(tree, Mapping) and path in tree:
        return tree[path]
    head, dot, rest = path.partition(".")
    if not dot or not isinstance(tree, Mapping):
        return None
    return descend(tree[head], rest) if head in tree else None
