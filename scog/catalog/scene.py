"""Parses a STAC item into a scene: the item's members that images need, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scog.catalog.assets import Asset, assets_of
from scog.catalog.encodable import encodable
from scog.catalog.item_time import item_time
from scog.collections.profile import Profile
from scog.collections.profiles import Profiles
from scog.collections.scene_keys import SceneKeys, first_of
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
    """A catalogue item, parsed and checked: one acquisition, of one tile if its collection has a grid of tiles."""

    id: str
    collection: str
    time: datetime
    """Time to sort by: the item's datetime, or its start if it has none."""
    platform: str
    """Such as `sentinel-2a`; empty if the item has none."""
    mgrs_tile: str
    """Code of the tile in its grid without the grid's prefix, such as `13TDE`; empty if the item has none."""
    cloud_cover: float | None
    """Percent; None if unknown."""
    footprint: tuple[Ring, ...]
    """Closed exterior rings in degrees, continuous over the antimeridian: longitudes may exceed 180."""
    assets: dict[str, Asset]
    """By band name. Bands that only files name are added when they are first read."""
    orbit: str | None
    """Absolute orbit number. With the platform, it identifies an overpass. None if the item has none."""
    acquisition_key: tuple[str, ...] | None
    """All processing versions of one acquisition have the same key; None if the item does not identify it."""
    processed_at: str
    """Time of processing, as in the item (RFC 3339, which sorts as text); empty if the item has none."""
    remarks: tuple[str, ...] = ()
    """One sentence for each unusable part of the item, such as an asset or the cloud cover."""
    span: tuple[datetime, datetime] | None = None
    """Acquisition period, both ends inclusive, if it is longer than an instant."""
    orbit_state: str | None = None
    """Direction of flight, such as `ascending`; None if the item has none."""

    @property
    def source(self) -> str:
        """The platform, else the collection: scenes of different sources are never one overpass."""
        return self.platform or self.collection

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


def parse_item(item: Mapping[str, Any], base: str, profiles: Profiles) -> Scene:
    """The scene of a STAC item (0.9 to 1.1), read with the profile of its collection if there is one.

    Relative links are resolved against `base`.

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
    asset_objects = item.get("assets")
    if not isinstance(asset_objects, Mapping):
        raise UnusableItem("no-raster-assets", "assets is not an object")
    platform = encodable(properties.get("platform") or "")
    profile = profiles.of_item(collection, asset_objects, platform or str(properties.get("constellation") or ""))
    keys = profile.scene_keys
    named = keys.named(properties, scene_id)
    tile = encodable(first_of(keys.tile, named) or "")
    return Scene(
        id=encodable(scene_id),
        collection=collection,
        time=time.moment,
        platform=platform,
        mgrs_tile=tile,
        cloud_cover=_percent(properties.get("eo:cloud_cover"), remarks),
        footprint=tuple(rings[0] for rings in outline.polygons),
        assets=_assets(asset_objects, properties, profile, base, remarks),
        orbit=first_of(keys.orbit, named),
        acquisition_key=_acquisition_key(keys, named, platform, tile),
        processed_at=first_of(keys.processed, named) or "",
        remarks=tuple(remarks),
        span=(time.start, time.end) if time.start < time.end else None,
        orbit_state=orbit_state if isinstance(orbit_state := properties.get("sat:orbit_state"), str) else None,
    )


def _collection(item: Mapping[str, Any], remarks: list[str]) -> str:
    name = item.get("collection")
    if name is not None and not isinstance(name, str):
        remarks.append("collection: not a string; the item counts as having none")
        return ""
    return encodable(name or "")


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


def _acquisition_key(
    keys: SceneKeys, properties: Mapping[str, Any], platform: str, tile: str
) -> tuple[str, ...] | None:
    """Key of an acquisition: platform, tile, and the parts that are equal in all processing versions.

    None if the profile names no such parts, or the item lacks one.
    """
    parts = [first_of(alternatives, properties) for alternatives in keys.acquisition]
    if not parts or None in parts:
        return None
    return (platform, tile, *(part for part in parts if part is not None))


def _assets(
    asset_objects: Mapping[str, Any], properties: Mapping[str, Any], profile: Profile, base: str, remarks: list[str]
) -> dict[str, Asset]:
    """The assets by band name. Raises UnusableItem if none can be used, with the last three remarks as detail.

    The assets' remarks come after all others; three of them keep the message short.
    """
    assets = assets_of(asset_objects, properties, profile, base, remarks)
    if not assets:
        raise UnusableItem("no-raster-assets", "; ".join(remarks[-3:]) or "no asset is a GeoTIFF")
    return assets
