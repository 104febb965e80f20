"""Previews: coarser levels where the level of the image is not cached, read with the highest priority."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from scog.catalog.assets import Asset
from scog.cog import preview_level
from scog.cog.preview_level import SMALL_FETCH, PreviewLevel, cheapest_levels
from scog.geo.grid import Grid
from scog.imaging.band_reader import BandData, BandReader, BandRequest
from scog.net.policy import UpstreamStats
from scog.warp.resample import Resampling
from tests.doubles.archives import write_cog
from tests.doubles.range_server import RangeServer
from tests.doubles.rasters import CRS
from tests.doubles.reading import run, truth
from tests.imaging.test_band_reader import grid, layers_of, scene

SIDE = 1200
COARSE = 16
"""The last level has one block, 11 KB; each finer one has several of 32 KB."""
WHERE = grid(0, 0, 512, 512)


@cache
def noise(dtype: str = "uint16") -> bytes:
    """A COG that hardly compresses, like satellite images; its overviews are every second pixel."""
    numbers = np.random.default_rng(1).integers(1, np.iinfo(dtype).max, (SIDE, SIDE), dtype)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "noise.tif"
        write_cog(path, numbers, CRS, 600_000, 5_100_000, 10)
        return path.read_bytes()


async def preview(
    layers: BandReader, url: str, where: Grid = WHERE, **options: object
) -> tuple[BandData, float, UpstreamStats]:
    """The layer, its coarseness, and its requests."""
    coarse, tally = PreviewLevel(), UpstreamStats()
    request = BandRequest(scene(red=Asset(url)), ["red"], where, **options)  # type: ignore[arg-type]
    result = await layers.compute(request, lambda layers: layers["red"], tally, preview=coarse)
    return result, coarse.ratio, tally


async def image(layers: BandReader, url: str, where: Grid = WHERE) -> BandData:
    request = BandRequest(scene(red=Asset(url)), ["red"], where)
    return await layers.compute(request, lambda layers: layers["red"], UpstreamStats())


def test_a_preview_reads_a_cheap_level() -> None:
    async def work() -> None:
        with RangeServer() as server:
            url = server.put("/a.tif", noise())
            async with layers_of(server) as layers:
                result, ratio, tally = await preview(layers, url)
                assert ratio == COARSE
                assert tally.bytes <= 2 * 16_384
                expected = truth(noise(), 4)[:32, :32].repeat(COARSE, 0).repeat(COARSE, 1)
                np.testing.assert_array_equal(result.numbers, expected)
                assert result.valid.all()

    run(work())


@pytest.mark.parametrize("resampling", [Resampling.BILINEAR, Resampling.AVERAGE])
def test_a_preview_can_be_resampled(resampling: Resampling) -> None:
    async def work() -> None:
        with RangeServer() as server:
            url = server.put("/a.tif", noise())
            async with layers_of(server) as layers:
                result, ratio, _ = await preview(layers, url, resampling=resampling)
                assert ratio > 1
                assert result.valid.all()
                coarse = truth(noise(), 4)
                assert coarse.min() <= result.numbers.min() <= result.numbers.max() <= coarse.max()

    run(work())


def test_the_preview_of_a_cached_image_is_the_image() -> None:
    async def work() -> None:
        with RangeServer() as server:
            url = server.put("/a.tif", noise())
            async with layers_of(server) as layers:
                whole = await image(layers, url)
                server.forget_requests()
                result, ratio, _ = await preview(layers, url)
                assert ratio == 1
                assert server.requests == []
                np.testing.assert_array_equal(result.numbers, whole.numbers)

    run(work())


def test_a_preview_uses_the_finest_cached_level() -> None:
    """After zooming in, the pixels of the previous zoom are used."""

    async def work() -> None:
        with RangeServer() as server:
            url = server.put("/a.tif", noise())
            async with layers_of(server) as layers:
                before = Grid(CRS, WHERE.transform @ type(WHERE.transform).scale(2), 256, 256)
                await image(layers, url, before)
                server.forget_requests()
                result, ratio, _ = await preview(layers, url)
                assert ratio == 2
                assert server.requests == []
                expected = truth(noise(), 1)[:256, :256].repeat(2, 0).repeat(2, 1)
                np.testing.assert_array_equal(result.numbers, expected)

    run(work())


def test_without_a_coarser_level_the_preview_is_the_image() -> None:
    whole_grid = grid(0, 0, SIDE, SIDE)

    async def work() -> None:
        with RangeServer() as server:
            url = server.put("/a.tif", noise())
            async with layers_of(server) as layers:
                coarsest = Grid(CRS, whole_grid.transform @ type(whole_grid.transform).scale(16), 75, 75)
                _, ratio, _ = await preview(layers, url, coarsest)
                assert ratio == 1

    run(work())


def test_a_preview_of_few_bytes_is_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview_level, "SMALL_FETCH", 20_000)

    async def work() -> None:
        with RangeServer() as server:
            url = server.put("/a.tif", noise("uint8"))
            async with layers_of(server) as layers:
                small = Grid(CRS, WHERE.transform @ type(WHERE.transform).scale(4), 64, 64)
                _, ratio, tally = await preview(layers, url, small)
                assert ratio == 1, "a block of 128 x 128 bytes"
                assert tally.bytes <= 20_000 + 16_384

    run(work())


def test_adjacent_previews_share_blocks() -> None:
    async def work() -> None:
        with RangeServer() as server:
            url = server.put("/a.tif", noise())
            async with layers_of(server) as layers:
                await preview(layers, url, grid(0, 0, 256, 256))
                server.forget_requests()
                for row, col in ((0, 256), (256, 0), (600, 600), (900, 900)):
                    _, ratio, _ = await preview(layers, url, grid(row, col, 256, 256))
                    assert ratio == COARSE
                assert server.requests == []

    run(work())


@pytest.mark.parametrize(
    ("costs", "expected"),
    [
        ([900_000, 400_000, 90_000], 2),
        ([900_000, 0, 0], 1),
        ([0, 0, 0], 0),
        ([900_000, 0, 90_000], 1),
        ([SMALL_FETCH, 4000, 1000], 0),
        ([SMALL_FETCH, 4000, 0], 2),
        ([900_000, 90_000, 90_000], 1),
    ],
)
def test_the_cheapest_level_is_chosen(costs: list[int], expected: int) -> None:
    assert cheapest_levels([((level,), cost) for level, cost in enumerate(costs)]) == (expected,)


def test_a_grid_outside_the_file_has_no_preview() -> None:
    async def work() -> None:
        with RangeServer() as server:
            url = server.put("/a.tif", noise())
            async with layers_of(server) as layers:
                result, ratio, _ = await preview(layers, url, grid(5000, 5000, 64, 64))
                assert ratio == 1
                assert not result.valid.any()

    run(work())
