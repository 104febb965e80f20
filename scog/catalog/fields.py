"""The `fields` of a search: which parts of each item are wanted.

https://github.com/stac-api-extensions/fields: what is included joins a default set that makes a valid item; what is
excluded leaves it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT = ("stac_version", "stac_extensions", "geometry", "bbox", "links", "assets", "properties.datetime")
ALWAYS = ("type", "id", "collection")
"""Never left out: without them an answer cannot be told from others."""
TOP = frozenset({"type", "id", "collection", "stac_version", "stac_extensions", "geometry", "bbox", "links", "assets"})


@dataclass(frozen=True)
class Fields:
    """Paths such as `assets` or `properties.eo:cloud_cover`; what is excluded goes even where it is included."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def of(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """The wanted part of an item, in its order; the item stays as it is."""
        kept = _with(item, [_full(path) for path in (*ALWAYS, *DEFAULT, *self.include)])
        kept = _without(kept, [_full(path) for path in self.exclude])
        return {name: kept[name] if name in kept else item[name] for name in item if name in kept or name in ALWAYS}


def _full(path: str) -> str:
    """A path from the item's root; a bare name that is no member of items is one of its properties."""
    head = path.partition(".")[0]
    return path if head in TOP or head == "properties" else f"properties.{path}"


def _with(tree: Mapping[str, Any], paths: Iterable[str]) -> dict[str, Any]:
    """The part of a tree that lies at or below paths."""
    wanted = list(paths)
    kept: dict[str, Any] = {}
    for name, value in tree.items():
        if name in wanted:
            kept[name] = value
        elif isinstance(value, Mapping):
            below = [path[len(name) + 1 :] for path in wanted if path.startswith(f"{name}.")]
            part = _with(value, below) if below else {}
            if part:
                kept[name] = part
    return kept


def _without(tree: Mapping[str, Any], paths: Iterable[str]) -> dict[str, Any]:
    """The tree without what lies at paths."""
    unwanted = list(paths)
    kept: dict[str, Any] = {}
    for name, value in tree.items():
        if name in unwanted:
            continue
        below = [path[len(name) + 1 :] for path in unwanted if path.startswith(f"{name}.")]
        kept[name] = _without(value, below) if below and isinstance(value, Mapping) else value
    return kept
