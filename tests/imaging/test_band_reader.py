"""Layers: bands of one scene on the target grid."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from affine import Affine

from scog.catalog.assets import Asset
from scog.errors import AssetMissing, AssetRefused
from scog.geo.grid import Grid
from scog.imaging.band_reader import BandData, BandReader, BandRequest
from scog.net.policy import UpstreamStats
from scog.runtime.memory_budget import MemoryBudget
from scog.warp.resample import Resampling
from scog.warp.workbench import Workbench
from tests.doubles import range_server as does
from tests.doubles.range_server import RangeServer
from tests.doubles.rasters import CRS, HEIGHT, WIDTH, raster
from tests.doubles.reading import reading, run, truth

pytestmark = pytest.mark.usefixtures("transport_slowly")

HEADER = (0, 16_383)


def grid(row: int, col: int, height: int, width: int) -> Grid:
    """A grid of the test rasters' pixels that starts at a row and column."""
    return Grid(CRS, Affine(10.0, 0.0, 600_000.0 + 10 * col, 0.0, -10.0, 5_100_000.0 - 10 * row), width, height)


class _Scene(SimpleNamespace):
    """Can be a key and be referred to weakly, unlike a SimpleNamespace."""

    __hash__ = object.__hash__  # type: ignore[assignment]


def scene(**assets: Asset) -> Any:
    return _Scene(id="scene", assets=assets)


@asynccontextmanager
async def layers_of(
    server: RangeServer, *, budget: int = 100_000_000, ambiguous: float | None = None, **options: Any
) -> AsyncIterator[BandReader]:
    with ThreadPoolExecutor(2) as cpu:
        async with reading(server.host, **options) as reader:
            yield BandReader(reader, Workbench(cpu), MemoryBudget(budget), ambiguous)


async def layer(layers: BandReader, asset: Asset, where: Grid, **options: Any) -> BandData:
    request = BandRequest(scene(red=asset), ["red"], where, **options)
    return await layers.compute(request, lambda layers: layers["red"], UpstreamStats())


def test_pixels_outside_the_file_are_invalid() -> None:
    async def work() -> None:
        with RangeServer() as server:
            url = server.put("/a.tif", raster("uint16"))
            async with layers_of(server) as layers:
                result = await layer(layers, Asset(url), grid(-20, -30, HEIGHT + 50, WIDTH + 70))
                inside = slice(20, 20 + HEIGHT), slice(30, 30 + WIDTH)
                np.testing.assert_array_equal(result.numbers[inside], truth(raster("uint16")))
                expected = np.zeros((HEIGHT + 50, WIDTH + 70), bool)
                expected[inside] = True
                np.testing.assert_array_equal(result.valid, expected)

    run(work())


def test_a_grid_outside_the_file_is_invalid_and_reads_no_block() -> None:
    async def work() -> None:
        with RangeServer() as server:
            url = server.put("/a.tif", raster("uint16"))
            async with layers_of(server) as layers:
                result = await layer(layers, Asset(url), grid(5000, 5000, 64, 64))
                assert not result.valid.any()
                assert server.ranges == [HEADER]

    run(work())


@pytest.mark.parametrize("kind", ["sparse", "mask", "nodata that does not fit", "float32", "no nodata"])
def test_mask_and_nodata_determine_validity(kind: str) -> None:
    data = raster(kind)
    numbers = truth(data)

    async def work() -> None:
        with RangeServer() as server:
            url = server.put("/a.tif", data)
            async with layers_of(server) as layers:
                result = await layer(layers, Asset(url), grid(0, 0, HEIGHT, WIDTH))
                expected = numbers != 0 if kind in ("sparse", "mask") else np.ones(numbers.shape, bool)
                np.testing.assert_array_equal(result.valid, expected)
                np.testing.assert_array_equal(result.numbers[expected], numbers[expected])
                nodata = int(numbers[7, 7])
                if kind != "float32":
                    with_nodata = await layer(layers, Asset(url, nodata=nodata), grid(0, 0, HEIGHT, WIDTH))
                    if kind == "mask":  # the mask takes precedence over nodata
                        np.testing.assert_array_equal(with_nodata.valid, result.valid)
                    else:  # nodata of the item and of the file both apply
                        np.testing.assert_array_equal(with_nodata.valid, expected & (numbers != nodata))

    run(work())


def test_only_blocks_of_wanted_pixels_are_read() -> None:
    pixels = np.zeros((HEIGHT, WIDTH), bool)
    pixels[5, 5] = pixels[5, 100] = pixels[300, 400] = True

    async def work() -> None:
        with RangeServer() as server:
            url = server.put("/a.tif", raster("uint16 without predictor"))
            async with layers_of(server, gap=0) as layers:
                result = await layer(layers, Asset(url), grid(0, 0, HEIGHT, WIDTH), pixels=pixels)
                np.testing.assert_array_equal(result.valid, pixels)
                np.testing.assert_array_equal(result.numbers[pixels], truth(raster("uint16 without predictor"))[pixels])
                assert len(server.requests) == 1 + 2
                empty = await layer(layers, Asset(url), grid(0, 0, HEIGHT, WIDTH), pixels=np.zeros_like(pixels))
                assert not empty.valid.any()
                assert len(server.requests) == 1 + 2

    run(work())


@pytest.mark.parametrize("method", Resampling)
def test_resampling_reads_only_the_support_of_wanted_pixels(method: Resampling) -> None:
    place = Affine(6.0, 0.0, 600_003.0, 0.0, -6.0, 5_099_999.0)
    where = Grid(CRS, place, 600, 500)
    pixels = np.zeros(where.shape, bool)
    pixels[400, 300] = True  # row 240 and column 180 in blocks of 128: far from the block edges
    pixels[213, 10:20] = True  # rows 127 and 128: across a block edge
    blocks = 1 + (1 if method is Resampling.NEAREST else 2)

    async def work() -> None:
        with RangeServer() as server:
            url = server.put("/a.tif", raster("uint16 without predictor"))
            async with layers_of(server, gap=0) as layers:
                part = await layer(layers, Asset(url), where, pixels=pixels, resampling=method)
                assert len(server.requests) == 1 + blocks
                whole = await layer(layers, Asset(url), where, resampling=method)
                np.testing.assert_array_equal(part.valid, pixels)
                np.testing.assert_array_equal(part.numbers[pixels], whole.numbers[pixels])
                again = layers.cached(BandRequest(scene(red=Asset(url)), ["red"], where, pixels, method))
                assert again is not None
                np.testing.assert_array_equal(again["red"].numbers[pixels], whole.numbers[pixels])
                assert whole.numbers.dtype == (np.float32 if method.creates_values else np.uint16)

    run(work())


def test_values_are_scaled_and_floored() -> None:
    numbers = np.array([[0, 500, 2000]], np.uint16)
    result = BandData(numbers, numbers > 0, 0.0001, -0.1)
    np.testing.assert_allclose(result.values(), [[-0.1, -0.05, 0.1]], atol=1e-7)
    np.testing.assert_allclose(result.values(0.0), [[0.0, 0.0, 0.1]], atol=1e-7)
    assert result.values().dtype == np.float32
    assert BandData(numbers, numbers > 0, 1.0, 0.0).values()[0, 2] == 2000
    np.testing.assert_array_equal(numbers, [[0, 500, 2000]])


def test_a_missing_band_is_an_error() -> None:
    async def work() -> None:
        with RangeServer() as server:
            async with layers_of(server) as layers:
                with pytest.raises(AssetMissing) as missing:
                    await layers.compute(BandRequest(scene(), ["nir"], grid(0, 0, 8, 8)), dict, UpstreamStats())
                assert missing.value.reason == "no-band-nir"

    run(work())


def test_reads_beyond_the_memory_budget_are_refused() -> None:
    async def work() -> None:
        with RangeServer() as server:
            url = server.put("/a.tif", raster("uint16"))
            async with layers_of(server, budget=100_000) as layers:
                with pytest.raises(AssetRefused) as refused:
                    await layer(layers, Asset(url), grid(0, 0, HEIGHT, WIDTH))
                assert refused.value.reason == "too-much-memory"
                assert server.ranges == [HEADER]

    run(work())


def test_all_bands_may_be_replaced_at_once() -> None:
    """A scene is reprocessed while it is read: the image has the pixels of the new files."""
    names = ["red", "nir", "blue", "green"]

    async def work() -> None:
        with RangeServer() as server:
            assets = {name: Asset(server.put(f"/{name}.tif", raster("sparse"))) for name in names}
            async with layers_of(server, cache_bytes=0, deadline=2.0) as layers:

                async def drawn() -> dict[str, BandData]:
                    request = BandRequest(scene(**assets), names, grid(0, 0, HEIGHT, WIDTH))
                    return await layers.compute(request, dict, UpstreamStats())

                await drawn()
                for place, name in enumerate(
                    names
                ):  # the replacement of each band is noticed later than that of the previous one
                    server.put(f"/{name}.tif", raster("uint16 without predictor"))
                    server.fail(f"/{name}.tif", always=does.late(0.05 * place))
                result = await drawn()
                for name in names:
                    np.testing.assert_array_equal(result[name].numbers, truth(raster("uint16 without predictor")))

    run(work())


def test_concurrent_requests_share_reads() -> None:
    async def work() -> None:
        with RangeServer(latency=0.02) as server:
            url = server.put("/a.tif", raster("uint16"))
            async with layers_of(server) as layers:
                where = grid(3, 4, 200, 200)
                result = await asyncio.gather(*(layer(layers, Asset(url), where) for _ in range(64)))
                expected = truth(raster("uint16"))[3:203, 4:204]
                for each in result:
                    np.testing.assert_array_equal(each.numbers, expected)
                assert len(server.requests) == 2

    run(work())


def test_an_offset_is_detected_only_once() -> None:
    async def work() -> None:
        with RangeServer() as server:
            url = server.put("/a.tif", raster("uint16"))
            async with layers_of(server) as layers:
                first = await layer(layers, Asset(url, offset=None), grid(0, 0, 50, 50))
                before = len(server.requests)
                second = await layer(layers, Asset(url, offset=None), grid(0, 0, 50, 50))
                assert first.offset == second.offset
                assert len(server.requests) == before
            async with layers_of(server, ambiguous=-0.1) as layers:
                assert (await layer(layers, Asset(url, offset=None), grid(0, 0, 50, 50))).offset == -0.1

    run(work())
