"""Items with one invalid value: at most the item or the asset is skipped, and each problem is reported.

Each run tries a few dozen mutations of one item; `make acceptance` tries all mutations of all items.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from scog.catalog.archive.archive import Archive
from scog.catalog.archive.item_query import search_items
from scog.catalog.item_search import ItemSearch, SortKey
from scog.catalog.query import Query
from scog.catalog.scene import Scene, UnusableItem
from scog.catalog.search import Search
from scog.catalog.search_store import SearchStore
from scog.catalog.stac_api import RemoteCatalog
from scog.net.policy import UpstreamStats
from scog.products.scene_list import feature_collection
from scog.temporal.intervals import Interval
from scog.web.stac.archives import Archives
from scog.web.stac.documents import Documents
from tests.doubles.acquisitions import acquisitions, mgrs_tiles_around
from tests.doubles.earth_search import SEARCH, EarthSearch, edit
from tests.doubles.mutations import Item, Mutation, mutations
from tests.profiles import L2A, PROFILES, parse_item
from tests.stac.synthetic_items import make_items

WORLD = Query((-180.0, -90.0, 180.0, 90.0), Interval(None, None), 100.0, None)
FEW = 60
MADE = make_items()[0]
EARTH_SEARCH = acquisitions(mgrs_tiles_around(11.3, 46.5, 1, 1), date(2024, 1, 1), 1, "https://example.org")[0]
COSTLY = ("id", "type", "properties", "datetime", "geometry", "assets")
"""Members that must be valid for an item to be usable."""
PROPERTIES = ("datetime", "storage:requester_pays")
"""Properties that may make an item unusable; the second one declares its files requester-pays."""


def sample(item: Item, count: int, seed: int = 5) -> list[Mutation]:
    return random.Random(seed).sample(list(mutations(item)), count)


def sound(item: Item) -> Item:
    return {**item, "id": "sound"}


def check(scene: Scene | None, problem: str, mutation: Mutation, whole: Scene, item: Item) -> None:
    """Check what a mutated item may have lost, and that the loss is reported."""
    place, how = mutation.path, str(mutation)
    if scene is None:
        assert problem, f"{how}: skipped but not reported"
        assert place[0] in COSTLY, f"{how}: {problem}"
        assert place[0] != "properties" or len(place) == 1 or place[1] in PROPERTIES, f"{how}: {problem}"
        assert place[0] != "assets" or len(place) == 1 or len(whole.assets) == 1, f"{how}: {problem}"
        return
    lost = set(whole.assets) - set(scene.assets)
    if place == ("collection",):  # without its profile, bands of the rendered image have other names
        lost = {name for name in lost if not name.startswith("visual_")}
    if place[0] == "assets" and len(place) > 1:
        assert lost <= bands_of(item, str(place[1])), f"{how}: {lost}"
    else:
        assert not lost or place == ("assets",), f"{how}: {lost}"
    if lost and len(place) > 2 and place[2] not in ("type", "href"):  # another media type is not an error
        assert problem, f"{how}: an asset is skipped but not reported"


def bands_of(item: Item, key: str) -> set[str]:
    """The bands of one asset of an item."""
    if key not in item["assets"]:
        return set()
    try:
        return set(parse_item({**item, "assets": {key: item["assets"][key]}}).assets)
    except UnusableItem:
        return set()


# A local archive


def everything(archive: Archive) -> Iterator[tuple[Item, str]]:
    """Yield all items, page by page."""
    cursor, is_first = None, True
    while is_first or cursor is not None:
        page = asyncio.run(archive.page(WORLD, cursor, UpstreamStats()))
        yield from zip(page.items, page.bases, strict=True)
        cursor, is_first = page.cursor, False


def archived(folder: Path, item: Item, tried: Sequence[Mutation]) -> None:
    """Open an archive of mutated items, and make all requests that a server makes."""
    (folder / "sound.json").write_text(json.dumps(sound(item)))
    for number, mutation in enumerate(tried):
        unique = {} if mutation.path == ("id",) else {"id": f"item-{number}"}
        (folder / f"{number}.json").write_text(json.dumps(mutation.item | unique))
    archive = Archive.open(folder)
    try:
        problems: dict[str, str] = {}
        for path, reason in archive.problems():
            problems[path] = f"{problems.get(path, '')}; {reason}"
        bases = {os.path.basename(base): parse_item(each, base) for each, base in everything(archive)}
        assert "sound.json" in bases
        for number, mutation in enumerate(tried):
            name = f"{number}.json"
            check(bases.get(name), problems.get(name, ""), mutation, bases["sound.json"], item)
        documents = Documents(archive, "http://localhost")
        archives = Archives({"archive": archive}, "http://localhost")
        responses = [archives.landing(), archives.collections(), archives.queryables()]
        for order in ((), (SortKey("eo:cloud_cover"),), (SortKey("gsd", True), SortKey("proj:epsg"))):
            page = search_items(archive, ItemSearch(order=order or ItemSearch().order), 10_000)
            assert page.matched == len(bases)  # a page that would be too large ends early
            responses += [documents.item(stored) for stored in page.items]
        json.dumps(responses, ensure_ascii=False, allow_nan=False).encode()  # as responses are written
    finally:
        asyncio.run(archive.close())


def test_an_archive_of_some_mutations(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for number, item in enumerate((MADE, EARTH_SEARCH)):
        folder = tmp_path / str(number)
        folder.mkdir()
        archived(folder, item, sample(item, FEW))
    assert len(caplog.records) < 50


@pytest.mark.acceptance
def test_an_archive_of_all_mutations(tmp_path: Path) -> None:
    for number, item in enumerate((MADE, EARTH_SEARCH)):
        folder = tmp_path / str(number)
        folder.mkdir()
        archived(folder, item, list(mutations(item)))


@pytest.mark.acceptance
def test_an_archive_of_recorded_items(tmp_path: Path, recorded: dict[str, Item]) -> None:
    for number, item in enumerate(recorded.values()):
        folder = tmp_path / str(number)
        folder.mkdir()
        archived(folder, item, sample(item, 150, number))


# A remote catalogue


def remote(item: Item, tried: Sequence[Mutation], caplog: pytest.LogCaptureFixture) -> None:
    """Mutated items on pages of Earth Search over HTTP; each page has a valid item too."""

    async def one_page(catalog: RemoteCatalog) -> Search:
        search = Search(Query(WORLD.bounds, WORLD.interval, 100.0, L2A), catalog, SearchStore(None, ""))
        await search.load_page(UpstreamStats())
        return search

    async def all_pages() -> None:
        catalog = RemoteCatalog(server.root, PROFILES, hosts=(server.host,), deadline=20.0, retries=0)
        try:
            for mutation in tried:
                features = [mutation.item, sound(item)]
                server.fail(SEARCH, edit(lambda page, features=features: page.update(features=features)))
                caplog.clear()
                search = await one_page(catalog)
                scenes = {scene.id: scene for scene in search._loaded}
                assert "sound" in scenes, str(mutation)
                others = [scene for scene in search._loaded if scene.id != "sound"]
                reported = "; ".join(search.problems)
                assert not reported or "cannot be used" in caplog.text
                is_of_other_collection = search.skipped["other-collection"] == 1
                if not is_of_other_collection:
                    check(others[0] if others else None, reported, mutation, scenes["sound"], item)
                listed = feature_collection(search.scenes.touching(WORLD.bounds))
                json.dumps(listed, ensure_ascii=False, allow_nan=False).encode()
        finally:
            await catalog.close()

    with EarthSearch() as server:
        server.items = [item]
        asyncio.run(all_pages())


def test_a_remote_catalogue_of_some_mutations(caplog: pytest.LogCaptureFixture) -> None:
    remote(EARTH_SEARCH, json_only(sample(EARTH_SEARCH, FEW)), caplog)


@pytest.mark.acceptance
def test_a_remote_catalogue_of_many_mutations(caplog: pytest.LogCaptureFixture) -> None:
    remote(EARTH_SEARCH, json_only(sample(EARTH_SEARCH, 1500)), caplog)


def json_only(tried: Sequence[Mutation]) -> list[Mutation]:
    """The mutations that JSON can represent; a page that is not JSON is tested elsewhere."""

    def holds(value: Any) -> bool:
        try:
            json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
        except ValueError:
            return False
        return True

    return [mutation for mutation in tried if holds(mutation.item)]
