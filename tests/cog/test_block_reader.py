"""BlockReader: exact numbers of requests, shared reads, cancellation, and the header store."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scog.cog.block_reader import BlockReader, BlockRequest
from scog.cog.header_store import HeaderStore
from scog.cog.metadata import FileMetadata
from scog.cog.range_plan import BlockRange, plan_requests
from scog.errors import AssetChanged, SourceError
from scog.net.policy import UpstreamStats
from tests.doubles import range_server as does
from tests.doubles.range_server import RangeServer
from tests.doubles.rasters import raster
from tests.doubles.reading import Clock, every_block, mosaic, read_level, reading, run, truth

pytestmark = pytest.mark.usefixtures("transport_slowly")

KIND = "uint16 without predictor"
DATA = raster(KIND)
HEADER = (0, 16_383)

Body = Callable[[RangeServer, BlockReader, str], Coroutine[Any, Any, None]]


def served(body: Body, *, data: bytes = DATA, latency: float = 0.0, **options: Any) -> None:
    """Run a test's body with a server that has one file, its reader, and the URL."""

    async def work() -> None:
        async with reading(server.host, **options) as reader:
            await body(server, reader, server.put("/a.tif", data))

    with RangeServer(latency=latency) as server:
        run(work())


def span(description: FileMetadata, level: int, block: tuple[int, int]) -> tuple[int, int]:
    """First and last byte of a block in its file."""
    where = description.levels[level]
    assert where.offsets is not None
    assert where.sizes is not None
    return int(where.offsets[block]), int(where.offsets[block] + where.sizes[block]) - 1


def test_a_cold_asset_is_one_header_request_and_its_blocks() -> None:
    async def body(server: RangeServer, reader: BlockReader, url: str) -> None:
        tally = UpstreamStats()
        description = await reader.read_metadata(url, tally)
        assert server.ranges == [HEADER]
        await reader.blocks(url, description, 0, [(0, 1)], tally)
        assert server.ranges == [HEADER, span(description, 0, (0, 1))]
        await reader.blocks(url, description, 1, [(0, 0), (1, 1)], tally)
        assert server.ranges[2:] == [span(description, 1, (0, 0)), span(description, 1, (1, 1))]
        assert {request.method for request in server.requests} == {"GET"}
        assert (tally.requests, tally.bytes) == (4, server.bytes)

    served(body, gap=0)


def test_a_repeated_read_sends_no_request() -> None:
    async def body(server: RangeServer, reader: BlockReader, url: str) -> None:
        description = await reader.read_metadata(url, UpstreamStats())
        first = await read_level(reader, url, description)
        server.forget_requests()
        tally = UpstreamStats()
        assert await reader.read_metadata(url, tally) is description
        np.testing.assert_array_equal(await read_level(reader, url, description, tally=tally), first)
        assert server.requests == []
        assert (tally.requests, tally.bytes) == (0, 0)

    served(body)


def test_headers_are_stored_across_restarts(tmp_path: Path) -> None:
    async def body(server: RangeServer, reader: BlockReader, url: str) -> None:
        description = await reader.read_metadata(url, UpstreamStats())
        await reader.close()
        store.close()
        again = HeaderStore(tmp_path)
        async with reading(server.host, store=again) as reader:
            server.forget_requests()
            stored = await reader.read_metadata(url, UpstreamStats())
            assert server.requests == []
            assert stored.identity == description.identity
            np.testing.assert_array_equal(await read_level(reader, url, stored), truth(DATA))
            assert HEADER not in server.ranges
        again.close()

    store = HeaderStore(tmp_path)
    served(body, store=store)


@pytest.mark.parametrize(("kind", "requests"), [("header of 17 KB", 2), ("directories at the end", 3)])
def test_long_headers_take_few_requests(kind: str, requests: int) -> None:
    async def body(server: RangeServer, reader: BlockReader, url: str) -> None:
        description = await reader.read_metadata(url, UpstreamStats())
        assert len(server.requests) == requests
        assert server.ranges[0] == HEADER
        np.testing.assert_array_equal(await read_level(reader, url, description), truth(raster(kind)))

    served(body, data=raster(kind))


def test_unwritten_blocks_send_no_request() -> None:
    async def body(server: RangeServer, reader: BlockReader, url: str) -> None:
        description = await reader.read_metadata(url, UpstreamStats())
        sizes = description.levels[0].sizes
        assert sizes is not None
        unwritten = [block for block in every_block(description) if not sizes[block]]
        assert len(unwritten) > 5
        blocks = await reader.blocks(url, description, 0, unwritten, UpstreamStats())
        assert set(blocks) == set(unwritten)
        assert not any(block.any() for block in blocks.values())
        assert server.ranges == [HEADER]

    served(body, data=raster("sparse"))


@pytest.mark.parametrize("gap", [0, 5_000, 20_000, 1_000_000])
def test_requests_match_the_plan(gap: int) -> None:
    async def body(server: RangeServer, reader: BlockReader, url: str) -> None:
        description = await reader.read_metadata(url, UpstreamStats())
        requested = [(0, 0), (0, 1), (1, 3), (2, 0), (2, 2)]
        pieces = []
        for block in requested:
            first, last = span(description, 0, block)
            pieces.append(BlockRange(block, first, last + 1, last + 1))
        server.forget_requests()
        blocks = await reader.blocks(url, description, 0, requested, UpstreamStats())
        planned = plan_requests(pieces, gap)
        assert sorted(request for request in server.ranges if request) == [
            (plan.start, plan.stop - 1) for plan in planned
        ]
        assert server.bytes == sum(plan.stop - plan.start for plan in planned)
        assert set(blocks) == set(requested)

    served(body, gap=gap)


def test_concurrent_equal_requests_share_one_read() -> None:
    async def body(server: RangeServer, reader: BlockReader, url: str) -> None:
        async def one() -> bytes:
            description = await reader.read_metadata(url, tally)
            return (await read_level(reader, url, description, tally=tally)).tobytes()

        tally = UpstreamStats()
        results = await asyncio.gather(*(one() for _ in range(64)))
        assert set(results) == {truth(DATA).tobytes()}
        assert len(server.requests) == tally.requests == 2

    served(body, latency=0.02)


def test_overlapping_requests_share_their_common_blocks() -> None:
    async def body(server: RangeServer, reader: BlockReader, url: str) -> None:
        description = await reader.read_metadata(url, UpstreamStats())
        server.forget_requests()
        every = every_block(description)
        selections = [every[i : i + 4] for i in range(len(every) - 3)]
        results = await asyncio.gather(
            *(reader.blocks(url, description, 0, selection, UpstreamStats()) for selection in selections)
        )
        for selection, blocks in zip(selections, results, strict=True):
            assert set(blocks) == set(selection)
        whole = mosaic(description, 0, {block: pixels for blocks in results for block, pixels in blocks.items()})
        np.testing.assert_array_equal(whole, truth(DATA))
        ranges = [request for request in server.ranges if request is not None]
        assert sorted(ranges) == sorted(span(description, 0, block) for block in every)  # each byte once
        assert server.bytes == sum(last - first + 1 for first, last in ranges)

    served(body, latency=0.02, gap=-1)


def test_a_small_cache_costs_requests_but_changes_no_pixel() -> None:
    async def body(server: RangeServer, reader: BlockReader, url: str) -> None:
        description = await reader.read_metadata(url, UpstreamStats())
        for _ in range(2):
            server.forget_requests()
            np.testing.assert_array_equal(await read_level(reader, url, description), truth(DATA))
            assert server.requests
        assert reader.cached_blocks(BlockRequest(url, description, 0, every_block(description))) is None

    served(body, cache_bytes=100_000)


def test_cached_blocks_and_metadata_are_returned_without_waiting() -> None:
    async def body(server: RangeServer, reader: BlockReader, url: str) -> None:
        assert reader.cached_metadata(url) is None
        description = await reader.read_metadata(url, UpstreamStats())
        assert reader.cached_metadata(url) is description
        fetched = await reader.blocks(url, description, 0, [(0, 0), (1, 1)], UpstreamStats())
        assert reader.cached_blocks(BlockRequest(url, description, 0, [(1, 1), (0, 0)])) == fetched
        assert reader.cached_blocks(BlockRequest(url, description, 0, [(1, 1), (0, 1)])) is None
        assert reader.cached_blocks(BlockRequest(url, description, 1, [(0, 0)])) is None
        assert reader.cached_blocks(BlockRequest(url, description, 0, [(0, 0)], band=2)) is None

    served(body, gap=0)


# Cancelled reads


def test_a_read_that_starts_while_the_last_waiters_are_cancelled_succeeds() -> None:
    async def body(server: RangeServer, reader: BlockReader, url: str) -> None:
        description = await reader.read_metadata(url, UpstreamStats())
        for pause in (0, 1, 2, 3, 5, 8):
            server.forget_requests()
            async with reading(server.host) as fresh:
                cancelled = [asyncio.ensure_future(read_level(fresh, url, description)) for _ in range(3)]
                await asyncio.sleep(0.02)
                for task in cancelled:
                    task.cancel()
                for _ in range(pause):
                    await asyncio.sleep(0)
                np.testing.assert_array_equal(await read_level(fresh, url, description), truth(DATA))
                assert len(server.requests) <= 2

    served(body, latency=0.04)


def test_cancelling_the_last_waiter_ends_the_read_and_the_next_read_succeeds() -> None:
    async def body(server: RangeServer, reader: BlockReader, url: str) -> None:
        description = await reader.read_metadata(url, UpstreamStats())
        server.forget_requests()
        server.fail("/a.tif", does.hang)
        cancelled = [asyncio.ensure_future(read_level(reader, url, description)) for _ in range(3)]
        await asyncio.sleep(0.1)
        for task in cancelled:
            task.cancel()
        await asyncio.sleep(0.01)
        pixels = await read_level(reader, url, description)
        np.testing.assert_array_equal(pixels, truth(DATA))
        assert all(
            isinstance(r, asyncio.CancelledError) for r in await asyncio.gather(*cancelled, return_exceptions=True)
        )
        assert len(server.requests) == 2

    served(body, deadline=5)


async def cancelled_midway(
    server: RangeServer, reader: BlockReader, url: str, description: FileMetadata, tally: UpstreamStats
) -> None:
    """Start to read a block, and cancel the read once a part of it has arrived."""
    server.fail("/a.tif", does.hang_after(20_000))
    task = asyncio.ensure_future(reader.blocks(url, description, 0, [(0, 0)], tally))
    while tally.bytes < 20_000:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def test_bytes_of_a_cancelled_read_are_reused() -> None:
    async def body(server: RangeServer, reader: BlockReader, url: str) -> None:
        description = await reader.read_metadata(url, UpstreamStats())
        server.forget_requests()
        await cancelled_midway(server, reader, url, description, UpstreamStats())
        blocks = await reader.blocks(url, description, 0, [(0, 0)], UpstreamStats())
        rows, cols = blocks[0, 0].shape
        np.testing.assert_array_equal(blocks[0, 0], truth(DATA)[:rows, :cols])
        first, last = span(description, 0, (0, 0))
        assert server.ranges == [(first, last), (first + 20_000, last)]
        assert server.bytes == last - first + 1

    served(body, deadline=5)


def test_bytes_of_an_older_version_are_not_joined() -> None:
    async def body(server: RangeServer, reader: BlockReader, url: str) -> None:
        description = await reader.read_metadata(url, UpstreamStats())
        await cancelled_midway(server, reader, url, description, UpstreamStats())
        newer = raster("uint16")
        server.put("/a.tif", newer)
        with pytest.raises(AssetChanged):
            await reader.blocks(url, description, 0, [(0, 0)], UpstreamStats())
        np.testing.assert_array_equal(
            await read_level(reader, url, await reader.read_metadata(url, UpstreamStats())), truth(newer)
        )

    served(body, deadline=5)


def test_a_read_with_progress_continues_after_its_waiters_deadline() -> None:
    async def body(server: RangeServer, reader: BlockReader, url: str) -> None:
        description = await reader.read_metadata(url, UpstreamStats())
        server.forget_requests()
        server.fail("/a.tif", does.drip(4000, 0.02))
        tally = UpstreamStats()
        late = asyncio.ensure_future(reader.blocks(url, description, 0, [(0, 0)], tally))
        while not tally.bytes:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        tally.overdue = True
        late.cancel()
        await asyncio.sleep(0.05)
        await reader.blocks(url, description, 0, [(0, 0)], UpstreamStats())
        assert len(server.requests) == 1

    served(body, deadline=5)


def test_a_cancelled_waiter_does_not_cancel_the_others() -> None:
    async def body(server: RangeServer, reader: BlockReader, url: str) -> None:
        description = await reader.read_metadata(url, UpstreamStats())
        server.forget_requests()
        readers = [asyncio.ensure_future(read_level(reader, url, description)) for _ in range(10)]
        await asyncio.sleep(0.03)
        for task in readers[:-1]:
            task.cancel()
        np.testing.assert_array_equal(await readers[-1], truth(DATA))
        assert len(server.requests) == 1

    served(body, latency=0.1)


def test_no_request_is_sent_after_all_waiters_are_cancelled() -> None:
    async def body(server: RangeServer, reader: BlockReader, url: str) -> None:
        async def one() -> None:
            for level in (2, 1, 0):
                await read_level(reader, url, await reader.read_metadata(url, UpstreamStats()), level)

        readers = [asyncio.ensure_future(one()) for _ in range(64)]
        while len(server.requests) < 2:  # noqa: ASYNC110 - until the first blocks are requested
            await asyncio.sleep(0.005)
        for task in readers:
            task.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        await asyncio.sleep(0.2)
        assert len(server.requests) == 2

    served(body, latency=0.05)


def test_a_failed_block_fails_the_read_at_once() -> None:
    async def body(server: RangeServer, reader: BlockReader, url: str) -> None:
        description = await reader.read_metadata(url, UpstreamStats())
        server.fail("/a.tif", does.status(404), always=does.hang)
        with pytest.raises(SourceError) as raised:
            await reader.blocks(url, description, 0, every_block(description), UpstreamStats())
        assert raised.value.reason == "http-404"

    served(body, gap=-1, deadline=5)


@pytest.mark.parametrize("plain", [True, False])
def test_closing_ends_all_reads_in_progress(plain: bool) -> None:
    async def work() -> None:
        async with reading(server.host, deadline=5) as reader:
            description = await reader.read_metadata(url, UpstreamStats())
            description = description if plain else description.for_gdal()
            server.fail("/a.tif", always=does.hang)
            waiters = [asyncio.ensure_future(read_level(reader, url, description)) for _ in range(3)]
            await asyncio.sleep(0.1)
            await reader.close()
        results = await asyncio.gather(*waiters, return_exceptions=True)
        assert all(isinstance(result, SourceError) for result in results), results

    with RangeServer() as server:
        url = server.put("/a.tif", DATA)
        run(work(), within=8)


# The header store


def test_an_unusable_cache_folder_costs_only_speed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "taken" / "headers.sqlite").mkdir(parents=True)
    for folder in (tmp_path / "file", tmp_path / "file" / "deeper", tmp_path / "taken"):
        store = HeaderStore(folder)
        assert store.errors == 1
        served(_reads_correctly, store=store)
        store.close()


@pytest.mark.parametrize("damage", ["text", "zeros", "cut", "flipped"])
def test_a_corrupt_cache_is_recreated_or_not_used(damage: str, tmp_path: Path) -> None:
    store = HeaderStore(tmp_path)
    for number in range(50):
        store.put(f"http://host/{number}", "identity", DATA[:4000])
    store.close()
    path = tmp_path / "headers.sqlite"
    good = path.read_bytes()
    path.write_bytes(
        {
            "text": b"this is not a database" * 1000,
            "zeros": bytes(len(good)),
            "cut": good[: len(good) // 3],
            "flipped": good[:4096] + bytes(byte ^ 0xFF for byte in good[4096:]),
        }[damage]
    )
    store = HeaderStore(tmp_path)
    served(_reads_correctly, store=store)
    store.get("http://host/1")
    store.close()
    store = HeaderStore(tmp_path)
    served(_reads_correctly, store=store)
    store.close()


def test_headers_of_local_files_are_not_stored(tmp_path: Path) -> None:
    store = HeaderStore(tmp_path)
    for url in ("file:///data/red.tif", "http://host/red.tif"):
        store.put(url, "identity", DATA[:4000])
        store.put_offset(url, "identity", -0.1)
    assert store.get("file:///data/red.tif") is None
    assert store.get_offset("file:///data/red.tif", "identity") is None
    assert store.get("http://host/red.tif") == ("identity", DATA[:4000])
    assert store.get_offset("http://host/red.tif", "identity") == -0.1
    store.close()


def test_a_full_disk_costs_only_speed(tmp_path: Path) -> None:
    store = HeaderStore(tmp_path)
    assert store._database is not None
    store._database.execute("PRAGMA max_page_count = 1")
    store.put("http://host/large", "identity", bytes(1_000_000))
    assert store.errors == 1
    for _ in range(2):
        served(_reads_correctly, store=store)
    store.close()


def test_a_locked_cache_costs_only_speed(tmp_path: Path) -> None:
    store = HeaderStore(tmp_path)
    other = sqlite3.connect(tmp_path / "headers.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    served(_reads_correctly, store=store)
    other.close()
    store.close()


def test_an_invalid_stored_header_is_read_again(tmp_path: Path) -> None:
    for header in (b"", b"nonsense", DATA[:16], DATA[:700], DATA[:700] + bytes(2000), "text"):
        store = HeaderStore(tmp_path)

        async def body(server: RangeServer, reader: BlockReader, url: str) -> None:
            part = (await reader.read_metadata(url, UpstreamStats())).identity
            store.put(url, part, header)  # type: ignore[arg-type]  # noqa: B023
            async with reading(server.host, store=store) as fresh:  # noqa: B023
                server.forget_requests()
                np.testing.assert_array_equal(
                    await read_level(fresh, url, await fresh.read_metadata(url, UpstreamStats())), truth(DATA)
                )
                assert server.ranges[0] == HEADER
            async with reading(server.host, store=store) as fresh:  # noqa: B023
                server.forget_requests()
                await fresh.read_metadata(url, UpstreamStats())
                assert server.requests == []

        served(body, store=store)
        store.close()


def test_a_wrong_stored_header_is_replaced_once_its_error_expires(tmp_path: Path) -> None:
    """A header that was corrupted in transit and stored must not break the file for ever."""

    async def body(server: RangeServer, reader: BlockReader, url: str) -> None:
        description = await reader.read_metadata(url, UpstreamStats())
        other = raster("uint16")  # another file's header under this one's name
        store.put(url, description.identity, other[:16_384])
        clock = Clock()
        async with reading(server.host, store=store, clock=clock) as fresh:
            with pytest.raises(SourceError):
                await read_level(fresh, url, await fresh.read_metadata(url, UpstreamStats()))
            clock.now += 61
            pixels = await read_level(fresh, url, await fresh.read_metadata(url, UpstreamStats()))
            np.testing.assert_array_equal(pixels, truth(DATA))

    store = HeaderStore(tmp_path)
    served(body, store=store)
    store.close()


def test_odd_urls_do_not_break_the_store(tmp_path: Path) -> None:
    store = HeaderStore(tmp_path)
    for url in ("http://h/\ud800", "http://h/\0", "", "x" * 100_000):
        store.put(url, "identity", b"header")
        assert store.get(url) in (None, ("identity", b"header"))
        store.put_offset(url, "identity", 0.1)
        assert store.get_offset(url, "identity") in (None, 0.1)
        store.drop(url)
        assert store.get(url) is None
    store.close()


def test_offsets_belong_to_one_version_of_a_file(tmp_path: Path) -> None:
    store = HeaderStore(tmp_path)
    store.put_offset("u", "one", -0.1)
    store.close()
    store = HeaderStore(tmp_path)
    assert store.get_offset("u", "one") == -0.1
    assert store.get_offset("u", "two") is None
    store.close()
    assert store.get_offset("u", "one") is None  # closed, and still no error
    store.put_offset("u", "one", -0.1)


async def _reads_correctly(server: RangeServer, reader: BlockReader, url: str) -> None:
    np.testing.assert_array_equal(
        await read_level(reader, url, await reader.read_metadata(url, UpstreamStats())), truth(DATA)
    )
