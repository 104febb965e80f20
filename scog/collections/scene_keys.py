"""Which properties of an item tell how scenes belong together: overpass, tile, acquisition and processing version."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

ID = "id"
"""Name under which parts find the item's id, which is no property: some items name their tile nowhere else."""


@dataclass(frozen=True)
class PropertyPart:
    """A property of an item or its id, or the part of it that a pattern matches.

    pattern  regular expression with one group; None for the whole value
    last     whether the last match counts rather than the first
    """

    name: str
    pattern: re.Pattern[str] | None = None
    last: bool = False

    def of(self, properties: Mapping[str, Any]) -> str | None:
        """The text of the part; None if the property is missing or empty, or the pattern does not match."""
        value = properties.get(self.name)
        if value is None or value == "":
            return None
        if self.pattern is None:
            return str(value)
        matches = self.pattern.findall(str(value))
        return str(matches[-1 if self.last else 0]) if matches else None


@dataclass(frozen=True)
class SceneKeys:
    """Properties that identify what a scene is part of. Of several alternatives, the first that an item has counts.

    tile         code of the tile of a fixed grid, such as an MGRS tile
    orbit        absolute orbit; with the platform, it identifies an overpass
    acquisition  parts that are equal in all processing versions of a scene; each part is a list of alternatives
    processed    time of processing (RFC 3339)
    """

    tile: tuple[PropertyPart, ...] = ()
    orbit: tuple[PropertyPart, ...] = ()
    acquisition: tuple[tuple[PropertyPart, ...], ...] = ()
    processed: tuple[PropertyPart, ...] = ()

    @cached_property
    def _names(self) -> tuple[str, ...]:
        parts = (*self.tile, *self.orbit, *self.processed, *(part for each in self.acquisition for part in each))
        return tuple(dict.fromkeys(part.name for part in parts))

    @property
    def properties(self) -> tuple[str, ...]:
        """Names of all properties, without duplicates."""
        return tuple(name for name in self._names if name != ID)

    def named(self, properties: Mapping[str, Any], item_id: str) -> Mapping[str, Any]:
        """What the parts are read from: an item's properties, and its id if a part needs it."""
        return {**properties, ID: item_id} if ID in self._names else properties


def first_of(parts: tuple[PropertyPart, ...], properties: Mapping[str, Any]) -> str | None:
    """The first part that the properties have; None if they have none."""
    for part in parts:
        text = part.of(properties)
        if text is not None:
            return text
    return None


STANDARD = SceneKeys(
    tile=(PropertyPart("grid:code", re.compile(r"^(?:MGRS-)?(.*)$")),),
    orbit=(PropertyPart("sat:absolute_orbit"),),
    processed=(PropertyPart("created"),),
)
"""The properties of STAC and its extensions."""
