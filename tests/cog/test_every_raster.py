"""Every kind of GeoTIFF, described and read, compared with rasterio."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.io import MemoryFile

from scog.cog.header_template import template_of
from scog.cog.ifd import walk
from scog.cog.metadata import FileMetadata
from scog.errors import AssetBroken
from scog.net.policy import UpstreamStats
from tests.doubles.range_server import RangeServer
from tests.doubles.rasters import KINDS, PLAIN, raster
from tests.doubles.reading import every_block, read_level, reading, run, save, truth

pytestmark = pytest.mark.usefixtures("transport_slowly")


def described(kind: str) -> tuple[bytes, FileMetadata]:
    """A file and its metadata, read over HTTP."""
    data = raster(kind)

    async def work(server: RangeServer) -> FileMetadata:
        async with reading(server.host) as reader:
            return await reader.read_metadata(server.put("/a.tif", data), UpstreamStats())

    with RangeServer() as server:
        return data, run(work(server))


@pytest.mark.parametrize("kind", KINDS)
def test_a_description_equals_rasterios(kind: str) -> None:
    data, description = described(kind)
    with MemoryFile(data) as memory, rasterio.open(memory.name) as dataset:
        factors = dataset.overviews(1)
        assert len(description.levels) == 1 + len(factors)
        assert description.count == dataset.count
        assert description.dtype == dataset.dtypes[0]
        if dataset.nodata is not None:
            np.testing.assert_equal(description.nodata, dataset.nodata)
        assert description.plain == (kind in PLAIN)
        base = dataset.transform
        full = description.levels[0]
        for level, metadata in enumerate(description.levels):
            options = {"overview_level": level - 1} if level else {}
            with rasterio.open(memory.name, **options) as expected:
                assert rasterio.crs.CRS.from_string(metadata.grid.crs) == expected.crs
                assert metadata.grid.shape == expected.shape
                assert metadata.grid.transform.almost_equals(expected.transform, 1e-9)
                if metadata.offsets is not None:
                    assert metadata.block_shape == expected.block_shapes[0]
                width_ratio = full.grid.width / metadata.grid.width
                height_ratio = full.grid.height / metadata.grid.height
                a, b, c, d, e, f = tuple(base)[:6]
                by_ratio = (a * width_ratio, b * height_ratio, c, d * width_ratio, e * height_ratio, f)
                assert metadata.grid.transform.almost_equals(Affine(*by_ratio), 1e-9)
                # The base times the ratio of widths (or heights, where that is larger): 1373 pixels are 79.97 m.
                if kind != "rotated":
                    assert metadata.grid.resolution == pytest.approx(10 * max(width_ratio, height_ratio), rel=1e-12)


@pytest.mark.parametrize("kind", PLAIN)
def test_block_offsets_and_sizes_match_gdals(kind: str) -> None:
    data, description = described(kind)
    with MemoryFile(data) as memory, rasterio.open(memory.name) as dataset:
        for level, metadata in enumerate(description.levels):
            assert metadata.offsets is not None
            assert metadata.sizes is not None
            options = {"ovr": level - 1} if level else {}
            for row, col in every_block(description, level):
                offset = dataset.get_tag_item(f"BLOCK_OFFSET_{col}_{row}", "TIFF", bidx=1, **options)
                size = dataset.get_tag_item(f"BLOCK_SIZE_{col}_{row}", "TIFF", bidx=1, **options)
                assert (metadata.offsets[row, col], metadata.sizes[row, col]) == (int(offset or 0), int(size or 0))
    assert description.stop <= len(data)


@pytest.mark.parametrize("source_kind", ["http", "local"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_pixel_of_every_level_matches_rasterio(kind: str, source_kind: str, tmp_path: Path) -> None:
    data = raster(kind)

    async def work(host: str, url: str) -> None:
        async with reading(host, folder=tmp_path) as reader:
            description = await reader.read_metadata(url, UpstreamStats())
            for level in range(len(description.levels)):
                for band in range(1, description.count + 1):
                    result = await read_level(reader, url, description, level, band)
                    np.testing.assert_array_equal(result, truth(data, level, band), strict=True)

    if source_kind == "local":
        run(work("nowhere", save(tmp_path, "a.tif", data)))
    else:
        with RangeServer() as server:
            run(work(server.host, server.put("/a.tif", data)))


@pytest.mark.parametrize("kind", PLAIN)
def test_gdal_reads_the_same_pixels(kind: str) -> None:
    """scog and GDAL read the same pixels of a plain file, and blocks of the same shape and dtype."""
    data = raster(kind)

    async def work(server: RangeServer) -> None:
        url = server.put("/a.tif", data)
        async with reading(server.host) as own_reader, reading(server.host) as gdal_reader:
            plain = await own_reader.read_metadata(url, UpstreamStats())
            assert plain.plain
            for level in range(len(plain.levels)):
                all_blocks = every_block(plain, level)
                own_blocks = await own_reader.blocks(url, plain, level, all_blocks, UpstreamStats())
                gdal_blocks = await gdal_reader.blocks(url, plain.for_gdal(), level, all_blocks, UpstreamStats())
                grid, (height, width) = plain.levels[level].grid, plain.levels[level].block_shape
                for row, col in all_blocks:
                    a, b = own_blocks[row, col], gdal_blocks[row, col]
                    assert a.shape == b.shape == (height, width)
                    assert a.dtype == b.dtype
                    assert not a.flags.writeable
                    assert not b.flags.writeable
                    inside = slice(0, grid.height - row * height), slice(0, grid.width - col * width)
                    np.testing.assert_array_equal(a[inside], b[inside])

    with RangeServer() as server:
        run(work(server))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "directories far away"])
def test_the_walk_includes_all_that_gdal_needs(kind: str) -> None:
    """A file cut right after its directories has the same metadata; with one byte less, more bytes are needed."""
    data = raster(kind)
    needed = walk(data).needed
    whole, cut = (
        template_of(data, walk(data)).describe(data, ""),
        template_of(data[:needed], walk(data[:needed])).describe(data[:needed], ""),
    )
    for a, b in zip(whole.levels, cut.levels, strict=True):
        assert a.grid == b.grid
        np.testing.assert_array_equal(a.offsets, b.offsets)
        np.testing.assert_array_equal(a.sizes, b.sizes)
    assert walk(data[: needed - 1]).needed >= needed


def test_files_that_differ_only_in_block_offsets_have_the_same_blank_header() -> None:
    some = raster(next(iter(sorted(PLAIN))))
    directories = walk(some)
    table = directories.images[0].offsets
    assert table is not None
    other = bytearray(some)
    other[table.at : table.stop] = (table.read(some) + 1).astype(table.dtype).tobytes()
    assert walk(bytes(other)).blank(bytes(other)) == directories.blank(some) != some[: directories.needed]
    moved = template_of(bytes(other), walk(bytes(other))).describe(bytes(other), "")
    assert (
        moved.levels[0].offsets == np.asarray(template_of(some, directories).describe(some, "").levels[0].offsets) + 1
    ).all()


def test_a_header_that_lists_too_few_blocks_is_broken() -> None:
    data = raster(next(iter(sorted(PLAIN))))
    whole = walk(data)
    table = whole.images[0].offsets
    assert table is not None
    short = replace(whole.images[0], offsets=replace(table, count=table.count - 1))
    with pytest.raises(AssetBroken) as broken:
        template_of(data, replace(whole, images=(short, *whole.images[1:]))).describe(data, "")
    assert broken.value.reason == "broken-header"
