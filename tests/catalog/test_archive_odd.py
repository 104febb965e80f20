"""Unusual files, links, ids and times in an archive: they are indexed, or skipped and reported."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scog.catalog.archive import files
from scog.catalog.archive.archive import Archive
from scog.catalog.archive.item_query import search_items
from scog.catalog.item_search import ItemSearch
from scog.catalog.query import Query
from scog.net.policy import UpstreamStats
from scog.temporal.intervals import parse_interval
from tests.catalog.test_archive import ALWAYS, WORLD, Item, an_item, matching_ids, write
from tests.profiles import parse_item

Open = Callable[[Path], Archive]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Opens archives and closes them after the test."""
    archives: list[Archive] = []

    def open_one(folder: Path) -> Archive:
        archives.append(Archive.open(folder))
        return archives[-1]

    yield open_one
    for archive in archives:
        asyncio.run(archive.close())


def problems_of(archive: Archive) -> dict[str, str]:
    return dict(archive.problems())


# Files


def encoded(encoding: str) -> bytes:
    return json.dumps(an_item("b") | {"title": "é"}, ensure_ascii=False).encode(encoding)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("b.json", encoded("utf-8"), None),
        ("b.json", encoded("utf-8-sig"), None),
        ("b.json", encoded("utf-16"), None),
        ("b.json", encoded("utf-32"), None),
        ("b.geojson", encoded("utf-8"), None),
        ("B.JSON", encoded("utf-8"), None),
        ("b.json", encoded("latin-1"), "invalid JSON: byte "),
        ("b.json", encoded("utf-8")[:-1], "invalid JSON: "),
        ("b.json", encoded("utf-8").replace(b"10.0", b"10.0,,"), "invalid JSON: "),
        ("b.json", b"", "invalid JSON: Expecting value in line 1, column 1"),
        ("b.json", b"[" * 100_000, "invalid JSON: nested too deeply"),
        ("b.json", b"9" * 5000, "Exceeds the limit"),
        ("b.json", encoded("utf-8") + b" " * 20_000, "the file has 0 MB, more than 0 MB"),
        ("b.json", encoded("utf-8").replace(b'"Feature"', b'"Fixture"'), "type: 'Fixture' is not 'Feature'"),
    ],
    ids=str,
)
def test_a_file_is_read_or_reported(
    name: str,
    content: bytes,
    reason: str | None,
    tmp_path: Path,
    opened: Open,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 20_000 if b"  " in content else 1_000_000)
    write(tmp_path, an_item("a"))
    (tmp_path / name).write_bytes(content)
    archive = opened(tmp_path)
    assert sorted(matching_ids(archive)) == (["a", "b"] if reason is None else ["a"])
    assert list(problems_of(archive)) == ([] if reason is None else [name])
    assert problems_of(archive).get(name, "skipped: ").startswith(f"skipped: {reason or ''}")
    assert (f"{name}: skipped: {reason}" in caplog.text) == (reason is not None)
    caplog.clear()
    again = opened(tmp_path)
    assert problems_of(again) == problems_of(archive)
    assert ("`scog doctor` lists them" in caplog.text) == (reason is not None)


def test_a_pipe_a_folder_and_a_name_that_is_not_utf_8_are_skipped(tmp_path: Path, opened: Open) -> None:
    """None of them may block or stop the server."""
    write(tmp_path, an_item("a"))
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.json").mkdir()
    try:
        (tmp_path / os.fsdecode(b"caf\xe9.json")).write_text(json.dumps(an_item("b")))
        odd = {"caf\\udce9.json": "skipped: the file's name is not UTF-8"}
    except OSError:  # the file system accepts only UTF-8 names
        odd = {}
    archive = opened(tmp_path)
    assert matching_ids(archive) == ["a"]
    assert problems_of(archive) == {"pipe.json": "skipped: not a regular file", **odd}


def test_items_of_a_feature_collection_are_indexed(tmp_path: Path, opened: Open) -> None:
    """An invalid item of an ItemCollection does not affect the others."""
    write(tmp_path, an_item("a"))
    broken = an_item("broken") | {"geometry": None}
    members = [an_item("b"), broken, an_item("c", collection="two"), 5, None, {"type": "Feature"}]
    path = tmp_path / "deep" / "list.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"type": "FeatureCollection", "features": members}))
    archive = opened(tmp_path)
    assert sorted(matching_ids(archive)) == ["a", "b", "c"]
    assert list(problems_of(archive)) == ["deep/list.json#1"]
    (item, base) = next(each for each in archive.find(Query(WORLD, ALWAYS, 100.0, None)) if each[0]["id"] == "b")
    assert parse_item(item, base).assets["red"].url == (tmp_path / "deep" / "red.tif").as_uri()
    assert archive.select("SELECT count(*) FROM files WHERE path = 'deep/red.tif'") == [(2,)]

    path.write_text(json.dumps({"type": "FeatureCollection", "features": members[2:3]}))
    os.utime(path, ns=(1, 1))
    archive.refresh()
    assert sorted(matching_ids(archive)) == ["a", "c"]
    assert problems_of(archive) == {}


def test_lone_surrogates_become_question_marks(tmp_path: Path, opened: Open) -> None:
    """Text with lone surrogates can be neither stored nor sent."""
    odd = an_item("\ud800-\U0001f30d") | {"title": "a\udfffb"}
    odd["properties"]["platform"] = "\ud800"
    (tmp_path / "odd.json").write_text(json.dumps(odd))
    archive = opened(tmp_path)
    assert matching_ids(archive) == ["?-\U0001f30d"]
    (only,) = search_items(archive, ItemSearch(), 10).items
    assert only.item["title"] == "a?b"
    scene = parse_item(odd)
    assert (scene.id, scene.platform) == ("?-\U0001f30d", "?")


# Symbolic links


def test_symbolic_links_are_followed_once_within_the_archive(tmp_path: Path, opened: Open) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    write(inside, an_item("a"))
    write(inside / ".store", an_item("b"), an_item("c"))
    write(outside, an_item("secret"))
    (inside / "b.json").symlink_to(Path(".store") / "one" / "b.json")
    (inside / "again.json").symlink_to(inside / "one" / "a.json")
    (inside / "more").symlink_to(Path(".store") / "one")
    (inside / "loop").symlink_to(inside)
    (inside / "one" / "up").symlink_to("..")
    (inside / "round.json").symlink_to("round.json")
    (inside / "file.json").symlink_to(outside / "one" / "secret.json")
    (inside / "folder").symlink_to(outside)
    (inside / "broken.json").symlink_to("nowhere.json")
    (inside / "prefix.json").symlink_to(tmp_path / "inside.json")
    archive = opened(inside)
    assert sorted(matching_ids(archive)) == ["a", "b", "c"]
    problems = problems_of(archive)
    assert sorted(problems) == ["broken.json", "file.json", "folder", "prefix.json", "round.json"]
    assert all("leads out of the archive" in problems[name] for name in ("file.json", "folder", "prefix.json"))
    assert problems["broken.json"] == "skipped: a broken symbolic link"


# Ids


def test_items_with_the_same_id_get_unique_ids(tmp_path: Path, opened: Open, caplog: pytest.LogCaptureFixture) -> None:
    for number in (1, 2):
        write(tmp_path / f"d{number}", an_item("same", time=an_item_time(number)))
    write(tmp_path, an_item("other"))
    archive = opened(tmp_path)
    names = ["same@d1/one/same.json", "same@d2/one/same.json"]
    assert sorted(matching_ids(archive)) == ["other", *names]
    assert sorted(problems_of(archive)) == ["d1/one/same.json", "d2/one/same.json"]
    assert "another item of the collection has the id 'same'" in caplog.text
    for name in names:  # `/stac` finds each by its unique id
        (only,) = search_items(archive, ItemSearch(("one",), (name,)), 10).items
        assert only.item["id"] == name

    (tmp_path / "d1" / "one" / "same.json").unlink()
    archive.refresh()
    assert sorted(matching_ids(archive)) == ["other", "same"]
    assert problems_of(archive) == {}


def an_item_time(day: int) -> Any:
    interval = parse_interval(f"2024-01-0{day}T10:00:00Z")
    assert interval.start is not None
    return interval.start


def test_the_same_id_in_two_collections_is_unchanged_in_each(tmp_path: Path, opened: Open) -> None:
    write(tmp_path, an_item("same"), an_item("same", collection="two"), an_item("other"))
    archive = opened(tmp_path)
    assert sorted(matching_ids(archive)) == ["one/same", "other", "two/same"]
    assert matching_ids(archive, collection="two") == ["same"]
    assert [each.item["id"] for each in search_items(archive, ItemSearch(("two",)), 10).items] == ["same"]
    assert problems_of(archive) == {}, "it is not a problem"


# Times


ANNUAL = {"datetime": None, "start_datetime": "2024-01-01T00:00:00Z", "end_datetime": "2024-12-31T23:59:59Z"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-06-01/2024-06-30", ["annual"]),
        ("2024-01-01T00:00:00Z", ["annual"]),
        ("../2024-01-01", ["annual", "old"]),
        ("2024-12-31T23:59:59Z/..", ["annual"]),
        ("../..", ["annual", "day", "old"]),
        ("2025-01-01/..", []),
        ("../2023-12-31", ["old"]),
        ("2024-03-05", ["annual", "day"]),
        ("2024-03-05T23:59:59Z", ["annual", "day"]),
        ("2024-03-06", ["annual"]),
    ],
)
def test_items_match_by_their_whole_time_range(text: str, expected: list[str], tmp_path: Path, opened: Open) -> None:
    def taken(name: str, properties: Item) -> Item:
        return an_item(name) | {"properties": properties}

    write(tmp_path, taken("annual", ANNUAL), taken("day", {"datetime": "2024-03-05"}))
    write(tmp_path, taken("old", {"datetime": "2019-01-01T10:00:00"}))
    archive, interval = opened(tmp_path), parse_interval(text)
    assert sorted(matching_ids(archive, interval=interval)) == expected
    page = search_items(archive, ItemSearch(interval=interval), 10)
    assert sorted(each.item["id"] for each in page.items) == expected
    assert page.matched == len(expected)


# Paging


def test_items_beyond_the_limit_are_on_the_next_page(tmp_path: Path, opened: Open) -> None:
    from scog.catalog.archive import archive as module

    write(tmp_path, *(an_item(f"item-{number:02}", time=an_item_time(1 + number // 4)) for number in range(22)))
    archive = opened(tmp_path)
    whole = matching_ids(archive)
    assert len(whole) == 22
    query, ids = Query((11.2, 46.2, 11.4, 46.4), ALWAYS, 100.0, None), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MAX_PAGE_ITEMS", 5)
        cursor = None
        for _ in range(5):
            page = asyncio.run(archive.page(query, cursor, UpstreamStats()))
            ids += [item["id"] for item in page.items]
            cursor = json.loads(json.dumps(page.cursor))
        assert cursor is None
    assert ids == whole
