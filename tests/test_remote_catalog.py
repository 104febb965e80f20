"""The server with a remote catalogue: a double of Earth Search, with outages and faults."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from morecantile import tms

from scog.catalog import search as search_module
from scog.errors import CatalogUnavailable
from scog.geo.grid import tile_grid
from scog.imaging.draw import ImageData, ImageRequest, draw
from scog.imaging.engine import Engine, open_engine
from scog.imaging.select import WIDE_PAGES, WIDE_SCENES
from scog.settings import Settings
from scog.temporal.intervals import parse_interval
from tests.doubles.acquisitions import MgrsTile, acquisitions, mgrs_tiles_around, put_cogs
from tests.doubles.archives import C1, L2A
from tests.doubles.earth_search import ROOT, SEARCH, EarthSearch, cut, drip_headers, edit, forbidden, huge
from tests.doubles.range_server import Fault, RangeServer, body, hang, html, reset, status
from tests.profiles import image_request, parse
from tests.web.conftest import Served, served

pytestmark = pytest.mark.usefixtures("transport_slowly")

TILES = mgrs_tiles_around(11.3, 46.5, 2, 2)
YEAR = "2024-01-01/2024-12-31"
NDVI = 0.6
"""NDVI of every pixel: red is 0.1, nir 0.4."""
Tile = tuple[int, int, int]


def folder_of_pass(number: int, mgrs_tile: MgrsTile) -> str:
    """The folder of a pass's files: every third pass is clear, the others are completely cloudy."""
    return f"{mgrs_tile.name}/{'clear' if number % 3 == 0 else 'cloudy'}"


def year_of_items(server: RangeServer, mgrs_tiles: Sequence[MgrsTile] = TILES, passes: int = 73) -> list[Any]:
    return acquisitions(mgrs_tiles, date(2024, 1, 1), passes, server.url("/cogs"), folder=folder_of_pass)


@pytest.fixture(scope="module")
def shared_catalog() -> Iterator[EarthSearch]:
    with EarthSearch() as server:
        for mgrs_tile in TILES:
            put_cogs(server, f"/cogs/{mgrs_tile.name}/clear", mgrs_tile)
            put_cogs(server, f"/cogs/{mgrs_tile.name}/cloudy", mgrs_tile, scl=9)
        server.items = year_of_items(server)
        yield server


@pytest.fixture
def catalog(shared_catalog: EarthSearch) -> Iterator[EarthSearch]:
    """A catalogue of four MGRS tiles with passes every five days for a year, in both collections, without requests."""
    items = shared_catalog.items
    shared_catalog.forget_requests()
    yield shared_catalog
    shared_catalog.up()
    shared_catalog.items = items


def settings(catalog: EarthSearch, cache: Path, **options: Any) -> Settings:
    return Settings(**{"catalog": catalog.root, "hosts": (catalog.host,), "cache_dir": cache, **options})


def tiles_around(lon: float, lat: float, z: int, count: int) -> list[Tile]:
    centre = tms.get("WebMercatorQuad").tile(lon, lat, z)
    offsets = range(-(count // 2), count - count // 2)
    return [(z, centre.x + right, centre.y + down) for down in offsets for right in offsets]


def tile_at(lon: float, lat: float, z: int) -> str:
    return "/tiles/{}/{}/{}".format(*tiles_around(lon, lat, z, 1)[0])


INSIDE = tile_at(11.0, 47.3, 12)
DEEP = tile_at(12.2, 46.6, 12)
"""In a zoom-8 tile that intersects all four MGRS tiles: 292 scenes, three pages."""
QUERY = {"datetime": YEAR, "cloud_cover": "100"}


def ndvi_request(interval: str = YEAR) -> ImageRequest:
    return image_request(parse("(nir-red)/(nir+red)"), interval=parse_interval(interval), cloud_cover=100.0)


async def draw_tile(engine: Engine, tile: Tile, interval: str = YEAR) -> ImageData:
    return await draw(engine, tile_grid(*tile), ndvi_request(interval))


# Number of searches


def trace() -> list[Tile]:
    """About 300 tiles over the four MGRS tiles, as requested by panning and zooming from zoom 8 to 15."""
    tiles = tiles_around(11.7, 46.9, 8, 2)
    for z, count in ((9, 3), (10, 4), (11, 4), (12, 5), (13, 5), (14, 5), (15, 5)):
        for lon, lat in ((11.3, 47.1), (12.1, 46.7)):
            tiles += tiles_around(lon, lat, z, count)
    return tiles[:300]


def test_a_trace_of_300_tiles_needs_few_searches(catalog: EarthSearch, tmp_path: Path) -> None:
    tiles = trace()
    assert len(tiles) > 280
    assert {z for z, _, _ in tiles} >= set(range(8, 16))

    async def work() -> tuple[list[ImageData], Counter[int]]:
        searches: Counter[int] = Counter()
        images: list[ImageData] = []
        async with open_engine(settings(catalog, tmp_path)) as engine:
            for z in sorted({tile[0] for tile in tiles}):
                before = len(catalog.searches)
                semaphore = asyncio.Semaphore(8)

                async def draw_with_limit(tile: Tile, semaphore: asyncio.Semaphore = semaphore) -> ImageData:
                    async with semaphore:
                        return await draw_tile(engine, tile)

                images += await asyncio.gather(*(draw_with_limit(tile) for tile in tiles if tile[0] == z))
                searches[z] = len(catalog.searches) - before
        return images, searches

    images, searches = asyncio.run(work())
    assert sum(searches.values()) <= 14
    assert sum(searches[z] for z in range(10, 16)) == 0  # zooming in never repeats a search
    bodies = [json.dumps(search.body) for search in catalog.searches]
    assert len(set(bodies)) == len(bodies)
    assert len({tuple(search.body["bbox"]) for search in catalog.searches}) <= 9
    assert sum(image.valid.any() for image in images) > 0.95 * len(tiles)
    for image in images:
        assert abs(image.values[0][image.valid] - NDVI).max(initial=0) < 1e-5
        assert {scene.collection for scene in image.report.used} <= {L2A}
        assert not image.report.skipped
    assert not [request for request in catalog.requests if "jp2" in request.path]


def test_concurrent_tiles_share_one_search(catalog: EarthSearch, tmp_path: Path) -> None:
    async def work() -> None:
        async with open_engine(settings(catalog, tmp_path)) as engine:
            await asyncio.gather(*(draw_tile(engine, tile) for tile in tiles_around(11.0, 47.3, 12, 6)))

    asyncio.run(work())
    assert Counter(request.path for request in catalog.catalog_requests) == {ROOT: 1, SEARCH: 1}


def test_panning_searches_only_new_areas(catalog: EarthSearch, tmp_path: Path) -> None:
    with served(settings(catalog, tmp_path)) as server:
        for lon in (10.6, 10.8, 11.0, 11.1):
            assert server.get(tile_at(lon, 47.3, 12), params=QUERY).status_code == 200
        assert len(catalog.searches) == 1
        assert server.get(tile_at(11.7, 47.3, 12), params=QUERY).status_code == 200
        assert len(catalog.searches) == 2


@pytest.mark.parametrize(("clear", "pages"), [(73, 1), (60, 1), (45, 2), (20, 3), (0, 4)])
def test_further_pages_are_requested_only_while_pixels_are_missing(
    catalog: EarthSearch, tmp_path: Path, clear: int, pages: int
) -> None:
    def clear_then_cloudy(number: int, mgrs_tile: MgrsTile) -> str:
        return f"{mgrs_tile.name}/{'clear' if number < clear else 'cloudy'}"

    base = catalog.url("/cogs")
    catalog.items = acquisitions(TILES, date(2024, 1, 1), 73, base, folder=clear_then_cloudy, collections=[L2A])
    with served(settings(catalog, tmp_path)) as server:
        response = server.get(DEEP, params=QUERY)
    assert [("next" in search.body) for search in catalog.searches] == [False, True, True, True][
        :pages
    ]  # the fourth is empty
    used = response.headers.get("X-Scog-Used")
    assert (used is None) == (clear == 0)


def test_an_empty_search_is_cached(catalog: EarthSearch, tmp_path: Path) -> None:
    with served(settings(catalog, tmp_path)) as server:
        for _ in range(3):
            response = server.get(tile_at(-30.0, 40.0, 12), params=QUERY)
            assert response.status_code == 200
            assert response.headers["X-Scog-Scenes"] == "used=0; skipped=0"
    assert len(catalog.searches) == 1


def test_collections_are_never_mixed(catalog: EarthSearch, tmp_path: Path) -> None:
    catalog.fail(SEARCH, always=edit(lambda page: page["features"].extend(catalog.items[:20])))
    with served(settings(catalog, tmp_path)) as server:
        for collection, fragment in ((None, "_0_L2A"), (L2A, "_0_L2A"), (C1, "_T32TPT_")):
            query = QUERY | ({"collection": collection} if collection else {})
            used = server.get(INSIDE, params=query).headers["X-Scog-Used"].split(", ")
            assert used
            assert all(fragment in scene for scene in used)


# Restarts and outages


def test_a_restart_repeats_no_search(catalog: EarthSearch, tmp_path: Path) -> None:
    for _ in range(2):
        with served(settings(catalog, tmp_path)) as server:
            response = server.get(INSIDE, params=QUERY)
            assert response.status_code == 200
        catalog.down()
    assert len(catalog.searches) == 1
    assert "X-Scog-Catalog" not in response.headers
    assert "searches=0" in response.headers["X-Scog-Upstream"]


def test_an_unusable_cache_folder_only_costs_searches(catalog: EarthSearch, tmp_path: Path) -> None:
    (tmp_path / "in-the-way").write_text("")
    for _ in range(2):
        with served(settings(catalog, tmp_path / "in-the-way" / "cache")) as server:
            assert server.get(INSIDE, params=QUERY).status_code == 200
    assert len(catalog.searches) == 2


def test_a_stale_search_is_used_while_the_catalogue_is_down(
    catalog: EarthSearch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("ERROR")
    monkeypatch.setattr(search_module, "FRESH", 0.3)
    monkeypatch.setattr(search_module, "PAUSE", 0.1)
    query = QUERY | {"datetime": "2024-01-01/.."}
    with served(settings(catalog, tmp_path, retries=0)) as server:
        assert "X-Scog-Catalog" not in server.get(INSIDE, params=query).headers
        catalog.down()
        time.sleep(0.4)
        for _ in range(3):
            response = server.get(INSIDE, params=query)
            assert response.status_code == 200
            assert response.headers["X-Scog-Catalog"].startswith("stale; age=")
            assert response.headers["X-Scog-Scenes"].startswith("used=1")
        catalog.up()
        _wait_until(lambda: "X-Scog-Catalog" not in server.get(INSIDE, params=query).headers)


def _wait_until(condition: Any, timeout: float = 5.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "the condition was never true"
        time.sleep(0.05)


def test_cached_areas_are_drawn_during_an_outage_and_all_areas_after_it(catalog: EarthSearch, tmp_path: Path) -> None:
    with served(settings(catalog, tmp_path, retries=0)) as server:
        breaker = server.app.state.engine.catalogs.first.catalog._http._breaker
        breaker.rest = 0.3
        cached = ["/tiles/{}/{}/{}".format(*tile) for tile in tiles_around(11.0, 47.3, 12, 4)]
        uncached = ["/tiles/{}/{}/{}".format(*tile) for tile in tiles_around(12.6, 46.3, 12, 3)]
        assert server.get(cached[0], params=QUERY).status_code == 200
        catalog.down()
        before = len(catalog.catalog_requests)
        for address in (*cached, *uncached):
            response = server.get(address, params=QUERY)
            if address in cached:
                assert response.status_code == 200
                assert response.headers["X-Scog-Scenes"].startswith("used=")
            else:
                _is_problem(response, 503)
                assert int(response.headers["Retry-After"]) >= 1
        assert len(catalog.catalog_requests) - before == breaker.limit  # then the circuit breaker was open
        assert server.get("/healthz").status_code == 200
        catalog.up()
        _wait_until(lambda: server.get(uncached[0], params=QUERY).status_code == 200)
        assert all(server.get(address, params=QUERY).status_code == 200 for address in uncached)


def _is_problem(response: httpx.Response, *statuses: int) -> None:
    assert response.status_code in statuses
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.json()["status"] == response.status_code
    assert "Traceback" not in response.text
    # Messages name the catalogue and the host of a file, and no other host.
    assert "127.0.0.1" not in re.sub(r"(catalogue http://|\(|read from )127\.0\.0\.1:\d+", "", response.text)


# Faults of the catalogue, as seen by a map client


@contextmanager
def failing(
    catalog: EarthSearch, cache: Path, *faults: Fault, always: Fault | None = None, **options: Any
) -> Iterator[Served]:
    catalog.fail(SEARCH, *faults, always=always)
    with served(settings(catalog, cache, **{"catalog_deadline": 0.8, **options})) as server:
        yield server


@pytest.mark.parametrize("fault", [status(429, Retry_After="0"), status(502), forbidden, reset])
def test_transient_faults_are_retried(catalog: EarthSearch, tmp_path: Path, fault: Fault) -> None:
    with failing(catalog, tmp_path, fault, catalog_deadline=5.0) as server:
        response = server.get(INSIDE, params=QUERY)
    assert response.status_code == 200
    assert "X-Scog-Used" in response.headers
    assert len(catalog.searches) == 2


@pytest.mark.parametrize("fault", [hang, drip_headers])
def test_a_hanging_catalogue_is_reported_within_the_deadline(
    catalog: EarthSearch, tmp_path: Path, fault: Fault
) -> None:
    with failing(catalog, tmp_path, always=fault) as server:
        since = time.monotonic()
        response = server.get(INSIDE, params=QUERY)
        assert 0.5 < time.monotonic() - since < 2.0
        _is_problem(response, 503, 504)
        assert "Retry-After" in response.headers
        since = time.monotonic()
        assert server.get("/healthz").status_code == 200
        assert time.monotonic() - since < 1.0


@pytest.mark.parametrize(
    "fault",
    [body(lambda data: b"{]" + data), html, cut, huge],
    ids=["bad json", "html", "cut", "100 MB"],
)
def test_invalid_responses_are_a_bad_gateway(catalog: EarthSearch, tmp_path: Path, fault: Fault) -> None:
    with failing(catalog, tmp_path, always=fault, catalog_deadline=8.0) as server:
        _is_problem(server.get(INSIDE, params=QUERY), 502)
        catalog.up()
        assert server.get(INSIDE, params=QUERY).status_code == 200


def _all_cloudy(catalog: EarthSearch, passes: int = 73) -> None:
    base = catalog.url("/cogs")
    catalog.items = acquisitions(
        TILES, date(2024, 1, 1), passes, base, folder=lambda _, mgrs_tile: f"{mgrs_tile.name}/cloudy"
    )


def test_a_loop_of_pages_ends(catalog: EarthSearch, tmp_path: Path) -> None:
    _all_cloudy(catalog)
    first: list[str] = []

    def link_back(page: dict[str, Any]) -> None:
        for link in page["links"]:
            if link["rel"] == "next":
                first.append(link["body"]["next"])
                link["body"]["next"] = first[0]

    with failing(catalog, tmp_path, always=edit(link_back), catalog_deadline=5.0) as server:
        response = server.get(DEEP, params=QUERY)
    assert response.status_code == 200
    assert len(catalog.searches) == 2


def test_endless_pages_are_bounded_and_reported(catalog: EarthSearch, tmp_path: Path) -> None:
    _all_cloudy(catalog, 8)
    number = iter(range(1000))

    def add_next_page(page: dict[str, Any]) -> None:
        page["numberMatched"] = 1_000_000
        page["features"] = page["features"] or catalog.items[-2:]
        next_body = {"collections": [L2A], "datetime": f"../{2000 + next(number)}-01-01T00:00:00Z"}
        page["links"] = [
            {"rel": "next", "method": "POST", "merge": False, "href": catalog.url(SEARCH), "body": next_body}
        ]

    with failing(catalog, tmp_path, always=edit(add_next_page), catalog_deadline=5.0) as server:
        response = server.get(INSIDE, params=QUERY)
    assert response.status_code == 200
    assert response.headers["X-Scog-Truncated"] == "true"
    assert len(catalog.searches) == search_module.MAX_PAGES


def test_malformed_features_are_skipped(catalog: EarthSearch, tmp_path: Path) -> None:
    malformed = [
        None,
        7,
        {"type": "Feature"},
        {"type": "Feature", "id": "x", "properties": None, "geometry": None, "assets": []},
    ]

    def add_malformed(page: dict[str, Any]) -> None:
        valid = page["features"]
        page["features"] = [
            *malformed,
            {**valid[0], "geometry": None, "bbox": None},
            {**valid[1], "assets": {}},
            {**valid[2], "properties": {**valid[2]["properties"], "datetime": "soon"}},
            valid[3],
            *valid[3:],
        ]

    with failing(catalog, tmp_path, edit(add_malformed)) as server:
        response = server.get(INSIDE, params=QUERY)
        assert response.status_code == 200
        assert "X-Scog-Used" in response.headers
        search = next(iter(server.app.state.engine.catalogs.first._cached.values()))
        assert sum(search.skipped.values()) == 7


def test_a_failed_further_page_leaves_the_image_partial(catalog: EarthSearch, tmp_path: Path) -> None:
    _all_cloudy(catalog)
    with failing(catalog, tmp_path, lambda response: response, always=status(503), retries=0) as server:
        response = server.get(DEEP, params=QUERY)
    assert response.status_code == 200
    assert response.headers["X-Scog-Incomplete"] == "catalogue"
    assert "max-age=30" in response.headers["Cache-Control"]


# Low zooms


@pytest.mark.parametrize("z", [4, 7])
def test_low_zooms_are_bounded_and_reported(catalog: EarthSearch, tmp_path: Path, z: int) -> None:
    many_tiles = [mgrs_tile for zone in (9.0, 15.0) for mgrs_tile in mgrs_tiles_around(zone, 46.5, 5, 8)]
    catalog.items = acquisitions(many_tiles, date(2014, 1, 1), 20, catalog.url("/cogs"), every=180, collections=[L2A])
    for mgrs_tile in many_tiles:
        put_cogs(catalog, f"/cogs/{mgrs_tile.name}", TILES[0])
    with served(settings(catalog, tmp_path)) as server:
        since = time.monotonic()
        response = server.get(tile_at(11.5, 46.9, z), params=QUERY | {"datetime": "2014-01-01/2023-12-31"})
        assert time.monotonic() - since < 8
    assert response.status_code == 200
    assert response.headers["X-Scog-Truncated"] == "true"
    areas = {tuple(search.body["bbox"]) for search in catalog.searches}
    assert len(areas) == (4 if z == 7 else 1)
    assert len(catalog.searches) <= WIDE_PAGES * len(areas)
    used, skipped = (int(part.split("=")[1]) for part in response.headers["X-Scog-Scenes"].split("; "))
    assert 0 < used + skipped <= WIDE_SCENES
    files = {request.path for request in catalog.requests}
    assert len(files) <= 3 * WIDE_SCENES


# Hosts


def test_files_on_other_hosts_are_skipped_without_a_request(catalog: EarthSearch, tmp_path: Path) -> None:
    with RangeServer() as other_host:
        catalog.items = [
            {
                **item,
                "assets": {name: asset | {"href": other_host.url("/x.tif")} for name, asset in item["assets"].items()},
            }
            if "20240210" in item["properties"]["s2:datatake_id"]
            else item
            for item in year_of_items(catalog, passes=9)
        ]
        with served(settings(catalog, tmp_path)) as server:
            response = server.get(INSIDE, params=QUERY)
            _is_problem(server.get(INSIDE, params=QUERY | {"datetime": "2024-02-10"}), 502)
        assert other_host.requests == []
    assert response.status_code == 200
    assert response.headers["X-Scog-Skipped"] == "S2C_32TPT_20240210_0_L2A;host-not-allowed"
    assert response.headers["X-Scog-Used"] == "S2A_32TPT_20240131_0_L2A"


def test_requester_pays_files_are_never_read(catalog: EarthSearch, tmp_path: Path) -> None:
    paths = {"s3": "s3://sentinel-cogs/x/{}.tif", "pays": catalog.url("/cogs/32TPT/pays/{}.tif")}
    put_cogs(catalog, "/cogs/32TPT/pays", TILES[0])
    items = []
    for item in year_of_items(catalog, passes=9):
        day = item["properties"]["s2:datatake_id"][5:13]
        assets = item["assets"]
        if day == "20240210":
            requester_pays = {"storage:requester_pays": True}
            assets = {
                name: asset | {"href": paths["pays"].format(name)} | requester_pays for name, asset in assets.items()
            }
        elif day == "20240205":
            assets = {name: asset | {"href": paths["s3"].format(name)} for name, asset in assets.items()}
        items.append({**item, "assets": assets})
    catalog.items = items
    with served(settings(catalog, tmp_path)) as server:
        response = server.get(INSIDE, params=QUERY)
    assert response.headers["X-Scog-Used"] == "S2A_32TPT_20240131_0_L2A"
    # The URL of an s3 href has the bucket's host, which is not allowed.
    assert response.headers["X-Scog-Skipped"] == "S2B_32TPT_20240205_0_L2A;host-not-allowed"
    assert not [request.path for request in catalog.requests if "pays" in request.path or "jp2" in request.path]


def test_pages_on_other_hosts_are_not_requested(catalog: EarthSearch, tmp_path: Path) -> None:
    _all_cloudy(catalog)
    with RangeServer() as other_host:

        def link_elsewhere(page: dict[str, Any]) -> None:
            for link in page["links"]:
                link["href"] = other_host.url("/v1/search")

        with failing(catalog, tmp_path, always=edit(link_elsewhere)) as server:
            response = server.get(DEEP, params=QUERY)
        assert other_host.requests == []
    assert response.status_code == 200
    assert response.headers["X-Scog-Incomplete"] == "catalogue"


# Concurrent requests during an outage


def test_concurrent_tiles_fail_together_at_the_deadline(catalog: EarthSearch, tmp_path: Path) -> None:
    catalog.fail(SEARCH, always=hang)

    async def work() -> list[Any]:
        async with open_engine(settings(catalog, tmp_path, catalog_deadline=0.6)) as engine:
            tiles = tiles_around(11.0, 47.3, 12, 5)
            return await asyncio.gather(*(draw_tile(engine, tile) for tile in tiles), return_exceptions=True)

    since = time.monotonic()
    results = asyncio.run(work())
    assert all(isinstance(result, CatalogUnavailable) for result in results)
    assert time.monotonic() - since < 3
    assert len(catalog.searches) == 1
