"""A local archive: its results equal those of a linear filter, also after changes in the folder and the index."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scog.catalog import scene as scenes
from scog.catalog.archive import index as module
from scog.catalog.archive.archive import Archive
from scog.catalog.archive.index import INDEX_NAME
from scog.catalog.query import Query
from scog.collections.profiles import Profiles
from scog.errors import InvalidInput
from scog.net.policy import UpstreamStats
from scog.temporal.intervals import Interval, parse_interval
from tests.profiles import parse_item

Item = dict[str, Any]
WORLD = (-180.0, -90.0, 180.0, 90.0)
ALWAYS = Interval(None, None)
START = datetime(2024, 1, 1, tzinfo=UTC)


def an_item(
    name: str,
    *,
    box: tuple[float, float, float, float] = (11, 46, 12, 47),
    time: datetime = START,
    cover: float | None = 10.0,
    collection: str = "one",
) -> Item:
    """An item with a box in degrees as footprint; west may be greater than east."""
    west, south, east, north = box
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    properties: Item = {"datetime": time.isoformat()}
    if cover is not None:
        properties["eo:cloud_cover"] = cover
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": collection,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": properties,
        "assets": {"red": {"href": "./red.tif", "type": "image/tiff"}},
    }


def write(folder: Path, *items: Item) -> None:
    for item in items:
        path = folder / item["collection"] / f"{item['id']}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(item))


def matching_ids(archive: Archive, **criteria: Any) -> list[str]:
    """Ids of the items that match."""
    query = Query(
        criteria.get("bounds", WORLD),
        criteria.get("interval", ALWAYS),
        criteria.get("cover", 100.0),
        criteria.get("collection"),
    )
    return [item["id"] for item, _ in archive.find(query)]


class Opened:
    """Opens archives, records the files that they parse, and closes them."""

    def __init__(self) -> None:
        self.parsed: list[str] = []
        self._archives: list[Archive] = []

    def __call__(self, folder: Path) -> Archive:
        self.parsed.clear()
        archive = Archive.open(folder)
        self._archives.append(archive)
        return archive

    def parse(self, item: Item, base: str, profiles: Profiles) -> Any:
        self.parsed.append(item["id"])
        return scenes.parse_item(item, base, profiles)

    def close(self) -> None:
        for archive in self._archives:
            asyncio.run(archive.close())


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    opened = Opened()
    monkeypatch.setattr(module, "parse_item", opened.parse)
    yield opened
    opened.close()


# Queries


def synthetic() -> list[Item]:
    """144 items of two collections all over the world, some of them across the antimeridian."""
    items = []
    for number in range(144):
        west = -180 + (number * 37) % 360
        east = west + 1 + number % 9
        south = -80 + (number * 53) % 150
        items.append(
            an_item(
                f"item-{number:03d}",
                box=(west, south, east - 360 if east > 180 else east, south + 1 + number % 7),
                time=START + timedelta(hours=7 * number % 500, microseconds=number % 3),
                cover=None if number % 5 == 0 else (number * 17) % 101,
                collection="one" if number % 3 else "two",
            )
        )
    return items


ITEMS = synthetic()
MANY = 4_000


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    folder = tmp_path_factory.mktemp("world")
    write(folder, *ITEMS)
    archive = Archive.open(folder)
    yield archive
    asyncio.run(archive.close())


def matches(item: Item, query: Query) -> bool:
    """Whether an item matches, without an index."""
    (west, south), _, (east, north) = item["geometry"]["coordinates"][0][:3]
    left, bottom, right, top = query.bounds
    wide = [(west, east)] if west <= east else [(west, 180), (-180, east)]
    ranges = [(left, right)] if left <= right else [(left, 180), (-180, right)]
    cover = item["properties"].get("eo:cloud_cover")
    return (
        any(a <= d and c <= b for a, b in wide for c, d in ranges)
        and south <= top
        and north >= bottom
        and datetime.fromisoformat(item["properties"]["datetime"]) in query.interval
        and (cover is None or cover <= query.cloud_cover)
        and query.collection in (None, item["collection"])
    )


longitudes, latitudes = st.integers(-180, 180), st.integers(-90, 90)
times = st.one_of(st.none(), st.sampled_from(ITEMS).map(lambda i: datetime.fromisoformat(i["properties"]["datetime"])))
intervals = st.tuples(times, times).map(
    lambda two: Interval(*(two if None in two else sorted(two)))  # type: ignore[type-var]
)
queries = st.builds(
    lambda west, east, lows, interval, cover, collection: Query(
        (west, min(lows), east, max(lows)), interval, cover, collection
    ),
    longitudes,
    longitudes,
    st.tuples(latitudes, latitudes),
    intervals,
    st.one_of(st.just(100.0), st.integers(0, 100).map(float)),
    st.sampled_from([None, "one", "two", "three"]),
)


@given(query=queries)
def test_results_equal_a_linear_filter(world: Archive, query: Query) -> None:
    matching = [item for item in ITEMS if matches(item, query)]
    newest_first = sorted(
        matching, key=lambda item: (-datetime.fromisoformat(item["properties"]["datetime"]).timestamp(), item["id"])
    )
    results = world.find(query)
    assert {item["id"] for item, _ in results} == {item["id"] for item in matching}
    assert [item["properties"]["datetime"] for item, _ in results] == [
        i["properties"]["datetime"] for i in newest_first
    ]


def test_each_query_has_matches() -> None:
    """Queries that match no item would make the test above pass in any case."""
    for query in (
        Query((170.0, -90.0, -170.0, 90.0), ALWAYS, 100.0, None),
        Query(WORLD, ALWAYS, 0.0, "two"),
        Query(WORLD, Interval(START + timedelta(days=10), None), 100.0, "one"),
    ):
        assert 0 < sum(matches(item, query) for item in ITEMS) < len(ITEMS)
    assert any(i["geometry"]["coordinates"][0][0][0] > i["geometry"]["coordinates"][0][1][0] for i in ITEMS)


def test_items_are_returned_as_stored_with_the_url_of_their_file(tmp_path: Path, opened: Opened) -> None:
    item = an_item("odd name #1 é")
    write(tmp_path, item)
    ((stored, base),) = opened(tmp_path).find(Query(WORLD, ALWAYS, 100.0, None))
    assert stored == item
    assert base == (tmp_path / "one" / "odd name #1 é.json").as_uri()
    assert parse_item(stored, base).assets["red"].url == (tmp_path / "one" / "red.tif").as_uri()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-01", ["a", "b"]),
        ("2024-01-01T00:00:00Z", ["a"]),
        ("2024-01-01T00:00:00.000001Z/..", ["c", "b"]),
        ("../2024-01-01T23:59:59.999998Z", ["a"]),
        ("2024-01-02/..", ["c"]),
    ],
)
def test_the_ends_of_an_interval_are_inclusive(text: str, expected: list[str], tmp_path: Path, opened: Opened) -> None:
    midnight = START + timedelta(days=1)
    write(tmp_path, an_item("a"), an_item("b", time=midnight - timedelta(microseconds=1)), an_item("c", time=midnight))
    assert sorted(matching_ids(opened(tmp_path), interval=parse_interval(text))) == sorted(expected)


def test_a_footprint_of_two_parts_matches_once_at_either_part(tmp_path: Path, opened: Opened) -> None:
    item = an_item("split")
    left = [[179, 0], [180, 0], [180, 1], [179, 1], [179, 0]]
    right = [[-180, 0], [-179, 0], [-179, 1], [-180, 1], [-180, 0]]
    item["geometry"] = {"type": "MultiPolygon", "coordinates": [[left], [right]]}
    write(tmp_path, item)
    archive = opened(tmp_path)
    for bounds, expected in (
        ((179.2, 0.2, 179.4, 0.4), ["split"]),
        ((-179.4, 0.2, -179.2, 0.4), ["split"]),
        ((179.5, 0.2, -179.5, 0.4), ["split"]),
        (WORLD, ["split"]),
        ((0.0, 0.0, 1.0, 1.0), []),
    ):
        assert matching_ids(archive, bounds=bounds) == expected


def page(archive: Archive, query: Query) -> Any:
    return asyncio.run(archive.page(query, None, UpstreamStats()))


def test_an_archive_has_the_interface_of_a_catalogue(tmp_path: Path, opened: Opened) -> None:
    newest = START + timedelta(days=3)
    write(tmp_path, an_item("a"), an_item("b", box=(12, 40, 20, 41), collection="two", time=newest))
    archive = opened(tmp_path)
    assert not archive.is_live
    assert archive.count() == 2
    assert archive.collections() == ["one", "two"]
    assert asyncio.run(archive.newest(None)) == newest
    assert asyncio.run(archive.newest("one")) == START
    assert asyncio.run(archive.newest("three")) is None
    assert asyncio.run(archive.bounds()) == pytest.approx((11, 40, 20, 47), abs=1e-5)
    assert [item["id"] for item in page(archive, Query(WORLD, ALWAYS, 100.0, None)).items] == ["b", "a"]
    with pytest.raises(InvalidInput) as refused:
        page(archive, Query(WORLD, ALWAYS, 100.0, "three"))
    assert refused.value.parameter == "collection"
    assert refused.value.valid == "one or two"


# Changes in the folder


def test_new_changed_and_deleted_files_are_indexed(tmp_path: Path, opened: Opened) -> None:
    write(tmp_path, an_item("a"), an_item("b"))
    archive = opened(tmp_path)
    assert sorted(opened.parsed) == ["a", "b"]

    write(tmp_path, an_item("c"))
    changed = an_item("b", box=(20, 46, 21, 47))
    write(tmp_path, changed)
    os.utime(tmp_path / "one" / "b.json", ns=(1, 1))  # an earlier modification time is a change too
    (tmp_path / "one" / "a.json").unlink()
    opened.parsed.clear()
    archive.refresh()
    assert sorted(opened.parsed) == ["b", "c"]
    assert sorted(matching_ids(archive)) == ["b", "c"]
    assert matching_ids(archive, bounds=(20, 46, 21, 47)) == ["b"]
    assert matching_ids(archive, bounds=(11, 46, 12, 47)) == ["c"]

    again = opened(tmp_path)
    assert opened.parsed == []
    assert sorted(matching_ids(again)) == ["b", "c"]


def test_a_file_may_become_an_item_and_stop_being_one(tmp_path: Path, opened: Opened) -> None:
    write(tmp_path, an_item("a"), an_item("b"))
    path = tmp_path / "one" / "b.json"
    whole = path.read_bytes()
    for number, (content, expected) in enumerate(
        [(b"{}", ["a"]), (whole, ["a", "b"]), (whole[:40], ["a"]), (b"\xff\xfe", ["a"]), (whole, ["a", "b"])]
    ):
        path.write_bytes(content)
        os.utime(path, ns=(number, number))
        assert sorted(matching_ids(opened(tmp_path))) == expected


OTHERS = {
    "collection.json": {"type": "Collection", "id": "one"},
    "archive.json": {"generator": "scog demo"},
    "list.json": [1, 2],
    "text.json": "text",
    "null.json": None,
    "no-geometry.json": an_item("x") | {"geometry": None},
    "no-assets.json": an_item("x") | {"assets": {}},
    "short-corner.json": an_item("x") | {"geometry": {"type": "Polygon", "coordinates": [[[0]] * 4]}},
    "huge.json": an_item("x") | {"properties": {"datetime": "2024" * 100, "eo:cloud_cover": 10**400}},
    "features.geojson": {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": None}]},
}


def test_files_that_are_not_items_are_skipped(tmp_path: Path, opened: Opened, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, an_item("a"))
    for name, content in OTHERS.items():
        (tmp_path / name).write_text(json.dumps(content))
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "empty.json").touch()
    (tmp_path / "not-utf-8.json").write_bytes(b'{"type": "\xff"}')
    (tmp_path / "notes.txt").write_text(json.dumps(an_item("x")))
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "x.json").write_text(json.dumps(an_item("x")))
    assert matching_ids(opened(tmp_path)) == ["a"]
    for name in OTHERS:
        is_not_an_item = name in ("collection.json", "archive.json", "list.json", "text.json", "null.json")
        assert (f"{name}: skipped: " in caplog.text) != (is_not_an_item or name == "features.geojson")
    for name in ("deep.json", "empty.json", "not-utf-8.json"):
        assert f"{name}: skipped: invalid JSON: " in caplog.text
    opened(tmp_path)
    assert opened.parsed == [], "skipped files are not parsed again"


def test_the_folder_itself_may_be_a_link(tmp_path: Path, opened: Opened) -> None:
    write(tmp_path / "real", an_item("a"))
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert matching_ids(opened(tmp_path / "link")) == ["a"]


@pytest.mark.parametrize(
    "content", [None, {}, {"collection.json": {"type": "Collection"}}], ids=["no", "empty", "bare"]
)
def test_a_folder_without_items_is_refused(content: dict[str, Item] | None, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    if content is not None:
        folder.mkdir()
        for name, value in content.items():
            (folder / name).write_text(json.dumps(value))
    with pytest.raises(InvalidInput) as refused:
        Archive.open(folder)
    assert refused.value.parameter == "catalog"
    assert str(folder) in str(refused.value)


# Damage to the index


def leave_unchanged(path: Path) -> None:
    """Do nothing."""


def not_a_database(path: Path) -> None:
    path.write_bytes(b"this is not a database and never was" * 100)


def of_another_version(path: Path) -> None:
    with sqlite3.connect(path) as index:
        index.execute(f"PRAGMA user_version = {module.VERSION + 1}")
    index.close()


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = bytes(byte ^ 0x55 for byte in data[4096:])
    path.write_bytes(data)


@pytest.mark.parametrize(
    "damage",
    [
        leave_unchanged,
        not_a_database,
        of_another_version,
        emptied,
        cut_short,
        flipped,
    ],
)
def test_a_damaged_index_is_rebuilt(damage: Callable[[Path], None], tmp_path: Path, opened: Opened) -> None:
    write(tmp_path, *ITEMS)
    asyncio.run(opened(tmp_path).close())
    damage(tmp_path / INDEX_NAME)
    archive = opened(tmp_path)
    assert len(opened.parsed) == (0 if damage is leave_unchanged else len(ITEMS))
    assert sorted(matching_ids(archive)) == [item["id"] for item in ITEMS]
    asyncio.run(archive.close())
    opened(tmp_path)
    assert opened.parsed == [], "the new index is used"


def test_a_read_only_folder_is_indexed_in_memory(
    tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, an_item("a"))
    connect: Callable[..., sqlite3.Connection] = sqlite3.connect

    def read_only(path: Any, **options: Any) -> sqlite3.Connection:
        if path == ":memory:":
            return connect(path, **options)
        return connect(f"{Path(path).as_uri()}?mode=ro", uri=True, **options)

    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", read_only)
        assert matching_ids(opened(tmp_path)) == ["a"]
    assert not (tmp_path / INDEX_NAME).exists()
    assert "in memory" in caplog.text

    asyncio.run(opened(tmp_path).close())  # now with a read-only index
    before = (tmp_path / INDEX_NAME).read_bytes()
    write(tmp_path, an_item("b"))
    monkeypatch.setattr(sqlite3, "connect", read_only)
    assert sorted(matching_ids(opened(tmp_path))) == ["a", "b"]
    assert (tmp_path / INDEX_NAME).read_bytes() == before


def test_an_index_that_cannot_be_opened_is_replaced_in_memory(tmp_path: Path, opened: Opened) -> None:
    write(tmp_path, an_item("a"))
    (tmp_path / INDEX_NAME).mkdir()
    assert matching_ids(opened(tmp_path)) == ["a"]


@pytest.mark.acceptance
def test_many_items_are_parsed_once(tmp_path: Path, opened: Opened) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    for number in range(MANY):
        item = an_item(f"{number:05d}", box=(number % 100, number // 100 - 50, number % 100 + 1, number // 100 - 49))
        (folder / f"{number:05d}.json").write_text(json.dumps(item))
    archive = opened(tmp_path)
    assert len(opened.parsed) == archive.count() == MANY
    asyncio.run(archive.close())
    (folder / "00007.json").unlink()
    archive = opened(tmp_path)
    assert opened.parsed == []
    assert archive.count() == MANY - 1
    assert matching_ids(archive, bounds=(50.5, -39.5, 50.6, -39.4)) == ["01050"]
