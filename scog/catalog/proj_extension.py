"""A file's georeference according to its item: the `proj:` members of STAC's projection extension.

The members are `proj:code` (2.0) or `proj:epsg` (1.x), `proj:wkt2`, `proj:projjson`, `proj:transform` and `proj:shape`.
They may be on the asset or in the item's properties. The georeference in the file itself is read by
`scog.cog.georeferencing`. https://github.com/stac-extensions/projection
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PROJ_MEMBERS = ("proj:code", "proj:epsg", "proj:wkt2", "proj:projjson", "proj:transform", "proj:shape")
"""Members that are read from an asset or from an item's properties."""


@dataclass(frozen=True, slots=True)
class Georeference:
    """CRS, affine transform and shape of a file, each None if missing or invalid.

    `crs` is text that PROJ accepts (`EPSG:32632`, WKT or PROJJSON). `transform` has the coefficients
    `(a, b, c, d, e, f)` from (column, row) of pixel corners to CRS coordinates. `shape` is `(rows, columns)`.
    """

    crs: str | None
    transform: tuple[float, float, float, float, float, float] | None
    shape: tuple[int, int] | None


def georeference_of(asset: Mapping[str, Any], properties: Mapping[str, Any]) -> Georeference | None:
    """The georeference of an asset, with the item's properties as defaults.

    None if CRS and transform are both missing. Members that do not conform to STAC are ignored.
    """
    crs = _crs(asset) or _crs(properties)
    transform = _transform(asset.get("proj:transform")) or _transform(properties.get("proj:transform"))
    if crs is None and transform is None:
        return None
    return Georeference(crs, transform, _shape(asset.get("proj:shape")) or _shape(properties.get("proj:shape")))


def _crs(members: Mapping[str, Any]) -> str | None:
    code, epsg = members.get("proj:code"), members.get("proj:epsg")
    if isinstance(code, str) and code.strip():
        return code.strip()
    if isinstance(epsg, int) and not isinstance(epsg, bool):
        return f"EPSG:{epsg}"
    wkt, projjson = members.get("proj:wkt2"), members.get("proj:projjson")
    if isinstance(wkt, str) and wkt.strip():
        return wkt.strip()
    return json.dumps(projjson, sort_keys=True) if isinstance(projjson, Mapping) and projjson else None


def _transform(value: object) -> tuple[float, float, float, float, float, float] | None:
    """Six coefficients, from six or nine numbers (the last three 0, 0, 1); None for any other value."""
    if not (isinstance(value, list) and len(value) in (6, 9)):
        return None
    if not all(isinstance(each, int | float) and not isinstance(each, bool) and math.isfinite(each) for each in value):
        return None
    if value[6:] not in ([], [0, 0, 1]):
        return None
    a, b, c, d, e, f = map(float, value[:6])
    return a, b, c, d, e, f


def _shape(value: object) -> tuple[int, int] | None:
    if isinstance(value, list) and len(value) == 2 and all(isinstance(each, int) and each > 0 for each in value):
        return value[0], value[1]
    return None
