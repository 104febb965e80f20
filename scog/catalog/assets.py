"""Assets: the raster files of an item by the bands they hold, each validated on its own."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from scog.catalog.asset_bands import (
    MAX_BANDS,
    AssetBand,
    band_descriptions,
    bands_of_asset,
    contradicts_profile,
    last_measurement,
    may_hold_measurements,
    named_bands,
)
from scog.catalog.encoding import Encoding, encoding_of, encoding_of_known
from scog.catalog.proj_extension import Georeference, georeference_of
from scog.catalog.raster_url import raster_url
from scog.collections.band import Band
from scog.collections.band_names import band_identifier
from scog.collections.profile import Profile
from scog.collections.reflectance_offset import BASELINE, OFFSET_FLAG, StatedOffset, stated_offset

NO_DATA = re.compile(r"no_?data|fill|missing")
"""Found in the names of classes that mean missing data."""
MAX_CLASSES = 256
"""Maximum number of an item's classes whose names are kept."""


@dataclass(frozen=True)
class Asset:
    """One band of a scene, and the file that holds it. Value = DN x `scale` + `offset`.

    If `scale` is None, scale and offset are those of the file's tags. `stated_offset` is set for bands whose offset
    follows `scog.collections.reflectance_offset`; if `offset` is None, the pixels decide. `band` is the band number in
    the file, from 1; None if the item expects a single-band file. `georeference` is the item's, for files that have
    none. With `ignores_nodata`, every stored number is a value. `notes` tell what was guessed or contradicts itself.
    """

    url: str
    scale: float | None = 1.0
    offset: float | None = 0.0
    nodata: float | None = None
    band: int | None = None
    georeference: Georeference | None = None
    stated_offset: StatedOffset | None = None
    unit: str = ""
    guesses_unit: bool = False
    """Whether neither profile nor item states the unit, so that it is only that of a standard name."""
    discrete: bool = False
    """Whether values are class numbers or bit fields, which must not be interpolated."""
    ignores_nodata: bool = False
    listed: int = 0
    """Number of the last band of the file that profile or item name as a measurement; 0 if they name none."""
    ignores_mask: bool = False
    """Whether the file's mask does not count, since it is a band that profile or item name as a measurement."""
    rendered: bool = False
    """Whether it is a rendered image of the scene, by its role, rather than measurements."""
    notes: tuple[str, ...] = field(default=(), compare=False)
    classes: tuple[tuple[int, str], ...] = ()
    """Numbers and names of classes by the item, without those that name missing data."""


Assets = dict[str, Asset]
"""Assets by band name."""


def assets_of(
    asset_objects: Mapping[str, Any], properties: Mapping[str, Any], profile: Profile, base: str, remarks: list[str]
) -> Assets:
    """The bands of an item's assets by canonical name.

    Bands that the profile knows by the keys of assets have the meaning that it gives them. If it is open, all others
    are named and read by the item's own words (see `asset_bands`). An unusable asset is skipped and added to `remarks`.
    Relative links are resolved against `base`.
    """
    known: Assets = {}
    others: dict[str, _Described] = {}
    offsets: dict[float | None, StatedOffset] = {}
    requester_pays = properties.get("storage:requester_pays")
    for key, asset in asset_objects.items():
        try:
            if not isinstance(asset, dict):
                raise ValueError("null" if asset is None else "not an object")
            url = raster_url(key, asset, base, requester_pays)
            if url is None:
                continue
            bands = profile.bands_in(key)
            if not bands and profile.open:
                others[key] = _described(key, asset, url, profile, properties)
            for band in bands:
                called = _stated_name(band, asset)
                if contradicts_profile(band.name, called):
                    reason = f"{band.name} in the profile {profile.name}, but {called} in the item"
                    remarks.append(f"asset {key[:40]}: {reason}; skipped")
                elif _precedes(key, band, known, asset_objects):
                    known[band.name] = _known_band(band, asset, url, profile, properties, offsets)
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
            remarks.append(f"asset {key[:40]}: {_reason(error)}; skipped")
    if not others:
        return known
    # Names of the profile mean its own bands, and no others.
    taken = profile.names.canonical_names if profile.by_asset else known
    return known | {name: each for name, each in _others(others, profile, remarks).items() if name not in taken}


@dataclass(frozen=True)
class _Described:
    """An asset that the profile does not know. `listed` is the number of its last band with a standard name."""

    asset: Mapping[str, Any]
    url: str
    bands: list[AssetBand]
    descriptions: Sequence[Mapping[str, Any]]
    georeference: Georeference | None
    listed: int


def _described(
    key: str, asset: Mapping[str, Any], url: str, profile: Profile, properties: Mapping[str, Any]
) -> _Described:
    descriptions = band_descriptions(asset)
    bands = bands_of_asset(key, asset, descriptions)
    for band in bands[:MAX_BANDS]:  # an invalid number makes the asset unusable, whatever its name
        encoding_of(asset, descriptions, band.number)
    georeference = None if profile.georeferenced else georeference_of(asset, properties)
    return _Described(asset, url, bands, descriptions, georeference, last_measurement(bands))


def _others(assets: Mapping[str, _Described], profile: Profile, remarks: list[str]) -> Assets:
    """The bands of assets that the profile does not know, by every name that identifies one."""
    if not assets:
        return {}
    bands = [band for each in assets.values() for band in each.bands]
    if len(bands) > MAX_BANDS:
        remarks.append(f"more than {MAX_BANDS} bands: only the first {MAX_BANDS} are named")
        bands = bands[:MAX_BANDS]

    def is_measured(key: str) -> bool:
        return may_hold_measurements(assets[key].asset)

    named = named_bands(bands, profile.names, is_measured, remarks)
    # A band is the same by each of its names: it has the meaning of its standard one.
    standard: dict[tuple[str, int | None], Band] = {}
    for name, (band, _) in named.items():
        like = profile.by_name.get(name)
        if like is not None:
            standard.setdefault((band.key, band.number), like)
    described: dict[tuple[str, int | None], Asset] = {}
    found: Assets = {}
    for name, (band, note) in named.items():
        key = band.key, band.number
        if key not in described:
            described[key] = _described_band(band, assets[band.key], standard.get(key))
        found[name] = replace(described[key], notes=(note,)) if note else described[key]
    return found


def _precedes(key: str, band: Band, known: Assets, asset_objects: Mapping[str, Any]) -> bool:
    """Whether the asset of a key is the first of those that may hold the band."""
    return band.name not in known or key == next((each for each in band.assets if each in asset_objects), None)


def _known_band(
    band: Band,
    asset: Mapping[str, Any],
    url: str,
    profile: Profile,
    properties: Mapping[str, Any],
    offsets: dict[float | None, StatedOffset],
) -> Asset:
    """A band that the profile knows: its meaning is the profile's, else the item's.

    `offsets` are the item's stated offsets by the one written for a band.
    """
    written = encoding_of_known(band, asset)
    stated = None
    scale = written.scale if band.scale is None else band.scale
    offset = written.offset if band.offset is None else band.offset
    if profile.offset_rule is not None and band.spectral:
        stated = offsets.get(written.offset)
        if stated is None:
            flag, baseline = properties.get(OFFSET_FLAG), properties.get(BASELINE)
            stated = offsets[written.offset] = stated_offset(profile.offset_rule, flag, baseline, written.offset)
        offset = stated.offset
    else:
        offset = offset or 0.0
    return Asset(
        url=url,
        scale=scale,
        offset=offset,
        nodata=written.nodata if band.nodata is None else band.nodata,
        band=band.number,
        georeference=None if profile.georeferenced else georeference_of(asset, properties),
        stated_offset=stated,
        unit=band.unit,
        discrete=band.discrete,
        ignores_nodata=band.ignores_nodata,
        listed=0 if band.number is None else profile.last_number(band),
        notes=_contradictions(band, written),
    )


def _stated_name(band: Band, asset: Mapping[str, Any]) -> str:
    """What the item calls a band: its common name, else its own name; empty if it has neither."""
    index = (band.number or 1) - 1
    own_name: object = None
    for member in ("bands", "eo:bands"):
        entries = asset.get(member)
        if isinstance(entries, list) and len(entries) > index and isinstance(entries[index], dict):
            name = entries[index].get("eo:common_name", entries[index].get("common_name"))
            if isinstance(name, str):
                return band_identifier(name)
            own_name = own_name or entries[index].get("name")
    if band.number is None and ("eo:common_name" in asset or "common_name" in asset):
        own_name = asset.get("eo:common_name", asset.get("common_name"))
    return band_identifier(own_name) if isinstance(own_name, str) else ""


def _described_band(band: AssetBand, described: _Described, like: Band | None) -> Asset:
    """A band that the item describes: its meaning is the item's, else that of its standard name, else the file's."""
    written = encoding_of(described.asset, described.descriptions, band.number)
    unit = band.words.get("unit")
    return Asset(
        url=described.url,
        scale=written.scale,
        offset=written.offset or 0.0,
        nodata=written.nodata,
        band=band.number,
        georeference=described.georeference,
        unit=unit if isinstance(unit, str) else like.unit if like is not None else "",
        guesses_unit=not isinstance(unit, str),
        listed=described.listed,
        rendered=not may_hold_measurements(described.asset),
        discrete=_is_discrete(band.words) or _is_discrete(described.asset) or (like is not None and like.discrete),
        classes=_classes(band.words) or _classes(described.asset),
    )


def _classes(words: Mapping[str, Any]) -> tuple[tuple[int, str], ...]:
    """Numbers and names of the classes that an item lists, without those that name missing data."""
    listed = words.get("classification:classes")
    named = [
        (each["value"], band_identifier(str(each.get("name") or each.get("description") or each.get("title") or "")))
        for each in (listed[:MAX_CLASSES] if isinstance(listed, list) else ())
        if isinstance(each, Mapping) and type(each.get("value")) is int
    ]
    return tuple((value, name[:40]) for value, name in named if name and not NO_DATA.search(name))


def _is_discrete(words: Mapping[str, Any]) -> bool:
    return bool(words.get("classification:classes") or words.get("classification:bitfields"))


def _contradictions(band: Band, written: Encoding) -> tuple[str, ...]:
    """Notes if the item writes another scale or offset than the profile."""
    notes = []
    for name, ours, theirs in (("scale", band.scale, written.scale), ("offset", band.offset, written.offset)):
        if ours is not None and theirs is not None and not math.isclose(ours, theirs, rel_tol=1e-6, abs_tol=1e-9):
            notes.append(f"{band.name}: {name} {ours:g} of the profile, not {theirs:g} of the item")
    return tuple(notes)


def _reason(error: Exception) -> str:
    return str(error) if type(error) is ValueError else f"malformed ({type(error).__name__})"
