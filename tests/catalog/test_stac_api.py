"""Pages of a remote catalogue that behaves like Earth Search, or fails in many ways."""

from __future__ import annotations

import asyncio
import json
import re
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from scog.catalog import stac_api
from scog.catalog.derived_profile import Sample
from scog.catalog.query import Page, Query
from scog.catalog.stac_api import PAGE_SIZE, RemoteCatalog
from scog.errors import CatalogBroken, CatalogError, CatalogUnavailable
from scog.net import catalog_http
from scog.net.policy import UpstreamStats
from scog.temporal.intervals import parse_interval
from tests.doubles.acquisitions import acquisitions, mgrs_tiles_around
from tests.doubles.archives import C1, L2A
from tests.doubles.earth_search import (
    ROOT,
    SEARCH,
    EarthSearch,
    cut,
    drip_headers,
    edit,
    forbidden,
    huge,
    link_next,
)
from tests.doubles.range_server import (
    Fault,
    RangeServer,
    body,
    cut_after,
    drip,
    hang,
    hang_after,
    html,
    redirect,
    reset,
    status,
)
from tests.doubles.reading import Clock
from tests.profiles import PROFILES, parse_item

pytestmark = pytest.mark.usefixtures("transport_slowly")

WORLD = (-180.0, -85.0, 180.0, 85.0)
SQUARES = mgrs_tiles_around(11.3, 46.5, 2, 2)
ITEMS = acquisitions(SQUARES, date(2024, 1, 1), 73, "https://files.example.org")
"""Four MGRS tiles, every five days of 2024: 292 acquisitions in both collections."""
FEW = ITEMS[:16]
UNHEDGED: dict[str, Any] = {"hedge_after": 30.0, "read_timeout": 60.0}
"""Timeouts that never occur, because these tests count requests; `test_slow_catalog` tests timeouts."""
PARSED = {id(item): parse_item(item) for item in ITEMS}
"""Parsed scenes by the identity of their items, because parsing is slow."""


def query(**more: Any) -> Query:
    values = {"bounds": WORLD, "interval": parse_interval("../.."), "cloud_cover": 100.0, "collection": L2A}
    return Query(**{**values, **more})


def search_all(
    server: EarthSearch,
    criteria: Query | None = None,
    *,
    max_pages: int = 50,
    deadline: float = 2.0,
    retries: int = 2,
    hosts: tuple[str, ...] = (),
    **more: Any,
) -> tuple[list[Page], UpstreamStats]:
    """All pages of a query, and the upstream statistics."""

    async def work() -> tuple[list[Page], UpstreamStats]:
        fixed = UNHEDGED | more
        catalog = RemoteCatalog(server.root, PROFILES, hosts=hosts, deadline=deadline, retries=retries, **fixed)
        tally, pages = UpstreamStats(), []
        try:
            while len(pages) < max_pages and (not pages or pages[-1].cursor is not None):
                pages.append(await catalog.page(criteria or query(), pages[-1].cursor if pages else None, tally))
        finally:
            await catalog.close()
        return pages, tally

    return asyncio.run(work())


def ids(pages: list[Page]) -> list[str]:
    return [item["id"] for page in pages for item in page.items]


def truth(items: list[Any], collection: str = L2A, cloud_cover: float = 100.0, interval: str = "../..") -> list[str]:
    """Ids of items, newest first."""
    scenes = [PARSED.get(id(item)) or parse_item(item) for item in items if item["collection"] == collection]
    within = parse_interval(interval)
    scenes = [scene for scene in scenes if (scene.cloud_cover or 0) <= cloud_cover and scene.time in within]
    return [scene.id for scene in sorted(scenes, key=lambda scene: (scene.time, scene.id), reverse=True)]


# Requests and pages


def test_the_search_request_to_earth_search() -> None:
    with EarthSearch(FEW) as server:
        search_all(
            server, query(bounds=(10.0, 46.0, 12.0, 47.5), interval=parse_interval("2024-01-01/.."), cloud_cover=20.0)
        )
        assert [(request.method, request.path) for request in server.catalog_requests] == [
            ("GET", ROOT),
            ("POST", SEARCH),
        ]
        sent = server.searches[0].body
    fields = sent.pop("fields")
    assert sent == {
        "bbox": [10.0, 46.0, 12.0, 47.5],
        "datetime": "2024-01-01T00:00:00Z/..",
        "collections": [L2A],
        "query": {"eo:cloud_cover": {"lte": 20.0}},
        "limit": PAGE_SIZE,
    }
    assert "collection" in fields["include"]
    assert {"assets.red", "assets.scl", "properties.s2:datatake_id", "geometry"} <= set(fields["include"])
    assert {"links", "assets.red-jp2", "assets.thumbnail"} <= set(fields["exclude"])
    assert not {"collection", "geometry", "assets", "assets.red"} & set(fields["exclude"])


def test_an_unbounded_query_has_no_cloud_cover_and_datetime() -> None:
    with EarthSearch(FEW) as server:
        search_all(server)
        assert not {"query", "datetime", "sortby", "filter"} & server.searches[0].body.keys()


def test_sortby_is_sent_to_other_catalogues() -> None:
    with EarthSearch(FEW, name="another-catalogue") as server:
        search_all(server)
        assert server.searches[0].body["sortby"] == [{"field": "properties.datetime", "direction": "desc"}]


@pytest.mark.parametrize("collection", [L2A, C1])
@pytest.mark.parametrize("exact_fields", [False, True])
def test_pages_have_all_items_of_the_catalogue(collection: str, exact_fields: bool) -> None:
    with EarthSearch(ITEMS, exact_fields=exact_fields) as server:
        pages, tally = search_all(server, query(collection=collection))
    assert ids(pages) == truth(ITEMS, collection)
    assert [len(page.items) for page in pages] == [100, 100, 92, 0]  # the last link leads to an empty page
    assert tally.searches == 4
    assert tally.requests == 5  # including the landing page


def test_scenes_are_equal_with_and_without_fields() -> None:
    with EarthSearch(FEW) as server:
        scenes = [
            [
                vars(parse_item(item))
                for item in search_all(server, query(collection=name), use_fields=fields)[0][0].items
            ]
            for name in (L2A, C1, f"{L2A},{C1}")
            for fields in (True, False)
        ]
        bytes_with, bytes_without = (
            search_all(server, use_fields=fields)[1].bytes - len(json.dumps(server._landing()))
            for fields in (True, False)
        )
    assert scenes[0] == scenes[1] != []
    assert scenes[2] == scenes[3] != []
    assert scenes[4] == scenes[5]
    assert {scene["collection"] for scene in scenes[4]} == {L2A, C1}
    assert bytes_with < 0.6 * bytes_without


@pytest.mark.parametrize("cover", [0.0, 35.0])
@pytest.mark.parametrize("interval", ["2024-03-01/2024-05-31", "../2024-02-01", "2024-11-15/.."])
def test_cloud_cover_and_interval_are_applied(cover: float, interval: str) -> None:
    with EarthSearch(ITEMS) as server:
        pages, _ = search_all(server, query(cloud_cover=cover, interval=parse_interval(interval)))
    assert ids(pages) == truth(ITEMS, L2A, cover, interval)


def test_one_several_or_all_collections_are_searched() -> None:
    """The default is chosen by the settings, so that a query without a collection means all."""
    with EarthSearch(FEW) as server:
        for collection, expected in ((None, {L2A, C1}), (C1, {C1}), (f"{C1},{L2A}", {L2A, C1})):
            pages, _ = search_all(server, query(collection=collection))
            assert {item["collection"] for page in pages for item in page.items} == expected
        assert [request.body.get("collections") for request in server.searches] == [None, [C1], [C1, L2A]]


def test_a_single_page_needs_no_second_search() -> None:
    with EarthSearch(FEW) as server:
        pages, tally = search_all(server)
    assert [len(page.items) for page in pages] == [8]
    assert tally.searches == 1


def test_a_missing_count_costs_another_search() -> None:
    with EarthSearch(FEW) as server:
        server.fail(SEARCH, edit(lambda page: [page.pop(name) for name in ("context", "numberMatched")] and page))
        pages, tally = search_all(server)
    assert [len(page.items) for page in pages] == [8, 0]
    assert tally.searches == 2


def test_short_pages_are_followed() -> None:
    with EarthSearch(ITEMS) as server:
        server.fail(SEARCH, edit(lambda page: page["features"].__delitem__(slice(40, None))))
        pages, _ = search_all(server)
    assert [len(page.items) for page in pages] == [40, 100, 92, 0]


def test_requests_stay_within_the_limits_of_earth_search() -> None:
    assert PAGE_SIZE < 268
    with EarthSearch(ITEMS) as server:
        pages, tally = search_all(server, use_fields=False)
    assert tally.requests == 5
    assert len(ids(pages)) == 292


@pytest.mark.parametrize("failure", [status(404), status(503), hang])
def test_items_suffice_to_tell_what_a_collection_is(failure: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stac_api, "SAMPLE_DEADLINE", 1.0)

    async def work(server: EarthSearch) -> Sample:
        server.fail(f"{ROOT}/collections/{L2A}", always=failure)
        catalog = RemoteCatalog(server.root, PROFILES, hosts=(), deadline=5, retries=0, **UNHEDGED)
        try:
            return await catalog.sample(L2A)
        finally:
            await catalog.close()

    with EarthSearch(FEW) as server:
        sample = asyncio.run(work(server))
    assert (len(sample.items), sample.document) == (stac_api.SAMPLE_ITEMS, {})


def test_the_landing_page_is_cached_for_an_hour_and_used_longer_on_failure() -> None:
    clock = Clock()

    async def work(server: EarthSearch) -> list[int]:
        catalog = RemoteCatalog(server.root, PROFILES, hosts=(), deadline=2, retries=0, clock=clock, **UNHEDGED)
        counts = []

        async def search() -> None:
            await catalog.page(query(), None, UpstreamStats())
            counts.append(sum(request.path == ROOT for request in server.catalog_requests))

        try:
            await asyncio.gather(*(search() for _ in range(8)))
            clock.now += 3590
            await search()
            server.fail(ROOT, always=status(503))
            clock.now += 20
            await search()
            server.fail(ROOT)
            clock.now += 30
            await search()
            clock.now += 40
            await search()
        finally:
            await catalog.close()
        return counts

    with EarthSearch(FEW) as server:
        assert asyncio.run(work(server)) == [1] * 9 + [2, 2, 3]


# Errors

TRANSIENT: dict[str, Fault] = {
    "429": status(429),
    "429 with Retry-After": status(429, Retry_After="0"),
    "500": status(500),
    "502": status(502),
    "503": status(503),
    "403": forbidden,
    "408": status(408),
    "reset": reset,
    "truncated": cut_after(100),
}
INVALID: dict[str, Fault] = {
    # These may come from an intermediary, such as a captive portal.
    "bad json": body(lambda data: b"{" + data),
    "html": html,
    "cut": cut,
    "401": status(401),
    "not UTF-8": body(lambda data: b"\xff\xfe" + data),
    "a list": body(lambda data: b"[]"),
    "null": body(lambda data: b"null"),
    "a number": body(lambda data: b"1e999"),
    "deep": body(lambda data: b"[" * 100_000),
    "many digits": body(lambda data: b'{"features": [' + b"9" * 5000 + b"]}"),
}
BROKEN: dict[str, Fault] = {
    "100 MB": huge,
    "no features": edit(lambda page: page.pop("features") and page),
    "features not a list": edit(lambda page: page.update(features={})),
    "404": status(404),
    "400": status(400),
    "redirect": redirect("http://169.254.169.254/latest"),
}
SLOW: dict[str, Fault] = {
    "hang": hang,
    "hang in the body": hang_after(100),
    "drip": drip(10, 0.05),
    "drip in the headers": drip_headers,
}


@pytest.mark.parametrize("path", [ROOT, SEARCH])
@pytest.mark.parametrize("fault", TRANSIENT.values(), ids=TRANSIENT.keys())
def test_transient_errors_are_retried(path: str, fault: Fault) -> None:
    with EarthSearch(FEW) as server:
        server.fail(path, fault)
        pages, tally = search_all(server)
    assert ids(pages) == truth(FEW)
    assert tally.requests == 3


@pytest.mark.parametrize("path", [ROOT, SEARCH])
@pytest.mark.parametrize("fault", TRANSIENT.values(), ids=TRANSIENT.keys())
def test_persistent_errors_raise_catalog_unavailable(path: str, fault: Fault) -> None:
    with EarthSearch(FEW) as server:
        server.fail(path, always=fault)
        with pytest.raises(CatalogUnavailable):
            search_all(server)
        assert sum(request.path == path for request in server.catalog_requests) == 3


@pytest.mark.parametrize("path", [ROOT, SEARCH])
@pytest.mark.parametrize("fault", INVALID.values(), ids=INVALID.keys())
def test_one_invalid_response_is_retried(path: str, fault: Fault) -> None:
    with EarthSearch(FEW) as server:
        server.fail(path, fault)
        pages, tally = search_all(server, retries=0)
    assert ids(pages) == truth(FEW)
    assert tally.requests == 3


@pytest.mark.parametrize("path", [ROOT, SEARCH])
@pytest.mark.parametrize("fault", INVALID.values(), ids=INVALID.keys())
def test_a_repeated_invalid_response_is_an_error(path: str, fault: Fault) -> None:
    with EarthSearch(FEW) as server:
        server.fail(path, always=fault)
        with pytest.raises(CatalogBroken, match=re.escape(server.root)):
            search_all(server)
        assert sum(request.path == path for request in server.catalog_requests) == 2


@pytest.mark.parametrize("path", [ROOT, SEARCH])
@pytest.mark.parametrize("fault", BROKEN.values(), ids=BROKEN.keys())
def test_a_response_that_is_not_stac_is_an_error_without_retry(path: str, fault: Fault) -> None:
    if path == ROOT and fault in (BROKEN["no features"], BROKEN["features not a list"]):
        fault = edit(lambda page: page.clear())
    with EarthSearch(FEW) as server:
        server.fail(path, always=fault)
        with pytest.raises(CatalogBroken):
            search_all(server, deadline=10.0)
        assert sum(request.path == path for request in server.catalog_requests) == 1


@pytest.mark.parametrize("path", [ROOT, SEARCH])
@pytest.mark.parametrize("fault", SLOW.values(), ids=SLOW.keys())
def test_slow_responses_end_at_the_deadline(path: str, fault: Fault) -> None:
    with EarthSearch(FEW) as server:
        server.fail(path, always=fault)
        since = time.monotonic()
        with pytest.raises(CatalogUnavailable, match="in time"):
            search_all(server, deadline=0.4)
        assert 0.3 < time.monotonic() - since < 1.5


def test_slow_responses_occupy_no_thread_beyond_the_deadline() -> None:
    async def work(server: EarthSearch) -> int:
        catalog = RemoteCatalog(server.root, PROFILES, hosts=(), deadline=1.0, retries=0)
        await catalog.page(query(), None, UpstreamStats())
        server.fail(SEARCH, *[drip_headers] * 40)
        searches = [catalog.page(query(cloud_cover=float(number)), None, UpstreamStats()) for number in range(40)]
        results = await asyncio.gather(*searches, return_exceptions=True)
        assert all(isinstance(result, CatalogUnavailable) for result in results)
        catalog._http._breaker.record_success()
        server.fail(SEARCH)
        page = await catalog.page(query(), None, UpstreamStats())
        await catalog.close()
        return len(page.items)

    with EarthSearch(FEW) as server:
        assert asyncio.run(work(server)) == 8


def test_retry_after_applies_to_later_searches() -> None:
    clock = Clock()

    async def work(server: EarthSearch) -> None:
        catalog = RemoteCatalog(server.root, PROFILES, hosts=(), deadline=2, retries=2, clock=clock, **UNHEDGED)
        server.fail(SEARCH, status(429, Retry_After="30"))
        for _ in range(3):
            with pytest.raises(CatalogUnavailable):
                await catalog.page(query(), None, UpstreamStats())
        assert len(server.searches) == 1
        clock.now += 29
        with pytest.raises(CatalogUnavailable):
            await catalog.page(query(), None, UpstreamStats())
        clock.now += 2
        assert len((await catalog.page(query(), None, UpstreamStats())).items) == 8
        await catalog.close()

    with EarthSearch(FEW) as server:
        asyncio.run(work(server))


def test_retry_after_is_bounded() -> None:
    assert catalog_http.MAX_RETRY_AFTER <= 60


def test_the_breaker_opens_and_closes_again() -> None:
    clock = Clock()

    async def work(server: EarthSearch) -> None:
        catalog = RemoteCatalog(server.root, PROFILES, hosts=(), deadline=2, retries=0, clock=clock, **UNHEDGED)
        await catalog.page(query(), None, UpstreamStats())
        server.down()
        for _ in range(12):
            with pytest.raises(CatalogUnavailable):
                await catalog.page(query(), None, UpstreamStats())
        assert len(server.searches) == 1 + 5
        server.up()
        clock.now += 1.9
        with pytest.raises(CatalogUnavailable, match="paused"):
            await catalog.page(query(), None, UpstreamStats())
        clock.now += 0.2
        assert len((await catalog.page(query(), None, UpstreamStats())).items) == 8
        await catalog.close()

    with EarthSearch(FEW) as server:
        asyncio.run(work(server))


# Links


@pytest.mark.parametrize(
    "address",
    [
        "{elsewhere}/v1/search",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "/etc/passwd",
        "gopher://{host}/",
        "http://user@{host}/v1/search",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_next_link_to_another_host_is_refused_without_a_request(address: str, method: str) -> None:
    with RangeServer() as elsewhere, EarthSearch(ITEMS) as server:
        href = address.format(elsewhere=elsewhere.url(""), host=server.host)
        server.fail(SEARCH, link_next(href=href, method=method))
        with pytest.raises(CatalogError):
            search_all(server)
        assert elsewhere.requests == []
        assert len(server.searches) == 1


def test_a_search_link_to_another_host_is_refused() -> None:
    with RangeServer() as elsewhere, EarthSearch(ITEMS) as server:

        def link_elsewhere(page: dict[str, Any]) -> None:
            for link in page["links"]:
                if link["rel"] == "search":
                    link["href"] = elsewhere.url("/v1/search")

        server.fail(ROOT, edit(link_elsewhere))
        with pytest.raises(CatalogBroken, match="SCOG_HOSTS"):
            search_all(server)
        assert elsewhere.requests == []
        assert server.searches == []


def test_headers_of_a_link_are_not_sent() -> None:
    with EarthSearch(ITEMS) as server:
        server.fail(SEARCH, link_next(headers={"Range": "bytes=0-1", "Authorization": "Bearer secret"}))
        pages, _ = search_all(server)
    assert ids(pages) == truth(ITEMS)


def test_next_links_by_get_are_followed() -> None:
    with EarthSearch(ITEMS) as server:

        def by_get(page: dict[str, Any]) -> None:
            for link in page["links"]:
                if link["rel"] == "next":
                    after = link.pop("body")["next"]
                    link["method"] = "GET"
                    link["href"] = f"{server.url(SEARCH)}?limit=150&collections={L2A}&next={after}"

        server.fail(SEARCH, edit(by_get))
        pages, _ = search_all(server)
        assert [request.method for request in server.searches] == ["POST", "GET", "GET", "GET"]
    assert ids(pages) == truth(ITEMS)


@pytest.mark.parametrize(
    "change",
    [
        {"href": None},
        {"href": 5},
        {"body": []},
        {"body": None},
        {"method": "DELETE"},
        {"method": 7},
        {"merge": "yes"},
        {"title": {"a": 1}},
        {"href": "http://[::1/x"},
        {"href": "http://\ud800/"},
    ],
    ids=str,
)
def test_a_malformed_next_link_is_ignored(change: dict[str, Any]) -> None:
    with EarthSearch(ITEMS) as server:
        server.fail(SEARCH, link_next(**change))
        try:
            pages, _ = search_all(server)
        except CatalogError:
            return
    assert ids(pages)[:100] == truth(ITEMS)[:100]


# Recordings


def test_recorded_items_give_the_same_scenes(recorded: dict[str, Any]) -> None:
    for collection in (L2A, C1):
        with EarthSearch(list(recorded.values())) as server:
            pages, _ = search_all(server, query(collection=collection))
            assert ids(pages) == truth(list(recorded.values()), collection)
            whole = {item["id"]: parse_item(item) for item in recorded.values() if item["collection"] == collection}
            for item in pages[0].items:
                scene, expected = vars(parse_item(item)), vars(whole[item["id"]])
                bands = PROFILES.of(collection).by_name
                read = {name: asset for name, asset in expected["assets"].items() if name in bands}
                assert scene == expected | {"assets": read}
                assert {"red", "nir", "scl", "swir22", "visual_red"} <= read.keys()


@pytest.mark.parametrize("name", ["page-1", "page-2", "page-empty", "search-13TDE-2024-c1"])
def test_recorded_pages_are_read(recordings: Path, name: str) -> None:
    recorded_page = json.loads((recordings / f"{name}.json").read_bytes())
    with EarthSearch() as server:
        server.fail(SEARCH, edit(lambda page: recorded_page))
        pages, _ = search_all(server, max_pages=1)
    assert list(pages[0].items) == recorded_page["features"]
    tokens = [link["body"]["next"] for link in recorded_page["links"] if link["rel"] == "next"]
    cursor = pages[0].cursor
    assert (cursor["body"]["next"] if cursor else None) == (tokens[0] if tokens else None)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_pages_of_the_double_have_the_members_of_the_recording(recordings: Path, number: int) -> None:
    envelope = json.loads((recordings / f"search-page-envelope-{number}.json").read_bytes())
    with EarthSearch(FEW) as server:
        pages, _ = search_all(server, max_pages=1)
        response = json.loads(server._search("POST", {"limit": 10}).body)
    assert response.keys() == envelope.keys() | {"features"}
    assert pages[0].cursor is None
    link, recorded_link = response["links"][0], envelope["links"][0]
    assert link.keys() == recorded_link.keys()
    ignored = {"href", "body"}
    assert {k: v for k, v in link.items() if k not in ignored} == {
        k: v for k, v in recorded_link.items() if k not in ignored
    }
    assert [len(token.split(",")) for token in (link["body"]["next"], recorded_link["body"]["next"])] == [3, 3]


def test_items_of_the_double_have_the_fields_of_the_recording(recordings: Path) -> None:
    recorded_page = json.loads((recordings / "search-fields-response-c1.json").read_bytes())
    fields = recorded_page["links"][0]["body"]["fields"]
    with EarthSearch(FEW) as server:
        response = json.loads(server._search("POST", {"fields": fields, "collections": [C1]}).body)
    actual, expected = response["features"][0], recorded_page["features"][0]
    assert actual.keys() == expected.keys()
    assert actual["properties"].keys() == expected["properties"].keys()


def test_the_recorded_landing_page_is_read(recordings: Path) -> None:
    landing = json.loads((recordings / "earth-search-v1-root.json").read_bytes())
    with EarthSearch(FEW) as server:
        address = "https://earth-search.aws.element84.com"
        text = json.dumps(landing).replace(address, server.url(""))
        server.fail(ROOT, body(lambda data: text.encode()))
        pages, _ = search_all(server, query(cloud_cover=50.0))
        sent = server.searches[0].body
    assert ids(pages) == truth(FEW, cloud_cover=50.0)
    assert {"query", "fields"} <= sent.keys()
    assert "sortby" not in sent
