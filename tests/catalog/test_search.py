"""Searches: shared, cached, expired, refreshed in the background, and restored after a restart."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Coroutine
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from scog.catalog import scene as scenes
from scog.catalog import search as search_module
from scog.catalog.search import FRESH, FRESH_PAST, MAX_PAGES, PAUSE, STALE, Search, Searches
from scog.catalog.search_store import SearchStore
from scog.collections.profiles import Profiles
from scog.errors import CatalogUnavailable
from scog.net.policy import UpstreamStats
from scog.temporal.intervals import parse_interval
from tests.doubles.acquisitions import acquisitions, mgrs_tiles_around
from tests.doubles.scripted_catalog import AREA, EVER, ScriptedCatalog, SearchHarness, newest_first, settle
from tests.profiles import C1, L2A

PAST = parse_interval("2020-01-01/2020-12-31")
ITEMS = newest_first(
    acquisitions(
        mgrs_tiles_around(11.3, 46.5, 2, 2), date(2020, 1, 1), 30, "https://files.example.org", collections=[L2A]
    )
)
"""Thirty overpasses of four MGRS tiles, newest first."""


def run(work: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await work

    asyncio.run(bounded())


def with_bench(work: Callable[[SearchHarness], Coroutine[Any, Any, None]], **more: Any) -> None:
    async def whole() -> None:
        bench = SearchHarness(ScriptedCatalog(ITEMS), **more)
        try:
            await work(bench)
        finally:
            await bench.close()

    run(whole())


def ids(search: Search) -> list[str]:
    return [scene.id for scene in search.scenes.scenes]


# Sharing


def test_concurrent_requests_share_a_search() -> None:
    async def work(bench: SearchHarness) -> None:
        bench.catalog.gate = asyncio.Event()
        requests = [asyncio.ensure_future(bench.find()) for _ in range(50)]
        await settle()
        bench.catalog.gate.set()
        searches = await asyncio.gather(*requests)
        assert len(set(map(id, searches))) == 1
        assert len(bench.catalog.requests) == 1

    with_bench(work)


def test_queries_differ_by_area_time_cloud_cover_and_collection() -> None:
    async def work(bench: SearchHarness) -> None:
        await bench.find()
        await bench.find(area=(11.0, 46.0, 12.0, 47.0))
        await bench.find(PAST)
        await bench.find(cloud_cover=20.0)
        await bench.find(collection=C1)
        assert len(bench.catalog.requests) == 5
        await bench.find(collection=L2A)
        assert len(bench.catalog.requests) == 5

    with_bench(work)


def test_an_error_reaches_all_waiters_and_is_not_cached() -> None:
    async def work(bench: SearchHarness) -> None:
        bench.catalog.fault = CatalogUnavailable("away")
        results = await asyncio.gather(*(bench.find() for _ in range(10)), return_exceptions=True)
        assert all(isinstance(each, CatalogUnavailable) for each in results)
        assert len(bench.catalog.requests) == 1
        bench.catalog.fault = None
        assert len(ids(await bench.find())) == 100

    with_bench(work)


def test_concurrent_calls_share_a_page() -> None:
    async def work(bench: SearchHarness) -> None:
        search = await bench.find()
        assert (search.pages, search.exhausted) == (1, False)
        await asyncio.gather(*(search.load_page(UpstreamStats()) for _ in range(10)))
        assert (search.pages, search.exhausted) == (2, True)
        assert len(bench.catalog.requests) == 2
        assert ids(search) == _in_order([item["id"] for item in ITEMS])

    with_bench(work)


def test_a_page_loaded_meanwhile_is_not_requested_again() -> None:
    async def work(bench: SearchHarness) -> None:
        search = await bench.find()
        loads = [search.load_page(UpstreamStats(), 1) for _ in range(3)]
        await loads[0]
        await loads[1]
        assert (search.pages, search.exhausted) == (2, True)
        await loads[2]
        await search.load_page(UpstreamStats())  # no further page
        assert len(bench.catalog.requests) == 2

    with_bench(work)


def _in_order(names: list[str]) -> list[str]:
    """Newest overpass first, within an overpass by time."""
    sort_key = {item["id"]: (item["properties"]["s2:datatake_id"], item["properties"]["datetime"]) for item in ITEMS}
    overpasses = sorted({sort_key[name][0][5:20] for name in names}, reverse=True)
    return [
        name
        for overpass in overpasses
        for name in sorted(
            (name for name in names if sort_key[name][0][5:20] == overpass), key=lambda name: sort_key[name][1]
        )
    ]


def test_a_cancelled_search_still_completes() -> None:
    async def work(bench: SearchHarness) -> None:
        bench.catalog.gate = asyncio.Event()
        request = asyncio.ensure_future(bench.find())
        await settle()
        request.cancel()
        await settle()
        bench.catalog.gate.set()
        await settle()
        assert len(bench.searches._cached) == 1
        assert len(ids(await bench.find())) == 100
        assert len(bench.catalog.requests) == 1

    with_bench(work)


def test_a_repeated_request_joins_the_search_under_way() -> None:
    async def work(bench: SearchHarness) -> None:
        bench.catalog.gate = asyncio.Event()
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await bench.find()
        again = asyncio.ensure_future(bench.find())
        await settle()
        bench.catalog.gate.set()
        assert len(ids(await again)) == 100
        assert len(bench.catalog.requests) == 1

    with_bench(work)


def test_a_cancelled_page_still_completes() -> None:
    async def work(bench: SearchHarness) -> None:
        search = await bench.find()
        bench.catalog.gate = asyncio.Event()
        load = asyncio.ensure_future(search.load_page(UpstreamStats()))
        await settle()
        load.cancel()
        await settle()
        bench.catalog.gate.set()
        await settle()
        assert (search.pages, len(bench.catalog.requests)) == (2, 2)

    with_bench(work)


def test_abandoned_searches_are_bounded() -> None:
    async def work(bench: SearchHarness) -> None:
        bench.catalog.gate = asyncio.Event()
        areas = [(float(west), 46.0, west + 1.0, 47.0) for west in range(10)]
        requests = [asyncio.ensure_future(bench.find(area=area)) for area in areas]
        await settle()
        for task in requests:
            task.cancel()
        await settle()
        bench.catalog.gate.set()
        await settle()
        assert len(bench.searches._cached) == 4
        assert len(ids(await bench.find(area=areas[9]))) == 100

    with_bench(work)


def test_closing_cancels_background_requests() -> None:
    async def work() -> None:
        bench = SearchHarness(ScriptedCatalog(ITEMS))
        bench.catalog.gate = asyncio.Event()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await bench.find()
        await bench.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(work())


# Filtering


def _changed(item: Any, properties: dict[str, Any] | None = None, **members: Any) -> Any:
    return {**item, "properties": {**item["properties"], **(properties or {})}, **members}


def test_invalid_and_other_items_are_skipped_and_counted() -> None:
    good = ITEMS[0]
    catalog = ScriptedCatalog(
        [
            good,
            _changed(ITEMS[1], geometry=None, bbox=None),
            _changed(ITEMS[2], assets={}),
            _changed(ITEMS[3], assets={"red-jp2": good["assets"]["red-jp2"]}),
            _changed(ITEMS[4], {"eo:cloud_cover": 61.0}),
            _changed(ITEMS[5], {"datetime": "2019-01-01T00:00:00Z"}),
            _changed(ITEMS[6], {"datetime": "yesterday"}),
            _changed(ITEMS[7], collection="sentinel-2-c1-l2a"),
            _changed(ITEMS[8], {"datetime": None}),
            _changed(ITEMS[9], id=None),
            "text",
            None,
            [],
            {"type": "Feature"},
        ]
    )

    async def work() -> None:
        bench = SearchHarness(catalog)
        search = await bench.find(PAST, cloud_cover=60.0)
        assert ids(search) == [good["id"]]
        assert search.skipped == {
            "no-geometry": 1,
            "no-raster-assets": 2,
            "cloud-cover": 1,
            "other-time": 1,
            "bad-datetime": 2,
            "other-collection": 1,
            "no-id": 1,
            "no-item": 3,
            "no-properties": 1,
        }
        await bench.close()

    run(work())


def test_a_catalogue_that_ignores_filters_never_mixes_collections() -> None:
    both = acquisitions(mgrs_tiles_around(11.3, 46.5, 1, 1), date(2020, 1, 1), 5, "https://files.example.org")

    async def work() -> None:
        bench = SearchHarness(ScriptedCatalog(both))
        for collection, expected in ((None, L2A), (L2A, L2A), (C1, C1)):
            search = await bench.find(collection=collection)
            assert {scene.collection for scene in search.scenes.scenes} == {expected}
            assert len(ids(search)) == 5
            assert search.skipped == {"other-collection": 5}
        await bench.close()
        bench = SearchHarness(ScriptedCatalog(both), collection=C1)
        assert {scene.collection for scene in (await bench.find()).scenes.scenes} == {C1}
        await bench.close()

    run(work())


def test_several_collections_and_none() -> None:
    """Collections separated by commas are searched together; without a default, None means all."""
    both = acquisitions(mgrs_tiles_around(11.3, 46.5, 1, 1), date(2020, 1, 1), 5, "https://files.example.org")
    one = _changed(both[0], collection="mine", id="mine")

    async def work() -> None:
        bench = SearchHarness(ScriptedCatalog([*both, one]), collection=None)
        for collection, expected in (
            (None, {L2A, C1, "mine"}), (f"{L2A},{C1}", {L2A, C1}), (f" mine, {C1} ", {"mine", C1}), ("mine", {"mine"}),
        ):  # fmt: skip
            search = await bench.find(collection=collection)
            assert {scene.collection for scene in search.scenes.scenes} == expected
        await bench.close()

    run(work())


def test_duplicates_and_older_versions_count_once() -> None:
    again = _changed(ITEMS[0], {"s2:generation_time": "2030-01-01T00:00:00Z"}, id="S2A_AGAIN")
    catalog = ScriptedCatalog([ITEMS[0], ITEMS[0], again, ITEMS[1]])

    async def work() -> None:
        bench = SearchHarness(catalog)
        assert sorted(ids(await bench.find())) == sorted(["S2A_AGAIN", ITEMS[1]["id"]])
        await bench.close()

    run(work())


# Pages


def test_a_page_that_links_to_itself_is_the_last() -> None:
    async def work(bench: SearchHarness) -> None:
        bench.catalog.cursor = lambda at: {"at": 0, "always": "the same"}
        search = await bench.find()
        while not search.exhausted:
            await search.load_page(UpstreamStats())
        assert len(bench.catalog.requests) == 2
        assert not search.truncated
        assert len(ids(search)) == 100

    with_bench(work)


def test_pages_that_link_to_each_other_end() -> None:
    async def work(bench: SearchHarness) -> None:
        bench.catalog.cursor = lambda at: {"at": 0 if at >= 120 else 100}
        search = await bench.find()
        while not search.exhausted:
            await search.load_page(UpstreamStats())
        assert len(bench.catalog.requests) <= 4
        assert len(ids(search)) == 120

    with_bench(work)


def test_pages_are_bounded() -> None:
    async def work(bench: SearchHarness) -> None:
        bench.catalog.cursor = lambda at: {"at": 0, "number": len(bench.catalog.requests)}
        search = await bench.find()
        while not search.exhausted:
            await search.load_page(UpstreamStats())
        assert len(bench.catalog.requests) == MAX_PAGES
        assert search.truncated

    with_bench(work)


def test_scenes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_module, "MAX_SCENES", 80)

    async def work() -> None:
        bench = SearchHarness(ScriptedCatalog(ITEMS, size=20))
        search = await bench.find()
        while not search.exhausted:
            await search.load_page(UpstreamStats())
        assert search.truncated
        assert len(bench.catalog.requests) == 4
        await bench.close()

    run(work())


def test_the_horizon_is_after_the_oldest_scene_of_the_last_page() -> None:
    async def work(bench: SearchHarness) -> None:
        bench.catalog.size = 6  # one overpass and half of the next
        search = await bench.find()
        above = [each for each in search.scenes._observations if each.time > search.horizon]
        assert [len(each.scenes) for each in above] == [4]
        await search.load_page(UpstreamStats())
        above = [each for each in search.scenes._observations if each.time > search.horizon]
        assert [len(each.scenes) for each in above] == [4, 4]

    with_bench(work)


# Expiry


def test_fresh_searches_are_used_without_a_request() -> None:
    async def work(bench: SearchHarness) -> None:
        search = await bench.find()
        bench.clock.now += FRESH - 1
        assert await bench.find() is search
        assert bench.searches.age_if_stale(search) is None
        await settle()
        assert len(bench.catalog.requests) == 1

    with_bench(work)


def test_stale_searches_are_used_and_refreshed_once_in_the_background() -> None:
    async def work(bench: SearchHarness) -> None:
        search = await bench.find()
        bench.clock.now += FRESH + 1
        bench.catalog.gate = asyncio.Event()
        searches = await asyncio.wait_for(asyncio.gather(*(bench.find() for _ in range(20))), 1)
        assert all(each is search for each in searches)
        assert bench.searches.age_if_stale(search) == FRESH + 1
        bench.catalog.gate.set()
        await settle()
        assert len(bench.catalog.requests) == 2
        renewed = await bench.find()
        assert renewed is not search
        assert bench.searches.age_if_stale(renewed) is None
        assert len(bench.catalog.requests) == 2

    with_bench(work)


def test_a_past_interval_is_fresh_for_a_day() -> None:
    async def work(bench: SearchHarness) -> None:
        search = await bench.find(PAST)
        bench.clock.now += FRESH_PAST - 1
        assert bench.searches.age_if_stale(search) is None
        bench.clock.now += 2
        assert bench.searches.age_if_stale(search) == FRESH_PAST + 1

    with_bench(work)


@pytest.mark.parametrize(("end", "fresh"), [("2024-06-11", FRESH), ("2024-06-03", FRESH), ("2024-06-01", FRESH_PAST)])
def test_intervals_of_the_last_ten_days_are_not_past(end: str, fresh: float) -> None:
    async def work(bench: SearchHarness) -> None:
        search = await bench.find(parse_interval(f"2020-01-01/{end}"))
        bench.clock.now += fresh
        assert bench.searches.age_if_stale(search) is None
        bench.clock.now += 1
        assert bench.searches.age_if_stale(search) is not None

    with_bench(work)


def test_expired_searches_are_not_used() -> None:
    async def work(bench: SearchHarness) -> None:
        search = await bench.find()
        bench.clock.now += FRESH + STALE + 1
        bench.catalog.fault = CatalogUnavailable("away")
        with pytest.raises(CatalogUnavailable):
            await bench.find()
        bench.catalog.fault = None
        assert await bench.find() is not search

    with_bench(work)


def test_stale_searches_are_used_for_a_day_while_the_catalogue_fails(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)

    async def work(bench: SearchHarness) -> None:
        search = await bench.find()
        bench.catalog.fault = CatalogUnavailable("away")
        bench.clock.now += FRESH + 1
        for _ in range(5):
            assert await bench.find() is search
            await settle()
        assert len(bench.catalog.requests) == 2  # not at every request
        bench.clock.now += PAUSE + 1
        assert await bench.find() is search
        await settle()
        assert len(bench.catalog.requests) == 3
        bench.clock.now += STALE - 60
        assert await bench.find() is search
        age = bench.searches.age_if_stale(search)
        assert age is not None
        assert age > STALE - 60
        await settle()
        bench.catalog.fault = None
        bench.clock.now += PAUSE + 1
        assert await bench.find() is search
        await settle()
        assert await bench.find() is not search

    with_bench(work)


@pytest.mark.parametrize("hours", [1, 24 * 365])
def test_searches_expire_although_the_clock_is_set_back(hours: int) -> None:
    async def work(bench: SearchHarness) -> None:
        await bench.find()
        bench.clock.now -= hours * 3600
        await bench.find()
        await settle()
        assert len(bench.catalog.requests) == 2
        search = await bench.find()
        assert bench.searches.age_if_stale(search) is None

    with_bench(work)


def test_the_default_time_range_ends_open_and_begins_at_midnight() -> None:
    async def work(bench: SearchHarness) -> None:
        interval = await bench.searches.default_interval(None)
        assert str(interval) == "2024-03-14T00:00:00Z/.."

    with_bench(work)


# Memory


def test_cached_searches_are_bounded_by_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_module, "MAX_CACHED_SCENES", 350)

    async def work(bench: SearchHarness) -> None:
        for number in range(5):
            await bench.find(area=(number, 46.0, number + 1.0, 47.0))
        assert [query.bounds[0] for query in bench.searches._cached] == [2, 3, 4]
        await bench.find(area=(2, 46.0, 3.0, 47.0))
        assert len(bench.catalog.requests) == 5
        await bench.find(area=(0, 46.0, 1.0, 47.0))
        assert [query.bounds[0] for query in bench.searches._cached] == [4, 2, 0]

    with_bench(work)


def test_cached_searches_are_bounded_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_module, "MAX_SEARCHES", 3)

    async def work(bench: SearchHarness) -> None:
        bench.catalog.items = []
        for number in range(5):
            await bench.find(area=(number, 46.0, number + 1.0, 47.0))
        assert len(bench.searches._cached) == 3

    with_bench(work)


# On disk


def _restart(folder: Path, seconds: float = 60, **catalog: Any) -> SearchHarness:
    bench = SearchHarness(ScriptedCatalog(**{"items": ITEMS, **catalog}), folder)
    bench.clock.now += seconds
    return bench


async def _search_and_stop(folder: Path, pages: int = 1, **catalog: Any) -> Search:
    bench = SearchHarness(ScriptedCatalog(**{"items": ITEMS, **catalog}), folder)
    search = await bench.find()
    while search.pages < pages:
        await search.load_page(UpstreamStats())
    await bench.close()
    return search


@pytest.mark.parametrize("pages", [1, 2, 3])
def test_searches_survive_a_restart(tmp_path: Path, pages: int) -> None:
    async def work() -> None:
        before = await _search_and_stop(tmp_path, pages, size=50)
        bench = _restart(tmp_path, size=50)
        after = await bench.find()
        assert bench.catalog.requests == []
        assert [vars(scene) for scene in after.scenes.scenes] == [vars(scene) for scene in before.scenes.scenes]
        assert (after.pages, after.exhausted, after.horizon) == (before.pages, before.exhausted, before.horizon)
        while not after.exhausted:
            await after.load_page(UpstreamStats())
        assert len(bench.catalog.requests) == 3 - pages
        assert ids(after) == _in_order([item["id"] for item in ITEMS])
        await bench.close()

    run(work())


def test_truncation_survives_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_module, "MAX_SCENES", 80)

    async def work() -> None:
        before = await _search_and_stop(tmp_path, 4, size=20)
        assert before.truncated
        bench = _restart(tmp_path)
        assert (await bench.find()).truncated
        await bench.close()

    run(work())


def test_a_stale_search_from_disk_is_used_and_refreshed(tmp_path: Path) -> None:
    async def work() -> None:
        await _search_and_stop(tmp_path)
        bench = _restart(tmp_path, FRESH + 60)
        search = await bench.find()
        assert bench.searches.age_if_stale(search) == FRESH + 60
        await settle()
        assert len(bench.catalog.requests) == 1
        await bench.close()
        bench = _restart(tmp_path, FRESH + STALE + 61)
        assert bench.searches.age_if_stale(await bench.find()) == STALE + 1  # the refreshed one was stored
        await bench.close()

    run(work())


def test_an_expired_search_on_disk_is_requested_again(tmp_path: Path) -> None:
    async def work() -> None:
        await _search_and_stop(tmp_path)
        bench = _restart(tmp_path, FRESH + STALE + 1)
        assert bench.searches.age_if_stale(await bench.find()) is None
        assert len(bench.catalog.requests) == 1
        await bench.close()

    run(work())


def test_a_page_of_an_older_search_is_not_stored_with_a_newer_one(tmp_path: Path) -> None:
    async def work() -> None:
        bench = SearchHarness(ScriptedCatalog(ITEMS, size=50), tmp_path)
        old = await bench.find()
        bench.clock.now += FRESH + 1
        await bench.find()
        await settle()
        new = await bench.find()
        assert new is not old
        await old.load_page(UpstreamStats())
        assert old.pages == 2
        await bench.close()
        bench = _restart(tmp_path, FRESH + 60, size=50)
        assert (await bench.find()).pages == 1
        await bench.close()

    run(work())


@pytest.mark.parametrize("pages", [1, 2])
def test_pages_of_an_older_search_do_not_replace_newer_ones(tmp_path: Path, pages: int) -> None:
    async def work() -> None:
        bench = SearchHarness(ScriptedCatalog(ITEMS, size=50), tmp_path)
        old = await bench.find()
        bench.clock.now += FRESH + 1
        await bench.find()
        await settle()
        new = await bench.find()
        await new.load_page(UpstreamStats())
        for _ in range(pages):
            await old.load_page(UpstreamStats())
        await bench.close()
        bench = _restart(tmp_path, FRESH + 60, size=50)
        assert (await bench.find()).pages == 2
        await bench.close()

    run(work())


def test_catalogues_in_the_same_cache_folder_are_distinct(tmp_path: Path) -> None:
    async def work() -> None:
        await _search_and_stop(tmp_path)
        other = SearchStore(tmp_path, "https://another.example.org")
        catalog = ScriptedCatalog(ITEMS)
        searches = Searches(catalog, other, None, 90)
        await searches.find(AREA, EVER, 100.0, None, UpstreamStats())
        assert len(catalog.requests) == 1
        other.close()

    run(work())


def _garbage(path: Path) -> None:
    path.write_bytes(b"this is not a database" * 1000)


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _other_tables(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE search_pages (other TEXT)")
    database.close()


def _blobs(value: Any) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with sqlite3.connect(path) as database:
            database.execute("UPDATE search_pages SET scenes = ?", (value,))
        database.close()

    return damage


@pytest.mark.parametrize(
    "damage",
    [_garbage, _truncated, _other_tables, _blobs(b"x"), _blobs(b""), _blobs("text")],
    ids=["garbage", "truncated", "other tables", "bad blob", "empty blob", "text"],
)
def test_a_damaged_cache_only_costs_requests(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    async def work() -> None:
        await _search_and_stop(tmp_path)
        damage(tmp_path / "searches.sqlite")
        bench = _restart(tmp_path)
        assert len(ids(await bench.find())) == 100
        assert len(bench.catalog.requests) == 1
        await bench.close()

    run(work())


def test_an_unusable_folder_only_costs_requests(tmp_path: Path) -> None:
    async def work() -> None:
        blocking_file = tmp_path / "file"
        blocking_file.write_text("")
        bench = _restart(blocking_file / "cache")
        assert len(ids(await bench.find())) == 100
        assert bench.store.errors == 1
        await bench.close()

    run(work())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_only_costs_requests(tmp_path: Path) -> None:
    async def work() -> None:
        bench = _restart(tmp_path)
        assert len(ids(await bench.find())) == 100
        await bench.close()

    tmp_path.chmod(0o500)
    run(work())
    tmp_path.chmod(0o700)


def test_a_store_closed_meanwhile_is_not_an_error(tmp_path: Path) -> None:
    async def work() -> None:
        bench = SearchHarness(ScriptedCatalog(ITEMS), tmp_path)
        search = await bench.find()
        bench.store.close()
        await search.load_page(UpstreamStats())
        assert search.pages == 2
        await bench.close()

    run(work())


def test_items_are_parsed_off_the_event_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: set[int] = set()

    def record_thread(item: Any, base: str, profiles: Profiles) -> Any:
        threads.add(threading.get_ident())
        return scenes.parse_item(item, base, profiles)

    monkeypatch.setattr("scog.catalog.page_parser.parse_item", record_thread)

    async def work() -> None:
        bench = SearchHarness(ScriptedCatalog(ITEMS), tmp_path)
        await _all_pages(await bench.find())
        assert threads
        assert threading.get_ident() not in threads
        await bench.close()

    run(work())


async def _all_pages(search: Search) -> None:
    while not search.exhausted:
        await search.load_page(UpstreamStats())
