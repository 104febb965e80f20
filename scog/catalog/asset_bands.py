"""Which bands an asset's file holds, from the asset's key and the item's band descriptions.

An item describes the bands of a file in order, in `eo:bands` and `raster:bands` (STAC 1.0) or in `bands` (1.1). A band
is identified by its name (`red`), else its common name, else its code (`B04`). The common name goes before the code,
because codes differ between sensors: `B5` is red edge for one and near infrared for another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scog.collections.bands import BY_NAME, CANONICAL, IN_ASSET

BAND_LISTS = ("eo:bands", "raster:bands", "bands")
"""Members of an asset that describe its bands. A later one overrides an earlier one."""
DISPLAY_ROLES = frozenset({"overview", "thumbnail", "visual"})
"""Roles of assets that are rendered images of the scene. Their red, green and blue are not measurements."""


def band_descriptions(asset: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Merged descriptions of an asset's bands, in the file's order; the prefix `raster:` is removed from names.

    Lists and entries that do not conform to STAC are ignored.
    """
    merged: list[dict[str, Any]] = []
    for member in BAND_LISTS:
        entries = asset.get(member)
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            if index == len(merged):
                merged.append({})
            if isinstance(entry, Mapping):
                merged[index] |= {str(name).removeprefix("raster:"): value for name, value in entry.items()}
    return merged


def bands_by_key(key: str, bands: Sequence[Mapping[str, Any]]) -> dict[str, int | None]:
    """Band numbers (from 1) by canonical name, for the bands that an asset's key identifies.

    A number of None means that the item does not number the band, so the file should have a single band. Empty if the
    key identifies no band, or if the descriptions identify the key's band.
    """
    band = CANONICAL.get(key.lower(), key)
    members = IN_ASSET.get(band, ())
    if len(members) > 1:
        return {each.name: each.number for each in members}
    if band not in BY_NAME or band in bands_by_description(bands):
        return {}
    return {band: None}


def bands_by_description(bands: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Band numbers (from 1) by canonical name, for the bands that the descriptions of one file identify.

    A name that two bands share identifies neither.
    """
    numbers: dict[str, int] = {}
    for names in zip(*(_names(entry) for entry in bands), strict=True):
        for name in names:
            if name is not None and names.count(name) == 1 and names.index(name) + 1 not in numbers.values():
                numbers.setdefault(name, names.index(name) + 1)
    return numbers


def canonical_band(name: object) -> str | None:
    """Canonical name of a band from its name or code, or None."""
    return CANONICAL.get(name.strip().lower()) if isinstance(name, str) else None


def may_hold_measurements(asset: Mapping[str, Any]) -> bool:
    """Whether an asset may hold measurements: its roles do not declare a rendered image."""
    roles = asset.get("roles")
    return not (isinstance(roles, list) and any(role in DISPLAY_ROLES for role in roles if isinstance(role, str)))


def _names(entry: Mapping[str, Any]) -> Iterator[str | None]:
    """Yield the canonical name by name, by common name and by code. At most one of the three is not None."""
    name, common = entry.get("name"), entry.get("eo:common_name", entry.get("common_name"))
    by_name_or_code = canonical_band(name)
    by_name = by_name_or_code if isinstance(name, str) and name.strip().lower() == by_name_or_code else None
    yield by_name
    yield canonical_band(common) if by_name is None else None
    yield by_name_or_code if by_name is None and canonical_band(common) is None else None
