"""A server whose catalogue is `/stac` of another server lists the same scenes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from scog.catalog.archive.archive import Archive
from scog.catalog.query import Catalog, Query
from scog.catalog.stac_api import RemoteCatalog
from scog.geo.footprint import Footprints
from scog.net.policy import UpstreamStats
from scog.temporal.intervals import Interval, parse_interval
from tests.profiles import PROFILES, parse_item
from tests.stac.synthetic_items import L2A, Item

QUERIES = [
    Query((-180.0, -90.0, 180.0, 90.0), Interval(None, None), 100, L2A),
    Query((-6.0, -6.0, 7.0, 7.0), Interval(None, None), 100, L2A),
    Query((-20.0, -20.0, 26.0, 26.0), parse_interval("2022-02-01/2022-05-01"), 100, L2A),
    Query((-20.0, -20.0, 26.0, 26.0), Interval(None, None), 55, L2A),
    Query((170.0, -20.0, -170.0, 60.0), Interval(None, None), 100, L2A),
    Query((170.0, -20.0, 180.0, 60.0), Interval(None, None), 100, L2A),
]


async def _scenes(catalog: Catalog, query: Query) -> list[str]:
    """Ids of the scenes that intersect the query's bounds, newest first.

    If the query limits the cloud cover, scenes of unknown cloud cover are omitted: a STAC API's `query` does not match
    them.
    """
    cursor, scenes = None, []
    while True:
        page = await catalog.page(query, cursor, UpstreamStats())
        scenes += [parse_item(item, base) for item, base in zip(page.items, page.bases, strict=True)]
        cursor = page.cursor
        if cursor is None:
            break
    if query.cloud_cover < 100:
        scenes = [scene for scene in scenes if scene.cloud_cover is not None]
    touching = Footprints([scene.footprint for scene in scenes]).touching(query.bounds)
    scenes = [scene for scene, is_touching in zip(scenes, touching, strict=True) if is_touching]
    return [scene.id for scene in sorted(scenes, key=lambda scene: (-scene.time.timestamp(), scene.id))]


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_both_servers_list_the_same_scenes(
    server: str, archive_folder: Path, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scog.catalog.stac_api.PAGE_SIZE", 7)

    async def search_both() -> tuple[list[str], list[str]]:
        archive = await asyncio.to_thread(Archive.open, archive_folder)
        remote = RemoteCatalog(f"{server}/stac", PROFILES, hosts=(urlsplit(server).netloc,), deadline=10, retries=0)
        try:
            return await _scenes(archive, query), await _scenes(remote, query)
        finally:
            await archive.close()
            await remote.close()

    from_archive, from_server = asyncio.run(search_both())
    assert from_archive == from_server
    assert len(from_archive) > 0


def test_asset_links_point_to_the_first_server(server: str, items: list[Item]) -> None:
    async def first() -> list[str]:
        remote = RemoteCatalog(f"{server}/stac", PROFILES, hosts=(), deadline=10, retries=0)
        try:
            page = await remote.page(QUERIES[0], None, UpstreamStats())
        finally:
            await remote.close()
        return [parse_item(item, base).assets["red"].url for item, base in zip(page.items, page.bases, strict=True)]

    assert all(url.startswith(f"{server}/stac/files/") for url in asyncio.run(first()))
