"""From a STAC item as received to a scene: what scog needs to know to draw it, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scog.catalog.assets import Asset, assets_of
from scog.catalog.item_time import item_time
from scog.geo.outline import Ring, outline_of


class UnusableItem(ValueError):
    """An item cannot be drawn; its text is a short reason that can be counted, `detail` says more."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.detail = detail


@dataclass(frozen=True, eq=False)
class Scene:
    """One acquisition over one square, as one catalogue item describes it."""

    id: str
    collection: str
    time: datetime
    """The instant that sorts it: the item's datetime, or its start where it has none."""
    platform: str
    mgrs_tile: str
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
        return self.time, self.mgrs_tile, self.id

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
        mgrs_tile=_mgrs_tile(properties),
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


def _mgrs_tile(properties: Mapping[str, Any]) -> str:
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
        _mgrs_tile(properties),
        str(datatake).partition("_N")[0],
        starts[-1] if starts else str(strip),
    )


def _assets(
    item: Mapping[str, Any], properties: Mapping[str, Any], collection: str, base: str, remarks: list[str]
) -> dict[str, Asset]:
    """The bands by name. Raises UnusableItem where there is none."""
    written = item.get("assets")
    if not isinstance(written, Mapping):
        raise UnusableItem("no-raster-assets", "assets is no object")
    found = assets_of(written, properties, collection, base, remarks)
    if not found:
        raise UnusableItem("no-raster-assets", "; ".join(remarks[-3:]) or "no asset is a GeoTIFF")
    return found
