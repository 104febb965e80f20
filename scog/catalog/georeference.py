"""Where an item says that a file lies: the `proj:` members of STAC's projection extension.

https://github.com/stac-extensions/projection: `proj:code` (2.0) or `proj:epsg` (1.x), `proj:wkt2`, `proj:projjson`,
with `proj:transform` and `proj:shape`, of the asset or of the item as a whole.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PLACING = ("proj:code", "proj:epsg", "proj:wkt2", "proj:projjson", "proj:transform", "proj:shape")
"""Members that are read, of an asset or of an item's properties."""


@dataclass(frozen=True, slots=True)
class Georeference:
    """A CRS as PROJ reads it (`EPSG:32632`, WKT or PROJJSON), the first six numbers of an affine transform from pixel
    corners to CRS units, and rows and columns; None for what the item does not say.
    """

    crs: str | None
    transform: tuple[float, float, float, float, float, float] | None
    shape: tuple[int, int] | None


def georeference_of(asset: Mapping[str, Any], properties: Mapping[str, Any]) -> Georeference | None:
    """What an item says of an asset's place: the asset itself, else the item as a whole. None where it says nothing.

    What is not written as STAC says counts as nothing.
    """
    crs = _crs(asset) or _crs(properties)
    transform = _transform(asset.get("proj:transform")) or _transform(properties.get("proj:transform"))
    if crs is None and transform is None:
        return None
    return Georeference(crs, transform, _shape(asset.get("proj:shape")) or _shape(properties.get("proj:shape")))


def _crs(said: Mapping[str, Any]) -> str | None:
    code, number = said.get("proj:code"), said.get("proj:epsg")
    if isinstance(code, str) and code.strip():
        return code.strip()
    if isinstance(number, int) and not isinstance(number, bool):
        return f"EPSG:{number}"
    text, parsed = said.get("proj:wkt2"), said.get("proj:projjson")
    if isinstance(text, str) and text.strip():
        return text.strip()
    return json.dumps(parsed, sort_keys=True) if isinstance(parsed, Mapping) and parsed else None


def _transform(said: object) -> tuple[float, float, float, float, float, float] | None:
    """Six numbers, or the nine of which the last three are 0, 0, 1."""
    if not (isinstance(said, list) and len(said) in (6, 9)):
        return None
    if not all(isinstance(each, int | float) and not isinstance(each, bool) and math.isfinite(each) for each in said):
        return None
    if said[6:] not in ([], [0, 0, 1]):
        return None
    a, b, c, d, e, f = map(float, said[:6])
    return a, b, c, d, e, f


def _shape(said: object) -> tuple[int, int] | None:
    if isinstance(said, list) and len(said) == 2 and all(isinstance(each, int) and each > 0 for each in said):
        return said[0], said[1]
    return None
