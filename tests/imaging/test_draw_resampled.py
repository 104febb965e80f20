"""Images by other methods than nearest: no seams, no interpolated classes, no smoothed masks."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import morecantile
import numpy as np
import pytest
from affine import Affine

from scog.geo.grid import Grid, tile_grid
from scog.imaging.draw import ImageData, ImageRequest, draw
from scog.imaging.engine import Engine, open_engine
from scog.settings import Settings
from scog.warp.resample import Resampling
from tests.doubles.archives import MadeScene, Square
from tests.doubles.drawing import draw_all, draw_one, image_request
from tests.doubles.warping import gdal_warp

SQUARE = Square("55GEN", 32755, 500_000, 5_300_000, 700)
EVERY = pytest.mark.parametrize("method", [method for method in Resampling if method is not Resampling.NEAREST])


def noise(size: int, seed: int, top: int = 9000) -> Any:
    """Coarse and fine noise, with holes."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(1100, top, (size // 7, size // 7)).repeat(7, 0).repeat(7, 1)
    numbers = np.clip(coarse + rng.integers(0, 900, (size, size)), 1, 65_535).astype(np.uint16)
    numbers[rng.random(numbers.shape) < 0.003] = 0
    numbers[300:340, 200:260] = 0
    return numbers


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, MadeScene]:
    folder = tmp_path_factory.mktemp("resampled")
    classes = np.random.default_rng(5).choice([4, 5, 6, 9], (50, 50)).repeat(7, 0).repeat(7, 1).astype(np.uint8)
    bands = {"red": noise(700, 1), "nir": noise(700, 2), "scl": classes}
    return folder, MadeScene("S2A_55GEN_20220610_0_L2A", SQUARE, "2022-06-10T00:00:00Z", bands).write(folder)


def large(z: int, columns: int, rows: int, x: int, y: int) -> Grid:
    """Tiles in one grid."""
    corner = tile_grid(z, x, y)
    pixel = corner.transform.a
    return Grid(corner.crs, Affine(pixel, 0, corner.bounds[0], 0, -pixel, corner.bounds[3]), 256 * columns, 256 * rows)


def first_tile(z: int) -> tuple[int, int]:
    tile = morecantile.tms.get("WebMercatorQuad").tile(*SQUARE.lonlat(0.02, 0.02), z)
    return tile.x, tile.y


@EVERY
@pytest.mark.parametrize("z", [11, 13, 15])
def test_tiles_equal_parts_of_one_large_image(archive: tuple[Path, MadeScene], method: Resampling, z: int) -> None:
    request = image_request("red; nir; scl", resampling=method)
    x, y = first_tile(z)

    async def work() -> tuple[ImageData, list[ImageData]]:
        async with open_engine(Settings(catalog=str(archive[0]))) as engine:
            return await draw(engine, large(z, 2, 2, x, y), request), await tiles(engine, request)

    async def tiles(engine: Engine, request: ImageRequest) -> list[ImageData]:
        places = [(x + i, y + j) for j in (0, 1) for i in (0, 1)]
        return list(await asyncio.gather(*(draw(engine, tile_grid(z, *place), request) for place in places)))

    whole, parts = asyncio.run(work())
    assert whole.valid.mean() > 0.02
    for number, part in enumerate(parts):
        here = np.s_[256 * (number // 2) : 256 * (number // 2 + 1), 256 * (number % 2) : 256 * (number % 2 + 1)]
        np.testing.assert_array_equal(part.valid, whole.valid[here])
        np.testing.assert_allclose(part.values, whole.values[:, *here], rtol=0, atol=2e-6)  # of reflectance, to 1


@pytest.mark.parametrize("method", [method for method in Resampling if method.creates_values])
def test_images_match_gdal_warp_of_the_overview_level(archive: tuple[Path, MadeScene], method: Resampling) -> None:
    """Unmasked, at full resolution, against the file warped by GDAL."""
    source = Grid(SQUARE.crs, Affine(10, 0, SQUARE.left, 0, -10, SQUARE.top), 700, 700)
    grid = tile_grid(13, *first_tile(13))
    drawing = draw_one(archive[0], grid, image_request("nir", "none", resampling=method))
    expected = gdal_warp(archive[1].bands["nir"], source, grid, method)
    np.testing.assert_array_equal(drawing.valid, ~np.isnan(expected))
    np.testing.assert_allclose(
        drawing.values[0][drawing.valid],
        np.maximum(expected[drawing.valid] * 1e-4, 0),  # this scene's offset was applied before
        rtol=0,
        atol=3e-6,
    )
    assert drawing.valid.mean() > 0.05


@EVERY
def test_masks_use_nearest_and_classes_are_not_interpolated(
    archive: tuple[Path, MadeScene], method: Resampling
) -> None:
    for z in (12, 13, 15):
        grid = tile_grid(z, *first_tile(z))
        asked = [
            image_request("scl", mask, resampling=way) for mask in ("9", "none") for way in (Resampling.NEAREST, method)
        ]
        nearest, found, unmasked, free = draw_all(archive[0], [(grid, request) for request in asked])
        np.testing.assert_array_equal(found.valid, nearest.valid)
        assert set(np.unique(found.values[0][found.valid])) <= {4.0, 5.0, 6.0, 9.0}
        if method is not Resampling.MODE:
            np.testing.assert_array_equal(found.values, nearest.values)
            np.testing.assert_array_equal(free.values, unmasked.values)
        else:
            assert (free.values[0] != unmasked.values[0])[free.valid & unmasked.valid].any()


@EVERY
def test_an_image_from_memory_is_the_same(archive: tuple[Path, MadeScene], method: Resampling) -> None:
    grid = tile_grid(13, *first_tile(13))
    request = image_request("(nir - red) / (nir + red)", resampling=method)
    first, second = draw_all(archive[0], [(grid, request), (grid, request)])
    np.testing.assert_array_equal(first.values, second.values)
    assert "read" in first.report.seconds
    assert "read" not in second.report.seconds
