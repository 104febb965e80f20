"""Blocks and strips that are too large to be cached whole: read in parts, once, and within the memory budget."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rasterio.io import MemoryFile

from scog.catalog.assets import Asset
from scog.cog.block_parts import TOGETHER
from scog.cog.raster_profile import LARGE_BYTES, MAX_DECODED_BYTES
from scog.errors import AssetRefused
from scog.geo.grid import Grid
from scog.imaging.layers import Layer, LayerReader, LayerRequest
from scog.net.policy import UpstreamStats
from scog.runtime.memory_budget import MemoryBudget
from scog.warp.workbench import Workbench
from tests.doubles.range_server import RangeServer
from tests.doubles.rasters import CRS, TRANSFORM, encoded
from tests.doubles.reading import read_level, reading, run, save

pytestmark = pytest.mark.usefixtures("transport_slowly")

SIDE = 2500
NUMBERS = encoded(SIDE, SIDE)


def tiff(numbers: Any = NUMBERS, **how: Any) -> bytes:
    bands = numbers[np.newaxis] if numbers.ndim == 2 else numbers
    count, height, width = bands.shape
    profile = {"crs": CRS, "transform": TRANSFORM, "dtype": numbers.dtype.name} | how
    with MemoryFile() as memory:
        with memory.open(driver="GTiff", width=width, height=height, count=count, **profile) as dataset:
            dataset.write(bands)
        return bytes(memory.getbuffer())


def tile(side: int, compress: str | None = "DEFLATE", **how: Any) -> dict[str, Any]:
    return {"tiled": True, "blockxsize": side, "blockysize": side, "compress": compress, "zlevel": 1} | how


LARGE: dict[str, dict[str, Any]] = {
    "tiles of 2048": tile(2048, predictor=2),
    "tiles of 2064": tile(2064, predictor=2),
    "tiles of 4096": tile(4096, predictor=2),
    "tiles of 4096, uncompressed": tile(4096, None),
    "tiles of 4096, LZW": tile(4096, "LZW"),
    "one strip": {"blockysize": SIDE, "compress": "DEFLATE", "zlevel": 1},
    "one strip, LZW": {"blockysize": SIDE, "compress": "LZW"},
    "one strip, ZSTD": {"blockysize": SIDE, "compress": "ZSTD"},
    "one strip, uncompressed": {"blockysize": SIDE},
    "one strip, big-endian": {"blockysize": SIDE, "ENDIANNESS": "BIG"},
    "tall strips": {"blockysize": 1800, "compress": "ZSTD"},
    "tall strips of a prime number of rows": {"blockysize": 1801, "compress": "ZSTD"},
    "tall strips, uncompressed": {"blockysize": 1800},
}


@pytest.mark.parametrize("way", ["http", "local"])
@pytest.mark.parametrize("kind", LARGE)
def test_every_pixel(kind: str, way: str, tmp_path: Path) -> None:
    data = tiff(**LARGE[kind])

    async def work(host: str, url: str) -> None:
        async with reading(host, folder=tmp_path) as reader:
            description = await reader.describe(url, UpstreamStats())
            np.testing.assert_array_equal(await read_level(reader, url, description), NUMBERS, strict=True)
            assert description.block_bytes(0) <= 2 * 2048 * 2048

    if way == "local":
        run(work("nowhere", save(tmp_path, "a.tif", data)))
    else:
        with RangeServer() as server:
            run(work(server.host, server.put("/a.tif", data)))


@pytest.mark.parametrize("kind", ["tiles of 4096", "one strip, LZW"])
def test_a_block_is_decoded_once_for_all_of_its_parts(kind: str) -> None:
    """Other parts of it send no request, neither concurrently nor later."""

    async def work() -> None:
        with RangeServer(latency=0.02) as server:
            data = tiff(**LARGE[kind])
            url = server.put("/a.tif", data)
            async with reading(server.host) as reader:
                description = await reader.describe(url, UpstreamStats())
                assert description.levels[0].together != (1, 1)
                server.forget_requests()
                wanted = [[(0, 0)], [(0, 1)], [(1, 0), (1, 1)]]
                assert description.levels[0].with_companions([(0, 0)]) >= {(0, 0), (0, 1), (1, 0), (1, 1)}
                await asyncio.gather(*(reader.blocks(url, description, 0, each, UpstreamStats()) for each in wanted))
                assert server.bytes < 1.1 * len(data)
                server.forget_requests()
                await reader.blocks(url, description, 0, [(1, 1)], UpstreamStats())
                assert not server.requests

    run(work())


def test_the_memory_for_decoding_a_block_counts(tmp_path: Path) -> None:
    """Once for several bands, since they are decoded one after the other."""
    width = 4 * SIDE
    data = tiff(np.tile(NUMBERS, (1, 4)), **LARGE["one strip, LZW"])
    needs = 2 * 4 * NUMBERS.nbytes  # the stored and the decoded block
    parts = TOGETHER  # for each band, at most

    async def work(budget: int) -> dict[str, Layer]:
        url = save(tmp_path, "a.tif", data)
        scene: Any = SimpleNamespace(id="", assets={"red": Asset(url), "nir": Asset(url)})
        with ThreadPoolExecutor(2) as cpu:
            async with reading("nowhere", folder=tmp_path) as reader:
                layers = LayerReader(reader, Workbench(cpu), MemoryBudget(budget), None)
                grid = Grid(CRS, TRANSFORM, 64, 64)
                return await layers.compute(LayerRequest(scene, ["red", "nir"], grid), dict, UpstreamStats())

    assert width * SIDE > LARGE_BYTES
    found = run(work(needs + 2 * parts))
    np.testing.assert_array_equal(found["nir"].numbers, NUMBERS[:64, :64])
    with pytest.raises(AssetRefused) as refused:
        run(work(needs - 1))
    assert refused.value.reason == "too-much-memory"


def test_a_part_of_an_uncompressed_strip_is_read_alone(tmp_path: Path) -> None:
    """However large the strip is: its rows are contiguous."""
    side = 16_384

    async def work() -> None:
        async with reading("nowhere", folder=tmp_path) as reader:
            with MemoryFile() as memory:
                profile = {"crs": CRS, "transform": TRANSFORM, "SPARSE_OK": True, "blockysize": side}
                with memory.open(driver="GTiff", width=side, height=side, count=1, dtype="uint16", **profile):
                    pass
                url = save(tmp_path, "a.tif", bytes(memory.getbuffer()))
            description = await reader.describe(url, UpstreamStats())
            assert side * side * 2 > MAX_DECODED_BYTES > 50 * description.reading_bytes(0, [(0, 0)])
            blocks = await reader.blocks(url, description, 0, [(200, 0)], UpstreamStats())
            assert not blocks[200, 0].any()

    run(work())
