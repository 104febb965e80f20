"""Faults of a file's server: the expected error in time, never a wrong pixel, and success once the fault is gone.

Both for files that scog decodes and for those that GDAL reads.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scog.cog.block_reader import BlockReader
from scog.cog.error_cache import LASTING_ERROR_AGE, TRANSIENT_ERROR_AGE
from scog.cog.header_store import HeaderStore
from scog.cog.metadata import FileMetadata
from scog.errors import AssetBroken, AssetChanged, AssetMissing, AssetRefused, SourceError, SourceUnavailable
from scog.net import retry as retry_module
from scog.net.policy import UpstreamStats
from scog.net.retry import retry_delay
from tests.doubles import range_server as does
from tests.doubles.range_server import Fault, RangeServer
from tests.doubles.rasters import encoded, raster
from tests.doubles.reading import Clock, every_block, read_level, reading, run, save, truth

WAYS = {"plain": "uint16 without predictor", "gdal": "LZW"}
DEADLINE = 0.3

pytestmark = pytest.mark.usefixtures("transport")


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of scog's own retry delays; Retry-After is unchanged."""

    def short(attempt: int, retry_after: str | None) -> float:
        return retry_delay(attempt, retry_after) / (10 if retry_after is None else 1)

    monkeypatch.setattr(retry_module, "retry_delay", short)


PASSING: dict[str, tuple[Fault, str, int]] = {
    "500": (does.status(500), "http-500", 3),
    "429": (does.status(429, Retry_After="0"), "http-429", 3),
    "429 for long": (does.status(429, Retry_After="30"), "http-429", 1),
    "hang": (does.hang, "timeout", 3),
    "hang mid-body": (does.hang_after(100), "timeout", 3),
    "reset": (does.reset, "connection", 3),
    "cut": (does.cut_after(100), "connection", 3),
    "reset mid-body": (does.reset_after(100), "connection", 3),
}
LASTING: dict[str, tuple[Fault, type[SourceError], str]] = {
    "404": (does.status(404), AssetMissing, "http-404"),
    "403": (does.status(403), AssetMissing, "http-403"),
    "redirect": (does.redirect("http://127.0.0.1:1/"), AssetRefused, "redirect"),
    "page": (does.html, AssetRefused, "no-ranges"),
    "whole file": (does.whole, AssetRefused, "no-ranges"),
    "short": (does.short(7), AssetBroken, "wrong-range"),
    "another range": (does.header(Content_Range="bytes 7-9/100000"), AssetBroken, "wrong-range"),
}


async def read_all(reader: BlockReader, url: str) -> Any:
    """Read all levels, and return the one at full resolution."""
    description = await reader.read_metadata(url, UpstreamStats())
    levels = [await read_level(reader, url, description, level) for level in range(len(description.levels))]
    return levels[0]


async def fails(reader: BlockReader, url: str, error: type[SourceError], reason: str, within: float = 1.0) -> None:
    """Reading raises this error, and in time."""
    since = time.monotonic()
    with pytest.raises(error) as raised:
        await read_all(reader, url)
    assert (type(raised.value), raised.value.reason) == (error, reason)
    assert time.monotonic() - since < within


@pytest.mark.parametrize("fault", PASSING)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("where", ["header", "blocks"])
def test_transient_errors(where: str, way: str, fault: str) -> None:
    does_fault, reason, requests = PASSING[fault]
    hangs = reason == "timeout"
    deadline = DEADLINE if hangs else 2.0  # long enough for all retries

    async def work() -> None:
        clock = Clock()
        async with reading(server.host, clock=clock, deadline=deadline) as reader:
            if where == "blocks":
                await reader.read_metadata(url, UpstreamStats())
            server.forget_requests()
            server.fail("/a.tif", always=does_fault)
            await fails(reader, url, SourceUnavailable, reason, within=2 * deadline + 1)
            reused = where == "blocks" and fault == "reset"  # a reused connection may have been closed while idle
            assert len(server.requests) == requests + reused
            await fails(reader, url, SourceUnavailable, reason, within=2 * deadline + 1)  # the second one is cached
            server.fail("/a.tif")
            server.forget_requests()
            await fails(reader, url, SourceUnavailable, reason)  # from the cache
            assert server.requests == []
            clock.now += TRANSIENT_ERROR_AGE + 0.1
            if not hangs and requests > 1:  # one fault is retried
                server.fail("/a.tif", does_fault)
            np.testing.assert_array_equal(await read_all(reader, url), truth(data))

    data = raster(WAYS[way])
    with RangeServer() as server:
        url = server.put("/a.tif", data)
        run(work())


@pytest.mark.parametrize("fault", LASTING)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("where", ["header", "blocks"])
def test_permanent_errors(where: str, way: str, fault: str) -> None:
    does_fault, error, reason = LASTING[fault]

    async def work() -> None:
        clock = Clock()
        async with reading(server.host, clock=clock) as reader:
            if where == "blocks":
                await reader.read_metadata(url, UpstreamStats())
            server.forget_requests()
            server.fail("/a.tif", always=does_fault)
            await fails(reader, url, error, reason)
            requests = 1 if reason in ("http-403", "http-404") else 2
            assert len(server.requests) == requests
            server.fail("/a.tif")
            clock.now += LASTING_ERROR_AGE - 1
            await fails(reader, url, error, reason)
            assert len(server.requests) == requests
            clock.now += 2
            np.testing.assert_array_equal(await read_all(reader, url), truth(data))

    data = raster(WAYS[way])
    with RangeServer() as server:
        url = server.put("/a.tif", data)
        run(work())


@pytest.mark.parametrize("way", WAYS)
def test_corrupted_bytes_are_detected(way: str) -> None:
    """A byte that is corrupted in transit causes an error or the right pixels, never others: DEFLATE has a checksum."""

    async def work() -> None:
        detected = 0
        for position in range(0, 60_000, 4999):
            clock = Clock()
            async with reading(server.host, clock=clock) as reader:
                description = await reader.read_metadata(url, UpstreamStats())
                description = description if way == "plain" else description.for_gdal()
                server.fail("/a.tif", always=_flip(position))
                try:
                    np.testing.assert_array_equal(await read_level(reader, url, description), truth(data))
                except AssetBroken:
                    detected += 1
                server.fail("/a.tif")
                clock.now += LASTING_ERROR_AGE + 1
                np.testing.assert_array_equal(await read_all(reader, url), truth(data))
        assert detected > 3

    data = raster("uint16 without predictor")
    with RangeServer() as server:
        url = server.put("/a.tif", data)
        run(work())


def _flip(position: int) -> Fault:
    def change(body: bytes) -> bytes:
        at = position % len(body)
        return body[:at] + bytes([body[at] ^ 0x10]) + body[at + 1 :]

    return does.body(change)


def test_an_html_page_instead_of_the_bytes_is_detected() -> None:
    async def work() -> None:
        clock = Clock()
        async with reading(server.host, clock=clock) as reader:
            server.fail("/a.tif", does.html_as_range, does.html_as_range)
            await fails(reader, url, AssetBroken, "not-a-tiff")
            clock.now += LASTING_ERROR_AGE + 1
            server.fail("/a.tif", does.html_as_range)  # one such response is retried at once
            await reader.read_metadata(url, UpstreamStats())
            server.fail("/a.tif", always=does.html_as_range)
            await fails(reader, url, AssetBroken, "broken-block")
            server.fail("/a.tif")
            clock.now += LASTING_ERROR_AGE + 1
            np.testing.assert_array_equal(await read_all(reader, url), truth(data))

    data = raster("uint16")
    with RangeServer() as server:
        url = server.put("/a.tif", data)
        run(work())


# Files that change


def newer(kind: str) -> bytes:
    """Another file with the same grid and other pixels."""
    import tests.doubles.rasters as rasters

    original = rasters.encoded
    try:
        rasters.encoded = lambda *args: original(*args) // 2 + 7  # type: ignore[assignment]
        return rasters.MAKERS[kind]()
    finally:
        rasters.encoded = original


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_a_replaced_file_is_detected_and_versions_are_never_mixed(way: str, stored: bool, tmp_path: Path) -> None:
    old, new = raster(WAYS[way]), newer(WAYS[way])
    assert old != new
    assert (truth(old) != truth(new)).mean() > 0.9

    async def work() -> None:
        async with reading(server.host, store=store, gap=0) as first:
            description = await first.read_metadata(url, UpstreamStats())
            wanted = every_block(description)
            await first.blocks(url, description, 0, wanted[:3], UpstreamStats())
            server.put("/a.tif", new)
            if stored:
                async with reading(server.host, store=store) as reader:
                    await changes(reader)
            else:
                await changes(first, description)

    async def changes(reader: BlockReader, description: FileMetadata | None = None) -> None:
        description = description or await reader.read_metadata(url, UpstreamStats())
        with pytest.raises(AssetChanged) as changed:
            await read_level(reader, url, description)
        assert changed.value.reason == "changed"
        fresh = await reader.read_metadata(url, UpstreamStats())
        assert fresh.identity != description.identity
        np.testing.assert_array_equal(await read_level(reader, url, fresh), truth(new))

    store = HeaderStore(tmp_path if stored else None)
    with RangeServer() as server:
        url = server.put("/a.tif", old)
        run(work())
    store.close()


def test_a_replaced_file_is_described_once() -> None:
    """Further errors of the old version do not drop the new metadata."""
    old, new = raster("uint16"), newer("uint16")

    async def work() -> None:
        async with reading(server.host) as reader:
            description = await reader.read_metadata(url, UpstreamStats())
            server.put("/a.tif", new)
            server.forget_requests()
            for _ in range(3):
                with pytest.raises(AssetChanged):
                    await read_level(reader, url, description)
                await reader.read_metadata(url, UpstreamStats())
            assert server.ranges.count((0, 16_383)) == 1

    with RangeServer() as server:
        url = server.put("/a.tif", old)
        run(work())


@pytest.mark.parametrize("way", WAYS)
def test_a_file_replaced_by_a_shorter_one_is_detected(way: str) -> None:
    """The old blocks are beyond the new end, where a server can only answer 416."""
    old, new = raster("uncompressed" if way == "plain" else "striped"), raster("sparse")

    async def work() -> None:
        async with reading(server.host) as reader:
            description = await reader.read_metadata(url, UpstreamStats())
            assert len(old) > 16 * len(new)
            server.put("/a.tif", new)
            with pytest.raises(AssetChanged):
                await reader.blocks(url, description, 0, [(2, 3)], UpstreamStats())
            np.testing.assert_array_equal(await read_all(reader, url), truth(new))

    with RangeServer() as server:
        url = server.put("/a.tif", old)
        run(work())


def test_a_local_file_that_was_replaced_is_detected(tmp_path: Path) -> None:
    old, new = raster("uint16"), newer("uint16")

    async def work() -> None:
        async with reading(folder=tmp_path) as reader:
            url = save(tmp_path, "a.tif", old)
            description = await reader.read_metadata(url, UpstreamStats())
            await reader.blocks(url, description, 0, [(0, 0)], UpstreamStats())
            save(tmp_path, "a.tif", new)
            with pytest.raises(AssetChanged):
                await reader.blocks(url, description, 0, [(0, 1)], UpstreamStats())
            np.testing.assert_array_equal(await read_all(reader, url), truth(new))

    run(work())


# Truncated files


@pytest.mark.parametrize("place", ["http", "local"])
@pytest.mark.parametrize("share", [0.0, 0.0001, 0.001, 0.02, 0.5, 0.999])
@pytest.mark.parametrize("kind", ["uint16 without predictor", "LZW", "striped", "striped, uncompressed"])
def test_a_truncated_file_is_refused_until_it_is_complete(kind: str, share: float, place: str, tmp_path: Path) -> None:
    data = raster(kind)

    async def work(url: str, host: str) -> None:
        clock = Clock()
        async with reading(host, folder=tmp_path, clock=clock) as reader:
            with pytest.raises(AssetBroken) as broken:
                await read_all(reader, url)
            assert broken.value.reason in ("cut-off", "not-a-tiff", "not-a-geotiff")
            if place == "http":
                server.put("/a.tif", data)
            else:
                save(tmp_path, "a.tif", data)
            clock.now += LASTING_ERROR_AGE + 1
            for _ in range(2):
                try:
                    found = await read_all(reader, url)
                    break
                except AssetChanged:
                    continue
            np.testing.assert_array_equal(found, truth(data))

    cut = data[: int(len(data) * share)]
    with RangeServer() as server:
        url = save(tmp_path, "a.tif", cut) if place == "local" else server.put("/a.tif", cut)
        run(work(url, server.host))


def test_the_values_of_the_test_rasters_differ() -> None:
    """Wrong pixels can only be detected if few pixels have the same value."""
    assert len(np.unique(encoded(256, 256))) == 65_535
