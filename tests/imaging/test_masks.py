"""Masks and alpha bands determine validity, with any resampling method, in the file or beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

from scog.catalog.assets import Asset
from scog.cog.block_reader import BlockReader
from scog.errors import AssetBroken, AssetChanged
from scog.geo.grid import Grid
from scog.imaging.layers import Layer, LayerReader, LayerRequest
from scog.net.policy import UpstreamStats
from scog.runtime.memory_budget import MemoryBudget
from scog.warp.resample import Resampling
from scog.warp.workbench import Workbench
from tests.doubles.geotiffs import GEOREFERENCES, HEIGHT, WIDTH, Choice, numbers_of, truth, write
from tests.doubles.range_server import RangeServer
from tests.doubles.reading import every_block, reading, run

pytestmark = pytest.mark.usefixtures("transport_slowly")

CRS, PLACE = GEOREFERENCES["north up"]
WHOLE = Grid(CRS, PLACE, WIDTH, HEIGHT)
MASKED = Choice("float32", validity="mask file", overviews=(2, 4))


@asynccontextmanager
async def opened(folder: Path, *hosts: str) -> AsyncIterator[tuple[BlockReader, LayerReader]]:
    with ThreadPoolExecutor(2) as cpu:
        async with reading(*hosts, folder=folder) as reader:
            yield reader, LayerReader(reader, Workbench(cpu), MemoryBudget(100_000_000), None)


async def layer(layers: LayerReader, url: str, grid: Grid, **how: Any) -> Layer:
    scene: Any = SimpleNamespace(id="", assets={"red": Asset(url, band=1)})
    request = LayerRequest(scene, ["red"], grid, **how)
    return await layers.compute(request, lambda layers: layers["red"], UpstreamStats())


@pytest.mark.parametrize("method", Resampling)
@pytest.mark.parametrize("zoom", [0.7, 1.9, 9.0])
def test_masked_pixels_have_no_weight_in_any_method(method: Resampling, zoom: float, tmp_path: Path) -> None:
    """A mask has the effect of a nodata value that no other pixel has."""
    choice = Choice("float32", validity="mask")
    write(choice, tmp_path / "masked.tif")
    numbers, valid = truth(tmp_path / "masked.tif", 0, 1)
    with rasterio.open(tmp_path / "masked.tif") as source:
        profile = source.profile | {"nodata": -9999.0}
    with rasterio.open(tmp_path / "nodata.tif", "w", **profile) as dataset:
        dataset.write(np.where(valid, numbers, -9999.0).astype(np.float32), 1)
    grid = Grid(CRS, PLACE @ Affine.translation(-9.3, -7.1) @ Affine.scale(zoom), int(250 / zoom), int(190 / zoom))

    async def work() -> None:
        async with opened(tmp_path) as (_, layers):
            found, expected = [
                await layer(layers, (tmp_path / name).resolve().as_uri(), grid, resampling=method)
                for name in ("masked.tif", "nodata.tif")
            ]
            np.testing.assert_array_equal(found.valid, expected.valid)
            np.testing.assert_array_equal(found.numbers[found.valid], expected.numbers[found.valid])
            assert found.numbers.dtype == expected.numbers.dtype
            assert 0 < np.count_nonzero(found.valid) < found.valid.size

    run(work())


def test_zero_is_valid_if_the_mask_says_so(tmp_path: Path) -> None:
    write(Choice("uint8", count=4, validity="alpha", photometric="RGB"), tmp_path / "a.tif")
    zeros = numbers_of(Choice("uint8", count=4, validity="alpha"))
    assert ((zeros[0] == 0) & (zeros[3] > 0)).any()

    async def work() -> None:
        async with opened(tmp_path) as (_, layers):
            found = await layer(layers, (tmp_path / "a.tif").resolve().as_uri(), WHOLE)
            np.testing.assert_array_equal(found.valid, zeros[3] > 0)
            np.testing.assert_array_equal(found.numbers[found.valid], zeros[0][found.valid])

    run(work())


def test_masks_count_in_the_block_cache(tmp_path: Path) -> None:
    write(Choice("uint16", validity="mask"), tmp_path / "a.tif")

    async def work() -> None:
        url = (tmp_path / "a.tif").resolve().as_uri()
        async with opened(tmp_path) as (reader, _):
            description = await reader.describe(url, UpstreamStats())
            every = every_block(description)
            blocks = await reader.blocks(url, description, 0, every, UpstreamStats())
            taken = sum(block.nbytes for block in blocks.values())
            assert reader._blocks.bytes == taken == len(every) * description.block_bytes(0)
            assert description.block_bytes(0) == 3 * np.prod(description.levels[0].block_shape)

    run(work())


def test_an_msk_file_beside_a_local_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    write(MASKED, path)
    assert path.with_name("a.tif.msk").exists()
    _, valid = truth(path, 0, 1)

    async def work() -> None:
        async with opened(tmp_path) as (reader, layers):
            url = path.resolve().as_uri()
            found = await layer(layers, url, WHOLE)
            np.testing.assert_array_equal(found.valid, valid & np.isfinite(found.numbers))
            description = await reader.describe(url, UpstreamStats())
            assert description.mask_file == url + ".msk"

    run(work())


def test_a_mask_without_overviews_applies_to_those_of_its_file(tmp_path: Path) -> None:
    """GDAL treats all pixels of such overviews as valid."""
    path, bare = tmp_path / "a.tif", tmp_path / "bare.tif"
    write(MASKED, path)
    write(replace(MASKED, overviews=()), bare)
    bare.with_name("bare.tif.msk").replace(path.with_name("a.tif.msk"))

    async def work() -> None:
        async with opened(tmp_path) as (reader, layers):
            url = path.resolve().as_uri()
            for level in (1, 2):
                grid = (await reader.describe(url, UpstreamStats())).levels[level].grid
                found = await layer(layers, url, grid)
                row, col = (np.arange(0.5, n) * full / n for n, full in zip(grid.shape, (HEIGHT, WIDTH), strict=True))
                hole = ((row >= 50) & (row < 100))[:, np.newaxis] & ((col >= 30) & (col < 150))
                np.testing.assert_array_equal(found.valid, np.isfinite(found.numbers) & ~hole)

    run(work())


def test_a_mask_of_another_shape_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    write(MASKED, path)
    with rasterio.open(path.with_name("a.tif.msk"), "w", driver="GTiff", width=9, height=9, count=1, dtype="uint8"):
        pass

    async def work() -> None:
        async with opened(tmp_path) as (_, layers):
            with pytest.raises(AssetBroken) as broken:
                await layer(layers, path.resolve().as_uri(), WHOLE)
            assert broken.value.reason == "broken-mask"

    run(work())


def test_a_replaced_mask_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    write(MASKED, path)
    mask = path.with_name("a.tif.msk")

    async def work() -> None:
        async with opened(tmp_path) as (reader, layers):
            url = path.resolve().as_uri()
            await layer(layers, url, WHOLE)
            description = await reader.describe(url, UpstreamStats())
            (tmp_path / "new").write_bytes(mask.read_bytes())
            (tmp_path / "new").replace(mask)
            with pytest.raises(AssetChanged):
                await reader.blocks(url, description, 1, [(0, 0)], UpstreamStats())
            assert (await layer(layers, url, WHOLE)).valid.any()

    run(work())


def test_msk_files_of_remote_files_are_not_requested(tmp_path: Path) -> None:
    """They would cost a request for each file, and are rare."""
    path = tmp_path / "a.tif"
    write(MASKED, path)

    async def work() -> None:
        with RangeServer() as server:
            url = server.put("/a.tif", path.read_bytes())
            server.put("/a.tif.msk", path.with_name("a.tif.msk").read_bytes())
            async with opened(tmp_path, server.host) as (_, layers):
                found = await layer(layers, url, WHOLE)
                np.testing.assert_array_equal(found.valid, np.isfinite(found.numbers))
                assert {seen.path for seen in server.requests} == {"/a.tif"}

    run(work())


def test_an_internal_mask_takes_precedence_over_an_msk_file(tmp_path: Path) -> None:
    path, other = tmp_path / "a.tif", tmp_path / "other.tif"
    write(replace(MASKED, validity="mask"), path)
    write(replace(MASKED, validity="mask file"), other)
    with rasterio.open(other.with_name("other.tif.msk"), "r+") as beside:
        beside.write(255 - beside.read())
    other.with_name("other.tif.msk").replace(path.with_name("a.tif.msk"))
    _, valid = truth(path, 0, 1)

    async def work() -> None:
        async with opened(tmp_path) as (_, layers):
            found = await layer(layers, path.resolve().as_uri(), WHOLE)
            np.testing.assert_array_equal(found.valid, valid & np.isfinite(found.numbers))

    run(work())


@pytest.mark.parametrize(
    ("dtype", "text"),
    [
        ("int64", "9223372036854775807"), ("int64", "-9223372036854775808"), ("int64", "9007199254740993"),
        ("uint64", "18446744073709551615"), ("int64", "-9999"),
    ],
)  # fmt: skip
def test_64_bit_nodata_is_exact(dtype: str, text: str, tmp_path: Path) -> None:
    """rasterio reads and writes such nodata as a float, or not at all."""
    path = tmp_path / "a.tif"
    numbers = np.full((HEIGHT, WIDTH), 5, dtype)
    limits = np.iinfo(dtype)
    wanted = [number for step in (-1, 0, 1) if limits.min <= (number := int(text) + step) <= limits.max]
    numbers[0, : len(wanted)] = wanted
    options = {"driver": "GTiff", "width": WIDTH, "height": HEIGHT, "count": 1, "dtype": dtype}
    with rasterio.open(path, "w", **options, crs=CRS, transform=PLACE, nodata=float(2**60)) as dataset:
        dataset.write(numbers, 1)
    written = b"1.152921504606847e+18"
    data = path.read_bytes()
    assert data.count(written) == 1
    path.write_bytes(data.replace(written, text.rjust(len(written)).encode()))

    async def work() -> None:
        async with opened(tmp_path) as (_, layers):
            found = await layer(layers, path.resolve().as_uri(), WHOLE)
            np.testing.assert_array_equal(found.valid, numbers != int(text))

    run(work())
