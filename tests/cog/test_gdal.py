"""Files that GDAL reads through scog's range requests: exact with many threads, and never blocked."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest

from scog.cog.gdal import describe_by_gdal
from scog.cog.gdal_pages import CACHED_PAGES, PAGE, PagedFile, Pages
from scog.errors import AssetBroken, AssetChanged, AssetMissing, SourceError, SourceUnavailable
from scog.net.byte_range import ByteRange
from scog.net.policy import UpstreamStats
from tests.doubles import range_server as does
from tests.doubles.range_server import RangeServer
from tests.doubles.rasters import OTHER, encoded, raster
from tests.doubles.reading import every_block, read_level, reading, run, truth

pytestmark = pytest.mark.usefixtures("transport_slowly")

KINDS = ("LZW", "ZSTD", "JPEG", "striped", "three bands", "mask", "directories far away", "float predictor")


def test_sixteen_concurrent_files_are_read_exactly() -> None:
    async def work() -> None:
        with RangeServer(latency=0.01) as server:
            files = {server.put(f"/{i}.tif", raster(KINDS[i % len(KINDS)])): KINDS[i % len(KINDS)] for i in range(16)}
            async with reading(server.host, deadline=5) as reader:

                async def one(url: str, kind: str) -> None:
                    description = await reader.read_metadata(url, UpstreamStats())
                    for level in range(len(description.levels)):
                        pixels = await read_level(reader, url, description, level)
                        np.testing.assert_array_equal(pixels, truth(raster(kind), level))

                await asyncio.gather(*(one(url, kind) for url, kind in files.items()))
            assert {request.method for request in server.requests} == {"GET"}

    run(work())


def test_sixteen_concurrent_reads_of_one_file_are_exact() -> None:
    async def work() -> None:
        with RangeServer(latency=0.005) as server:
            url = server.put("/a.tif", raster("LZW"))
            async with reading(server.host, deadline=5) as reader:
                description = await reader.read_metadata(url, UpstreamStats())
                assert not description.plain
                every = every_block(description)
                pixels = await asyncio.gather(
                    *(reader.blocks(url, description, 0, [every[i % len(every)]], UpstreamStats()) for i in range(16))
                )
                expected = truth(raster("LZW"))
                for blocks in pixels:
                    for (row, col), block in blocks.items():
                        part = expected[row * 128 : row * 128 + 128, col * 128 : col * 128 + 128]
                        np.testing.assert_array_equal(block[: part.shape[0], : part.shape[1]], part)

    run(work())


def test_more_hanging_reads_than_threads_time_out() -> None:
    """Plain files are read meanwhile."""

    async def work() -> None:
        with RangeServer() as server:
            hung = [server.put(f"/{i}.tif", raster("LZW")) for i in range(12)]
            plain = server.put("/plain.tif", raster("uint16"))
            async with reading(server.host, deadline=0.4) as reader:
                descriptions = [await reader.read_metadata(url, UpstreamStats()) for url in hung]
                for i in range(12):
                    server.fail(f"/{i}.tif", always=does.hang)
                since = time.monotonic()
                reads = [
                    asyncio.ensure_future(read_level(reader, url, description))
                    for url, description in zip(hung, descriptions, strict=True)
                ]
                pixels = await read_level(reader, plain, await reader.read_metadata(plain, UpstreamStats()))
                assert time.monotonic() - since < 0.3
                np.testing.assert_array_equal(pixels, truth(raster("uint16")))
                results = await asyncio.gather(*reads, return_exceptions=True)
                assert time.monotonic() - since < 2.0
                assert {type(result) for result in results} == {SourceUnavailable}
                assert {result.reason for result in results if isinstance(result, SourceError)} <= {
                    "timeout",
                    "host-resting",
                }

    run(work())


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_fault_while_gdal_reads_is_an_error(after: int) -> None:
    """The first pages arrive and a later one does not: an error, never made-up pixels."""

    async def work() -> None:
        with RangeServer() as server:
            url = server.put("/a.tif", data)
            for fault, error, reason in [
                (does.status(404), SourceError, "http-404"),
                (does.hang, SourceUnavailable, "timeout"),
                (does.hang_after(1000), SourceUnavailable, "timeout"),
            ]:
                async with reading(server.host, deadline=0.3) as reader:
                    description = await reader.read_metadata(url, UpstreamStats())
                    server.fail("/a.tif", *([lambda answer: answer] * after), always=fault)
                    with pytest.raises(error) as raised:
                        await read_level(reader, url, description)
                    assert raised.value.reason == reason
                    server.fail("/a.tif")

    data = raster("directories far away")
    run(work())


def test_cancelling_stops_gdal() -> None:
    """Without waiters no further page is read, and the thread becomes free."""

    async def work() -> None:
        with RangeServer(latency=0.05) as server:
            url = server.put("/a.tif", raster("directories far away"))
            async with reading(server.host, deadline=5) as reader:
                description = await reader.read_metadata(url, UpstreamStats())
                server.forget_requests()
                reads = [asyncio.ensure_future(read_level(reader, url, description, level)) for level in (0, 1, 2)]
                await asyncio.sleep(0.12)
                for read in reads:
                    read.cancel()
                await asyncio.gather(*reads, return_exceptions=True)
                before = len(server.requests)
                await asyncio.sleep(0.3)
                assert len(server.requests) <= before + 3
                server.fail("/a.tif", *[does.hang] * 8)
                hung = [asyncio.ensure_future(read_level(reader, url, description)) for _ in range(8)]
                await asyncio.sleep(0.1)
                for read in hung:
                    read.cancel()
                server.fail("/a.tif")
                since = time.monotonic()
                np.testing.assert_array_equal(
                    await read_level(reader, url, description, 2), truth(raster("directories far away"), 2)
                )
                assert time.monotonic() - since < 2

    run(work())


def test_pages_are_shared_by_all_files_that_gdal_opens() -> None:
    """One request a page at most, however often GDAL opens the file."""

    async def work() -> None:
        with RangeServer() as server:
            data = raster("striped, uncompressed")
            url = server.put("/a.tif", data)
            async with reading(server.host) as reader:
                description = await reader.read_metadata(url, UpstreamStats())
                server.forget_requests()
                await read_level(reader, url, description)
                pages = -(-len(data) // PAGE)
                assert len(server.requests) <= pages
                assert server.bytes == len(data)

    run(work())


@pytest.mark.parametrize("kind", sorted(OTHER))
def test_corrupted_data_gives_an_error_or_pixels_and_never_hangs(kind: str) -> None:
    """Codecs without a checksum cannot detect everything; none may crash, hang, or change a block's shape."""
    data = raster(kind)

    async def work() -> None:
        with RangeServer() as server:
            for position in range(len(data) // 3, len(data), len(data) // 4):
                url = server.put(f"/{position}.tif", data[:position] + bytes(40) + data[position + 40 :])
                async with reading(server.host) as reader:
                    try:
                        description = await reader.read_metadata(url, UpstreamStats())
                        blocks = await reader.blocks(url, description, 0, every_block(description), UpstreamStats())
                    except AssetBroken:
                        continue
                    assert {block.shape for block in blocks.values()} == {description.levels[0].block_shape}

    run(work())


# The file object that GDAL reads


def test_the_paged_file_behaves_like_a_file() -> None:
    data = encoded(700, 700).tobytes()
    ranges: list[tuple[int, int]] = []

    def read(start: int, stop: int) -> ByteRange:
        ranges.append((start, stop))
        return ByteRange(start, data[start:stop], len(data), "one")

    file = PagedFile(Pages(read))
    chance = np.random.default_rng(3)
    for _ in range(200):
        start, size = int(chance.integers(0, len(data) + 100)), int(chance.integers(0, 3 * PAGE))
        assert file.seek(start) == start
        assert file.read(size) == data[start : start + size]
        assert file.tell() == min(start + size, max(start, len(data)))
    assert file.seek(-10, 2) == len(data) - 10
    assert file.read() == data[-10:]
    assert file.read(5) == b""
    assert len(ranges) == len(set(ranges)) <= len(data) // PAGE + 1
    assert sum(stop - start for start, stop in ranges) <= len(data) + PAGE


def test_the_number_of_cached_pages_is_bounded() -> None:
    size = (CACHED_PAGES + 40) * PAGE

    def read(start: int, stop: int) -> ByteRange:
        return ByteRange(start, bytes(stop - start), size, "one")

    pages = Pages(read)
    for page in range(CACHED_PAGES + 40):
        pages.read(page * PAGE, page * PAGE + 10)
    assert len(pages._pages) == CACHED_PAGES
    assert pages.read(0, 10) == bytes(10)


def test_a_file_replaced_between_two_pages_is_detected() -> None:
    answers = iter(["one", "two"])

    def read(start: int, stop: int) -> ByteRange:
        return ByteRange(start, bytes(stop - start), 10 * PAGE, next(answers))

    pages = Pages(read)
    assert pages.read(0, 10) == bytes(10)
    assert pages.read(PAGE, PAGE + 10) == b""
    assert isinstance(pages.error, AssetChanged)
    assert pages.read(0, 10) == b""  # nothing is read after that


def test_unreadable_overviews_are_an_error() -> None:
    """GDAL would open a file whose later directories cannot be read as one without overviews."""
    data = raster("directories far away")

    def read(start: int, stop: int) -> ByteRange:
        if start > 0:
            raise AssetMissing("gone", reason="http-404")
        return ByteRange(start, data[start:stop], len(data), "one")

    with pytest.raises(AssetMissing):
        describe_by_gdal(read, local=False)


def test_a_large_block_is_read_at_once_and_not_cached_in_pages() -> None:
    size = (CACHED_PAGES + 40) * PAGE
    ranges: list[tuple[int, int]] = []
    identity = "one"

    def read(start: int, stop: int) -> ByteRange:
        ranges.append((start, stop))
        return ByteRange(start, bytes(stop - start), size, identity)

    pages = Pages(read)
    assert len(pages.read(100, size - 100)) == size - 200
    assert ranges == [(0, PAGE), (100, size - 100)]
    assert len(pages._pages) == 1
    identity = "another"
    assert pages.read(100, size - 100) == b""
    assert isinstance(pages.error, AssetChanged)
