"""From a STAC item as received to a scene: what scog needs to know to draw it, checked."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urljoin, urlsplit

from scog.bands import BY_NAME, CANONICAL, IN_ASSET
from scog.catalog.item_time import item_time
from scog.catalog.offset import C1, L2A, SCALE, offset_of
from scog.catalog.outline import Ring, is_finite, outline_of

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


class UnusableItem(ValueError):
    """An item cannot be drawn; its text is a short reason that can be counted, `detail` says more."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.detail = detail


@dataclass(frozen=True)
class Asset:
    """One file of a scene. Reflectance or whatever it holds = DN x `scale` + `offset`.

    An `offset` of None: only the pixels can tell (see `scog.catalog.offset`). `band` is its place in the file.
    """

    url: str
    scale: float = 1.0
    offset: float | None = 0.0
    nodata: float | None = None
    band: int = 1


@dataclass(frozen=True, eq=False)
class Scene:
    """One acquisition over one square, as one catalogue item describes it."""

    id: str
    collection: str
    time: datetime
    """The instant that sorts it: the item's datetime, or its start where it has none."""
    platform: str
    square: str
    cloud_cover: float | None
    footprint: tuple[Ring, ...]
    """Closed outlines, without jumps over the antimeridian: longitudes may go on beyond 180."""
    assets: Mapping[str, Asset]
    orbit: str | None
    """Absolute orbit: with the platform, the name of one pass."""
    twin: tuple[str, ...] | None
    """What reprocessings of one acquisition share; None where the item does not tell."""
    generated: str
    """When this version was made, as written (RFC 3339 sorts as text)."""
    remarks: tuple[str, ...] = ()
    """What of the item could not be used, and why: an asset, a cloud cover."""
    span: tuple[datetime, datetime] | None = None
    """The time that it stands for, both ends included, where that is more than an instant."""

    @property
    def order(self) -> tuple[datetime, str, str]:
        """The total order within an observation."""
        return self.time, self.square, self.id

    @property
    def start(self) -> datetime:
        """Beginning of the time that it stands for."""
        return self.span[0] if self.span else self.time

    @property
    def end(self) -> datetime:
        """End of the time that it stands for, included."""
        return self.span[1] if self.span else self.time


def parse_item(item: Mapping[str, Any], base: str = "") -> Scene:
    """A scene from a STAC item (0.9 to 1.1). Relative links are resolved against `base`.

    What is wrong with one asset costs that asset, a cloud cover that is no number is unknown; `remarks` name both.
    Raises UnusableItem where the item lacks an id, a time, a footprint or any raster.
    """
    if not isinstance(item, Mapping):
        raise UnusableItem("no-item", "it is no object")
    properties = item.get("properties")
    if not isinstance(properties, Mapping):
        raise UnusableItem("no-properties", "properties is no object")
    scene_id = item.get("id")
    if not isinstance(scene_id, str) or not scene_id:
        raise UnusableItem("no-id", "id is no text")
    try:
        when = item_time(properties)
    except ValueError as fault:
        raise UnusableItem("bad-datetime", str(fault)) from None
    try:
        outline = outline_of(item)
    except ValueError as fault:
        raise UnusableItem("no-geometry", f"geometry: {fault}") from None
    remarks = [*when.remarks, *outline.remarks]
    collection = _collection(item, remarks)
    datatake = str(properties.get("s2:datatake_id") or "").split("_")
    return Scene(
        id=_unicode(scene_id),
        collection=collection,
        time=when.moment,
        platform=_unicode(properties.get("platform") or ""),
        square=_square(properties),
        cloud_cover=_percent(properties.get("eo:cloud_cover"), remarks),
        footprint=tuple(rings[0] for rings in outline.polygons),
        assets=_assets(item, properties, collection, base, remarks),
        orbit=datatake[2] if len(datatake) > 2 else _optional(properties.get("sat:absolute_orbit")),
        twin=_twin(properties),
        generated=str(properties.get("s2:generation_time") or properties.get("created") or ""),
        remarks=tuple(remarks),
        span=(when.start, when.end) if when.start < when.end else None,
    )


def _collection(item: Mapping[str, Any], remarks: list[str]) -> str:
    name = item.get("collection")
    if name is not None and not isinstance(name, str):
        remarks.append("collection: no text; the item counts as one of none")
        return ""
    return _unicode(name or "")


def _unicode(value: object) -> str:
    """A value as text that can be sent: JSON may hold halves of characters, which become question marks."""
    text = str(value)
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _percent(value: Any, remarks: list[str]) -> float | None:
    """A cloud cover; None where it is unknown."""
    if value is None:
        return None
    try:
        number = float(value)
        if not isinstance(value, bool) and 0 <= number <= 100:
            return number
    except (TypeError, ValueError, OverflowError):
        pass
    remarks.append(f"eo:cloud_cover: {str(value)[:40]!r} is no number of percent; it counts as unknown")
    return None


def _optional(value: object) -> str | None:
    return None if value is None else str(value)


def _square(properties: Mapping[str, Any]) -> str:
    """The MGRS tile without its prefix, such as `13TDE`."""
    code = properties.get("grid:code") or properties.get("s2:mgrs_tile") or ""
    return _unicode(code).removeprefix("MGRS-")


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


def _assets(
    item: Mapping[str, Any], properties: Mapping[str, Any], collection: str, base: str, remarks: list[str]
) -> dict[str, Asset]:
    """The raster assets by canonical band name (or by key, where it is no Sentinel-2 band).

    One that cannot be used is left out with a remark. Raises UnusableItem where there is none that can.
    """
    written = item.get("assets")
    if not isinstance(written, Mapping):
        raise UnusableItem("no-raster-assets", "assets is no object")
    found: dict[str, Asset] = {}
    applied, baseline = properties.get("earthsearch:boa_offset_applied"), properties.get("s2:processing_baseline")
    known = offset_of(collection, applied, _optional(baseline)) if collection in (L2A, C1) else 0.0
    pays = properties.get("storage:requester_pays")
    for key, asset in written.items():
        try:
            parsed = _asset(key, asset, collection, known, base, pays)
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as fault:
            remarks.append(f"asset {key[:40]}: {_reason(fault)}; it is left out")
            continue
        for name, each in parsed:
            found.setdefault(name, each)
    if not found:
        raise UnusableItem("no-raster-assets", "; ".join(remarks[-3:]) or "no asset is a GeoTIFF")
    return found


def _reason(fault: Exception) -> str:
    return str(fault) if type(fault) is ValueError else f"malformed ({type(fault).__name__})"


def _asset(
    key: str, asset: Any, collection: str, known: float | None, base: str, requester_pays: object
) -> list[tuple[str, Asset]]:
    """The bands of one asset; none where it is no GeoTIFF to be read. Raises ValueError, TypeError and their like.

    `known` is the offset of Sentinel-2's spectral bands.
    """
    if not isinstance(asset, dict):
        raise ValueError("null" if asset is None else "no object")
    url = _raster_url(key, asset, base, requester_pays)
    if url is None:
        return []
    band = CANONICAL.get(key.lower(), key)
    written = _written(asset)
    nodata = written.get("nodata")
    shift: float | None
    if collection not in (L2A, C1):
        scale, shift = _finite(written, "scale", 1.0) or 1.0, _finite(written, "offset", 0.0)
    else:
        spectral = band in BY_NAME and BY_NAME[band].spectral
        scale, shift = (SCALE, known) if spectral else (_finite(written, "scale", 1.0) or 1.0, 0.0)
        nodata = 0 if band in IN_ASSET else nodata
    parts, nodata = IN_ASSET.get(band), _number(nodata)
    if not parts:
        return [(band, Asset(url, scale, shift, nodata))]
    return [(part.name, Asset(url, scale, shift, nodata, part.number)) for part in parts]


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


def _written(asset: Mapping[str, Any]) -> Mapping[str, Any]:
    """Scale, offset and nodata as the item writes them: STAC 1.1's `bands`, the asset itself, or `raster:bands`."""
    merged: dict[str, Any] = {}
    for source in (asset.get("raster:bands"), asset.get("bands")):
        if isinstance(source, list) and source and isinstance(source[0], dict):
            merged |= {name.removeprefix("raster:"): value for name, value in source[0].items()}
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


def _number(value: Any) -> float | None:
    return float(value) if is_finite(value) else None
