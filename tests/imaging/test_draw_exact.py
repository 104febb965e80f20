"""Drawn pixels against an oracle: rasterio at the overview level, and pyproj for each pixel."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from numpy.typing import NDArray

from scog.geo.grid import Grid, tile_grid
from tests.doubles.archives import MadeScene, Square, constant, newest_clear, positions
from tests.doubles.drawing import draw_all, draw_one, image_request, tile_over

# WEST and EAST are MGRS tiles on either side of 12 E, where zones 32 and 33 meet; each extends across it.
WEST = Square("32TQS", 32632, 727000, 5150000)
EAST = Square("33TTM", 33 + 32600, 268000, 5152000)
SOUTH = Square("55GEN", 32755, 499980, 5300020)
NORTH = Square("33XWG", 32633, 520000, 8700000)
POSITIONS = "red;nir"
ZOOMS = (8, 9, 10, 11, 12, 13, 14, 15, 16)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, MadeScene]]:
    """A scene for each source grid, with columns in red and rows in nir; the eastern one is newer."""
    folder = tmp_path_factory.mktemp("positions")
    scenes = {}
    for day, square in enumerate((WEST, EAST, SOUTH, NORTH), start=1):
        bands = {
            "red": positions(square, across=True),
            "nir": positions(square, across=False),
            "scl": constant(square, 4, 20, np.uint8),
        }
        scenes[square.name] = MadeScene(f"S_{square.name}", square, f"2022-06-{day:02}T10:00:00Z", bands).write(folder)
    return folder, scenes


def stored(values: NDArray[np.float32], offset: float = 0.0) -> NDArray[np.int64]:
    """Stored numbers from reflectance."""
    numbers: NDArray[np.int64] = np.round((np.nan_to_num(values).astype(np.float64) - offset) * 10000).astype(int)
    return numbers


def assert_equals_oracle(
    archive: tuple[Path, dict[str, MadeScene]], grids: list[Grid], newest_first: list[Square], mask: str = "clouds"
) -> int:
    """Assert that pixels match the oracle, except on edges of source pixels. Returns the number of valid pixels."""
    folder, scenes = archive
    total = 0
    for grid, drawing in zip(
        grids, draw_all(folder, [(grid, image_request(POSITIONS, mask)) for grid in grids]), strict=True
    ):
        oracle_scenes = [scenes[square.name] for square in newest_first]
        numbers, valid, on_edge = newest_clear(
            oracle_scenes, ("red", "nir"), grid, None if mask == "none" else (0, 3, 8, 9, 10)
        )
        drawn = np.where(drawing.valid, stored(drawing.values), 0)
        different = (drawing.valid != valid) | (drawn[0] != numbers["red"]) | (drawn[1] != numbers["nir"])
        assert not (different & ~on_edge).any(), f"{np.count_nonzero(different & ~on_edge)} pixels of {grid}"
        assert np.isnan(drawing.values[:, ~drawing.valid]).all()
        total += int(np.count_nonzero(valid))
    return total


@pytest.mark.parametrize("square", [WEST, SOUTH, NORTH], ids=lambda square: square.name)
def test_nearest_pixels_are_exact_at_all_zooms(archive: tuple[Path, dict[str, MadeScene]], square: Square) -> None:
    places = ((0.5, 0.5), (0.0, 0.0), (1.0, 1.0))
    grids = [tile_over(square, z, *places[z % 3]) for z in ZOOMS]
    assert assert_equals_oracle(archive, grids, [EAST, square] if square is WEST else [square]) > 50_000


def test_tiles_at_the_edge_of_an_mgrs_tile_are_exact(archive: tuple[Path, dict[str, MadeScene]]) -> None:
    tile = tile_over(SOUTH, 14)
    side = tile.bounds[2] - tile.bounds[0]
    half = math.pi * 6378137
    x, y = round((tile.bounds[0] + half) / side), round((half - tile.bounds[3]) / side)
    grids = [tile_grid(14, x + i, y + j) for i in (0, 1) for j in (0, 1)]
    assert assert_equals_oracle(archive, grids, [SOUTH]) > 100_000


@pytest.mark.parametrize("mask", ["clouds", "none"])
@pytest.mark.parametrize("z", [10, 12, 13, 15])
def test_tiles_across_two_utm_zones_are_exact(archive: tuple[Path, dict[str, MadeScene]], z: int, mask: str) -> None:
    # The eastern scene is newer and painted first; the western one fills the remaining pixels.
    grid = tile_over(EAST, z, 0.0, 0.5)
    drawing = draw_one(archive[0], grid, image_request(POSITIONS, mask))
    assert [scene.mgrs_tile for scene in drawing.report.used] == [EAST.name, WEST.name]
    assert assert_equals_oracle(archive, [grid], [EAST, WEST], mask) > 0


@pytest.mark.parametrize("pixel", [9.5, 10.0, 19.99, 20.0, 27.3, 39.9, 40.1, 79.0, 81.0])
def test_grids_in_the_utm_zone_of_the_scene_are_exact(archive: tuple[Path, dict[str, MadeScene]], pixel: float) -> None:
    grid = Grid("EPSG:32755", Affine(pixel, 0, 499950, 0, -pixel, 5300050), 97, 89)
    assert assert_equals_oracle(archive, [grid], [SOUTH]) > 1000


def test_tiles_of_512_pixels_equal_four_of_the_next_zoom(archive: tuple[Path, dict[str, MadeScene]]) -> None:
    grid = tile_over(SOUTH, 12, size=512)
    assert assert_equals_oracle(archive, [grid], [SOUTH]) > 10_000
    big = draw_one(archive[0], grid, image_request(POSITIONS))
    half = math.pi * 6378137
    side = (grid.bounds[2] - grid.bounds[0]) / 2
    x, y = round((grid.bounds[0] + half) / side), round((half - grid.bounds[3]) / side)
    for i, j in ((0, 0), (1, 0), (0, 1), (1, 1)):
        part = draw_one(archive[0], tile_grid(13, x + i, y + j), image_request(POSITIONS))
        assert np.array_equal(
            part.values, big.values[:, 256 * j : 256 * (j + 1), 256 * i : 256 * (i + 1)], equal_nan=True
        )


def test_outside_all_scenes_the_image_is_empty_without_error(
    archive: tuple[Path, dict[str, MadeScene]],
) -> None:
    drawing = draw_one(archive[0], tile_grid(12, 100, 100), image_request(POSITIONS))
    assert not drawing.valid.any()
    assert np.isnan(drawing.values).all()
    assert not drawing.report.used
    assert not drawing.report.skipped
