"""Names of the bands in an item's assets, by the item's own words.

An item describes the bands of a file in order, in `eo:bands` and `raster:bands` (STAC 1.0) or in `bands` (1.1). A band
can be asked for by its common name (`red`), its name, its position (`image_b2`), and the key of its asset, if that has
a single band. A common name goes before a name, and a name before a key, since a name such as `B5` is red edge for
one sensor and near infrared for another.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from scog.collections.band_names import BandNames, band_identifier

MAX_BANDS = 1024
"""Maximum number of an item's bands that are named. Hyperspectral files have hundreds."""
BAND_LISTS = ("eo:bands", "raster:bands", "bands")
"""Members of an asset that describe its bands. A later one overrides an earlier one."""
DISPLAY_ROLES = frozenset({"overview", "thumbnail", "visual"})
"""Roles of assets that are rendered images of the scene. Their red, green and blue are not measurements."""
COMMON_NAMES = frozenset(
    {
        *("pan", "coastal", "blue", "green", "green05", "yellow", "red", "rededge", "rededge071", "rededge075"),
        *("rededge078", "nir", "nir08", "nir09", "cirrus", "swir16", "swir22", "lwir", "lwir11", "lwir12"),
    }
)
"""Common names of the electro-optical extension (https://github.com/stac-extensions/eo)."""
FAMILIES = (
    {"nir", "nir08"},
    {"coastal", "coastal_aerosol"},
    {"rededge", "rededge1", "rededge2", "rededge3", "rededge071", "rededge075", "rededge078"},
    {"lwir", "lwir11", "lwir12"},
    {"swir", "swir16"},
    {"swir", "swir22"},
    {"nir08", "rededge"},  # an old habit of items of Sentinel-2
)
"""Names of which one may stand for another in an item without contradiction."""
_FAMILIAR = COMMON_NAMES.union(*FAMILIES)
SUBSTITUTES: Mapping[str, str] = {"nir": "nir08"}
"""Band to the common name of a narrower one that serves if an item has no such band, such as Landsat's nir08."""


@dataclass(frozen=True)
class AssetBand:
    """One band of an asset.

    key     key of the asset
    number  band number in the file, from 1; None if the item does not number it, so that the file should have one band
    words   what the item says of the band
    """

    key: str
    number: int | None
    words: Mapping[str, Any]

    @cached_property
    def name(self) -> str:
        """The band's own name in the item; empty if it has none."""
        name = self.words.get("name")
        return band_identifier(name) if isinstance(name, str) and name.strip() else ""

    @cached_property
    def common_name(self) -> str:
        """The band's common name; empty if it has none."""
        name = self.words.get("eo:common_name", self.words.get("common_name"))
        return band_identifier(name) if isinstance(name, str) and name.strip() else ""


def band_descriptions(asset: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Merged descriptions of an asset's bands, in the file's order; the prefix `raster:` is removed from names.

    There are at most MAX_BANDS, and one more if the item has more. Lists and entries that do not conform to STAC are
    ignored.
    """
    merged: list[dict[str, Any]] = []
    for member in BAND_LISTS:
        entries = asset.get(member)
        for index, entry in enumerate(entries[: MAX_BANDS + 1] if isinstance(entries, list) else ()):
            if index == len(merged):
                merged.append({})
            if isinstance(entry, Mapping):
                merged[index] |= {str(name).removeprefix("raster:"): value for name, value in entry.items()}
    return merged


def bands_of_asset(key: str, asset: Mapping[str, Any], descriptions: Sequence[Mapping[str, Any]]) -> list[AssetBand]:
    """The bands of an asset as the item lists them; one without a number if it lists none."""
    if len(descriptions) > 1:
        return [AssetBand(key, number, words) for number, words in enumerate(descriptions, start=1)]
    common = {name: asset[name] for name in ("eo:common_name", "common_name") if name in asset}
    return [AssetBand(key, None, {**common, **(descriptions[0] if descriptions else {})})]


def may_hold_measurements(asset: Mapping[str, Any]) -> bool:
    """Whether an asset may hold measurements: its roles do not declare a rendered image."""
    roles = asset.get("roles")
    return not (isinstance(roles, list) and any(role in DISPLAY_ROLES for role in roles if isinstance(role, str)))


def contradicts_profile(band: str, common_name: object) -> bool:
    """Whether what an item calls a band means another one than the profile knows by the asset's key.

    Only standard common names count.
    """
    if common_name == band or common_name not in COMMON_NAMES or band not in _FAMILIAR:
        return False
    return not _are_related(band, common_name)


def _are_related(name: str, other: object) -> bool:
    """Whether one name may stand for the other."""
    return name == other or any(name in family and other in family for family in FAMILIES)


def last_measurement(bands: Sequence[AssetBand]) -> int:
    """Number of the last band with a standard common name; 0 if there is none."""
    return max((band.number for band in bands if band.number and band.common_name in COMMON_NAMES), default=0)


def named_bands(
    bands: Iterable[AssetBand], names: BandNames, is_measured: Callable[[str], bool], remarks: list[str]
) -> dict[str, tuple[AssetBand, str]]:
    """The bands of an item by every name that identifies one, each with a note if the name is a guess.

    `names` says which names mean the same, `is_measured` whether the asset of a key may hold measurements: others are
    found by position and key only. A name that two bands share identifies neither, and is added to `remarks`, as is a
    name that contradicts the band's common name. Of keys that formulas write alike, such as `Red` and `red`, the one
    that is written so identifies its asset.
    """
    bands = list(bands)
    measured = [band for band in bands if is_measured(band.key)]
    counts = Counter(band.key for band in bands)
    keyed = _without_twins(bands, remarks)
    single = [band for band in keyed if counts[band.key] == 1]
    claims = _Claims(names, remarks)
    claims.add([(_canonical(band.common_name, names), band, "") for band in measured if band.common_name])
    claims.add([(name, band, "") for band in measured if band.name for name in _spellings(band.name, names)])
    claims.add([(f"{band_identifier(band.key)}_b{band.number}", band, "") for band in keyed if band.number is not None])
    keys = [(name, band) for band in single for name in _spellings(band_identifier(band.key), names)]
    claims.add([(name, band, _note(name, band, names)) for name, band in keys])
    for name, substitute in SUBSTITUTES.items():
        if name not in claims.found and name not in claims.contested and substitute in claims.found:
            band, _ = claims.found[substitute]
            if not _contradicts(name, band, names):
                claims.found[name] = band, f"{name} is {substitute}"
    return claims.found


def _without_twins(bands: Sequence[AssetBand], remarks: list[str]) -> list[AssetBand]:
    """The bands without those of assets whose key only becomes an identifier that is the key of another asset."""
    keys = {band.key for band in bands}
    twins = {key: name for key in keys if (name := band_identifier(key)) != key and name in keys}
    remarks += (
        f"asset {key[:40]}: its key cannot be told from {twins[key][:40]}, which is another asset's"
        for key in sorted(twins)
    )
    return [band for band in bands if band.key not in twins]


Claim = tuple[str, AssetBand, str]
"""A name, the band that it may identify, and a note if that is a guess."""


class _Claims:
    """Names that identify bands. Claims are added in ranks, the strongest first."""

    def __init__(self, names: BandNames, remarks: list[str]) -> None:
        self.found: dict[str, tuple[AssetBand, str]] = {}
        self.contested: dict[str, list[AssetBand]] = {}
        """Bands by a name that several of one rank claim. A weaker claim may decide among these only."""
        self._names = names
        self._remarks = remarks

    def add(self, claims: Sequence[Claim]) -> None:
        """Add claims of one rank. A standard name that contradicts the band's common name is not claimed."""
        by_name: defaultdict[str, list[tuple[AssetBand, str]]] = defaultdict(list)
        for name, band, note in claims:
            if _contradicts(name, band, self._names):
                stated = f"its common name is {band.common_name}" if band.common_name else f"its name is {band.name}"
                self._remarks.append(f"asset {band.key[:40]}: called {name}, but {stated}")
            elif name not in self.found and (name not in self.contested or band in self.contested[name]):
                by_name[name].append((band, note))
        for name, bands in by_name.items():
            if len(bands) == 1:
                self.found[name] = bands[0]
                self.contested.pop(name, None)
                continue
            self.contested[name] = [band for band, _ in bands]
            keys = ", ".join(band.key[:40] for band, _ in bands[:4])
            self._remarks.append(f"{name} is the name of {len(bands)} bands ({keys}) and identifies none of them")


def _canonical(name: str, names: BandNames) -> str:
    return names.canonical_names.get(name, name)


def _spellings(name: str, names: BandNames) -> list[str]:
    """The canonical name, and the name itself if that is another."""
    return list(dict.fromkeys((_canonical(name, names), name)))


def _contradicts(name: str, band: AssetBand, names: BandNames) -> bool:
    """Whether a standard name means another band than the band's common name, or its own name if that is standard."""
    is_standard = name in names.canonical_names
    own_name = band.name if band.name in names.canonical_names or band.name in COMMON_NAMES else ""
    stated = _canonical(band.common_name or own_name, names)
    return bool(stated) and is_standard and not _are_related(_canonical(name, names), stated)


def _note(name: str, band: AssetBand, names: BandNames) -> str:
    """A note if a standard name comes from the key of an asset whose band the item does not name."""
    is_guess = name in names.canonical_names and not band.common_name and not band.name
    return f"{name} by the key of its asset" if is_guess else ""
