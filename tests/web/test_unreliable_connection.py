"""Tiles over a bad connection: all arrive eventually, are correct, and do not block each other.

The server has its default deadlines. Six clients send requests concurrently, as a browser does.
"""

from __future__ import annotations

import io
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.io import MemoryFile

from scog.settings import Settings
from tests.doubles import range_server as faults
from tests.doubles.archives import MadeScene, Square, constant
from tests.doubles.range_server import Answer, Fault, Link, RangeServer
from tests.web.conftest import RemoteServer, Served, served

pytestmark = [pytest.mark.acceptance, pytest.mark.usefixtures("transport")]

SQUARE = Square("32TQK", 32632, 700_000, 5_000_040, 512)
DAYS = [f"2024-{month:02}-{day:02}" for month in range(1, 11) for day in (2, 9, 16, 23)]
ZOOM = 14
CONCURRENT = 6
MAX_REQUESTS = 12
"""Requests of a client for a tile until it is complete. Between them it waits as long as Retry-After says."""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty clear dates of noise, 1 MB each, whose files `remote_server` serves."""
    folder = tmp_path_factory.mktemp("noise")
    rng = np.random.default_rng(16)
    for day in DAYS:
        bands = {band: rng.integers(1000, 6000, (512, 512), np.uint16) for band in ("red", "nir")}
        bands["scl"] = constant(SQUARE, 4, 20, np.uint8)
        MadeScene(f"S2A_32TQK_{day.replace('-', '')}_0_L2A", SQUARE, f"{day}T10:10:31Z", bands).write(folder)
    return folder


@pytest.fixture(scope="module")
def truth(archive: Path) -> Iterator[Callable[[str], bytes]]:
    """The correct response to a path, from a server that reads the same files from disk."""
    with served(Settings(catalog=str(archive))) as running:
        yield lambda path: running.get(path).content


def tiles(square: Square = SQUARE, zoom: int = ZOOM) -> list[str]:
    """The tiles within an MGRS tile, without a margin."""
    (west, north), (east, south) = (_tile(*square.lonlat(*place), zoom) for place in ((0.1, 0.1), (0.9, 0.9)))
    return [f"{zoom}/{x}/{y}" for y in range(north, south + 1) for x in range(west, east + 1)]


def _tile(lon: float, lat: float, zoom: int) -> tuple[int, int]:
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**zoom
    return int((lon + 180) / 360 * 2**zoom), int(y)


def paths(days: Sequence[str] = DAYS) -> list[str]:
    """Tiles of all days, interleaved, so that concurrent requests need different files."""
    return [f"/tiles/{tile}?datetime={day}" for tile in tiles() for day in days]


# Requests


def complete(response: httpx.Response) -> bool:
    """Whether a response is complete."""
    reported = {"X-Scog-Skipped", "X-Scog-Incomplete", "X-Scog-Unmasked"} & set(response.headers)
    return response.status_code == 200 and not reported and "max-age=30" not in response.headers["Cache-Control"]


def get_tile(running: Served, path: str) -> httpx.Response:
    return running.client.get(path, timeout=60)


def until_complete(running: Served, path: str) -> list[httpx.Response]:
    """All responses up to the first complete one."""
    responses = [get_tile(running, path)]
    while not complete(responses[-1]) and len(responses) < MAX_REQUESTS:
        time.sleep(min(float(responses[-1].headers.get("Retry-After", 1)), 3))
        responses.append(get_tile(running, path))
    return responses


def first_responses(running: Served, requested: Sequence[str]) -> list[httpx.Response]:
    """The first response to each path."""
    with ThreadPoolExecutor(CONCURRENT) as threads:
        return list(threads.map(lambda path: get_tile(running, path), requested))


def complete_responses(running: Served, requested: Sequence[str]) -> list[httpx.Response]:
    """The complete response to each path, after retries."""
    with ThreadPoolExecutor(CONCURRENT) as threads:
        return [responses[-1] for responses in threads.map(lambda path: until_complete(running, path), requested)]


def incomplete_of(responses: Sequence[httpx.Response]) -> list[str]:
    """Status and headers of incomplete responses."""
    incomplete = [response for response in responses if not complete(response)]
    return [
        f"{each.status_code} {each.headers.get('X-Scog-Skipped', '')} {each.text[:150] if each.is_error else ''}"
        for each in incomplete
    ]


def are_correct(responses: Sequence[httpx.Response], requested: Sequence[str], truth: Callable[[str], bytes]) -> bool:
    """Whether all complete responses have the correct pixels."""
    return all(
        response.content == truth(path)
        for response, path in zip(responses, requested, strict=True)
        if complete(response)
    )


def check_all_drawn(
    responses: Sequence[httpx.Response], requested: Sequence[str], truth: Callable[[str], bytes]
) -> None:
    assert incomplete_of(responses) == []
    assert are_correct(responses, requested, truth)


# Guarantees


@pytest.mark.parametrize("composite", ["", "&composite=median"], ids=["tiles", "medians"])
def test_few_tiles_are_partial_if_reads_fail_and_stall(
    composite: str, remote_server: Callable[..., RemoteServer], truth: Callable[[str], bytes]
) -> None:
    """5 % of all reads fail and 1 % stall; at most 1 % of the responses are partial, and none is wrong."""
    running = remote_server(read_gap=0)
    chance = faults.by_chance(
        12, (0.03, faults.status(503)), (0.02, faults.reset), (0.005, faults.hang), (0.005, faults.hang_after(500))
    )
    running.origin.fail_any(always=chance)
    if composite:
        spans = [f"{first}/{last}" for first, last in zip(DAYS[:-10], DAYS[10:], strict=True)]
        requested = [path + composite for path in paths(spans)]
    else:
        requested = paths()
    responses = first_responses(running.served, requested)
    assert min(chance.met[0], chance.met[1], chance.met[2] + chance.met[3]) >= 2, "faults occurred during the requests"
    assert are_correct(responses, requested, truth)
    assert len(incomplete_of(responses)) <= len(responses) / 100, incomplete_of(responses)


def test_all_tiles_are_drawn_after_an_outage(
    remote_server: Callable[..., RemoteServer], truth: Callable[[str], bytes]
) -> None:
    """Requests after the outage succeed at once: no failure is cached."""
    running = remote_server()
    running.origin.link = link = Link(2_500_000, latency=0.04)
    requested, later = paths(DAYS[:8]), paths(DAYS[8:10])
    with ThreadPoolExecutor(1) as thread:
        retrying = thread.submit(complete_responses, running.served, requested)
        time.sleep(0.7)
        link.pause(6)
        time.sleep(0.1)
        assert not retrying.done(), "the outage was during the requests"
        time.sleep(6.9)
        check_all_drawn(first_responses(running.served, later), later, truth)
        check_all_drawn(retrying.result(), requested, truth)


def test_all_tiles_are_drawn_after_refused_connections(
    remote_server: Callable[..., RemoteServer], truth: Callable[[str], bytes]
) -> None:
    """As above, but requests to a host that refused connections may be paused for 3 s more."""
    running = remote_server()
    running.origin.link = Link(2_500_000)
    requested, later = paths(DAYS[:8]), paths(DAYS[8:10])
    with ThreadPoolExecutor(1) as thread:
        retrying = thread.submit(complete_responses, running.served, requested)
        time.sleep(0.5)
        running.origin.refuse()
        time.sleep(2)
        running.origin.accept()
        assert not retrying.done(), "the outage was during the requests"
        time.sleep(3)
        check_all_drawn(first_responses(running.served, later), later, truth)
        check_all_drawn(retrying.result(), requested, truth)


def test_all_tiles_are_drawn_if_connections_go_silent(
    remote_server: Callable[..., RemoteServer], truth: Callable[[str], bytes]
) -> None:
    """Open connections receive nothing more, new ones work, as if a router had lost its state."""
    running = remote_server()
    requested = paths(DAYS[:2])
    first_responses(running.served, requested[: len(requested) // 3])
    running.origin.fall_silent()
    responses = first_responses(running.served, requested)
    check_all_drawn(responses, requested, truth)


def test_all_tiles_are_drawn_if_connections_are_reset(
    remote_server: Callable[..., RemoteServer], truth: Callable[[str], bytes]
) -> None:
    running = remote_server(read_gap=0)
    chance = faults.by_chance(5, (0.005, faults.reset), (0.01, faults.reset_after(2_000)))
    running.origin.fail_any(always=chance)
    requested = paths()
    responses = first_responses(running.served, requested)
    assert min(chance.met) >= 1, "faults occurred during the requests"
    check_all_drawn(responses, requested, truth)


def test_a_fast_host_does_not_wait_for_a_slow_one(archive: Path, tmp_path: Path) -> None:
    """All tiles of the fast host arrive before the first of the slow one, although requested later."""
    slow_days, fast_days = DAYS[:30], DAYS[30:]
    with ExitStack() as stack:
        slow = stack.enter_context(RangeServer(latency=1.5))
        fast = stack.enter_context(RangeServer(latency=0.01))
        hosts = {day: slow if day in slow_days else fast for day in DAYS}
        for item_path in archive.glob("*/*/*.json"):
            item = json.loads(item_path.read_bytes())
            host = hosts[item["properties"]["datetime"][:10]]
            for band, asset in item["assets"].items():
                asset["href"] = host.put(f"/{item['id']}/{band}.tif", (item_path.parent / f"{band}.tif").read_bytes())
            (tmp_path / item_path.name).write_text(json.dumps(item))
        settings = Settings(catalog=str(tmp_path), hosts=(slow.host, fast.host), cache_dir=tmp_path / "cache")
        running = stack.enter_context(served(settings))
        finished: dict[str, list[float]] = {"slow": [], "fast": []}
        responses = []

        def get_and_record(kind: str, day: str) -> None:
            responses.append(get_tile(running, f"/tiles/{tiles()[0]}?datetime={day}"))
            finished[kind].append(time.monotonic())

        with ThreadPoolExecutor(len(DAYS)) as threads:
            futures = [threads.submit(get_and_record, "slow", day) for day in slow_days]
            time.sleep(0.3)
            futures += [threads.submit(get_and_record, "fast", day) for day in fast_days]
            for each in futures:
                each.result()
        assert max(finished["fast"]) < min(finished["slow"])
        assert incomplete_of(responses) == []


def no_fault(response: Answer) -> Answer:
    return response


WRONG: dict[str, Fault] = {
    "401": faults.status(401),
    "408": faults.status(408),
    "500": faults.status(500),
    "503": faults.status(503),
    "page": faults.html,
    "page as a range": faults.html_as_range,
    "whole file": faults.whole,
    "short range": faults.short(20),
    "short body": faults.short_body(20),
    "another range": faults.shifted(10),
    "no content range": faults.header(Content_Range=""),
    "broken chunks": faults.garbage,
    "flipped byte": faults.flip(3),
    "hang": faults.hang,
    "hang mid-body": faults.hang_after(100),
    "drip": faults.drip(100, 0.05),
    "reset": faults.reset,
    "cut": faults.cut_after(100),
}


@pytest.mark.parametrize("where", ["header", "blocks"])
@pytest.mark.parametrize("kind", WRONG)
def test_one_invalid_response_is_repaired_by_the_next_request(
    kind: str, where: str, remote_server: Callable[..., RemoteServer], truth: Callable[[str], bytes]
) -> None:
    running = remote_server()
    (name,) = [path for path in running.origin._files if "20240102" in path and path.endswith("red.tif")]
    running.origin.fail(name, *([no_fault] if where == "blocks" else []), WRONG[kind])
    path = f"/tiles/{tiles()[0]}?datetime=2024-01-02"
    first, second = get_tile(running.served, path), get_tile(running.served, path)
    check_all_drawn([second], [path], truth)
    assert are_correct([first], [path], truth)


def test_retries_on_a_slow_line_request_no_byte_twice(
    remote_server: Callable[..., RemoteServer], truth: Callable[[str], bytes]
) -> None:
    """Six tiles need more than 2 Mbit/s deliver before their deadline. The next request continues from what arrived."""
    requested = paths(DAYS[:2])
    fast = remote_server()
    first_responses(fast.served, requested)
    once = fast.origin.repeated  # such as the last bytes of a header, which are the first of a block
    slow = remote_server(tile_deadline=2.0)
    slow.origin.forget_requests()
    slow.origin.link = Link(250_000, latency=0.04)
    responses = complete_responses(slow.served, requested)
    check_all_drawn(responses, requested, truth)
    in_flight = 2048  # bytes in flight when the deadline passed
    assert slow.origin.repeated <= once + in_flight


# Replaced files


def uncompressed(size: int, low: int) -> bytes:
    """An uncompressed file, without checksums: values from `low` up to `low + 100`."""
    numbers = np.random.default_rng(low).integers(low, low + 100, (size, size), np.uint16)
    profile: dict[str, Any] = {
        "driver": "GTiff", "height": size, "width": size, "count": 1, "dtype": "uint16", "nodata": 0,
        "crs": SQUARE.crs, "transform": Affine(10, 0, SQUARE.left, 0, -10, SQUARE.top), "tiled": True,
        "blockxsize": 256, "blockysize": 256,
    }  # fmt: skip
    with MemoryFile() as memory:
        with memory.open(**profile) as dataset:
            dataset.write(numbers, 1)
        return bytes(memory.read())


ETAGS = {"strong": ('"old"', '"new"'), "weak": ('W/"old"', 'W/"new"'), "none": ("", "")}


@pytest.mark.parametrize("after", [50, 100_000, 125_000])
@pytest.mark.parametrize("etag", ETAGS)
def test_a_file_replaced_during_a_read_is_never_mixed(
    etag: str, after: int, remote_server: Callable[..., RemoteServer]
) -> None:
    """Without an ETag, versions cannot be told apart between reads; the file then has one block."""
    size = 256 if etag == "none" else 512
    square = Square(SQUARE.name, SQUARE.epsg, SQUARE.left, SQUARE.top, size)
    old, new = uncompressed(size, 1000), uncompressed(size, 5000)
    assert len(old) == len(new)
    with rasterio.open(io.BytesIO(old)) as dataset:
        assert dataset.shape == (size, size)
    running = remote_server()
    (name,) = [path for path in running.origin._files if "20240102" in path and path.endswith("red.tif")]
    running.origin.put(name, old, ETAGS[etag][0])
    replaced = faults.meanwhile(faults.reset_after(after), lambda: running.origin.put(name, new, ETAGS[etag][1]))
    running.origin.fail(name, no_fault, replaced)
    zoom = 15 if size == 256 else 13
    (x, y) = _tile(*square.lonlat(), zoom)
    path = f"/tiles/{zoom}/{x}/{y}.npy?datetime=2024-01-02&expression=red&mask=none"
    response = until_complete(running.served, path)[-1]
    assert complete(response)
    values = np.load(io.BytesIO(response.content))
    values = values[~np.isnan(values)]
    assert values.size > 1000
    assert (values < 0.3).all() or (values > 0.3).all()
    assert (values > 0.3).all(), "the new file is there"
    assert len(running.origin.requests) >= 3, "the file was replaced during a read"
