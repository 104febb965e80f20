"""Reading only the required rows: fewer bytes, equal pixels, and no partial block is mistaken for a whole one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from scog.cog import range_fetcher, range_plan
from scog.cog.block_reader import BlockReader, BlockRequest
from scog.cog.metadata import FileMetadata
from scog.cog.range_plan import range_of_block
from scog.cog.validity import values_and_validity
from scog.net import concurrency
from scog.net.policy import UpstreamStats
from tests.doubles import range_server as does
from tests.doubles.range_server import RangeServer
from tests.doubles.rasters import KINDS, raster
from tests.doubles.reading import every_block, reading, run, save, truth

pytestmark = pytest.mark.usefixtures("transport_slowly")

Body = Callable[[RangeServer, BlockReader, str, FileMetadata], Coroutine[Any, Any, None]]


def written(numbers: NDArray[np.uint16]) -> bytes:
    """A raster in blocks of 512."""
    layout = {"tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "DEFLATE", "predictor": 2}
    place = {"crs": "EPSG:32632", "transform": Affine(10, 0, 6e5, 0, -10, 5e6), "nodata": 0}
    height, width = numbers.shape
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=width, height=height, count=1, dtype="uint16", **layout, **place
        ) as dataset:
            dataset.write(numbers, 1)
        return bytes(memory.getbuffer())


NUMBERS = np.random.default_rng(1).integers(1, 60_000, (600, 500), np.uint16)
"""Noise: its compressed bytes are spread evenly over the rows."""
DATA = written(NUMBERS)
UNEVEN = written(
    np.where(np.arange(512)[:, np.newaxis] < 256, np.pad(NUMBERS[:512], ((0, 0), (0, 12))), 7).astype(np.uint16)
)
"""Noise above, a constant below: the first rows take most of the bytes."""


def served(body: Body, data: bytes = DATA, latency: float = 0.0, **options: Any) -> None:
    """Run a test with a server of one file, and a reader that has its header."""

    async def work() -> None:
        async with reading(server.host, **options) as reader:
            url = server.put("/a.tif", data)
            description = await reader.read_metadata(url, UpstreamStats())
            server.forget_requests()
            await body(server, reader, url, description)

    with RangeServer(latency=latency) as server:
        run(work())


def set_round_trip_bytes(round_trip: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fix the number of bytes that a round trip is worth, instead of measuring the connection."""
    monkeypatch.setattr(concurrency, "DEFAULT_ROUND_TRIP_BYTES", round_trip)
    monkeypatch.setattr(concurrency, "MIN_TIMED", 10**12)


def size_of(description: FileMetadata, block: tuple[int, int], level: int = 0) -> int:
    sizes = description.levels[level].sizes
    assert sizes is not None
    return int(sizes[block])


@pytest.mark.parametrize("bottom", [1, 40, 100, 200, 300, 430])
def test_the_upper_rows_cost_their_share_of_bytes(bottom: int) -> None:
    async def body(server: RangeServer, reader: BlockReader, url: str, description: FileMetadata) -> None:
        tally = UpstreamStats()
        blocks = await reader.blocks(url, description, 0, [(0, 0)], tally, bottom=bottom, partial_rows=True)
        np.testing.assert_array_equal(blocks[0, 0], np.pad(NUMBERS[:bottom], ((0, 0), (0, 12))))
        assert len(server.requests) == tally.requests == 1
        whole = size_of(description, (0, 0))
        assert tally.bytes <= whole * bottom / 512 * range_plan.MARGIN + range_plan.PREFIX_BYTES + 1
        server.forget_requests()
        assert (
            await reader.blocks(url, description, 0, [(0, 0)], UpstreamStats(), bottom=bottom, partial_rows=True)
            == blocks
        )
        assert reader.cached_blocks(BlockRequest(url, description, 0, [(0, 0)], bottom=bottom)) == blocks
        assert server.requests == []
        assert reader.cached_blocks(BlockRequest(url, description, 0, [(0, 0)], bottom=bottom + 1)) is None
        assert reader.cached_blocks(BlockRequest(url, description, 0, [(0, 0)])) is None

    served(body)


def test_blocks_above_the_last_rows_are_read_whole() -> None:
    async def body(server: RangeServer, reader: BlockReader, url: str, description: FileMetadata) -> None:
        blocks = await reader.blocks(
            url, description, 0, [(0, 0), (1, 0)], UpstreamStats(), bottom=530, partial_rows=True
        )
        assert [len(blocks[block]) for block in ((0, 0), (1, 0))] == [512, 18]

    served(body)


def test_many_bytes_are_continued_even_if_they_arrive_within_a_round_trip(monkeypatch: pytest.MonkeyPatch) -> None:
    set_round_trip_bytes(2_000_000, monkeypatch)

    async def body(server: RangeServer, reader: BlockReader, url: str, description: FileMetadata) -> None:
        await reader.blocks(url, description, 0, [(0, 0)], UpstreamStats(), bottom=400, partial_rows=True)
        assert range_fetcher.MAX_DISCARDED < server.bytes < size_of(description, (0, 0))
        blocks = await reader.blocks(url, description, 0, [(0, 0)], UpstreamStats())
        np.testing.assert_array_equal(blocks[0, 0], np.pad(NUMBERS[:512], ((0, 0), (0, 12))))
        assert server.bytes == size_of(description, (0, 0))

    served(body)


@pytest.mark.parametrize("partial_rows", [True, False])
def test_a_partial_block_is_continued_on_slow_connections(partial_rows: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    set_round_trip_bytes(10_000, monkeypatch)

    async def body(server: RangeServer, reader: BlockReader, url: str, description: FileMetadata) -> None:
        await reader.blocks(url, description, 0, [(0, 0)], UpstreamStats(), bottom=100, partial_rows=True)
        blocks = await reader.blocks(
            url, description, 0, [(0, 0)], UpstreamStats(), bottom=200, partial_rows=partial_rows
        )
        np.testing.assert_array_equal(blocks[0, 0], np.pad(NUMBERS[:200], ((0, 0), (0, 12))))
        blocks = await reader.blocks(url, description, 0, [(0, 0)], UpstreamStats(), partial_rows=partial_rows)
        np.testing.assert_array_equal(blocks[0, 0], np.pad(NUMBERS[:512], ((0, 0), (0, 12))))
        assert server.bytes == size_of(description, (0, 0))
        assert len(server.requests) == 3
        server.forget_requests()
        await reader.blocks(
            url, description, 0, [(0, 0)], UpstreamStats(), bottom=50, partial_rows=True
        )  # the whole block stays in the cache
        assert reader.cached_blocks(BlockRequest(url, description, 0, [(0, 0)])) is not None
        assert server.requests == []

    served(body)


@pytest.mark.parametrize("partial_rows", [True, False])
def test_a_partial_block_is_read_again_on_fast_connections(partial_rows: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    set_round_trip_bytes(10_000_000, monkeypatch)

    async def body(server: RangeServer, reader: BlockReader, url: str, description: FileMetadata) -> None:
        await reader.blocks(url, description, 0, [(0, 0)], UpstreamStats(), bottom=100, partial_rows=True)
        server.forget_requests()
        blocks = await reader.blocks(
            url, description, 0, [(0, 0)], UpstreamStats(), bottom=200, partial_rows=partial_rows
        )
        assert len(blocks[0, 0]) == 512
        assert server.bytes == size_of(description, (0, 0))

    served(body)


def test_a_request_for_more_rows_waits_for_the_rows_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    set_round_trip_bytes(10_000, monkeypatch)

    async def body(server: RangeServer, reader: BlockReader, url: str, description: FileMetadata) -> None:
        def read_rows(bottom: int) -> Coroutine[Any, Any, Any]:
            return reader.blocks(url, description, 0, [(0, 0)], UpstreamStats(), bottom=bottom)

        blocks = await asyncio.gather(read_rows(100), read_rows(300), read_rows(200), read_rows(512))
        assert all(np.array_equal(each[0, 0][:100, :500], NUMBERS[:100]) for each in blocks)
        assert [len(each[0, 0]) >= rows for each, rows in zip(blocks, (100, 300, 200, 512), strict=True)] == [True] * 4
        assert server.bytes == size_of(description, (0, 0))

    served(body, latency=0.05)


def test_concurrent_requests_share_sufficient_rows() -> None:
    async def body(server: RangeServer, reader: BlockReader, url: str, description: FileMetadata) -> None:
        def read_rows(bottom: int | None, partial_rows: bool) -> Coroutine[Any, Any, Any]:
            return reader.blocks(
                url, description, 0, [(0, 0)], UpstreamStats(), bottom=bottom, partial_rows=partial_rows
            )

        blocks = await asyncio.gather(read_rows(None, False), *(read_rows(100, True) for _ in range(5)))
        assert len(server.requests) == 1  # later requests share the whole block
        assert all(np.array_equal(each[0, 0][:100, :500], NUMBERS[:100]) for each in blocks)
        server.forget_requests()
        await asyncio.gather(
            *(reader.blocks(url, description, 0, [(1, 0)], UpstreamStats(), 1, 530, True) for _ in range(5))
        )
        assert len(server.requests) == 1

    served(body, latency=0.05)


def test_underestimated_rows_are_complete() -> None:
    async def body(server: RangeServer, reader: BlockReader, url: str, description: FileMetadata) -> None:
        blocks = await reader.blocks(url, description, 0, [(0, 0)], UpstreamStats(), bottom=250, partial_rows=True)
        np.testing.assert_array_equal(blocks[0, 0][:250], truth(UNEVEN)[:250])
        (first, second) = server.ranges
        assert first is not None
        assert second is not None
        assert second[0] == first[1] + 1  # no byte twice
        assert server.bytes == size_of(description, (0, 0))

    served(body, UNEVEN)


def test_a_file_replaced_between_two_reads_is_not_mixed() -> None:
    async def body(server: RangeServer, reader: BlockReader, url: str, description: FileMetadata) -> None:
        server.fail("/a.tif", lambda answer: answer, does.header(ETag='"another"'))
        with pytest.raises(Exception, match="replaced"):
            await reader.blocks(url, description, 0, [(0, 0)], UpstreamStats(), bottom=250, partial_rows=True)

    served(body, UNEVEN)


@pytest.mark.parametrize("kind", KINDS)
def test_every_raster_can_be_read_by_rows(kind: str) -> None:
    data = raster(kind)

    async def body(server: RangeServer, reader: BlockReader, url: str, description: FileMetadata) -> None:
        expected = truth(data)
        height, width = description.levels[0].block_shape
        for bottom in (1, 33, len(expected)):
            requested = [block for block in every_block(description) if block[0] * height < bottom]
            blocks = await reader.blocks(
                url, description, 0, requested, UpstreamStats(), bottom=bottom, partial_rows=True
            )
            for (row, col), block in blocks.items():
                rows = slice(row * height, min((row + 1) * height, bottom))
                pixels = expected[rows, col * width : (col + 1) * width]
                numbers, valid = values_and_validity(block[: pixels.shape[0], : pixels.shape[1]])
                if description.masked:
                    numbers = np.where(valid, numbers, description.fill)
                np.testing.assert_array_equal(numbers, pixels)

    served(body, data)


def test_local_blocks_are_read_and_checked_whole(tmp_path: Path) -> None:
    async def work() -> None:
        async with reading(folder=tmp_path) as reader:
            url = save(tmp_path, "a.tif", DATA)
            description = await reader.read_metadata(url, UpstreamStats())
            blocks = await reader.blocks(url, description, 0, [(0, 0)], UpstreamStats(), bottom=10, partial_rows=True)
            assert len(blocks[0, 0]) == 512

    run(work())


@given(st.integers(1, 5_000_000), st.integers(1, 1024), st.integers(0, 10_000_000))
def test_block_ranges_have_at_least_the_share_of_their_rows(size: int, rows: int, start: int) -> None:
    piece = range_of_block((0, 0), start, size, rows, 1024)
    assert start < piece.stop <= piece.end == start + size
    assert (piece.rows is None) == (piece.stop == piece.end)
    if piece.rows is not None:
        assert piece.rows == rows
        assert piece.stop - start >= size * rows / 1024


def test_the_longer_of_two_reads_of_a_block_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """In any order: a tile may share the read of the upper block and continue the read of the lower one."""
    set_round_trip_bytes(300_000, monkeypatch)

    async def work() -> None:
        for _ in range(12):
            async with reading(server.host, gap=10**6) as reader:
                url = server.put("/a.tif", DATA)
                description = await reader.read_metadata(url, UpstreamStats())
                both = [(0, 0), (1, 0)]
                above = reader.blocks(url, description, 0, both, UpstreamStats(), bottom=512 + 20, partial_rows=True)
                below = reader.blocks(url, description, 0, both, UpstreamStats(), bottom=512 + 60, partial_rows=True)
                _, blocks = await asyncio.gather(above, below)
                assert len(blocks[1, 0]) >= 60

    with RangeServer() as server:
        run(work())
