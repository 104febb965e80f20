"""Selection of observations: newest first, complete, within limits, with as few searches as possible."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from morecantile import tms

from scog.catalog.catalogs import Catalogs
from scog.catalog.coverage import CELLS
from scog.catalog.observation import Observation
from scog.errors import CatalogError, CatalogUnavailable
from scog.geo.bounds import lonlat_bounds
from scog.geo.footprint import Footprints
from scog.geo.grid import Grid, tile_grid
from scog.imaging.report import Report
from scog.imaging.request import SceneFilter
from scog.imaging.select import WIDE_PAGES, WIDE_SCENES, observations
from scog.settings import Settings
from tests.doubles.acquisitions import acquisitions, mgrs_tiles_around
from tests.doubles.archives import L2A
from tests.doubles.scripted_catalog import EVER, ScriptedCatalog, SearchHarness, newest_first


def tile_at(lon: float, lat: float, z: int) -> Grid:
    tile = tms.get("WebMercatorQuad").tile(lon, lat, z)
    return tile_grid(tile.z, tile.x, tile.y)


SQUARES = mgrs_tiles_around(11.3, 46.5, 2, 2)
SERIES = newest_first(
    acquisitions(SQUARES, date(2024, 1, 1), 30, "https://files.example.org", collections=[L2A], every=3)
)
INNER = tile_at(11.69, 46.87, 14)
"""A map tile in which all four MGRS tiles overlap."""
WIDE = tile_grid(4, 8, 5)
COUNTRY = [each for zone in (3.0, 9.0) for each in mgrs_tiles_around(zone, 46.0, 6, 14)]
"""168 MGRS tiles of two UTM zones."""


def work_with(catalog: ScriptedCatalog, work: Callable[[SearchHarness], Coroutine[Any, Any, None]]) -> None:
    async def whole() -> None:
        bench = SearchHarness(catalog)
        try:
            async with asyncio.timeout(20):
                await work(bench)
        finally:
            await bench.close()

    asyncio.run(whole())


async def find(
    bench: SearchHarness, grid: Grid, limit: int = 10_000, **settings: Any
) -> tuple[list[Observation], Report]:
    engine: Any = SimpleNamespace(catalogs=Catalogs([bench.searches]), settings=Settings(**settings))
    report, selected = Report(), []
    async for observation in observations(engine, grid, SceneFilter(EVER, 100.0), report):
        selected.append(observation)
        if len(selected) == limit:
            break
    return selected, report


def scene_counts(selected: list[Observation]) -> list[int]:
    return [len(observation.scenes) for observation in selected]


@pytest.mark.parametrize("size", [1, 3, 4, 6, 7, 50, 120, 1000])
def test_observations_are_newest_first_and_complete_with_any_page_size(size: int) -> None:
    async def work(bench: SearchHarness) -> None:
        selected, report = await find(bench, INNER)
        if size * 10 >= len(SERIES):
            assert scene_counts(selected) == [4] * 30
            assert not report.truncated
        else:
            assert report.truncated
        times = [observation.time for observation in selected]
        assert times == sorted(times, reverse=True)
        assert all(each == 4 for each in scene_counts(selected)[:-1])

    work_with(ScriptedCatalog(SERIES, size), work)


@pytest.mark.parametrize("size", range(1, 9))
def test_two_concurrent_overpasses_are_complete(size: int) -> None:
    """Overpasses of two satellites within a minute, so that their scenes alternate."""

    def other(item: Any) -> Any:
        properties = item["properties"]
        later = properties["datetime"].replace(".10", ".60")
        named = {name: properties[name].replace("S2A", "S2D") for name in ("s2:datatake_id", "s2:datastrip_id")}
        return {
            **item,
            "id": item["id"].replace("S2A", "S2D"),
            "properties": properties | named | {"datetime": later, "platform": "sentinel-2d"},
        }

    first = acquisitions(SQUARES, date(2024, 1, 1), 1, "x", collections=[L2A])
    both = newest_first([*first, *(other(item) for item in first)])
    assert [item["id"][:3] for item in both] != sorted(item["id"][:3] for item in both)

    async def work(bench: SearchHarness) -> None:
        selected, _ = await find(bench, INNER)
        assert scene_counts(selected) == [4, 4]

    work_with(ScriptedCatalog(both, size), work)


@pytest.mark.parametrize(("count", "pages"), [(1, 1), (12, 1), (13, 2), (24, 2), (25, 3)])
def test_a_page_is_requested_when_the_previous_one_is_used_up(count: int, pages: int) -> None:
    async def work(bench: SearchHarness) -> None:
        selected, _ = await find(bench, INNER, count)
        assert len(selected) == count
        assert len(bench.catalog.requests) == pages

    work_with(ScriptedCatalog(SERIES, 50), work)


def test_only_intersecting_observations_are_selected() -> None:
    async def work(bench: SearchHarness) -> None:
        selected, _ = await find(bench, tile_grid(13, 4345, 2860))
        assert len(selected) == 30
        assert {scene.mgrs_tile for observation in selected for scene in observation.scenes} == {"32TPT"}

    work_with(ScriptedCatalog(SERIES), work)


def test_zooming_in_needs_no_further_search() -> None:
    async def work(bench: SearchHarness) -> None:
        await find(bench, tile_grid(8, 136, 89))
        before = len(bench.catalog.requests)
        for z in range(9, 17):
            shift = z - 8
            for x, y in ((136 << shift, 89 << shift), ((137 << shift) - 1, (90 << shift) - 1)):
                await find(bench, tile_grid(z, x, y))
        assert len(bench.catalog.requests) == before == 2

    work_with(ScriptedCatalog(SERIES), work)


def test_zooming_out_by_one_needs_no_further_search() -> None:
    async def work(bench: SearchHarness) -> None:
        for x, y in ((136, 88), (137, 88), (136, 89), (137, 89)):
            await find(bench, tile_grid(8, x, y))
        before = len(bench.catalog.requests)
        selected, _ = await find(bench, tile_grid(7, 68, 44))
        assert selected
        assert len(bench.catalog.requests) == before

    work_with(ScriptedCatalog(SERIES), work)


# When the catalogue fails


@pytest.mark.parametrize("grid", [INNER, WIDE])
def test_a_failed_first_page_is_an_error(grid: Grid) -> None:
    catalog = ScriptedCatalog(SERIES)
    catalog.fault = CatalogUnavailable("away")

    async def work(bench: SearchHarness) -> None:
        with pytest.raises(CatalogError):
            await find(bench, grid)

    work_with(catalog, work)


@pytest.mark.parametrize("size", [50, 3])
def test_a_failed_further_page_gives_the_scenes_of_earlier_pages(size: int) -> None:
    catalog = ScriptedCatalog(SERIES, size)

    async def work(bench: SearchHarness) -> None:
        bench.catalog.cursor = _failing_after(catalog, 1)
        selected, report = await find(bench, INNER)
        assert sum(scene_counts(selected)) == size  # the last observation is incomplete
        assert report.incomplete == "catalogue"
        assert report.partial

    work_with(catalog, work)


def test_a_failed_further_page_gives_a_wide_image_the_scenes_of_earlier_pages() -> None:
    catalog = ScriptedCatalog(newest_first(acquisitions(COUNTRY, date(2024, 1, 1), 3, "x", collections=[L2A])), 40)

    async def work(bench: SearchHarness) -> None:
        bench.catalog.cursor = _failing_after(catalog, 1)
        selected, report = await find(bench, WIDE)
        assert 0 < sum(scene_counts(selected)) <= 40
        assert report.incomplete == "catalogue"
        assert report.truncated

    work_with(catalog, work)


def _failing_after(catalog: ScriptedCatalog, pages: int) -> Callable[[int], Any]:
    def cursor(at: int) -> Any:
        if len(catalog.requests) >= pages:
            catalog.fault = CatalogUnavailable("away")
        return {"at": at}

    return cursor


# Bounds


def test_observations_are_limited() -> None:
    long = newest_first(acquisitions(SQUARES[:1], date(2010, 1, 1), 150, "x", collections=[L2A]))

    async def work(bench: SearchHarness) -> None:
        selected, report = await find(bench, tile_grid(13, 4345, 2860))
        assert len(selected) == 100
        assert report.truncated

    work_with(ScriptedCatalog(long), work)


@pytest.mark.parametrize(("setting", "scenes"), [({"image_scenes": 50}, 48), ({"image_observations": 7}, 28)])
def test_settings_limit_scenes_and_observations(setting: dict[str, Any], scenes: int) -> None:
    async def work(bench: SearchHarness) -> None:
        selected, report = await find(bench, INNER, **setting)
        assert sum(scene_counts(selected)) == scenes
        assert report.truncated

    work_with(ScriptedCatalog(SERIES), work)


@pytest.mark.parametrize("z", [3, 4, 5, 6, 7])
def test_wide_images_use_few_scenes_that_cover_them(z: int) -> None:
    items = newest_first(acquisitions(COUNTRY, date(2024, 1, 1), 6, "x", collections=[L2A]))
    grid = tile_at(6.5, 46.0, z)

    async def work(bench: SearchHarness) -> None:
        since = time.perf_counter()
        selected, report = await find(bench, grid)
        seconds = time.perf_counter() - since
        assert sum(scene_counts(selected)) <= WIDE_SCENES
        areas = {query for query, _ in bench.catalog.requests}
        assert len(bench.catalog.requests) <= WIDE_PAGES * len(areas)
        assert len(areas) == (4 if z == 7 else 1)
        assert report.truncated
        scenes = [scene for observation in selected for scene in observation.scenes]
        assert len(scenes) == WIDE_SCENES or coverage_of(grid, scenes) == largest_coverage(grid)
        assert seconds < 3

    work_with(ScriptedCatalog(items), work)


def coverage_of(grid: Grid, scenes: Any) -> float:
    return float(
        np.mean(Footprints([scene.footprint for scene in scenes]).cells(lonlat_bounds(grid), CELLS).any(axis=0))
    )


def largest_coverage(grid: Grid) -> float:
    rings = [(tuple((x, y) for x, y in square.ring),) for square in COUNTRY]
    return float(Footprints(rings).cells(lonlat_bounds(grid), CELLS).any(axis=0).mean())


def test_a_wide_image_of_few_scenes_is_complete() -> None:
    few = newest_first(acquisitions(SQUARES, date(2024, 1, 1), 2, "x", collections=[L2A]))

    async def work(bench: SearchHarness) -> None:
        selected, report = await find(bench, WIDE)
        assert scene_counts(selected) == [4, 4]
        assert not report.truncated
        assert len(bench.catalog.requests) == 1

    work_with(ScriptedCatalog(few), work)


def test_stale_searches_are_reported() -> None:
    async def work(bench: SearchHarness) -> None:
        assert (await find(bench, INNER))[1].stale is None
        bench.clock.now += 400
        assert (await find(bench, INNER))[1].stale == 400

    work_with(ScriptedCatalog(SERIES), work)
