"""What a layer's tiles cover, at which zooms they have something to show, and whose data they are.

It is the files that say how fine they are: those of a few items are looked at, whatever their metadata claim.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from affine import Affine

from scog.catalog.archive.archive import Archive
from scog.catalog.scene import Scene, UnusableItem, parse_item
from scog.collections.bands import BY_NAME
from scog.errors import InvalidInput, SourceError
from scog.geo.bounds import DEGREES
from scog.geo.footprint import Bounds
from scog.geo.grid import Grid
from scog.geo.zooms import zooms_of
from scog.imaging.asset_binding import bound
from scog.imaging.engine import Engine
from scog.imaging.request import ImageRequest
from scog.net.policy import UpstreamStats
from scog.suggest import did_you_mean, quoted
from scog.web.stac.documents import Documents

COLLECTIONS, ITEMS = 8, 4
"""Collections of an archive that are looked at, and items of each, the newest."""
LOOKING = 5.0
"""Seconds for that; what is not known by then does not count."""
SENTINEL_2 = "sentinel-2"
ATTRIBUTION = "Contains modified Copernicus Sentinel data"
SCENE = 109_800.0
"""Metres a side of a Sentinel-2 scene."""
WORLD: Bounds = (-180.0, -90.0, 180.0, 90.0)


@dataclass(frozen=True)
class Covered:
    """What tiles cover in degrees, if it is known; the rasters that are typical of it; whose data it is."""

    bounds: Bounds | None
    rasters: tuple[Grid, ...]
    attribution: str

    def zooms(self, tms: str) -> tuple[int, int] | None:
        """The first and the last zoom that show something new; None where no raster is known.

        At the first all that is covered fits into a tile, unless a file would then be less than half of one a side: so
        that a tile takes few files. The last has the pixels of the finest file.
        """
        known = [zooms for grid in self.rasters if (zooms := zooms_of(tms, grid)) is not None]
        if not known:
            return None
        whole = zooms_of(tms, _outline(self.bounds or WORLD))
        first = min(fits for fits, _ in known) - 1
        return max(0, first, min(whole[0], first + 1) if whole else 0), max(finest for _, finest in known)


async def covered_by(engine: Engine, asked: ImageRequest) -> Covered:
    """What a collection's tiles cover, without one all that the catalogue draws; of the bands that the layer needs."""
    catalog = engine.searches.catalog
    if isinstance(catalog, Archive):
        return await _of_archive(engine, catalog, asked.collection, asked.expression.bands)
    name = asked.collection or engine.searches.collection or ""
    if not name.startswith(SENTINEL_2):
        return Covered(await catalog.bounds(), (), "")
    pixel = min((BY_NAME[band].resolution for band in asked.expression.bands if band in BY_NAME), default=10)
    side = round(SCENE / pixel)
    scene = Grid("EPSG:32631", Affine(pixel, 0, 500_000 - SCENE / 2, 0, -pixel, SCENE / 2), side, side)
    return Covered(await catalog.bounds(), (scene,), ATTRIBUTION)


async def _of_archive(engine: Engine, archive: Archive, collection: str | None, bands: Sequence[str]) -> Covered:
    bounds, scenes, attribution = await asyncio.to_thread(_told, archive, collection)
    tally = UpstreamStats()
    rasters: list[Grid] = []

    async def look_at(scene: Scene) -> None:
        shown = {asset.url: band for band, asset in scene.assets.items() if band in bands}
        for url, band in sorted((shown or {asset.url: band for band, asset in scene.assets.items()}).items()):
            with suppress(SourceError):
                _, metadata = bound(scene.assets[band], band, await engine.blocks.describe(url, tally))
                rasters.append(metadata.levels[0].grid)

    with suppress(TimeoutError):
        async with asyncio.timeout(LOOKING):
            await asyncio.gather(*map(look_at, scenes))
    return Covered(bounds, tuple(dict.fromkeys(rasters)), attribution)


def _told(archive: Archive, collection: str | None) -> tuple[Bounds | None, list[Scene], str]:
    """What the archive's index and its collections' descriptions tell. Reads from disk. Raises InvalidInput."""
    names = archive.collections()
    if collection is not None and collection not in names:
        what = f"There is no collection {quoted(collection)}{did_you_mean(collection, names) or '.'}"
        raise InvalidInput(what, parameter="collection", valid=" or ".join(names))
    [box] = archive.select(
        "SELECT min(west), min(south), max(east), max(north) FROM places JOIN items ON items.number = places.item "
        "WHERE ?1 IS NULL OR collection = ?1",
        (collection,),
    )
    scenes: list[Scene] = []
    whose: list[str] = []
    documents = Documents(archive, "")
    for name in [collection] if collection is not None else names[:COLLECTIONS]:
        newest = "SELECT item, path FROM items WHERE collection = ? ORDER BY time DESC LIMIT ?"
        found: list[Scene] = []
        for item, path in archive.select(newest, (name, ITEMS)):
            with suppress(UnusableItem):
                found.append(parse_item(json.loads(item), (archive.folder / path).as_uri()))
        whose.append(_attribution(name, found, documents.collection(name) if name else {}))
        scenes += found
    known = tuple(box) if box[0] is not None else None
    return known, scenes, "; ".join(dict.fromkeys(filter(None, whose)))


def _attribution(name: str, scenes: Sequence[Scene], described: dict[str, Any]) -> str:
    """Whose data a collection is: as it says itself, else Copernicus' words for Sentinel-2."""
    providers = described.get("providers")
    listed = [each for each in providers if isinstance(each, dict)] if isinstance(providers, list) else []
    owners = [each for each in listed if {"licensor", "producer"} & set(_roles(each))] or listed
    names = [str(each["name"]).strip() for each in owners if each.get("name")]
    if names:
        license_ = str(described.get("license") or "")
        known = license_ not in ("", "other", "various", "proprietary")
        return ", ".join(dict.fromkeys(names)) + (f" ({license_})" if known else "")
    is_sentinel = name.startswith(SENTINEL_2) or any(s.platform.lower().startswith(SENTINEL_2) for s in scenes)
    return ATTRIBUTION if is_sentinel else ""


def _roles(provider: dict[str, Any]) -> list[str]:
    roles = provider.get("roles")
    return [role for role in roles if isinstance(role, str)] if isinstance(roles, list) else []


def _outline(bounds: Bounds) -> Grid:
    """A box in degrees as a raster of one tile's pixels."""
    west, south, east, north = bounds
    pixel = max(east - west, north - south, 1e-9) / 256
    width, height = max(1, round((east - west) / pixel)), max(1, round((north - south) / pixel))
    return Grid(DEGREES, Affine((east - west) / width, 0, west, 0, -(north - south) / height, north), width, height)
