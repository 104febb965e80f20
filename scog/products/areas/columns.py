"""Columns of CSV tables that identify a feature: its id and its simple properties."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scog.products.areas.area_of_interest import AreasOfInterest

MAX_PROPERTIES = 50
"""Maximum number of properties that become columns: the first ones in the document."""
FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r")
"""First characters of text that spreadsheets evaluate. https://owasp.org/www-community/attacks/CSV_Injection"""


@dataclass(frozen=True)
class FeatureColumns:
    """Column names, and the cells of each feature by its index."""

    header: tuple[str, ...]
    rows: Mapping[int, tuple[object, ...]]

    def cells(self, index: int) -> tuple[object, ...]:
        """Cells of the feature at `index`."""
        return self.rows[index]


def feature_columns(areas: AreasOfInterest, document: object, reserved: Iterable[str]) -> FeatureColumns:
    """The column `feature` (id, else index from 0) and one column per property that is text, a number or a boolean.

    Columns have the properties' names, or `properties.NAME` if another column is named so (`reserved`).
    `document` is the GeoJSON as received; the properties of a single Feature are read from it.
    """
    features: dict[int, Mapping[str, Any]] = {
        area.index: area.feature or _single_feature(document) for area in areas.areas
    }
    features |= {unusable.index: unusable.feature for unusable in areas.unusable}
    properties = {index: feature.get("properties") or {} for index, feature in features.items()}
    simple = [name for index in sorted(properties) for name, value in properties[index].items() if _is_simple(value)]
    names = list(dict.fromkeys(simple))[:MAX_PROPERTIES]
    reserved_names = {"feature", *reserved}
    header = tuple(f"properties.{name}" if name in reserved_names else name for name in names)
    rows = {
        index: (feature.get("id", index), *(_cell(properties[index].get(name)) for name in names))
        for index, feature in features.items()
    }
    return FeatureColumns(("feature", *header), rows)


def escape_formulas(cells: Sequence[object]) -> Iterator[object]:
    """Cells of a CSV row; text that a spreadsheet would evaluate is prefixed with an apostrophe."""
    for cell in cells:
        yield f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_PREFIXES) else cell


def feature_title(feature: Mapping[str, Any] | None, index: int) -> str:
    """Display name of a feature: its property `name`, else its id, else its number from 1."""
    properties = (feature or {}).get("properties") or {}
    return str(properties.get("name") or (feature or {}).get("id") or index + 1)


def _single_feature(document: object) -> Mapping[str, Any]:
    """The document if it is a Feature, else an empty mapping."""
    return document if isinstance(document, Mapping) and document.get("type") == "Feature" else {}


def _is_simple(value: object) -> bool:
    return isinstance(value, str | int | float)


def _cell(value: object) -> object:
    """A simple value with booleans as `true` and `false`; None for other values."""
    return ("true" if value else "false") if isinstance(value, bool) else value if _is_simple(value) else None
