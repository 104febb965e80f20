"""Pixel-interleaved files: one fetch brings all bands that a read needs."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.io import MemoryFile

from scog.cog import raster_profile
from scog.cog.block_reader import BlockReader, BlockRequest
from scog.cog.gdal_pages import PAGE
from scog.cog.metadata import FileMetadata
from scog.net.policy import UpstreamStats
from tests.doubles import range_server as does
from tests.doubles.range_server import RangeServer
from tests.doubles.rasters import CRS, TRANSFORM, encoded
from tests.doubles.reading import Clock, every_block, mosaic, reading, run

pytestmark = pytest.mark.usefixtures("transport_slowly")

BANDS = (1, 2, 3, 4)
SIDE = 1024
VALUES = np.stack([encoded(SIDE, SIDE, "uint16", band) for band in BANDS])


def written(**options: Any) -> bytes:
    """A file of four bands whose bytes do not compress."""
    profile = {
        "crs": CRS,
        "transform": TRANSFORM,
        "tiled": True,
        "blockxsize": 256,
        "blockysize": 256,
        "compress": "LZW",
    }
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=SIDE, height=SIDE, count=len(BANDS), dtype="uint16", **(profile | options)
        ) as dataset:
            dataset.write(VALUES)
        return bytes(memory.getbuffer())


PIXEL = written(interleave="pixel")


def requests_for(url: str, metadata: FileMetadata, bands: tuple[int, ...] = BANDS) -> list[BlockRequest]:
    return [BlockRequest(url, metadata, 0, every_block(metadata), band) for band in bands]


async def read_bands(reader: BlockReader, requests: list[BlockRequest]) -> None:
    """Read the requests, and compare every pixel."""
    results = await reader.read(requests, UpstreamStats())
    for request, blocks in zip(requests, results, strict=True):
        np.testing.assert_array_equal(mosaic(request.metadata, 0, blocks), VALUES[request.band - 1], strict=True)


@pytest.mark.parametrize(
    "data",
    [
        PIXEL,
        written(interleave="pixel", compress="DEFLATE", predictor=2),
        written(interleave="pixel", tiled=False, blockysize=64, compress="ZSTD"),
        written(interleave="pixel", tiled=False, compress=None, blockxsize=None, blockysize=SIDE),
        written(interleave="pixel", photometric="RGB", alpha="YES"),
        written(interleave="pixel", blockxsize=1024, blockysize=1024),
    ],
    ids=["LZW", "DEFLATE", "strips", "one uncompressed strip", "alpha", "one block"],
)
def test_all_bands_are_fetched_once(data: bytes) -> None:
    async def work(server: RangeServer, url: str) -> None:
        async with reading(server.host) as reader:
            metadata = await reader.describe(url, UpstreamStats())
            assert metadata.pixel_interleaved
            server.forget_requests()
            await _read_unmasked(reader, url, metadata)
            assert server.bytes <= len(data) + PAGE
            assert len(server.requests) <= len(data) // PAGE + 2
            server.forget_requests()
            await _read_unmasked(reader, url, metadata)
            assert server.requests == []

    with RangeServer() as server:
        run(work(server, server.put("/a.tif", data)))


def test_large_blocks_are_fetched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read band by band, from one decoded block."""
    monkeypatch.setattr(raster_profile, "LARGE_BYTES", 1 << 20)
    data = written(interleave="pixel", blockxsize=1024, blockysize=1024)

    async def work(server: RangeServer, url: str) -> None:
        async with reading(server.host) as reader:
            metadata = await reader.describe(url, UpstreamStats())
            assert metadata.levels[0].working_bytes
            server.forget_requests()
            await read_bands(reader, requests_for(url, metadata))
            assert server.bytes <= len(data) + PAGE

    with RangeServer() as server:
        run(work(server, server.put("/a.tif", data)))


async def _read_unmasked(reader: BlockReader, url: str, metadata: FileMetadata) -> None:
    """Read all bands and compare every valid pixel."""
    results = await reader.read(requests_for(url, metadata), UpstreamStats())
    for band, blocks in zip(BANDS, results, strict=True):
        valid = VALUES[3] != 0 if metadata.masked else True
        expected = np.where(valid, VALUES[band - 1], metadata.fill)
        np.testing.assert_array_equal(mosaic(metadata, 0, blocks), expected, strict=True)


def test_bands_that_are_cached_are_not_fetched_again() -> None:
    async def work(server: RangeServer, url: str) -> None:
        async with reading(server.host) as reader:
            metadata = await reader.describe(url, UpstreamStats())
            await read_bands(reader, requests_for(url, metadata, (2,)))
            assert reader.cached_blocks(requests_for(url, metadata, (2,))[0]) is not None
            assert reader.cached_blocks(requests_for(url, metadata, (1,))[0]) is None  # only requested bands are cached
            server.forget_requests()
            await read_bands(reader, requests_for(url, metadata))
            assert server.bytes <= len(PIXEL) + PAGE

    with RangeServer() as server:
        run(work(server, server.put("/a.tif", PIXEL)))


def test_concurrent_reads_of_several_bands_share_the_fetch() -> None:
    async def work(server: RangeServer, url: str) -> None:
        async with reading(server.host) as reader:
            metadata = await reader.describe(url, UpstreamStats())
            server.forget_requests()
            reads = [(1, 2, 3, 4), (4, 2), (3,), (2, 2)]
            await asyncio.gather(*(read_bands(reader, requests_for(url, metadata, bands)) for bands in reads))
            assert server.bytes <= len(PIXEL) + PAGE

    with RangeServer(latency=0.01) as server:
        run(work(server, server.put("/a.tif", PIXEL)))


def test_bands_that_need_other_blocks_are_right() -> None:
    async def work(server: RangeServer, url: str) -> None:
        async with reading(server.host) as reader:
            metadata = await reader.describe(url, UpstreamStats())
            wanted = {1: [(0, 0), (1, 1)], 2: [(0, 0)], 3: [(0, 0), (1, 1), (2, 3)], 4: [(3, 3)]}
            requests = [BlockRequest(url, metadata, 0, blocks, band) for band, blocks in wanted.items()]
            for request, blocks in zip(requests, await reader.read(requests, UpstreamStats()), strict=True):
                assert blocks.keys() == set(request.blocks)
                for (row, col), pixels in blocks.items():
                    expected = VALUES[request.band - 1, row * 256 :, col * 256 :][:256, :256]
                    np.testing.assert_array_equal(pixels, expected, strict=True)

    with RangeServer() as server:
        run(work(server, server.put("/a.tif", PIXEL)))


def test_band_interleaved_files_are_read_by_one_thread_per_band() -> None:
    data = written(interleave="band")

    async def work(server: RangeServer, url: str) -> None:
        async with reading(server.host) as reader:
            metadata = await reader.describe(url, UpstreamStats())
            assert not metadata.pixel_interleaved
            await read_bands(reader, requests_for(url, metadata))

    with RangeServer() as server:
        run(work(server, server.put("/a.tif", data)))


def test_a_failed_fetch_fails_every_band_and_the_next_one_succeeds() -> None:
    async def work(server: RangeServer, url: str) -> None:
        clock = Clock()
        async with reading(server.host, clock=clock) as reader:
            metadata = await reader.describe(url, UpstreamStats())
            server.fail("/a.tif", always=does.status(404))
            with pytest.raises(Exception, match="404"):
                await reader.read(requests_for(url, metadata), UpstreamStats())
            server.fail("/a.tif")
            clock.now += 61
            await read_bands(reader, requests_for(url, metadata))

    with RangeServer() as server:
        run(work(server, server.put("/a.tif", PIXEL)))


def test_the_file_of_the_test_is_pixel_interleaved() -> None:
    with MemoryFile(PIXEL) as memory, rasterio.open(memory.name) as dataset:
        assert dataset.interleaving.name == "pixel"
