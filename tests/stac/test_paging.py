"""Paging in both directions, complete while items are added, with pages of bounded size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from scog.catalog.archive import item_query
from scog.catalog.archive.archive import Archive
from scog.catalog.archive.item_query import search_items
from scog.catalog.item_search import ItemSearch, SearchArea, SortKey
from scog.geo.geojson import box_shape, intersecting
from tests.stac.synthetic_items import Item, make_items, newest_first, write_archive

WORLD = [(-180.0, -90.0, 180.0, 90.0)]
SEARCHES = [
    ItemSearch(),
    ItemSearch(order=(SortKey("eo:cloud_cover", descending=True),)),
    ItemSearch(order=(SortKey("eo:cloud_cover"), SortKey("datetime", descending=True))),
    ItemSearch(order=(SortKey("platform"), SortKey("number", descending=True))),
    ItemSearch(area=SearchArea(tuple(WORLD), intersecting(box_shape(WORLD)), is_boxes=True)),
    ItemSearch(tests=(lambda item: item["properties"]["flag"],)),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_archive(tmp_path, make_items())


def _ids(page: item_query.ItemPage) -> list[str]:
    return [stored.item["id"] for stored in page.items]


@pytest.mark.parametrize("search", SEARCHES, ids=range(len(SEARCHES)))
def test_paging_back_returns_the_same_pages(folder: Path, search: ItemSearch) -> None:
    archive = Archive.open(folder)
    pages = [search_items(archive, search, 7)]
    while pages[-1].has_more:
        pages.append(search_items(archive, search, 7, pages[-1].last))
    everything = [name for page in pages for name in _ids(page)]
    assert len(everything) == len(set(everything)) == pages[0].matched
    assert _ids(search_items(archive, search, 100)) == everything
    page = pages.pop()
    while pages:
        page = search_items(archive, search, 7, page.first, backward=True)
        assert _ids(page) == _ids(pages.pop())
        assert page.has_more == bool(pages)


def test_next_and_prev_links(http: httpx.Client, items: list[Item]) -> None:
    expected = [item["id"] for item in newest_first(items)]

    def follow(page: dict[str, Any], rel: str) -> dict[str, Any] | None:
        for link in page["links"]:
            if link["rel"] == rel:
                assert link["merge"] is False
                next_page: dict[str, Any] = http.request(link["method"], link["href"], json=link["body"]).json()
                return next_page
        return None

    first = http.post("/search", json={"limit": 25}).json()
    assert follow(first, "prev") is None
    second = follow(first, "next")
    assert second is not None
    third = follow(second, "next")
    assert third is not None
    assert follow(third, "next") is None
    ids = [[feature["id"] for feature in page["features"]] for page in (first, second, third)]
    assert ids == [expected[:25], expected[25:50], expected[50:]]
    back = follow(third, "prev")
    assert back is not None
    assert back["features"] == second["features"]
    again = follow(back, "prev")
    assert again is not None
    assert again["features"] == first["features"]
    assert follow(again, "prev") is None
    assert {page["numberMatched"] for page in (first, second, third, back, again)} == {60}


def test_items_added_while_paging_cause_no_duplicates_and_no_gaps(folder: Path) -> None:
    archive = Archive.open(folder)
    expected = [item["id"] for item in newest_first(make_items())]
    first = search_items(archive, ItemSearch(), 20)
    newer = make_items()[0]
    newer["id"] = "newer"
    newer["properties"]["datetime"] = "2030-01-01T00:00:00Z"
    (folder / "newer.json").write_text(json.dumps(newer))
    archive.refresh()
    rest = search_items(archive, ItemSearch(), 100, first.last)
    assert _ids(first) + _ids(rest) == expected
    assert _ids(search_items(archive, ItemSearch(), 1)) == ["newer"]


def test_a_page_ends_early_when_its_items_are_large(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(item_query, "PAGE_BYTES", 4000)
    archive = Archive.open(folder)
    page = search_items(archive, ItemSearch(), 50)
    assert 0 < len(page.items) < 5
    assert page.has_more
    after = search_items(archive, ItemSearch(), 1, page.last)
    assert _ids(page) + _ids(after) == [item["id"] for item in newest_first(make_items())][: len(page.items) + 1]


def test_matches_that_are_slow_to_count_are_not_counted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(item_query, "MAX_COUNTED", 10)
    monkeypatch.setattr(item_query, "CHUNK", 5)
    archive = Archive.open(folder)
    page = search_items(archive, ItemSearch(tests=(lambda item: True,)), 5)
    assert (len(page.items), page.has_more, page.matched) == (5, True, None)
    assert search_items(archive, ItemSearch(tests=(lambda item: False,)), 5).matched == 0


def test_newest_first_reads_only_its_page(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = Archive.open(folder)
    read: list[str] = []
    monkeypatch.setattr(item_query, "item_of", lambda text, name: read.append(text) or json.loads(text))
    search_items(archive, ItemSearch(), 3)
    assert len(read) == 3
    search_items(archive, SEARCHES[4], 3)
    assert len(read) == 6, "items with boxes within the area are matched without their geometry"


def test_files_of_deleted_items_are_removed_from_the_index(folder: Path) -> None:
    archive = Archive.open(folder)
    item = make_items()[0]
    item_folder = f"{item['collection']}/{item['id']}"
    assert archive.select("SELECT count(*) FROM files WHERE path = ?", (f"{item_folder}/B04 é.tif",)) == [(1,)]
    (folder / item_folder / "item.json").unlink()
    archive.refresh()
    assert archive.select("SELECT count(*) FROM files WHERE path LIKE ?", (f"{item_folder}/%",)) == [(0,)]
