"""Assets: the raster files of an item by the bands they hold, each validated on its own."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import urljoin, urlsplit

from scog.catalog.asset_bands import (
    AssetBand,
    band_descriptions,
    bands_of_asset,
    contradicts_profile,
    last_measurement,
    may_hold_measurements,
    named_bands,
)
from scog.catalog.proj_extension import Georeference, georeference_of
from scog.collections.band import Band
from scog.collections.band_names import band_identifier
from scog.collections.profile import Profile
from scog.collections.reflectance_offset import BASELINE, OFFSET_FLAG, StatedOffset, stated_offset
from scog.geo.outline import is_finite

RASTER_TYPES = frozenset(
    f"{top}/{name}"
    for top in ("image", "application")
    for name in ("tiff", "tif", "x-tiff", "geotiff", "x-geotiff", "x.geotiff", "geo+tiff", "vnd.stac.geotiff", "cog")
)
"""Media types of GeoTIFFs, registered or merely common, without parameters."""
GENERIC_TYPES = frozenset({"", "application/octet-stream", "binary/octet-stream"})
"""Media types that do not identify a format; the file's extension decides instead."""
_ABSOLUTE = re.compile(r"https?://[A-Za-z0-9._:-]+/[!-~]*")
"""Absolute URLs, which need not be resolved against the item's."""


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
            url = _raster_url(key, asset, base, requester_pays)
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
    # Names of the profile mean its own bands, and no others.
    taken = profile.names.canonical_names if profile.by_asset else known
    return known | {name: each for name, each in _others(others, profile, remarks).items() if name not in taken}


@dataclass(frozen=True)
class _Described:
    """An asset that the profile does not know."""

    asset: Mapping[str, Any]
    url: str
    bands: list[AssetBand]
    descriptions: Sequence[Mapping[str, Any]]
    georeference: Georeference | None


def _described(
    key: str, asset: Mapping[str, Any], url: str, profile: Profile, properties: Mapping[str, Any]
) -> _Described:
    descriptions = band_descriptions(asset)
    bands = bands_of_asset(key, asset, descriptions)
    for band in bands:  # an invalid number makes the asset unusable, whatever its name
        _written(asset, descriptions, band.number)
    georeference = None if profile.georeferenced else georeference_of(asset, properties)
    return _Described(asset, url, bands, descriptions, georeference)


def _others(assets: Mapping[str, _Described], profile: Profile, remarks: list[str]) -> Assets:
    """The bands of assets that the profile does not know, by every name that identifies one."""
    if not assets:
        return {}
    bands = (band for each in assets.values() for band in each.bands)

    def is_measured(key: str) -> bool:
        return may_hold_measurements(assets[key].asset)

    return {
        name: _described_band(name, band, assets[band.key], profile, note)
        for name, (band, note) in named_bands(bands, profile.names, is_measured, remarks).items()
    }


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
    written = _written_of_known(band, asset)
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


def _described_band(name: str, band: AssetBand, described: _Described, profile: Profile, note: str) -> Asset:
    """A band that the item describes: its meaning is the item's, else the file's."""
    written = _written(described.asset, described.descriptions, band.number)
    like = profile.by_name.get(name)
    unit = band.words.get("unit")
    return Asset(
        url=described.url,
        scale=written.scale,
        offset=written.offset or 0.0,
        nodata=written.nodata,
        band=band.number,
        georeference=described.georeference,
        unit=unit if isinstance(unit, str) else like.unit if like is not None else "",
        listed=last_measurement(described.bands),
        rendered=not may_hold_measurements(described.asset),
        discrete=_is_discrete(band.words) or _is_discrete(described.asset) or (like is not None and like.discrete),
        notes=(note,) if note else (),
    )


def _is_discrete(words: Mapping[str, Any]) -> bool:
    return bool(words.get("classification:classes") or words.get("classification:bitfields"))


def _contradictions(band: Band, written: _Written) -> tuple[str, ...]:
    """Notes if the item writes another scale or offset than the profile."""
    notes = []
    for name, ours, theirs in (("scale", band.scale, written.scale), ("offset", band.offset, written.offset)):
        if ours is not None and theirs is not None and not math.isclose(ours, theirs, rel_tol=1e-6, abs_tol=1e-9):
            notes.append(f"{band.name}: {name} {ours:g} of the profile, not {theirs:g} of the item")
    return tuple(notes)


def _reason(error: Exception) -> str:
    return str(error) if type(error) is ValueError else f"malformed ({type(error).__name__})"


def _raster_url(key: str, asset: Mapping[str, Any], base: str, requester_pays: object) -> str | None:
    """Absolute URL of an asset's GeoTIFF; None for other formats, such as JPEG 2000, and for requester-pays files.

    `requester_pays` is the item's default for its assets. Raises ValueError for an invalid href.
    """
    href = asset.get("href")
    if key.endswith("-jp2") or not _is_raster(asset.get("type"), href):
        return None
    if not isinstance(href, str) or not href:
        raise ValueError("href is not a string")
    if asset.get("storage:requester_pays", requester_pays) is True:
        return None
    if _ABSOLUTE.fullmatch(href):  # fast path: parsing URLs takes half of the time of parsing an item
        return href
    try:
        url = urljoin(base, href)
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(f"href {href[:60]!r} is not a valid URL") from None
    if parts.scheme == "s3":  # a public bucket can be read over HTTPS
        return f"https://{parts.netloc}.s3.amazonaws.com{parts.path}"
    return url


def is_readable(key: str, asset: object) -> bool:
    """Whether an asset is a GeoTIFF, and not known to be paid by the requester."""
    return isinstance(asset, Mapping) and not key.endswith("-jp2") and _is_raster(asset.get("type"), asset.get("href"))


@lru_cache(maxsize=256)
def _main_type(media: str) -> str:
    """The media type in lower case without its parameters."""
    return media.partition(";")[0].strip().lower()


def _is_raster(media: object, href: object) -> bool:
    """Whether an asset is a GeoTIFF: by its media type, or by its file's extension if the media type is generic."""
    main = _main_type(media) if isinstance(media, str) else ""
    if main in RASTER_TYPES:
        return True
    path = re.split(r"[?#]", href, maxsplit=1)[0].lower() if isinstance(href, str) else ""
    return (main in GENERIC_TYPES or "/" not in main) and path.endswith((".tif", ".tiff"))


@dataclass(frozen=True)
class _Written:
    """Scale, offset and nodata of a band as the item writes them; a scale of None means that the file's tags count."""

    scale: float | None
    offset: float | None
    nodata: float | None


def _written(
    asset: Mapping[str, Any], bands: Sequence[Mapping[str, Any]], number: int | None, *, is_needed: bool = True
) -> _Written:
    """What the item writes of a band: for the band itself, else for its asset.

    Raises ValueError for values that are not numbers if `is_needed`, else they count as not written.
    """
    encoding = _encoding(asset, bands, number or 1)
    if not is_needed:
        encoding = {name: value for name, value in encoding.items() if name == "nodata" or is_finite(value)}
    nodata = _nodata(encoding.get("nodata"))
    if encoding.get("scale") is None and encoding.get("offset") is None:
        return _Written(None, None, nodata)
    offset = None if encoding.get("offset") is None else _finite(encoding, "offset", 0.0)
    return _Written(_finite(encoding, "scale", 1.0) or 1.0, offset, nodata)


_SLOW_MEMBERS = frozenset({"bands", "raster:scale", "raster:offset", "nodata"})
"""Members of an asset that describe its bands besides `raster:bands`."""


def _written_of_known(band: Band, asset: Mapping[str, Any]) -> _Written:
    """What the item writes of a band that the profile knows. Values that are not numbers only matter if needed."""
    entries, index = asset.get("raster:bands", ()), (band.number or 1) - 1
    entry = entries[index] if isinstance(entries, list) and len(entries) > index else {}
    if band.scale is not None and _SLOW_MEMBERS.isdisjoint(asset) and isinstance(entry, dict):
        # The common case, several times faster: parsing 100 items delays the first image.
        scale, offset, nodata = entry.get("scale"), entry.get("offset"), band.nodata
        return _Written(
            scale if is_finite(scale) else None,
            offset if is_finite(offset) else None,
            _nodata(entry.get("nodata")) if nodata is None else nodata,
        )
    return _written(asset, band_descriptions(asset), band.number, is_needed=band.scale is None)


def _encoding(asset: Mapping[str, Any], bands: Sequence[Mapping[str, Any]], number: int) -> Mapping[str, Any]:
    """Scale, offset and nodata of a band as in the item: those of the band, else those of the asset."""
    merged = dict(bands[number - 1]) if number <= len(bands) else {}
    for name in ("scale", "offset"):
        if f"raster:{name}" in asset and is_finite(asset[f"raster:{name}"]):
            merged.setdefault(name, asset[f"raster:{name}"])
    if "nodata" in asset:
        merged.setdefault("nodata", asset["nodata"])
    return merged


def _finite(encoding: Mapping[str, Any], name: str, default: float) -> float:
    """The finite number of a name, or `default` if it is missing. Raises ValueError for any other value."""
    value = encoding.get(name)
    try:
        number = default if value is None else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{name} {str(value)[:40]!r} is not a finite number")
    return number


def _nodata(value: object) -> float | None:
    """Nodata as a number, or None. The raster extension also allows text. NaN gives None, as NaN is never valid."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return float(value) if isinstance(value, int | float) and is_finite(value) else None
