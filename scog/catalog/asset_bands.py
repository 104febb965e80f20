"""Which bands an asset's file holds, by its key and by what its item says of them.

An item lists the bands of a file in their order, in `eo:bands` and `raster:bands` (STAC 1.0) or in `bands` (1.1). A
band is known by its name (`red`), else by its common name, else by a code (`B04`): of codes only the common name tells
what they mean, as `B5` is red edge to one sensor and near infrared to another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scog.collections.bands import BY_NAME, CANONICAL, IN_ASSET

LISTS = ("eo:bands", "raster:bands", "bands")
"""Members of an asset that list its bands; what a later one says counts."""
UNMEASURED = frozenset({"overview", "thumbnail", "visual"})
"""Roles of assets that are pictures of the scene: their red is no measurement."""


def described(asset: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What an item says of each band of an asset's file, in the file's order, `raster:scale` and the like as `scale`.

    A list or an entry that is not what STAC says counts as nothing.
    """
    found: list[dict[str, Any]] = []
    for member in LISTS:
        entries = asset.get(member)
        for place, entry in enumerate(entries if isinstance(entries, list) else ()):
            if place == len(found):
                found.append({})
            if isinstance(entry, Mapping):
                found[place] |= {str(name).removeprefix("raster:"): value for name, value in entry.items()}
    return found


def bands_by_key(key: str, bands: Sequence[Mapping[str, Any]]) -> dict[str, int | None]:
    """Canonical names of the bands that an asset's key names, and their places in the file, 1 the first.

    None: the item does not say which of the file's bands it is, and the file will have just one. Empty where the
    bands are named by their descriptions, or by nothing.
    """
    band = CANONICAL.get(key.lower(), key)
    several = IN_ASSET.get(band, ())
    if len(several) > 1:
        return {each.name: each.number for each in several}
    if band not in BY_NAME or band in bands_by_description(bands):
        return {}
    return {band: None}


def bands_by_description(bands: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Canonical names of the bands of one file that are named in its descriptions, and their places, 1 the first.

    Of two that are called alike neither is known.
    """
    found: dict[str, int] = {}
    for names in zip(*(_names(entry) for entry in bands), strict=True):
        for name in names:
            if name is not None and names.count(name) == 1 and names.index(name) + 1 not in found.values():
                found.setdefault(name, names.index(name) + 1)
    return found


def named(name: object) -> str | None:
    """The canonical name of the band that is called so, by name or code; None for any other."""
    return CANONICAL.get(name.strip().lower()) if isinstance(name, str) else None


def is_measured(asset: Mapping[str, Any]) -> bool:
    """Whether an asset may hold measurements: it is no picture made of them."""
    roles = asset.get("roles")
    return not (isinstance(roles, list) and any(role in UNMEASURED for role in roles if isinstance(role, str)))


def _names(entry: Mapping[str, Any]) -> Iterator[str | None]:
    """The band that an entry's name says, then that of its common name, then that of its code."""
    name, common = entry.get("name"), entry.get("eo:common_name", entry.get("common_name"))
    known = named(name)
    exact = known if isinstance(name, str) and name.strip().lower() == known else None
    yield exact
    yield named(common) if exact is None else None
    yield known if exact is None and named(common) is None else None
