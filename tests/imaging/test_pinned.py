"""Pinning: the newest scenes of the catalogue within an area, up to a limit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
import shapely

from scog.catalog.catalogs import Catalogs
from scog.catalog.records import from_json, to_json
from scog.cubes.cubes import _format_scenes, _parse_scenes
from scog.errors import CatalogUnavailable, InvalidInput
from scog.geo.grid import Grid, tile_grid
from scog.imaging.clip import ClipArea, parse_clip_area
from scog.imaging.pinned import Pinned, pin
from scog.imaging.report import Report
from scog.imaging.request import SceneFilter
from scog.imaging.select import observations
from scog.settings import Settings
from tests.doubles.acquisitions import acquisitions, mgrs_tiles_around
from tests.doubles.archives import L2A
from tests.doubles.scripted_catalog import EVER, ScriptedCatalog, SearchHarness, newest_first

SQUARES = mgrs_tiles_around(11.3, 46.5, 2, 2)
SERIES = newest_first(acquisitions(SQUARES, date(2024, 1, 1), 30, "https://files.example.org", collections=[L2A]))
MIDDLE = SQUARES[0].centre


def box(width: float) -> ClipArea:
    lon, lat = MIDDLE
    area = parse_clip_area([lon - width, lat - width, lon + width, lat + width], None)
    assert area is not None
    return area


EVERYWHERE = parse_clip_area([9, 44, 14, 49], None)


def with_bench(catalog: ScriptedCatalog, work: Callable[[SearchHarness], Coroutine[Any, Any, None]]) -> None:
    async def whole() -> None:
        bench = SearchHarness(catalog)
        try:
            async with asyncio.timeout(20):
                await work(bench)
        finally:
            await bench.close()

    asyncio.run(whole())


async def pinned(bench: SearchHarness, area: ClipArea | None = EVERYWHERE, limit: int = 500) -> Pinned:
    assert area is not None
    return await pin(bench.searches, area, EVER, 100.0, None, limit)


@pytest.mark.parametrize("size", [7, 50, 1000])
@pytest.mark.parametrize("limit", [1, 10, 50, 500])
def test_the_newest_scenes_are_pinned_with_any_page_size(size: int, limit: int) -> None:
    async def work(bench: SearchHarness) -> None:
        pinned_scenes = await pinned(bench, limit=limit)
        names = [scene.id for scene in pinned_scenes.scenes.scenes]
        expected = sorted(SERIES, key=lambda item: item["properties"]["datetime"], reverse=True)
        reached = [item["id"] for item in expected[: min(limit, 10 * size)]]
        assert {name.split("_")[2] for name in names} == {name.split("_")[2] for name in reached}
        assert len(names) == len(reached)
        assert pinned_scenes.truncated == (len(names) < len(SERIES))
        pages = -(-(limit + 4) // size)
        assert len(bench.catalog.requests) <= min(pages + 1, -(-len(SERIES) // size), 10)

    with_bench(ScriptedCatalog(SERIES, size), work)


def test_only_scenes_that_intersect_the_area_are_pinned() -> None:
    lon, lat = MIDDLE
    # The bounds of this triangle intersect all four MGRS tiles, the triangle itself only two.
    corners = [[lon - 0.2, lat + 0.2], [lon - 0.2, lat - 1.6], [lon + 0.02, lat + 0.2], [lon - 0.2, lat + 0.2]]
    area = parse_clip_area(None, {"type": "Polygon", "coordinates": [corners]})
    shape = shapely.geometry.Polygon(corners)
    expected = {square.name for square in SQUARES if shapely.Polygon(square.ring).intersects(shape)}
    assert len(expected) == 2

    async def work(bench: SearchHarness) -> None:
        pinned_scenes = await pinned(bench, area)
        assert {scene.mgrs_tile for scene in pinned_scenes.scenes.scenes} == expected
        assert len(pinned_scenes.scenes.scenes) == 60

    with_bench(ScriptedCatalog(SERIES), work)


def test_pinning_bypasses_cached_searches() -> None:
    async def work(bench: SearchHarness) -> None:
        first = await pinned(bench, box(0.1))
        newer = newest_first(acquisitions(SQUARES, date(2025, 1, 1), 1, "https://x.example", collections=[L2A]))
        bench.catalog.items = [*newer, *SERIES]
        second = await pinned(bench, box(0.1))
        assert len(second.scenes.scenes) == len(first.scenes.scenes) + 1

    with_bench(ScriptedCatalog(SERIES, 1000), work)


@pytest.mark.parametrize("after", [0, 1])
def test_a_failed_page_pins_nothing(after: int) -> None:
    catalog = ScriptedCatalog(SERIES, 50)

    def cursor(at: int) -> Any:
        if len(catalog.requests) >= after:
            catalog.fault = CatalogUnavailable("away")
        return {"at": at}

    catalog.cursor = cursor
    catalog.fault = None if after else CatalogUnavailable("away")

    async def work(bench: SearchHarness) -> None:
        with pytest.raises(CatalogUnavailable):
            await pinned(bench)

    with_bench(catalog, work)


def test_pinning_no_scene_is_refused() -> None:
    async def work(bench: SearchHarness) -> None:
        with pytest.raises(InvalidInput, match="No scene matches") as refused:
            await pinned(bench)
        assert refused.value.parameter == "scenes"

    with_bench(ScriptedCatalog([]), work)


def test_pinned_scenes_round_trip_through_text() -> None:
    async def work(bench: SearchHarness) -> None:
        pinned_scenes = await pinned(bench)
        text = _format_scenes(pinned_scenes)
        again = _parse_scenes(text)
        assert _format_scenes(again) == text
        assert again.truncated == pinned_scenes.truncated
        assert [vars(scene) for scene in again.scenes.scenes] == [vars(scene) for scene in pinned_scenes.scenes.scenes]
        scenes = list(pinned_scenes.scenes.scenes)
        assert to_json(from_json(to_json(scenes))) == to_json(scenes)
        shuffled = Pinned(type(pinned_scenes.scenes)(scenes[::-1]), pinned_scenes.truncated)
        assert _format_scenes(shuffled) == text

    with_bench(ScriptedCatalog(SERIES, 1000), work)


# Selection from pinned scenes


INNER = tile_grid(12, 2181, 1434)
WIDE = tile_grid(5, 17, 11)


async def selected_on(
    bench: SearchHarness, grid: Grid, scenes: Pinned | None, cloud_cover: float = 100.0
) -> tuple[list[Any], Report]:
    report = Report()
    engine: Any = SimpleNamespace(catalogs=Catalogs([bench.searches]), settings=Settings())
    selection = observations(engine, grid, SceneFilter(EVER, cloud_cover, pinned=scenes), report)
    return [(each.key, [scene.id for scene in each.scenes]) async for each in selection], report


@pytest.mark.parametrize("grid", [INNER, WIDE])
def test_pinned_scenes_give_the_observations_of_a_search(grid: Grid) -> None:
    async def work(bench: SearchHarness) -> None:
        scenes = await pinned(bench)
        searched, before = await selected_on(bench, grid, None)
        bench.catalog.fault = CatalogUnavailable("away")
        request_count = len(bench.catalog.requests)
        selected, report = await selected_on(bench, grid, scenes, 99.0)  # a query that no search is cached for
        assert selected == searched
        assert selected
        assert report.truncated == before.truncated
        assert report.tally.searches == 0
        assert report.stale is None
        assert len(bench.catalog.requests) == request_count

    with_bench(ScriptedCatalog(SERIES, 1000), work)


def test_limits_apply_to_pinned_scenes() -> None:
    long = newest_first(acquisitions(SQUARES[:1], date(2010, 1, 1), 150, "x", collections=[L2A]))

    async def work(bench: SearchHarness) -> None:
        scenes = await pinned(bench, limit=140)
        assert scenes.truncated
        selected, report = await selected_on(bench, tile_grid(13, 4345, 2860), scenes)
        assert len(selected) <= 100
        assert report.truncated

    with_bench(ScriptedCatalog(long), work)
