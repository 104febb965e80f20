"""Parses a STAC item as received into a scene: the validated members that drawing needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scog.catalog.assets import Asset, assets_of
from scog.catalog.item_time import item_time
from scog.geo.outline import Ring, outline_of


class UnusableItem(ValueError):
    """An item cannot be drawn. The message is one of a few short reasons, for counting; `detail` explains it."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.detail = detail


@dataclass(frozen=True, eq=False)
class Scene:
    """One acquisition of one MGRS tile, parsed from a catalogue item."""

    id: str
    collection: str
    time: datetime
    """Time to sort by: the item's datetime, or its start if it has none."""
    platform: str
    mgrs_tile: str
    cloud_cover: float | None
    footprint: tuple[Ring, ...]
    """Closed exterior rings in degrees, continuous over the antimeridian: longitudes may exceed 180."""
    assets: Mapping[str, Asset]
    orbit: str | None
    """Absolute orbit, which together with the platform identifies an overpass."""
    twin: tuple[str, ...] | None
    """Key that all processing versions of one acquisition share; None if the item does not provide it."""
    generated: str
    """Time at which this version was processed, as written (RFC 3339 sorts as text)."""
    remarks: tuple[str, ...] = ()
    """Parts of the item that cannot be used, such as an asset or a cloud cover, each with the reason."""
    span: tuple[datetime, datetime] | None = None
    """Acquisition period, both ends inclusive, if it is longer than an instant."""

    @property
    def sort_key(self) -> tuple[datetime, str, str]:
        """Sort key of a scene within an observation."""
        return self.time, self.mgrs_tile, self.id

    @property
    def start(self) -> datetime:
        """Start of the acquisition period."""
        return self.span[0] if self.span else self.time

    @property
    def end(self) -> datetime:
        """End of the acquisition period, inclusive."""
        return self.span[1] if self.span else self.time


def parse_item(item: Mapping[str, Any], base: str = "") -> Scene:
    """The scene of a STAC item (0.9 to 1.1). Relative links are resolved against `base`.

    An invalid asset is skipped, an invalid cloud cover counts as unknown; both are listed in `remarks`.
    Raises UnusableItem if the item has no id, no time, no footprint or no raster asset.
    """
    if not isinstance(item, Mapping):
        raise UnusableItem("no-item", "the item is not an object")
    properties = item.get("properties")
    if not isinstance(properties, Mapping):
        raise UnusableItem("no-properties", "properties is not an object")
    scene_id = item.get("id")
    if not isinstance(scene_id, str) or not scene_id:
        raise UnusableItem("no-id", "id is not a non-empty string")
    try:
        time = item_time(properties)
    except ValueError as fault:
        raise UnusableItem("bad-datetime", str(fault)) from None
    try:
        outline = outline_of(item)
    except ValueError as fault:
        raise UnusableItem("no-geometry", f"geometry: {fault}") from None
    remarks = [*time.remarks, *outline.remarks]
    collection = _collection(item, remarks)
    datatake = str(properties.get("s2:datatake_id") or "").split("_")
    return Scene(
        id=_unicode(scene_id),
        collection=collection,
        time=time.moment,
        platform=_unicode(properties.get("platform") or ""),
        mgrs_tile=_mgrs_tile(properties),
        cloud_cover=_percent(properties.get("eo:cloud_cover"), remarks),
        footprint=tuple(rings[0] for rings in outline.polygons),
        assets=_assets(item, properties, collection, base, remarks),
        orbit=datatake[2] if len(datatake) > 2 else _optional(properties.get("sat:absolute_orbit")),
        twin=_twin(properties),
        generated=str(properties.get("s2:generation_time") or properties.get("created") or ""),
        remarks=tuple(remarks),
        span=(time.start, time.end) if time.start < time.end else None,
    )


def _collection(item: Mapping[str, Any], remarks: list[str]) -> str:
    name = item.get("collection")
    if name is not None and not isinstance(name, str):
        remarks.append("collection: not a string; the item counts as having none")
        return ""
    return _unicode(name or "")


def _unicode(value: object) -> str:
    """A value as text that can be encoded: lone surrogates, which JSON may contain, become question marks."""
    text = str(value)
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _percent(value: Any, remarks: list[str]) -> float | None:
    """A cloud cover in percent; None if it is missing or invalid."""
    if value is None:
        return None
    try:
        number = float(value)
        if not isinstance(value, bool) and 0 <= number <= 100:
            return number
    except (TypeError, ValueError, OverflowError):
        pass
    remarks.append(f"eo:cloud_cover: {str(value)[:40]!r} is not between 0 and 100; it counts as unknown")
    return None


def _optional(value: object) -> str | None:
    return None if value is None else str(value)


def _mgrs_tile(properties: Mapping[str, Any]) -> str:
    """The MGRS tile without its prefix, such as `13TDE`."""
    code = properties.get("grid:code") or properties.get("s2:mgrs_tile") or ""
    return _unicode(code).removeprefix("MGRS-")


def _twin(properties: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Platform, MGRS tile, datatake id without the processing baseline, and start of the datastrip."""
    datatake, strip = properties.get("s2:datatake_id"), properties.get("s2:datastrip_id")
    if not datatake or not strip:
        return None
    starts = [part for part in str(strip).split("_") if part.startswith("S2") and "T" in part]
    starts += [part for part in str(strip).split("_") if part[:1] == "S" and part[1:9].isdecimal()]
    return (
        str(properties.get("platform")),
        _mgrs_tile(properties),
        str(datatake).partition("_N")[0],
        starts[-1] if starts else str(strip),
    )


def _assets(
    item: Mapping[str, Any], properties: Mapping[str, Any], collection: str, base: str, remarks: list[str]
) -> dict[str, Asset]:
    """The assets by band name. Raises UnusableItem if none can be used."""
    written = item.get("assets")
    if not isinstance(written, Mapping):
        raise UnusableItem("no-raster-assets", "assets is not an object")
    assets = assets_of(written, properties, collection, base, remarks)
    if not assets:
        raise UnusableItem("no-raster-assets", "; ".join(remarks[-3:]) or "no asset is a GeoTIFF")
    return assets
