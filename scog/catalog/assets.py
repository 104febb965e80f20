"""Assets: the raster files of an item by the bands that they hold, each checked by itself."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urljoin, urlsplit

from scog.catalog.asset_bands import bands_by_description, bands_by_key, described, is_measured
from scog.catalog.georeference import Georeference, georeference_of
from scog.collections.bands import BY_NAME, CANONICAL, IN_ASSET
from scog.collections.reflectance_offset import C1, L2A, SCALE, offset_of
from scog.geo.outline import is_finite

RASTER_TYPES = frozenset(
    f"{top}/{name}"
    for top in ("image", "application")
    for name in ("tiff", "tif", "x-tiff", "geotiff", "x-geotiff", "x.geotiff", "geo+tiff", "vnd.stac.geotiff", "cog")
)
"""Media types of GeoTIFFs as they are met, registered or not, without their parameters."""
UNTOLD_TYPES = frozenset({"", "application/octet-stream", "binary/octet-stream"})
"""Media types that say nothing: then the file's name tells."""
_ABSOLUTE = re.compile(r"https?://[A-Za-z0-9._:-]+/[!-~]*")
"""URLs that stand for themselves, whatever the item's own is."""


@dataclass(frozen=True)
class Asset:
    """One band of a scene, and the file that holds it. Reflectance or whatever it is = DN x `scale` + `offset`.

    A `scale` of None: the file's own tags say both. An `offset` of None: only the pixels can tell (see
    `scog.collections.reflectance_offset`). `band` is its place in the file, 1 the first; None where the item expects
    the file to have just one. `georeference` is where the item says that the file lies, for files that do not say so.
    """

    url: str
    scale: float | None = 1.0
    offset: float | None = 0.0
    nodata: float | None = None
    band: int | None = None
    georeference: Georeference | None = None


Assets = dict[str, Asset]
"""Assets by the names of their bands."""


def assets_of(
    written: Mapping[str, Any], properties: Mapping[str, Any], collection: str, base: str, remarks: list[str]
) -> Assets:
    """The bands of an item's assets by canonical name; by key the assets of which no band is known.

    A band that an asset's key names goes before one of its name in a file of several; of these the item's first counts.
    An asset that cannot be used is left out with a remark. Relative addresses are resolved against `base`.
    """
    by_key: Assets = {}
    by_description: Assets = {}
    applied, baseline = properties.get("earthsearch:boa_offset_applied"), properties.get("s2:processing_baseline")
    of_sentinel_2 = collection in (L2A, C1)
    offset = offset_of(collection, applied, None if baseline is None else str(baseline)) if of_sentinel_2 else 0.0
    for key, asset in written.items():
        try:
            if not isinstance(asset, dict):
                raise ValueError("null" if asset is None else "no object")
            url = _raster_url(key, asset, base, properties.get("storage:requester_pays"))
            if url is None:
                continue
            found: tuple[Assets, Assets]
            found = (_of_sentinel_2(key, asset, url, offset), {}) if of_sentinel_2 else _of(key, asset, url, properties)
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as fault:
            remarks.append(f"asset {key[:40]}: {_reason(fault)}; it is left out")
            continue
        by_key |= {name: each for name, each in found[0].items() if name not in by_key}
        by_description |= {name: each for name, each in found[1].items() if name not in by_description}
    return by_key | {name: each for name, each in by_description.items() if name not in by_key}


def _reason(fault: Exception) -> str:
    return str(fault) if type(fault) is ValueError else f"malformed ({type(fault).__name__})"


def _of(key: str, asset: Mapping[str, Any], url: str, properties: Mapping[str, Any]) -> tuple[Assets, Assets]:
    """The bands of an asset that its key names, or itself where nothing does; and those that its descriptions name."""
    bands = described(asset)
    georeference = georeference_of(asset, properties)
    by_key = bands_by_key(key, bands)
    by_description = bands_by_description(bands) if not by_key and is_measured(asset) else {}
    if not by_key and not by_description:
        by_key = {key: None}
    of_key, of_description = (
        {name: _band_of(asset, url, bands, number, georeference) for name, number in each.items()}
        for each in (by_key, by_description)
    )
    return of_key, of_description


def _raster_url(key: str, asset: Mapping[str, Any], base: str, requester_pays: object) -> str | None:
    """Where an asset's GeoTIFF lies; None for other files and for what costs the requester, such as JPEG 2000.

    `requester_pays` is what the item says for all its assets. Raises ValueError for an address that is none.
    """
    href = asset.get("href")
    if key.endswith("-jp2") or not _is_raster(asset.get("type"), href):
        return None
    if not isinstance(href, str) or not href:
        raise ValueError("href is no text")
    if asset.get("storage:requester_pays", requester_pays) is True:
        return None
    if _ABSOLUTE.fullmatch(href):  # as nearly all are; to take them apart is half of what an item costs
        return href
    try:
        url = urljoin(base, href)
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(f"{href[:60]!r} is no address") from None
    if parts.scheme == "s3":  # a public bucket is reached by its own host name
        return f"https://{parts.netloc}.s3.amazonaws.com{parts.path}"
    return url


@lru_cache(maxsize=256)
def _main_type(media: str) -> str:
    """A media type without its parameters."""
    return media.partition(";")[0].strip().lower()


def _is_raster(media: object, href: object) -> bool:
    """Whether an asset is a GeoTIFF: by its media type, or by its file's name where that says nothing."""
    main = _main_type(media) if isinstance(media, str) else ""
    if main in RASTER_TYPES:
        return True
    path = re.split(r"[?#]", href, maxsplit=1)[0].lower() if isinstance(href, str) else ""
    return (main in UNTOLD_TYPES or "/" not in main) and path.endswith((".tif", ".tiff"))


def _of_sentinel_2(key: str, asset: Mapping[str, Any], url: str, offset: float | None) -> Assets:
    """The bands of an asset of Earth Search, which its key names; all that are spectral have this offset."""
    band = CANONICAL.get(key.lower(), key)
    if band in BY_NAME and BY_NAME[band].spectral:
        return {band: Asset(url, SCALE, offset, 0.0)}
    written = _written(asset, described(asset), 1)
    scale = _finite(written, "scale", 1.0) or 1.0
    nodata = 0.0 if band in IN_ASSET else _nodata(written.get("nodata"))
    numbers = bands_by_key(key, ()) or {band: None}
    return {name: Asset(url, scale, 0.0, nodata, number) for name, number in numbers.items()}


def _band_of(
    asset: Mapping[str, Any],
    url: str,
    bands: Sequence[Mapping[str, Any]],
    number: int | None,
    georeference: Georeference | None,
) -> Asset:
    """A band of an asset, with the scale, offset and nodata that the item says of it."""
    written = _written(asset, bands, number or 1)
    nodata = _nodata(written.get("nodata"))
    if written.get("scale") is None and written.get("offset") is None:
        return Asset(url, None, 0.0, nodata, number, georeference)
    scale, offset = _finite(written, "scale", 1.0) or 1.0, _finite(written, "offset", 0.0)
    return Asset(url, scale, offset, nodata, number, georeference)


def _written(asset: Mapping[str, Any], bands: Sequence[Mapping[str, Any]], number: int) -> Mapping[str, Any]:
    """Scale, offset and nodata of a band as the item writes them: of that band, else of the asset."""
    merged = dict(bands[number - 1]) if number <= len(bands) else {}
    for name in ("scale", "offset"):
        if f"raster:{name}" in asset and is_finite(asset[f"raster:{name}"]):
            merged.setdefault(name, asset[f"raster:{name}"])
    if "nodata" in asset:
        merged.setdefault("nodata", asset["nodata"])
    return merged


def _finite(written: Mapping[str, Any], name: str, default: float) -> float:
    value = written.get(name)
    try:
        number = default if value is None else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{name} {str(value)[:40]!r} is no finite number")
    return number


def _nodata(value: object) -> float | None:
    """Nodata as a number; STAC's raster extension allows text, too. NaN is none, since it never is data."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return float(value) if isinstance(value, int | float) and is_finite(value) else None
