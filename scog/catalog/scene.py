"""Parses a STAC item into a scene: the item's members that images need, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scog.catalog.assets import Asset, assets_of
from scog.catalog.item_time import item_time
from scog.geo.outline import Ring, outline_of


class UnusableItem(ValueError):
    """No image can be made from an item.

    The message is a short token such as `no-id`, so that errors can be counted; `detail` is a sentence for people.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.detail = detail


@dataclass(frozen=True, eq=False)
class Scene:
    """A catalogue item, parsed and checked: one acquisition, of one MGRS tile if it is Sentinel-2."""

    id: str
    collection: str
    time: datetime
    """Time to sort by: the item's datetime, or its start if it has none."""
    platform: str
    """Such as `sentinel-2a`; empty if the item has none."""
    mgrs_tile: str
    """Without its prefix, such as `13TDE`; empty if the item has none."""
    cloud_cover: float | None
    """Percent; None if unknown."""
    footprint: tuple[Ring, ...]
    """Closed exterior rings in degrees, continuous over the antimeridian: longitudes may exceed 180."""
    assets: Mapping[str, Asset]
    orbit: str | None
    """Absolute orbit number. With the platform, it identifies an overpass. None if the item has none."""
    acquisition_key: tuple[str, ...] | None
    """All processing versions of one acquisition have the same key; None if the item has no datatake or datastrip."""
    processed_at: str
    """Time of processing, as in the item (RFC 3339, which sorts as text); empty if the item has none."""
    remarks: tuple[str, ...] = ()
    """One sentence for each unusable part of the item, such as an asset or the cloud cover."""
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
    Raises UnusableItem if the item has no id, no time, no footprint or no usable raster asset.
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
    except ValueError as error:
        raise UnusableItem("bad-datetime", str(error)) from None
    try:
        outline = outline_of(item)
    except ValueError as error:
        raise UnusableItem("no-geometry", f"geometry: {error}") from None
    remarks = [*time.remarks, *outline.remarks]
    collection = _collection(item, remarks)
    # Such as GS2A_20220612T101559_036411_N04.00: the third part is the absolute orbit.
    datatake_parts = str(properties.get("s2:datatake_id") or "").split("_")
    return Scene(
        id=_encodable(scene_id),
        collection=collection,
        time=time.moment,
        platform=_encodable(properties.get("platform") or ""),
        mgrs_tile=_mgrs_tile(properties),
        cloud_cover=_percent(properties.get("eo:cloud_cover"), remarks),
        footprint=tuple(rings[0] for rings in outline.polygons),
        assets=_assets(item, properties, collection, base, remarks),
        orbit=datatake_parts[2] if len(datatake_parts) > 2 else _text_or_none(properties.get("sat:absolute_orbit")),
        acquisition_key=_acquisition_key(properties),
        processed_at=str(properties.get("s2:generation_time") or properties.get("created") or ""),
        remarks=tuple(remarks),
        span=(time.start, time.end) if time.start < time.end else None,
    )


def _collection(item: Mapping[str, Any], remarks: list[str]) -> str:
    name = item.get("collection")
    if name is not None and not isinstance(name, str):
        remarks.append("collection: not a string; the item counts as having none")
        return ""
    return _encodable(name or "")


def _encodable(value: object) -> str:
    """A value as text that UTF-8 can encode. JSON may contain lone surrogates, which become question marks."""
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


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(value)


def _mgrs_tile(properties: Mapping[str, Any]) -> str:
    """The MGRS tile without its prefix, such as `13TDE`."""
    code = properties.get("grid:code") or properties.get("s2:mgrs_tile") or ""
    return _encodable(code).removeprefix("MGRS-")


def _acquisition_key(properties: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Key of an acquisition: platform, MGRS tile, datatake id without the processing baseline, start of the datastrip.

    The start is the part of the datastrip id that is `S` and a time: `S20220612T101559` in
    `S2A_OPER_MSI_L2A_DS_VGS2_20220612T150000_S20220612T101559_N04.00` as well as in its reprocessed version
    `S2A_OPER_MSI_L2A_DS_S2RP_20230501T000000_S20220612T101559_N05.10`. Without one, the whole id is used.
    """
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
    """The assets by band name. Raises UnusableItem if none can be used, with the last three remarks as detail.

    The assets' remarks come after all others; three of them keep the message short.
    """
    asset_objects = item.get("assets")
    if not isinstance(asset_objects, Mapping):
        raise UnusableItem("no-raster-assets", "assets is not an object")
    assets = assets_of(asset_objects, properties, collection, base, remarks)
    if not assets:
        raise UnusableItem("no-raster-assets", "; ".join(remarks[-3:]) or "no asset is a GeoTIFF")
    return assets
