"""From a STAC item as received to a scene: what scog needs to know to draw it, checked."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

from scog.bands import BY_NAME, CANONICAL, IN_ASSET
from scog.catalog.asset_bands import bands_by_description, bands_by_key, described, is_measured
from scog.catalog.georeference import Georeference, georeference_of
from scog.catalog.offset import C1, L2A, SCALE, offset_of
from scog.catalog.when import parse_instant
from scog.errors import InvalidInput

Ring = tuple[tuple[float, float], ...]
"""Corners of a polygon's outline in degrees, longitude first."""

RASTER_TYPES = ("image/tiff", "image/vnd.stac.geotiff")
_ABSOLUTE = re.compile(r"https?://[A-Za-z0-9._:-]+/[!-~]*")
"""URLs that stand for themselves, whatever the item's own is."""


class UnusableItem(ValueError):
    """An item cannot be drawn; its text is a short reason that can be counted."""


@dataclass(frozen=True)
class Asset:
    """One band of a scene, and the file that holds it. Reflectance or whatever it is = DN x `scale` + `offset`.

    A `scale` of None: the file's own tags say both. An `offset` of None: only the pixels can tell (see
    `scog.catalog.offset`). `band` is its place in the file, 1 the first; None where the item expects the file to have
    just one. `georeference` is where the item says that the file lies, for files that do not say so themselves.
    """

    url: str
    scale: float | None = 1.0
    offset: float | None = 0.0
    nodata: float | None = None
    band: int | None = None
    georeference: Georeference | None = None


@dataclass(frozen=True, eq=False)
class Scene:
    """One acquisition over one square, as one catalogue item describes it."""

    id: str
    collection: str
    time: datetime
    platform: str
    square: str
    cloud_cover: float | None
    footprint: tuple[Ring, ...]
    assets: Mapping[str, Asset]
    orbit: str | None
    """Absolute orbit: with the platform, the name of one pass."""
    twin: tuple[str, ...] | None
    """What reprocessings of one acquisition share; None where the item does not tell."""
    generated: str
    """When this version was made, as written (RFC 3339 sorts as text)."""

    @property
    def order(self) -> tuple[datetime, str, str]:
        """The total order within an observation."""
        return self.time, self.square, self.id


def parse_item(item: Mapping[str, Any], base: str = "") -> Scene:
    """A scene from a STAC item (1.0 or 1.1). Relative links are resolved against `base`.

    Raises UnusableItem where the item lacks an id, a time, a footprint or any raster.
    """
    try:
        properties = item["properties"]
        collection = str(item.get("collection") or "")
        scene_id = _text(item, "id")
        time = parse_instant(str(properties.get("datetime") or properties["start_datetime"]))
        footprint = tuple(_rings(item.get("geometry")))
        cloud = properties.get("eo:cloud_cover")
        datatake = str(properties.get("s2:datatake_id") or "").split("_")
        return Scene(
            id=scene_id,
            collection=collection,
            time=time,
            platform=str(properties.get("platform") or ""),
            square=_square(properties),
            cloud_cover=_percent(cloud),
            footprint=footprint,
            assets=_assets(item, properties, collection, base),
            orbit=datatake[2] if len(datatake) > 2 else _optional(properties.get("sat:absolute_orbit")),
            twin=_twin(properties),
            generated=str(properties.get("s2:generation_time") or properties.get("created") or ""),
        )
    except UnusableItem:
        raise
    except InvalidInput:
        raise UnusableItem("bad-datetime") from None
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as fault:
        raise UnusableItem(f"malformed ({type(fault).__name__})") from None


def _text(item: Mapping[str, Any], key: str) -> str:
    value = item[key]
    if not isinstance(value, str) or not value:
        raise UnusableItem(f"no-{key}")
    return value


def _percent(value: Any) -> float | None:
    number = None if value is None else float(value)
    return number if number is not None and math.isfinite(number) else None


def _optional(value: object) -> str | None:
    return None if value is None else str(value)


def _square(properties: Mapping[str, Any]) -> str:
    """The MGRS tile without its prefix, such as `13TDE`."""
    code = properties.get("grid:code") or properties.get("s2:mgrs_tile") or ""
    return str(code).removeprefix("MGRS-")


def _twin(properties: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Platform, square, datatake without its baseline, and the strip's start."""
    datatake, strip = properties.get("s2:datatake_id"), properties.get("s2:datastrip_id")
    if not datatake or not strip:
        return None
    starts = [part for part in str(strip).split("_") if part.startswith("S2") and "T" in part]
    starts += [part for part in str(strip).split("_") if part[:1] == "S" and part[1:9].isdecimal()]
    return (
        str(properties.get("platform")),
        _square(properties),
        str(datatake).partition("_N")[0],
        starts[-1] if starts else str(strip),
    )


def _rings(geometry: Any) -> Iterator[Ring]:
    """Outlines of a Polygon or MultiPolygon; holes are none of a footprint's business."""
    if not isinstance(geometry, Mapping):
        raise UnusableItem("no-geometry")
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind == "Polygon":
        polygons: list[Any] = [coordinates]
    elif kind == "MultiPolygon":
        polygons = list(coordinates or ())
    else:
        raise UnusableItem("no-geometry")
    for polygon in polygons:
        ring = tuple((float(corner[0]), float(corner[1])) for corner in polygon[0])
        if len(ring) < 4 or not all(abs(lon) <= 360 and abs(lat) <= 90 for lon, lat in ring):
            raise UnusableItem("no-geometry")
        yield ring
    if not polygons:
        raise UnusableItem("no-geometry")


def _assets(item: Mapping[str, Any], properties: Mapping[str, Any], collection: str, base: str) -> dict[str, Asset]:
    """The bands by canonical name; by key the assets of which no band is known.

    A band that an asset's key names goes before one of its name in a file of several; of these the item's first counts.
    """
    found: dict[str, Asset] = {}
    named: dict[str, Asset] = {}
    applied, baseline = properties.get("earthsearch:boa_offset_applied"), properties.get("s2:processing_baseline")
    known = offset_of(collection, applied, _optional(baseline)) if collection in (L2A, C1) else 0.0
    for key, asset in (item.get("assets") or {}).items():
        url = _raster_url(key, asset, base, properties.get("storage:requester_pays"))
        if url is None:
            continue
        if collection in (L2A, C1):
            found |= {name: each for name, each in _of_sentinel_2(key, asset, url, known).items() if name not in found}
            continue
        bands = described(asset)
        georeference = georeference_of(asset, properties)
        by_key = bands_by_key(key, bands)
        by_description = bands_by_description(bands) if not by_key and is_measured(asset) else {}
        for name, number in by_key.items():
            found.setdefault(name, _band_of(asset, url, bands, number, georeference))
        for name, number in by_description.items():
            named.setdefault(name, _band_of(asset, url, bands, number, georeference))
        if not by_key and not by_description:
            found.setdefault(key, _band_of(asset, url, bands, None, georeference))
    found |= {name: each for name, each in named.items() if name not in found}
    if not found:
        raise UnusableItem("no-raster-assets")
    return found


def _raster_url(key: str, asset: Mapping[str, Any], base: str, requester_pays: object) -> str | None:
    """Where an asset's GeoTIFF lies; None for other files and for what costs the requester, such as JPEG 2000.

    `requester_pays` is what the item says for all its assets.
    """
    media = str(asset.get("type") or "").split(";")[0].strip().lower()
    href = str(asset.get("href") or "")
    if key.endswith("-jp2") or not href:
        return None
    if media not in RASTER_TYPES and not (not media and href.lower().endswith((".tif", ".tiff"))):
        return None
    if asset.get("storage:requester_pays", requester_pays) is True:
        return None
    if _ABSOLUTE.fullmatch(href):  # as nearly all are; to take them apart is half of what an item costs
        return href
    url = urljoin(base, href)
    parts = urlsplit(url)
    if parts.scheme == "s3":  # a public bucket is reached by its own host name
        return f"https://{parts.netloc}.s3.amazonaws.com{parts.path}"
    return url


def _of_sentinel_2(key: str, asset: Mapping[str, Any], url: str, offset: float | None) -> dict[str, Asset]:
    """The bands of an asset of Earth Search, which its key names; all that are spectral have this offset."""
    band = CANONICAL.get(key.lower(), key)
    if band in BY_NAME and BY_NAME[band].spectral:
        return {band: Asset(url, SCALE, offset, 0.0)}
    written = _written(asset, described(asset), 1)
    scale = _finite(written.get("scale"), 1.0) or 1.0
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
    scale, offset = _finite(written.get("scale"), 1.0) or 1.0, _finite(written.get("offset"), 0.0)
    return Asset(url, scale, offset, nodata, number, georeference)


def _written(asset: Mapping[str, Any], bands: Sequence[Mapping[str, Any]], number: int) -> Mapping[str, Any]:
    """Scale, offset and nodata of a band as the item writes them: of that band, else of the asset."""
    merged = dict(bands[number - 1]) if number <= len(bands) else {}
    for name in ("scale", "offset"):
        if _is_number(asset.get(f"raster:{name}")):
            merged.setdefault(name, asset[f"raster:{name}"])
    if "nodata" in asset:
        merged.setdefault("nodata", asset["nodata"])
    return merged


def _finite(value: Any, default: float) -> float:
    number = default if value is None else float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is not finite")
    return number


def _nodata(value: object) -> float | None:
    """Nodata as a number; STAC's raster extension allows text, too. NaN is none, since it never is data."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return float(value) if isinstance(value, int | float) and _is_number(value) else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
