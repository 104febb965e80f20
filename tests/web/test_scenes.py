"""`/scenes`: all scenes of a box of any size, in pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import shapely

from scog.catalog import search as search_module
from scog.catalog.archive import archive as archive_module
from scog.errors import InvalidInput
from scog.products.scene_list import PageEnd, page_token, parse_page_token
from scog.settings import Settings
from tests.catalog.test_archive import an_item, write
from tests.catalog.test_archive_odd import ANNUAL
from tests.web.conftest import Served, served

EVER = "datetime=../..&cloud_cover=100"
COUNT = 23
START = datetime(2024, 6, 1, 10, tzinfo=UTC)


def items() -> list[dict[str, Any]]:
    """Overlapping items from Europe to Asia, a few of which cover the whole box; and four in other places."""
    many = [
        an_item(f"item-{number:02}", box=(5 + number % 3, 44, 60 + number % 5, 50), time=START + timedelta(number // 2))
        for number in range(COUNT)
    ]
    fiji = an_item("fiji", box=(179, -18, -179, -16))
    annual = an_item("annual", box=(100, 0, 101, 1)) | {"properties": ANNUAL}
    return [
        *many,
        fiji,
        annual,
        an_item("west", box=(-179.5, -18, -179, -17)),
        an_item("global", box=(-180, -90, 180, 90)),
    ]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("scenes")
    write(folder / "archive", *items())
    with served(Settings(catalog=str(folder / "archive"), cache_dir=folder / "cache")) as running:
        yield running


def pages(server: Served, path: str) -> list[list[str]]:
    """The ids on each page. Follows `next` links."""
    listed = []
    while path:
        response = server.get(path)
        assert response.status_code == 200, response.text
        body = response.json()
        listed.append([feature["id"] for feature in body["features"]])
        links = {link["rel"]: link["href"] for link in body.get("links", [])}
        assert (response.headers.get("X-Scog-Truncated") == "true") == ("next" in links)
        parts = urlsplit(links.get("next", ""))
        path = f"{parts.path}?{parts.query}" if parts.path else ""
        assert len(listed) < 100
    return listed


def newest_first() -> list[str]:
    return [f"item-{number:02}" for number in sorted(range(COUNT), key=lambda number: (-(number // 2), number))]


BOX = "bbox=4,43,70,51"


def test_a_wide_box_lists_all(server: Served) -> None:
    assert pages(server, f"/scenes?{BOX}&{EVER}") == [[*newest_first(), "global"]]


@pytest.mark.parametrize("limit", [1, 2, 7, 23, 24, 25, 1000])
@pytest.mark.parametrize("where", [f"/scenes?{BOX}&", "/scenes?bbox=20,46,20.5,46.4&", "/tiles/4/9/5/scenes?"])
def test_pages_list_each_scene_once(where: str, limit: int, server: Served) -> None:
    listed = pages(server, f"{where}{EVER}&limit={limit}")
    assert [name for page in listed for name in page] == [*newest_first(), "global"]
    assert all(len(page) == limit for page in listed[:-1])


def test_pages_continue_beyond_the_limit_of_a_search(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search is limited; the list is not."""
    monkeypatch.setattr(search_module, "MAX_SCENES", 6)
    monkeypatch.setattr(search_module, "MAX_PAGES", 3)
    monkeypatch.setattr(archive_module, "MAX_PAGE_ITEMS", 3)
    found = pages(server, f"/scenes?bbox=4,43,71,51&{EVER}&limit=5")
    assert [name for page in found for name in page] == [*newest_first(), "global"]


@pytest.mark.parametrize(
    ("bbox", "expected"),
    [
        ("179,-18,-179,-16", ["fiji", "global", "west"]),
        ("179,-18,0,-179,-16,100", ["fiji", "global", "west"]),
        ("179.2,-17.5,179.4,-17.2", ["fiji", "global"]),
        ("-179.4,-17.5,-179.2,-17.2", ["fiji", "global", "west"]),
        ("179,-18,0,180,-16,100", ["fiji", "global"]),
        ("179,-18,50,180,-16,100", []),
        ("-180,-90,180,90", [*newest_first(), "annual", "fiji", "global", "west"]),
        ("20.0,46.0,20.0,46.0", [*newest_first(), "global"]),
        ("20,46,20,48", [*newest_first(), "global"]),
        (" -60, -60,+1e1 ,-50.", ["global"]),
    ],
)
@pytest.mark.parametrize("path", ["/scenes", "/stac/search"])
def test_boxes(path: str, bbox: str, expected: list[str], server: Served) -> None:
    """Both routes have the same parser."""
    options = {"datetime": "../..", **({"cloud_cover": 100} if path == "/scenes" else {"limit": 100})}
    response = server.get(f"{path}?{urlencode({'bbox': bbox, **options})}")
    assert response.status_code == 200, response.text
    listed = [feature["id"] for feature in response.json()["features"]]
    assert sorted(listed) == sorted(expected)


@pytest.mark.parametrize("path", ["/scenes", "/stac/search"])
@pytest.mark.parametrize(
    "bbox",
    ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "10,50,20,40", "-181,0,0,1", "0,0,181,1", "0,-91,1,1", "nan,0,1,1",
     "0,0,1,1,1,1,1", "0,0,50,1,1,40", "1e999,0,1,1", "0,0,1," + "1" * 200],
)  # fmt: skip
def test_invalid_boxes(path: str, bbox: str, server: Served) -> None:
    response = server.get(f"{path}?{urlencode({'bbox': bbox})}")
    assert response.status_code == 400
    assert response.json()["parameter"] == "bbox"


def test_footprints_are_split_at_the_antimeridian(server: Served) -> None:
    (feature,) = [
        each
        for each in server.get(f"/scenes?bbox=179.2,-17.5,179.4,-17.2&{EVER}").json()["features"]
        if each["id"] == "fiji"
    ]
    assert feature["geometry"]["type"] == "MultiPolygon"
    expected_shape = shapely.union_all([shapely.box(179, -18, 180, -16), shapely.box(-180, -18, -179, -16)])
    assert shapely.equals(shapely.geometry.shape(feature["geometry"]), expected_shape)


def test_scenes_with_a_time_range_have_both_ends(server: Served) -> None:
    (feature,) = [
        each
        for each in server.get("/scenes?bbox=100,0,101,1&datetime=2024-06-01/2024-06-02").json()["features"]
        if each["id"] == "annual"
    ]
    properties = feature["properties"]
    assert properties["datetime"] == properties["start_datetime"] == ANNUAL["start_datetime"]
    assert properties["end_datetime"] == ANNUAL["end_datetime"]


@pytest.mark.parametrize(
    "token", ["x", "e30", "W10", "bnVsbA", "é", "AAAA", page_token(PageEnd((START, "p"), (START, "", "a")))[:-4]]
)
def test_invalid_tokens(token: str, server: Served) -> None:
    response = server.get("/scenes", params={"bbox": "0,0,1,1", "token": token})
    assert response.status_code == 400
    assert response.json()["parameter"] == "token"
    with pytest.raises(InvalidInput):
        parse_page_token(token)


@pytest.mark.parametrize("until", [None, START])
def test_tokens_round_trip(until: datetime | None) -> None:
    place = PageEnd((START + timedelta(microseconds=1), "é"), (START, "32TQK", "an id/with?all&of=it"), until)
    assert parse_page_token(page_token(place)) == place
    assert json.dumps(page_token(place)).isascii()
