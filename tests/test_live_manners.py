"""The whole server over a catalogue that behaves as Earth Search does, or fails in every way that it may."""

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

from scog.bandmath.expression import parse
from scog.catalog import search as search_module
from scog.composite.mask import parse_mask
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
from tests.web.conftest import Served, served

pytestmark = pytest.mark.usefixtures("transport_slowly")

SQUARES = mgrs_tiles_around(11.3, 46.5, 2, 2)
YEAR = "2024-01-01/2024-12-31"
NDVI = 0.6
"""Of all pixels: red 0.1, nir 0.4."""
Tile = tuple[int, int, int]


def weather(number: int, square: MgrsTile) -> str:
    """Every third pass is clear, the others are all clouds."""
    return f"{square.name}/{'clear' if number % 3 == 0 else 'cloudy'}"


def year(server: RangeServer, squares: Sequence[MgrsTile] = SQUARES, passes: int = 73) -> list[Any]:
    return acquisitions(squares, date(2024, 1, 1), passes, server.url("/cogs"), folder=weather)


@pytest.fixture(scope="module")
def made() -> Iterator[EarthSearch]:
    with EarthSearch() as server:
        for square in SQUARES:
            put_cogs(server, f"/cogs/{square.name}/clear", square)
            put_cogs(server, f"/cogs/{square.name}/cloudy", square, scl=9)
        server.items = year(server)
        yield server


@pytest.fixture
def world(made: EarthSearch) -> Iterator[EarthSearch]:
    """Four squares, a year of passes every five days, in both collections; nothing asked yet."""
    items = made.items
    made.forget_requests()
    yield made
    made.up()
    made.items = items


def settings(world: EarthSearch, cache: Path, **more: Any) -> Settings:
    return Settings(**{"catalog": world.root, "hosts": (world.host,), "cache_dir": cache, **more})


def tiles_around(lon: float, lat: float, z: int, side: int) -> list[Tile]:
    middle = tms.get("WebMercatorQuad").tile(lon, lat, z)
    near = range(-(side // 2), side - side // 2)
    return [(z, middle.x + right, middle.y + down) for down in near for right in near]


def tile_at(lon: float, lat: float, z: int) -> str:
    return "/tiles/{}/{}/{}".format(*tiles_around(lon, lat, z, 1)[0])


INSIDE = tile_at(11.0, 47.3, 12)
DEEP = tile_at(12.2, 46.6, 12)
"""In a tile of zoom 8 that all squares touch: 292 scenes, three pages."""
QUERY = {"datetime": YEAR, "cloud_cover": "100"}


def asked_for(interval: str = YEAR) -> ImageRequest:
    return ImageRequest(
        parse_interval(interval), 100.0, expression=parse("(nir-red)/(nir+red)"), mask=parse_mask("clouds")
    )


async def draw_tile(engine: Engine, tile: Tile, interval: str = YEAR) -> ImageData:
    return await draw(engine, tile_grid(*tile), asked_for(interval))


# How often it asks


def trace() -> list[Tile]:
    """Some 300 tiles: four squares panned and zoomed into, from 8 to 15."""
    tiles = tiles_around(11.7, 46.9, 8, 2)
    for z, side in ((9, 3), (10, 4), (11, 4), (12, 5), (13, 5), (14, 5), (15, 5)):
        for lon, lat in ((11.3, 47.1), (12.1, 46.7)):
            tiles += tiles_around(lon, lat, z, side)
    return tiles[:300]


def test_a_trace_of_300_tiles_costs_a_handful_of_searches(world: EarthSearch, tmp_path: Path) -> None:
    tiles = trace()
    assert len(tiles) > 280
    assert {z for z, _, _ in tiles} >= set(range(8, 16))

    async def work() -> tuple[list[ImageData], Counter[int]]:
        searches: Counter[int] = Counter()
        found: list[ImageData] = []
        async with open_engine(settings(world, tmp_path)) as engine:
            for z in sorted({tile[0] for tile in tiles}):
                before = len(world.searches)
                turn = asyncio.Semaphore(8)

                async def one(tile: Tile, turn: asyncio.Semaphore = turn) -> ImageData:
                    async with turn:
                        return await draw_tile(engine, tile)

                found += await asyncio.gather(*(one(tile) for tile in tiles if tile[0] == z))
                searches[z] = len(world.searches) - before
        return found, searches

    found, searches = asyncio.run(work())
    assert sum(searches.values()) <= 14
    assert sum(searches[z] for z in range(10, 16)) == 0  # zooming in never repeats a search
    bodies = [json.dumps(asked.body) for asked in world.searches]
    assert len(set(bodies)) == len(bodies)
    assert len({tuple(asked.body["bbox"]) for asked in world.searches}) <= 9
    assert sum(drawing.valid.any() for drawing in found) > 0.95 * len(tiles)
    for drawing in found:
        assert abs(drawing.values[0][drawing.valid] - NDVI).max(initial=0) < 1e-5
        assert {scene.collection for scene in drawing.report.used} <= {L2A}
        assert not drawing.report.skipped
    assert not [seen for seen in world.requests if "jp2" in seen.path]


def test_many_tiles_at_once_share_one_search(world: EarthSearch, tmp_path: Path) -> None:
    async def work() -> None:
        async with open_engine(settings(world, tmp_path)) as engine:
            await asyncio.gather(*(draw_tile(engine, tile) for tile in tiles_around(11.0, 47.3, 12, 6)))

    asyncio.run(work())
    assert Counter(asked.path for asked in world.catalog_requests) == {ROOT: 1, SEARCH: 1}


def test_panning_within_a_view_asks_only_for_new_areas(world: EarthSearch, tmp_path: Path) -> None:
    with served(settings(world, tmp_path)) as server:
        for lon in (10.6, 10.8, 11.0, 11.1):
            assert server.get(tile_at(lon, 47.3, 12), params=QUERY).status_code == 200
        assert len(world.searches) == 1
        assert server.get(tile_at(11.7, 47.3, 12), params=QUERY).status_code == 200
        assert len(world.searches) == 2


@pytest.mark.parametrize(("clear", "pages"), [(73, 1), (60, 1), (45, 2), (20, 3), (0, 4)])
def test_further_pages_are_asked_for_only_while_pixels_are_missing(
    world: EarthSearch, tmp_path: Path, clear: int, pages: int
) -> None:
    def clouds_come(number: int, square: MgrsTile) -> str:
        return f"{square.name}/{'clear' if number < clear else 'cloudy'}"

    base = world.url("/cogs")
    world.items = acquisitions(SQUARES, date(2024, 1, 1), 73, base, folder=clouds_come, collections=[L2A])
    with served(settings(world, tmp_path)) as server:
        answer = server.get(DEEP, params=QUERY)
    assert [("next" in asked.body) for asked in world.searches] == [False, True, True, True][
        :pages
    ]  # the fourth is empty
    used = answer.headers.get("X-Scog-Used")
    assert (used is None) == (clear == 0)


def test_nothing_to_be_found_is_asked_for_once(world: EarthSearch, tmp_path: Path) -> None:
    with served(settings(world, tmp_path)) as server:
        for _ in range(3):
            answer = server.get(tile_at(-30.0, 40.0, 12), params=QUERY)
            assert answer.status_code == 200
            assert answer.headers["X-Scog-Scenes"] == "used=0; skipped=0"
    assert len(world.searches) == 1


def test_collections_are_never_mixed(world: EarthSearch, tmp_path: Path) -> None:
    world.fail(SEARCH, always=edit(lambda page: page["features"].extend(world.items[:20])))
    with served(settings(world, tmp_path)) as server:
        for collection, mark in ((None, "_0_L2A"), (L2A, "_0_L2A"), (C1, "_T32TPT_")):
            query = QUERY | ({"collection": collection} if collection else {})
            used = server.get(INSIDE, params=query).headers["X-Scog-Used"].split(", ")
            assert used
            assert all(mark in scene for scene in used)


# Restarts and outages


def test_a_restart_asks_nothing_again(world: EarthSearch, tmp_path: Path) -> None:
    for _ in range(2):
        with served(settings(world, tmp_path)) as server:
            answer = server.get(INSIDE, params=QUERY)
            assert answer.status_code == 200
        world.down()
    assert len(world.searches) == 1
    assert "X-Scog-Catalog" not in answer.headers
    assert "searches=0" in answer.headers["X-Scog-Upstream"]


def test_a_cache_folder_that_cannot_be_used_costs_searches_only(world: EarthSearch, tmp_path: Path) -> None:
    (tmp_path / "in-the-way").write_text("")
    for _ in range(2):
        with served(settings(world, tmp_path / "in-the-way" / "cache")) as server:
            assert server.get(INSIDE, params=QUERY).status_code == 200
    assert len(world.searches) == 2


def test_an_older_answer_serves_while_the_catalogue_is_away(
    world: EarthSearch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("ERROR")
    monkeypatch.setattr(search_module, "FRESH", 0.3)
    monkeypatch.setattr(search_module, "PAUSE", 0.1)
    query = QUERY | {"datetime": "2024-01-01/.."}
    with served(settings(world, tmp_path, retries=0)) as server:
        assert "X-Scog-Catalog" not in server.get(INSIDE, params=query).headers
        world.down()
        time.sleep(0.4)
        for _ in range(3):
            answer = server.get(INSIDE, params=query)
            assert answer.status_code == 200
            assert answer.headers["X-Scog-Catalog"].startswith("stale; age=")
            assert answer.headers["X-Scog-Scenes"].startswith("used=1")
        world.up()
        _until(lambda: "X-Scog-Catalog" not in server.get(INSIDE, params=query).headers)


def _until(true: Any, within: float = 5.0) -> None:
    end = time.monotonic() + within
    while not true():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.05)


def test_the_catalogue_goes_away_in_the_middle_and_comes_back(world: EarthSearch, tmp_path: Path) -> None:
    with served(settings(world, tmp_path, retries=0)) as server:
        breaker = server.app.state.engine.searches.catalog._http._breaker
        breaker.rest = 0.3
        known = ["/tiles/{}/{}/{}".format(*tile) for tile in tiles_around(11.0, 47.3, 12, 4)]
        unknown = ["/tiles/{}/{}/{}".format(*tile) for tile in tiles_around(12.6, 46.3, 12, 3)]
        assert server.get(known[0], params=QUERY).status_code == 200
        world.down()
        asked = len(world.catalog_requests)
        for address in (*known, *unknown):
            answer = server.get(address, params=QUERY)
            if address in known:
                assert answer.status_code == 200
                assert answer.headers["X-Scog-Scenes"].startswith("used=")
            else:
                _is_problem(answer, 503)
                assert int(answer.headers["Retry-After"]) >= 1
        assert len(world.catalog_requests) - asked == breaker.limit  # then it was left alone
        assert server.get("/healthz").status_code == 200
        world.up()
        _until(lambda: server.get(unknown[0], params=QUERY).status_code == 200)
        assert all(server.get(address, params=QUERY).status_code == 200 for address in unknown)


def _is_problem(answer: httpx.Response, *statuses: int) -> None:
    assert answer.status_code in statuses
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json()["status"] == answer.status_code
    assert "Traceback" not in answer.text
    # The catalogue and the host of a file are named, so that people can see which are meant; no other host is.
    assert "127.0.0.1" not in re.sub(r"(catalogue http://|\(|read from )127\.0\.0\.1:\d+", "", answer.text)


# Faults of the catalogue, as a map client sees them


@contextmanager
def failing(
    world: EarthSearch, cache: Path, *faults: Fault, always: Fault | None = None, **more: Any
) -> Iterator[Served]:
    world.fail(SEARCH, *faults, always=always)
    with served(settings(world, cache, **{"catalog_deadline": 0.8, **more})) as server:
        yield server


@pytest.mark.parametrize("fault", [status(429, Retry_After="0"), status(502), forbidden, reset])
def test_a_passing_fault_is_not_seen(world: EarthSearch, tmp_path: Path, fault: Fault) -> None:
    with failing(world, tmp_path, fault, catalog_deadline=5.0) as server:
        answer = server.get(INSIDE, params=QUERY)
    assert answer.status_code == 200
    assert "X-Scog-Used" in answer.headers
    assert len(world.searches) == 2


@pytest.mark.parametrize("fault", [hang, drip_headers])
def test_a_catalogue_that_hangs_is_said_within_the_deadline(world: EarthSearch, tmp_path: Path, fault: Fault) -> None:
    with failing(world, tmp_path, always=fault) as server:
        since = time.monotonic()
        answer = server.get(INSIDE, params=QUERY)
        assert 0.5 < time.monotonic() - since < 2.0
        _is_problem(answer, 503, 504)
        assert "Retry-After" in answer.headers
        since = time.monotonic()
        assert server.get("/healthz").status_code == 200
        assert time.monotonic() - since < 1.0


@pytest.mark.parametrize(
    "fault",
    [body(lambda data: b"{]" + data), html, cut, huge],
    ids=["bad json", "html", "cut", "100 MB"],
)
def test_what_is_no_answer_is_a_bad_gateway(world: EarthSearch, tmp_path: Path, fault: Fault) -> None:
    with failing(world, tmp_path, always=fault, catalog_deadline=8.0) as server:
        _is_problem(server.get(INSIDE, params=QUERY), 502)
        world.up()
        assert server.get(INSIDE, params=QUERY).status_code == 200


def _all_cloudy(world: EarthSearch, passes: int = 73) -> None:
    base = world.url("/cogs")
    world.items = acquisitions(
        SQUARES, date(2024, 1, 1), passes, base, folder=lambda _, square: f"{square.name}/cloudy"
    )


def test_pages_that_loop_come_to_an_end(world: EarthSearch, tmp_path: Path) -> None:
    _all_cloudy(world)
    first: list[str] = []

    def back(page: dict[str, Any]) -> None:
        for link in page["links"]:
            if link["rel"] == "next":
                first.append(link["body"]["next"])
                link["body"]["next"] = first[0]

    with failing(world, tmp_path, always=edit(back), catalog_deadline=5.0) as server:
        answer = server.get(DEEP, params=QUERY)
    assert answer.status_code == 200
    assert len(world.searches) == 2


def test_pages_without_end_are_bounded_and_it_is_said(world: EarthSearch, tmp_path: Path) -> None:
    _all_cloudy(world, 8)
    number = iter(range(1000))

    def on(page: dict[str, Any]) -> None:
        page["numberMatched"] = 1_000_000
        page["features"] = page["features"] or world.items[-2:]
        following = {"collections": [L2A], "datetime": f"../{2000 + next(number)}-01-01T00:00:00Z"}
        page["links"] = [
            {"rel": "next", "method": "POST", "merge": False, "href": world.url(SEARCH), "body": following}
        ]

    with failing(world, tmp_path, always=edit(on), catalog_deadline=5.0) as server:
        answer = server.get(INSIDE, params=QUERY)
    assert answer.status_code == 200
    assert answer.headers["X-Scog-Truncated"] == "true"
    assert len(world.searches) == search_module.MAX_PAGES


def test_malformed_features_among_good_ones_are_left_out(world: EarthSearch, tmp_path: Path) -> None:
    bad = [
        None,
        7,
        {"type": "Feature"},
        {"type": "Feature", "id": "x", "properties": None, "geometry": None, "assets": []},
    ]

    def spoil(page: dict[str, Any]) -> None:
        good = page["features"]
        page["features"] = [
            *bad,
            {**good[0], "geometry": None, "bbox": None},
            {**good[1], "assets": {}},
            {**good[2], "properties": {**good[2]["properties"], "datetime": "soon"}},
            good[3],
            *good[3:],
        ]

    with failing(world, tmp_path, edit(spoil)) as server:
        answer = server.get(INSIDE, params=QUERY)
        assert answer.status_code == 200
        assert "X-Scog-Used" in answer.headers
        search = next(iter(server.app.state.engine.searches._cached.values()))
        assert sum(search.skipped.values()) == 7


def test_a_failing_further_page_spoils_nothing(world: EarthSearch, tmp_path: Path) -> None:
    _all_cloudy(world)
    with failing(world, tmp_path, lambda answer: answer, always=status(503), retries=0) as server:
        answer = server.get(DEEP, params=QUERY)
    assert answer.status_code == 200
    assert answer.headers["X-Scog-Incomplete"] == "catalogue"
    assert "max-age=30" in answer.headers["Cache-Control"]


# Low zooms


@pytest.mark.parametrize("z", [4, 7])
def test_low_zooms_are_bounded_and_it_is_said(world: EarthSearch, tmp_path: Path, z: int) -> None:
    country = [each for zone in (9.0, 15.0) for each in mgrs_tiles_around(zone, 46.5, 5, 8)]
    world.items = acquisitions(country, date(2014, 1, 1), 20, world.url("/cogs"), every=180, collections=[L2A])
    for square in country:
        put_cogs(world, f"/cogs/{square.name}", SQUARES[0])
    with served(settings(world, tmp_path)) as server:
        since = time.monotonic()
        answer = server.get(tile_at(11.5, 46.9, z), params=QUERY | {"datetime": "2014-01-01/2023-12-31"})
        assert time.monotonic() - since < 8
    assert answer.status_code == 200
    assert answer.headers["X-Scog-Truncated"] == "true"
    areas = {tuple(asked.body["bbox"]) for asked in world.searches}
    assert len(areas) == (4 if z == 7 else 1)
    assert len(world.searches) <= WIDE_PAGES * len(areas)
    used, skipped = (int(part.split("=")[1]) for part in answer.headers["X-Scog-Scenes"].split("; "))
    assert 0 < used + skipped <= WIDE_SCENES
    files = {seen.path for seen in world.requests}
    assert len(files) <= 3 * WIDE_SCENES


# Where it reads


def test_files_on_other_hosts_are_skipped_and_nothing_is_sent_there(world: EarthSearch, tmp_path: Path) -> None:
    with RangeServer() as elsewhere:
        world.items = [
            {
                **item,
                "assets": {name: asset | {"href": elsewhere.url("/x.tif")} for name, asset in item["assets"].items()},
            }
            if "20240210" in item["properties"]["s2:datatake_id"]
            else item
            for item in year(world, passes=9)
        ]
        with served(settings(world, tmp_path)) as server:
            answer = server.get(INSIDE, params=QUERY)
            _is_problem(server.get(INSIDE, params=QUERY | {"datetime": "2024-02-10"}), 502)
        assert elsewhere.requests == []
    assert answer.status_code == 200
    assert answer.headers["X-Scog-Skipped"] == "S2C_32TPT_20240210_0_L2A;host-not-allowed"
    assert answer.headers["X-Scog-Used"] == "S2A_32TPT_20240131_0_L2A"


def test_what_costs_the_requester_is_never_opened(world: EarthSearch, tmp_path: Path) -> None:
    paths = {"s3": "s3://sentinel-cogs/x/{}.tif", "pays": world.url("/cogs/32TPT/pays/{}.tif")}
    put_cogs(world, "/cogs/32TPT/pays", SQUARES[0])
    items = []
    for item in year(world, passes=9):
        day = item["properties"]["s2:datatake_id"][5:13]
        assets = item["assets"]
        if day == "20240210":
            pays = {"storage:requester_pays": True}
            assets = {name: asset | {"href": paths["pays"].format(name)} | pays for name, asset in assets.items()}
        elif day == "20240205":
            assets = {name: asset | {"href": paths["s3"].format(name)} for name, asset in assets.items()}
        items.append({**item, "assets": assets})
    world.items = items
    with served(settings(world, tmp_path)) as server:
        answer = server.get(INSIDE, params=QUERY)
    assert answer.headers["X-Scog-Used"] == "S2A_32TPT_20240131_0_L2A"
    # What lies on s3 is reached by its bucket's own host, which is not among the allowed ones.
    assert answer.headers["X-Scog-Skipped"] == "S2B_32TPT_20240205_0_L2A;host-not-allowed"
    assert not [seen.path for seen in world.requests if "pays" in seen.path or "jp2" in seen.path]


def test_pages_on_other_hosts_are_not_asked_for(world: EarthSearch, tmp_path: Path) -> None:
    _all_cloudy(world)
    with RangeServer() as elsewhere:

        def lead_away(page: dict[str, Any]) -> None:
            for link in page["links"]:
                link["href"] = elsewhere.url("/v1/search")

        with failing(world, tmp_path, always=edit(lead_away)) as server:
            answer = server.get(DEEP, params=QUERY)
        assert elsewhere.requests == []
    assert answer.status_code == 200
    assert answer.headers["X-Scog-Incomplete"] == "catalogue"


# Many at once on a catalogue that is gone


def test_many_tiles_at_once_fail_together_and_soon(world: EarthSearch, tmp_path: Path) -> None:
    world.fail(SEARCH, always=hang)

    async def work() -> list[Any]:
        async with open_engine(settings(world, tmp_path, catalog_deadline=0.6)) as engine:
            tiles = tiles_around(11.0, 47.3, 12, 5)
            return await asyncio.gather(*(draw_tile(engine, tile) for tile in tiles), return_exceptions=True)

    since = time.monotonic()
    results = asyncio.run(work())
    assert all(isinstance(result, CatalogUnavailable) for result in results)
    assert time.monotonic() - since < 3
    assert len(world.searches) == 1
