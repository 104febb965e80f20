"""Extent of a layer's tiles: bounds, useful zooms, and attribution.

Zooms follow from the resolution of the files. Headers of a few items are read, since metadata may be wrong.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from affine import Affine

from scog.catalog.archive.archive import Archive
from scog.catalog.collection_document import attribution_of
from scog.catalog.own_files import is_below
from scog.catalog.query import collections_of
from scog.catalog.scene import Scene, UnusableItem, parse_item
from scog.collections.profile import Profile
from scog.errors import InvalidInput, SourceError
from scog.geo.bounds import DEGREES
from scog.geo.footprint import Bounds
from scog.geo.grid import Grid
from scog.geo.zooms import zoom_range
from scog.imaging.asset_binding import bind_asset
from scog.imaging.engine import Engine
from scog.imaging.request import ImageRequest
from scog.net.byte_range import is_local
from scog.net.policy import UpstreamStats
from scog.suggest import did_you_mean, quoted
from scog.web.stac.documents import Documents

MAX_COLLECTIONS = 8
"""Maximum number of inspected collections of an archive."""
MAX_ITEMS = 4
"""Maximum number of inspected items of a collection, the newest."""
TIMEOUT = 5.0
"""Seconds for reading the headers of the items' files. Files that take longer are left out."""
SCENE_SIDE = 109_800.0
"""Width and height in metres that a scene is assumed to have if no file was read: those of an MGRS tile."""
WORLD: Bounds = (-180.0, -90.0, 180.0, 90.0)


@dataclass(frozen=True)
class TileExtent:
    """Bounds in degrees, or None if unknown; grids of typical files; attribution of the data."""

    bounds: Bounds | None
    grids: tuple[Grid, ...]
    attribution: str

    def zooms(self, tms: str) -> tuple[int, int] | None:
        """Minimum and maximum zoom in a tile matrix set; None if no file's grid is known.

        At the minimum zoom the whole extent fits into one tile. If a file would then be less than half a tile wide, the
        minimum zoom is higher, because a tile should need few files. At the maximum zoom, pixels are as small as those
        of the finest file.
        """
        file_zooms = [zooms for grid in self.grids if (zooms := zoom_range(tms, grid)) is not None]
        if not file_zooms:
            return None
        extent_zooms = zoom_range(tms, _extent_grid(self.bounds or WORLD))
        lowest = min(fits for fits, _ in file_zooms) - 1
        minimum = max(0, lowest, min(extent_zooms[0], lowest + 1) if extent_zooms else 0)
        return minimum, max(finest for _, finest in file_zooms)


async def read_tile_extent(engine: Engine, request: ImageRequest) -> TileExtent:
    """The extent of a request's collection, or of the whole catalogue if it has none.

    Grids are those of the bands in the expression. Raises InvalidInput if no catalogue has the collection or several
    have it.
    """
    member, collection = await engine.catalogs.of(request.collection)
    catalog = member.catalog
    if isinstance(catalog, Archive):
        return await _archive_extent(engine, catalog, collection, request.profile, request.expression.bands)
    grids = _nominal_grid(request.profile, request.expression.bands)
    return TileExtent(await catalog.bounds(), grids, request.profile.attribution)


def _nominal_grid(profile: Profile, bands: Sequence[str]) -> tuple[Grid, ...]:
    """A grid with the nominal resolution of the finest band; none if no band has one."""
    resolutions = [profile.band(band).resolution for band in bands]
    pixel = min((each for each in resolutions if each is not None), default=None)
    if pixel is None:
        return ()
    side = round(SCENE_SIDE / pixel)
    return (Grid("EPSG:32631", Affine(pixel, 0, 500_000 - SCENE_SIDE / 2, 0, -pixel, SCENE_SIDE / 2), side, side),)


async def _archive_extent(
    engine: Engine, archive: Archive, collection: str | None, profile: Profile, bands: Sequence[str]
) -> TileExtent:
    bounds, scenes, attribution = await asyncio.to_thread(_read_index, archive, collection, profile)
    tally = UpstreamStats()
    grids: list[Grid] = []

    async def read_headers(scene: Scene) -> None:
        own = {band: a for band, a in scene.assets.items() if not is_local(a.url) or is_below(a.url, archive.folder)}
        all_bands = {asset.url: band for band, asset in own.items()}
        needed = {asset.url: band for band, asset in own.items() if band in bands}
        for url, band in sorted((needed or all_bands).items()):
            with suppress(SourceError):
                _, metadata = bind_asset(scene.assets[band], band, await engine.blocks.read_metadata(url, tally))
                grids.append(metadata.levels[0].grid)

    with suppress(TimeoutError):
        async with asyncio.timeout(TIMEOUT):
            await asyncio.gather(*map(read_headers, scenes))
    return TileExtent(bounds, tuple(dict.fromkeys(grids)), attribution)


def _read_index(archive: Archive, collection: str | None, profile: Profile) -> tuple[Bounds | None, list[Scene], str]:
    """Bounds, newest scenes and attribution, from the archive's index and its `collection.json` files.

    Reads from disk. Raises InvalidInput if there is no such collection.
    """
    names = archive.collections()
    selected = collections_of(collection)
    for name in selected:
        if name not in names:
            message = f"Unknown collection {quoted(name)}{did_you_mean(name, names) or '.'}"
            raise InvalidInput(message, parameter="collection", valid=" or ".join(names))
    [box] = archive.select(
        "SELECT min(west), min(south), max(east), max(north) FROM places JOIN items ON items.number = places.item "
        "WHERE ?1 IS NULL OR collection IN (SELECT value FROM json_each(?1))",
        (json.dumps(selected) if selected else None,),
    )
    scenes: list[Scene] = []
    attributions: list[str] = []
    documents = Documents(archive, "")
    for name in selected or names[:MAX_COLLECTIONS]:
        query = "SELECT item, path FROM items WHERE collection = ? ORDER BY time DESC LIMIT ?"
        newest: list[Scene] = []
        for item, path in archive.select(query, (name, MAX_ITEMS)):
            with suppress(UnusableItem):
                newest.append(parse_item(json.loads(item), (archive.folder / path).as_uri(), archive.profiles))
        document = documents.collection(name) if name else {}
        attributions.append(attribution_of(document) or profile.member(name).attribution)
        scenes += newest
    bounds = tuple(box) if box[0] is not None else None
    return bounds, scenes, "; ".join(dict.fromkeys(filter(None, attributions)))


def _extent_grid(bounds: Bounds) -> Grid:
    """A grid over bounds in degrees, with 256 pixels along the longer side, as a map tile has."""
    west, south, east, north = bounds
    pixel = max(east - west, north - south, 1e-9) / 256
    width, height = max(1, round((east - west) / pixel)), max(1, round((north - south) / pixel))
    return Grid(DEGREES, Affine((east - west) / width, 0, west, 0, -(north - south) / height, north), width, height)
