"""The fields extension of STAC API: selects the parts of each item that a search returns.

https://github.com/stac-api-extensions/fields: included fields are added to a default set that makes a valid item;
excluded fields are then removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT = ("stac_version", "stac_extensions", "geometry", "bbox", "links", "assets", "properties.datetime")
ALWAYS = ("type", "id", "collection")
"""Fields that identify an item, so they cannot be excluded."""
TOP = frozenset({"type", "id", "collection", "stac_version", "stac_extensions", "geometry", "bbox", "links", "assets"})


@dataclass(frozen=True)
class Fields:
    """Paths such as `assets` or `properties.eo:cloud_cover`. Exclusion takes precedence over inclusion."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def of(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """A copy of an item with only the selected fields, in the item's order."""
        selected = _with(item, [_full(path) for path in (*ALWAYS, *DEFAULT, *self.include)])
        selected = _without(selected, [_full(path) for path in self.exclude])
        names = [name for name in item if name in selected or name in ALWAYS]
        return {name: selected[name] if name in selected else item[name] for name in names}


def _full(path: str) -> str:
    """The path from the item's root. A name that is not a member of items is a property."""
    head = path.partition(".")[0]
    return path if head in TOP or head == "properties" else f"properties.{path}"


def _with(tree: Mapping[str, Any], paths: Iterable[str]) -> dict[str, Any]:
    """The parts of a tree at or below the paths."""
    included = list(paths)
    selected: dict[str, Any] = {}
    for name, value in tree.items():
        if name in included:
            selected[name] = value
        elif isinstance(value, Mapping):
            below = [path[len(name) + 1 :] for path in included if path.startswith(f"{name}.")]
            part = _with(value, below) if below else {}
            if part:
                selected[name] = part
    return selected


def _without(tree: Mapping[str, Any], paths: Iterable[str]) -> dict[str, Any]:
    """The tree without the parts at the paths."""
    excluded = list(paths)
    selected: dict[str, Any] = {}
    for name, value in tree.items():
        if name in excluded:
            continue
        below = [path[len(name) + 1 :] for path in excluded if path.startswith(f"{name}.")]
        selected[name] = _without(value, below) if below and isinstance(value, Mapping) else value
    return selected
