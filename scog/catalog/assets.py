"""Assets: the raster files of an item by the bands they hold, each validated on its own."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import Any
from urllib.parse import urljoin, urlsplit

from scog.catalog.asset_bands import band_descriptions, bands_by_description, bands_by_key, may_hold_measurements
from scog.catalog.proj_extension import Georeference, georeference_of
from scog.collections.bands import BY_NAME, CANONICAL, IN_ASSET
from scog.collections.reflectance_offset import KINDS, SCALE, StatedOffset, stated_offset
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

    If `scale` is None, scale and offset are those of the file's tags. `stated_offset` is set for Sentinel-2's spectral
    bands, which follow the rule of `scog.collections.reflectance_offset`; if `offset` is None, the pixels decide.
    `band` is the band number in the file, from 1; None if the item expects a single-band file. `georeference` is the
    item's, for files that have none.
    """

    url: str
    scale: float | None = 1.0
    offset: float | None = 0.0
    nodata: float | None = None
    band: int | None = None
    georeference: Georeference | None = None
    stated_offset: StatedOffset | None = None


Assets = dict[str, Asset]
"""Assets by band name."""


def assets_of(
    asset_objects: Mapping[str, Any], properties: Mapping[str, Any], collection: str, base: str, remarks: list[str]
) -> Assets:
    """The bands of an item's assets by canonical name. An asset whose bands are not identified has its key as the name.

    If several assets have a band of one name, those whose key identifies it take precedence over those whose
    description does; among several of a kind, the first is used. An unusable asset is skipped and added to `remarks`.
    Relative links are resolved against `base`.
    """
    by_key: Assets = {}
    by_description: Assets = {}
    kind = KINDS.get(collection)
    applied, baseline = properties.get("earthsearch:boa_offset_applied"), properties.get("s2:processing_baseline")
    stated_by = cache(partial(stated_offset, kind, applied, baseline))
    for key, asset in asset_objects.items():
        try:
            if not isinstance(asset, dict):
                raise ValueError("null" if asset is None else "not an object")
            url = _raster_url(key, asset, base, properties.get("storage:requester_pays"))
            if url is None:
                continue
            new: tuple[Assets, Assets]
            if kind is not None:
                new = _sentinel_2_bands(key, asset, url, stated_by), {}
            else:
                new = _bands(key, asset, url, properties)
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
            remarks.append(f"asset {key[:40]}: {_reason(error)}; skipped")
            continue
        by_key |= {name: each for name, each in new[0].items() if name not in by_key}
        by_description |= {name: each for name, each in new[1].items() if name not in by_description}
    return by_key | {name: each for name, each in by_description.items() if name not in by_key}


def _reason(error: Exception) -> str:
    return str(error) if type(error) is ValueError else f"malformed ({type(error).__name__})"


def _bands(key: str, asset: Mapping[str, Any], url: str, properties: Mapping[str, Any]) -> tuple[Assets, Assets]:
    """The bands of an asset that its key identifies, and those that its descriptions identify.

    If neither identifies any, the first holds the asset under its key.
    """
    bands = band_descriptions(asset)
    georeference = georeference_of(asset, properties)
    by_key = bands_by_key(key, bands)
    by_description = bands_by_description(bands) if not by_key and may_hold_measurements(asset) else {}
    if not by_key and not by_description:
        by_key = {key: None}
    assets_by_key, assets_by_description = (
        {name: _band_of(asset, url, bands, number, georeference) for name, number in numbers.items()}
        for numbers in (by_key, by_description)
    )
    return assets_by_key, assets_by_description


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


def _sentinel_2_bands(
    key: str, asset: Mapping[str, Any], url: str, stated_by: Callable[[float | None], StatedOffset]
) -> Assets:
    """The bands of an Earth Search asset, which its key identifies.

    `stated_by` returns the offset that the item states for spectral bands whose asset has a written offset.
    """
    band = CANONICAL.get(key.lower(), key)
    if band in BY_NAME and BY_NAME[band].spectral:
        stated = stated_by(_written_offset(asset))
        return {band: Asset(url, SCALE, stated.offset, 0.0, stated_offset=stated)}
    encoding = _encoding(asset, band_descriptions(asset), 1)
    scale = _finite(encoding, "scale", 1.0) or 1.0
    nodata = 0.0 if band in IN_ASSET else _nodata(encoding.get("nodata"))
    numbers = bands_by_key(key, ()) or {band: None}
    return {name: Asset(url, scale, 0.0, nodata, number) for name, number in numbers.items()}


def _written_offset(asset: Mapping[str, Any]) -> float | None:
    """The finite offset of an asset's first band, if it has one. Merging all descriptions takes much longer."""
    written = asset.get("raster:offset")
    for member in ("raster:bands", "bands"):
        entries = asset.get(member)
        if isinstance(entries, list) and entries and isinstance(entries[0], dict):
            written = entries[0].get("offset", entries[0].get("raster:offset", written))
    return written if is_finite(written) else None


def _band_of(
    asset: Mapping[str, Any],
    url: str,
    bands: Sequence[Mapping[str, Any]],
    number: int | None,
    georeference: Georeference | None,
) -> Asset:
    """A band of an asset, with the scale, offset and nodata that the item gives."""
    encoding = _encoding(asset, bands, number or 1)
    nodata = _nodata(encoding.get("nodata"))
    if encoding.get("scale") is None and encoding.get("offset") is None:
        return Asset(url, None, 0.0, nodata, number, georeference)
    scale, offset = _finite(encoding, "scale", 1.0) or 1.0, _finite(encoding, "offset", 0.0)
    return Asset(url, scale, offset, nodata, number, georeference)


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
