"""The columns of tables that say which feature a line is about: its id, and its simple properties."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scog.products.areas.area_of_interest import AreasOfInterest

MOST = 50
"""Properties that become columns: the first of the file."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What spreadsheets take for the beginning of a formula. https://owasp.org/www-community/attacks/CSV_Injection"""


@dataclass(frozen=True)
class Columns:
    """Names of columns, and the cells of each feature by its place."""

    heads: tuple[str, ...]
    lines: Mapping[int, tuple[object, ...]]

    def cells(self, place: int) -> tuple[object, ...]:
        """Of one feature."""
        return self.lines[place]


def columns_of(fields: AreasOfInterest, sent: object, taken: Iterable[str]) -> Columns:
    """`feature` (the id, or the place in the collection, from 0), and the properties that are text, numbers or truth
    values, by their own names; `properties.NAME` where a name is `taken` by another column.

    `sent` is the document: a Feature that came alone is found there.
    """
    features: dict[int, Mapping[str, Any]] = {each.place: each.feature or _alone(sent) for each in fields.fields}
    features |= {each.place: each.feature for each in fields.unusable}
    held = {place: feature.get("properties") or {} for place, feature in features.items()}
    names = [name for place in sorted(held) for name, value in held[place].items() if _is_simple(value)]
    used = list(dict.fromkeys(names))[:MOST]
    reserved = {"feature", *taken}
    heads = tuple(f"properties.{name}" if name in reserved else name for name in used)
    lines = {
        place: (feature.get("id", place), *(_cell(held[place].get(name)) for name in used))
        for place, feature in features.items()
    }
    return Columns(("feature", *heads), lines)


def named(cells: Sequence[object]) -> Iterator[object]:
    """Cells of a line of CSV. Text that a spreadsheet would compute gets an apostrophe before it."""
    for cell in cells:
        yield f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def title_of(feature: Mapping[str, Any] | None, place: int) -> str:
    """What a feature is called for people: its `name`, its id, or its number from 1."""
    properties = (feature or {}).get("properties") or {}
    return str(properties.get("name") or (feature or {}).get("id") or place + 1)


def _alone(sent: object) -> Mapping[str, Any]:
    return sent if isinstance(sent, Mapping) and sent.get("type") == "Feature" else {}


def _is_simple(value: object) -> bool:
    return isinstance(value, str | int | float)


def _cell(value: object) -> object:
    return ("true" if value else "false") if isinstance(value, bool) else value if _is_simple(value) else None
