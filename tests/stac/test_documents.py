"""The documents of `/stac` and their links."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pystac
import pytest
from pystac_client import Client

from scog.settings import Settings
from tests.stac.conftest import running
from tests.stac.synthetic_items import L2A, MINE, Item


def _links(document: dict[str, Any], rel: str) -> list[dict[str, Any]]:
    return [link for link in document["links"] if link["rel"] == rel]


def test_the_landing_page_has_the_required_links(http: httpx.Client) -> None:
    landing = http.get("").json()
    assert landing["type"] == "Catalog"
    assert landing["conformsTo"] == http.get("/conformance").json()["conformsTo"]
    assert {link.get("method") for link in _links(landing, "search")} == {"GET", "POST"}
    for rel in ("self", "root", "data", "conformance", "service-desc", "service-doc", "child"):
        assert _links(landing, rel), rel


def test_every_link_is_absolute_and_resolves(http: httpx.Client) -> None:
    visited: set[str] = set()
    to_visit = [str(http.base_url).rstrip("/")]
    while to_visit:
        address = to_visit.pop()
        if address in visited or len(visited) > 60:
            continue
        visited.add(address)
        response = http.get(address)
        assert response.status_code == 200, address
        if not response.headers["content-type"].partition(";")[0].endswith("json") or "/stac" not in address:
            continue
        document = response.json()
        for part in (document, *document.get("features", []), *document.get("collections", [])):
            for link in part.get("links", []):
                assert urlsplit(link["href"]).scheme in ("http", "https")
                if link.get("method", "GET") == "GET" and link["href"].startswith("http://127"):
                    to_visit.append(link["href"])
    assert len(visited) > 60


def test_media_types(http: httpx.Client) -> None:
    expected = {
        "": "application/json",
        "/collections": "application/json",
        f"/collections/{MINE}/items": "application/geo+json",
        f"/collections/{MINE}/queryables": "application/schema+json",
        "/queryables": "application/schema+json",
        "/search": "application/geo+json",
    }
    for path, media in expected.items():
        assert http.get(path).headers["content-type"] == media


def test_collections_come_from_files_or_from_their_items(http: httpx.Client, items: list[Item]) -> None:
    response = http.get("/collections").json()
    described = {entry["id"]: entry for entry in response["collections"]}
    assert set(described) == {MINE, L2A}
    assert (described[L2A]["title"], described[L2A]["license"]) == ("Described", "CC0-1.0")
    assert (described[MINE]["title"], described[MINE]["license"]) == (MINE, "other")
    assert described[MINE] == http.get(f"/collections/{MINE}").json()
    mine = sorted(item["properties"]["datetime"][:19] for item in items if item["collection"] == MINE)
    [[start, end]] = described[MINE]["extent"]["temporal"]["interval"]
    assert (start[:19], end[:19]) == (mine[0], mine[-1])
    [[west, south, east, north]] = described[L2A]["extent"]["spatial"]["bbox"]
    assert (west, east) == (-180, 180)
    assert -16 < south < north < 60
    for entry in described.values():
        pystac.Collection.from_dict(entry)


def test_single_items(http: httpx.Client, items: list[Item]) -> None:
    for item in items[:5]:
        response = http.get(f"/collections/{item['collection']}/items/{item['id']}")
        assert response.headers["content-type"] == "application/geo+json"
        document = response.json()
        assert document["properties"] == item["properties"]
        assert document["geometry"] == item["geometry"]
        assert {link["rel"] for link in document["links"]} == {"self", "root", "parent", "collection", "license"}
        assert _links(document, "self")[0]["href"] == str(response.url)
        pystac.Item.from_dict(document)


def test_missing_resources_are_problems(http: httpx.Client) -> None:
    for path in ("/collections/none", "/collections/none/items", "/collections/none/queryables", "/nothing"):
        response = http.get(path)
        assert response.status_code == 404
        assert response.headers["content-type"] == "application/problem+json"
    assert http.get(f"/collections/{MINE}/items/none").status_code == 404
    assert http.get(f"/collections/{MINE}/items/s2-00").status_code == 404, "the item is in the other collection"


def test_queryables_list_the_properties(http: httpx.Client) -> None:
    queryables = http.get(f"/collections/{L2A}/queryables").json()
    assert queryables["$id"].endswith(f"/collections/{L2A}/queryables")
    assert {"id", "datetime", "eo:cloud_cover", "platform"} <= set(queryables["properties"])
    assert queryables["properties"]["platform"] == {"type": "string"}


def test_pystac_client_walks_the_catalogue(server: str, items: list[Item]) -> None:
    client = Client.open(f"{server}/stac")
    assert {collection.id for collection in client.get_collections()} == {MINE, L2A}
    mine = client.get_collection(MINE)
    assert mine is not None
    assert len(list(mine.get_items())) == sum(item["collection"] == MINE for item in items)
    assert mine.get_item("s2-00") is None
    item = client.get_collection(L2A).get_item("s2-00")
    assert item is not None
    assert item.get_collection().id == L2A


def test_features_are_filtered_and_paged(http: httpx.Client, items: list[Item]) -> None:
    page = http.get(f"/collections/{L2A}/items", params={"limit": 4, "datetime": "2022-02-01T00:00:00Z/.."}).json()
    assert page["numberReturned"] == len(page["features"]) == 4
    ids = [feature["id"] for feature in page["features"]]
    while _links(page, "next"):
        page = http.get(_links(page, "next")[0]["href"]).json()
        ids += [feature["id"] for feature in page["features"]]
    expected = {i["id"] for i in items if i["collection"] == L2A and i["properties"]["datetime"] >= "2022-02-01"}
    assert len(ids) == len(set(ids)) == page["numberMatched"]
    assert set(ids) == expected


def test_cors_allows_post_searches(http: httpx.Client) -> None:
    headers = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}
    response = http.options("/search", headers=headers | {"Access-Control-Request-Headers": "content-type"})
    assert response.status_code == 200
    assert "POST" in response.headers["access-control-allow-methods"]


def test_links_ignore_an_untrusted_host_header(http: httpx.Client) -> None:
    landing = http.get("", headers={"Host": "evil.example"}).json()
    assert _links(landing, "root")[0]["href"] == "/stac"


@pytest.fixture
def remote(tmp_path: Path) -> Settings:
    return Settings(catalog="http://127.0.0.1:9/v1", cache_dir=tmp_path)


def test_a_remote_catalogue_has_no_stac_routes(remote: Settings) -> None:
    with running(remote) as address:
        for path in ("", "/search", "/collections", "/conformance", "/files/a.tif"):
            response = httpx.get(f"{address}/stac{path}")
            assert response.status_code == 404
            assert "archive" in response.json()["detail"]
        assert httpx.post(f"{address}/stac/search", json={}).status_code == 404
