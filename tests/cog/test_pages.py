"""TIFFs with pages that are not overviews: the first image is read, with the same overviews as GDAL's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from scog.cog.ifd import MAX_DIRECTORIES
from scog.net.policy import UpstreamStats
from tests.doubles.geotiffs import HEIGHT, WIDTH, Choice, truth, write
from tests.doubles.range_server import RangeServer
from tests.doubles.reading import read_level, reading, run

pytestmark = pytest.mark.usefixtures("transport_slowly")


def with_page(path: Path, *, overview: bool = False, mask: bool = False, count: int = 1, size: int = 40) -> None:
    """Append an image with another size, dtype and number of bands, optionally with its own overview and mask."""
    profile = {"driver": "GTiff", "width": size, "height": size, "count": count, "dtype": "uint8", "tiled": True}
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            path, "w", **profile, blockxsize=16, blockysize=16, APPEND_SUBDATASET=True, photometric="minisblack"
        ) as page,
    ):
        page.write(np.ones((count, size, size), np.uint8))
        if mask:
            page.write_mask(np.eye(size, dtype=np.uint8) * 255)
    if overview:
        with rasterio.open(f"GTIFF_DIR:2:{path}", "r+") as page:
            page.build_overviews([2])


def compare_with_rasterio(path: Path) -> None:
    data = path.read_bytes()

    async def work() -> None:
        with RangeServer() as server:
            url = server.put("/a.tif", data)
            async with reading(server.host) as reader:
                description = await reader.read_metadata(url, UpstreamStats())
                with rasterio.open(path) as dataset:
                    assert len(description.levels) == 1 + len(dataset.overviews(1))
                    assert description.count == dataset.count
                for level in range(len(description.levels)):
                    numbers, valid = truth(path, level, 1)
                    result = await read_level(reader, url, description, level)
                    np.testing.assert_array_equal(
                        result, np.where(valid, numbers, 0) if description.masked else numbers
                    )

    run(work())


@pytest.mark.parametrize("overviews", [(), (2, 4)])
@pytest.mark.parametrize("validity", ["none", "mask"])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("mask", [False, True])
def test_a_further_page_is_ignored(
    mask: bool, count: int, validity: str, overviews: tuple[int, ...], tmp_path: Path
) -> None:
    path = tmp_path / "a.tif"
    write(Choice("uint16", validity=validity, overviews=overviews), path)
    with_page(path, mask=mask, count=count)
    compare_with_rasterio(path)


def test_a_second_image_of_the_same_kind_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    write(Choice("uint16", further_page=True, overviews=()), path)
    compare_with_rasterio(path)


def test_a_page_with_the_size_of_an_overview_is_treated_as_by_gdal(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    write(Choice("uint16", overviews=(2,)), path)
    with_page(path, size=-(-max(HEIGHT, WIDTH) // 4))
    compare_with_rasterio(path)


def test_more_pages_than_the_walk_allows_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    write(Choice("uint16", overviews=(2,)), path)
    for _ in range(MAX_DIRECTORIES):
        with_page(path, size=16)
    compare_with_rasterio(path)
