"""Cubes on disk: they survive restarts, are evicted in order of use, and a broken disk raises no error."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scog.catalog.records import FORMAT
from scog.collections.profile import Profile
from scog.cubes import cubes as module
from scog.cubes.cubes import Cubes
from scog.cubes.definition import Definition, read_definition
from scog.cubes.store import CubeStore
from tests.profiles import profile_of

CATALOG = "https://catalog.example.org/v1"


def definition(number: int) -> Definition:
    return Definition({"index": "ndvi", "cloud_cover": float(number)})


def names(path: Path) -> set[str]:
    with sqlite3.connect(path / "cubes.sqlite") as database:
        return {row[0] for row in database.execute("SELECT id FROM cubes")}


def test_cubes_survive_a_restart(tmp_path: Path) -> None:
    store = CubeStore(tmp_path / "new", CATALOG, 10)
    assert store.put("a", "{}", None)
    assert store.put("b", '{"x":1}', "scenes" * 1000)
    assert store.lasting
    store.close()
    again = CubeStore(tmp_path / "new", CATALOG, 10)
    assert again.get("a") == ("{}", None)
    assert again.get("b") == ('{"x":1}', "scenes" * 1000)
    assert again.get("c") is None
    assert (tmp_path / "new" / "cubes.sqlite").stat().st_size < 60_000
    again.close()


def test_the_file_is_created_at_first_use(tmp_path: Path) -> None:
    store = CubeStore(tmp_path / "new", CATALOG, 10)
    store.close()
    assert not (tmp_path / "new").exists()


def test_cubes_belong_to_a_catalogue(tmp_path: Path) -> None:
    remote, local = CubeStore(tmp_path, CATALOG, 10), CubeStore(tmp_path, "/data/archive", 10)
    remote.put("a", "{}", None)
    assert local.get("a") is None
    remote.close()
    local.close()


def test_least_recently_used_cubes_are_evicted(tmp_path: Path) -> None:
    store = CubeStore(tmp_path, CATALOG, 3)
    for name in "abc":
        store.put(name, "{}", None)
    store.use(["a"])
    store.put("d", "{}", None)
    assert names(tmp_path) == {"a", "c", "d"}
    store.put("c", "{}", None)  # counts as use
    store.put("e", "{}", None)
    store.put("f", "{}", None)
    assert names(tmp_path) == {"c", "e", "f"}
    store.close()
    smaller = CubeStore(tmp_path, CATALOG, 1)
    assert smaller.get("c") is None
    assert smaller.get("f") == ("{}", None)
    smaller.close()


async def profile(collection: str | None) -> Profile:
    return profile_of(collection)


def with_cubes(work: Callable[[Cubes], Any], folder: Path | None, limit: int = 3) -> None:
    async def whole() -> None:
        store = CubeStore(folder, CATALOG, limit)
        cubes = Cubes(store, limit, profile)
        await work(cubes)
        cubes.close()
        store.close()

    asyncio.run(whole())


@pytest.mark.parametrize("in_memory", [256, 1])
def test_use_of_a_cached_cube_counts(in_memory: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CACHED_CUBES", in_memory)
    ids: list[str] = []

    async def work(cubes: Cubes) -> None:
        ids.extend([(await cubes.add(definition(number), None))[0].id for number in range(3)])
        for place in (1, 0, 2, 0):
            assert await cubes.get(ids[place]) is not None
        ids.append((await cubes.add(definition(3), None))[0].id)
        present = [await cubes.get(name) is not None for name in ids]
        assert present == [True, False, True, True]
        assert await cubes.get(ids[2]) is not None
        assert await cubes.get(ids[0]) is not None

    async def later(cubes: Cubes) -> None:
        """The order of use survives a restart: 3, 2, 0."""
        await cubes.add(definition(4), None)
        assert await cubes.get(ids[3]) is None
        assert await cubes.get(ids[2]) is not None

    with_cubes(work, tmp_path)
    with_cubes(later, tmp_path)


def test_an_evicted_cube_can_be_posted_again_with_its_id(tmp_path: Path) -> None:
    async def work(cubes: Cubes) -> None:
        first, is_new, lasting = await cubes.add(definition(0), None)
        assert (is_new, lasting) == (True, True)
        assert (await cubes.add(definition(0), None))[1:] == (False, True)
        for number in range(1, 4):
            await cubes.add(definition(number), None)
        assert await cubes.get(first.id) is None
        again, is_new, _ = await cubes.add(definition(0), None)
        assert (again.id, is_new) == (first.id, True)

    with_cubes(work, tmp_path)


def test_cubes_in_memory_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CACHED_CUBES", 4)

    async def work(cubes: Cubes) -> None:
        added = [(await cubes.add(definition(number), None))[0] for number in range(20)]
        assert len(cubes._cache) == 4
        loaded = [await cubes.get(cube.id) for cube in added]
        assert [cube and cube.definition for cube in loaded] == [cube.definition for cube in added]
        assert len(cubes._cache) == 4

    with_cubes(work, tmp_path, 100)


def test_concurrent_requests_load_a_cube_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids, restored = [], []

    async def make(cubes: Cubes) -> None:
        ids.append((await cubes.add(definition(0), None))[0].id)

    async def find(cubes: Cubes) -> None:
        monkeypatch.setattr(module, "read_definition", lambda text: restored.append(text) or read_definition(text))
        loaded = await asyncio.gather(*(cubes.get(ids[0]) for _ in range(20)))
        assert len({id(cube and cube.definition) for cube in loaded}) == len(restored) == 1

    with_cubes(make, tmp_path)
    with_cubes(find, tmp_path)


# Broken disks


async def adding_works(cubes: Cubes) -> bool:
    cube, is_new, lasting = await cubes.add(definition(1), None)
    assert is_new
    stored = await cubes.get(cube.id)
    assert stored is not None
    return lasting


@pytest.mark.parametrize("garbage", [b"", b"not a database" * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_corrupt_database_is_recreated(garbage: bytes, tmp_path: Path) -> None:
    (tmp_path / "cubes.sqlite").write_bytes(garbage)

    async def work(cubes: Cubes) -> None:
        assert await adding_works(cubes)

    with_cubes(work, tmp_path)
    assert len(names(tmp_path)) == 1


@pytest.mark.parametrize("folder", [None, "file", "busy"])
def test_without_a_disk_cubes_last_until_the_server_stops(folder: str | None, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")  # not a folder
    (tmp_path / "busy" / "cubes.sqlite").mkdir(parents=True)  # not a file

    async def work(cubes: Cubes) -> None:
        assert not await adding_works(cubes)

    with_cubes(work, None if folder is None else tmp_path / folder)


def test_a_read_only_file_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(path: Path, schema: str) -> sqlite3.Connection:
        if str(path) == ":memory:":
            return opened(path, schema)
        opened(path, schema).close()
        return sqlite3.connect(f"file:{path}?mode=ro", uri=True, check_same_thread=False, isolation_level=None)

    opened = module.CubeStore.__init__.__globals__["open_or_renew"]
    monkeypatch.setattr("scog.cubes.store.open_or_renew", read_only)

    async def work(cubes: Cubes) -> None:
        assert not await adding_works(cubes)

    with_cubes(work, tmp_path)


def test_a_database_that_breaks_loses_only_its_cubes(tmp_path: Path) -> None:
    async def work(cubes: Cubes) -> None:
        first = (await cubes.add(definition(0), None))[0]
        with sqlite3.connect(tmp_path / "cubes.sqlite") as database:
            database.execute("DROP TABLE cubes")
        assert not await adding_works(cubes)
        assert await cubes.get(first.id) is not None, "it is cached"
        assert await cubes.get("x" * 16) is None

    with_cubes(work, tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        "definition = 'no JSON'", "definition = '[]'", "definition = '{}'", "scenes = x'00'", "definition = x'ff'",
        'definition = \'{"scenes": "live", "area": {"type": "Point"}}\'',
        f"scenes = x'789c030000000001', format = {FORMAT + 1}",
    ],
)  # fmt: skip
def test_an_unreadable_cube_is_missing_and_can_be_posted_again(change: str, tmp_path: Path) -> None:
    ids = []

    async def make(cubes: Cubes) -> None:
        ids.append((await cubes.add(definition(0), None))[0].id)

    async def find(cubes: Cubes) -> None:
        assert await cubes.get(ids[0]) is None
        assert (await cubes.add(definition(0), None))[1]

    async def find_again(cubes: Cubes) -> None:
        assert await cubes.get(ids[0]) is not None

    with_cubes(make, tmp_path)
    with sqlite3.connect(tmp_path / "cubes.sqlite") as database:
        database.execute(f"UPDATE cubes SET {change}")
    with_cubes(find, tmp_path)
    with_cubes(find_again, tmp_path)
