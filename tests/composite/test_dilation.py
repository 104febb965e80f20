"""Dilation of masks equals SciPy's distances, and is the same in every tile."""

from __future__ import annotations

import math

import numpy as np
import pytest
from affine import Affine
from scipy import ndimage

from scog.composite.dilation import REACH, DilationGrid, dilation_grid
from scog.errors import InvalidInput
from scog.geo.grid import Grid, point_grid, tile_grid
from tests.profiles import parse_mask

ZOOMS = [(z, round(0.531 * 2**z), round(y * 2**z)) for z in (9, 12, 14, 18) for y in (0.2, 0.36, 0.5)]


def blobs(around: DilationGrid, seed: int = 1) -> np.ndarray:
    """Single pixels and areas at fixed coordinates, whatever the corner of the grid."""
    a, _, left, _, e, top = tuple(around.grid.transform)[:6]
    col, row = round(left / a), round(-top / -e)
    cols, rows = np.meshgrid(col + np.arange(around.grid.width), row + np.arange(around.grid.height))
    single = (cols * 7919 + rows * 104729 + seed) % 1009 == 0
    return np.asarray(single | ((cols // 11 * 31 + rows // 7 * 17) % 61 == 0))


def metres_of(grid: Grid) -> float:
    """Metres on the ground per pixel of Web Mercator, at the grid's centre."""
    return float(grid.transform.a) / math.cosh(grid.centre[1] / 6378137)


@pytest.mark.parametrize("tile", ZOOMS, ids=lambda tile: f"{tile[0]}-{tile[2]}")
@pytest.mark.parametrize("metres", [40, 220, 1000])
def test_dilation_agrees_with_scipy(tile: tuple[int, int, int], metres: float) -> None:
    grid = tile_grid(*tile)
    around = dilation_grid(grid, metres)
    masked = blobs(around)
    above, beside = around.margin
    pixel = metres_of(around.grid)
    distance = ndimage.distance_transform_edt(~masked) * pixel
    inner = distance[above : masked.shape[0] - above, beside : masked.shape[1] - beside]
    expected = inner[np.ix_(around.rows, around.cols)]
    result = around.dilated(masked)
    uncertain = abs(expected - metres) < 0.02 * metres  # the scale varies within a tile of zoom 9
    assert (result == (expected <= metres))[~uncertain].all()
    assert pixel == pytest.approx(metres_of(grid)) or metres / pixel > REACH / 2 / 1.01
    assert result.any() or metres < pixel


@pytest.mark.parametrize("metres", [30, 300, 1000])
@pytest.mark.parametrize(
    ("tms", "col", "row"),
    [("WebMercatorQuad", 4317, 1700), ("WorldCRS84Quad", 4317, 1700), ("UTM31WGS84Quad", 90, 500)],
)
def test_adjacent_tiles_agree(tms: str, col: int, row: int, metres: float) -> None:
    first = tile_grid(13, col, row, tms=tms)
    a, _, left, _, e, top = tuple(first.transform)[:6]
    both = Grid(first.crs, Affine(a, 0, left, 0, e, top), 512, 512)
    around = dilation_grid(both, metres)
    whole = around.dilated(blobs(around))
    for across in (0, 1):
        for down in (0, 1):
            tile = dilation_grid(tile_grid(13, col + across, row + down, tms=tms), metres)
            part = whole[256 * down : 256 * (down + 1), 256 * across : 256 * (across + 1)]
            assert np.array_equal(tile.dilated(blobs(tile)), part)


@pytest.mark.parametrize("metres", [30, 300, 1000])
def test_all_tiles_of_a_zoom_use_one_pixel_size(metres: float) -> None:
    sizes = {dilation_grid(tile_grid(13, 4317, row), metres).grid.transform.a for row in range(100, 5000, 100)}
    assert len(sizes) == 1


def test_degrees_of_longitude_are_shorter_than_those_of_latitude() -> None:
    around = dilation_grid(point_grid(11.0, 60.0), 500)
    above, beside = around.margin
    assert beside == pytest.approx(2 * above, abs=2)
    masked = np.zeros(around.grid.shape, bool)
    assert not around.dilated(masked).any()
    masked[above, 0] = True
    assert around.dilated(masked).all()
    corner = np.zeros(around.grid.shape, bool)
    corner[0, 0] = True
    assert not around.dilated(corner).any()


@pytest.mark.parametrize("metres", [-1, 1001, math.nan, math.inf])
def test_invalid_distances_are_refused(metres: float) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_mask("clouds", metres)
    assert refusal.value.parameter == "mask_dilate"
    with pytest.raises(InvalidInput):
        parse_mask("none", 100)


def brute_force(
    masked: np.ndarray, metres: float, across: np.ndarray, down: np.ndarray, margin: tuple[int, int]
) -> np.ndarray:
    """The oracle: an ellipse around each masked pixel, with the axes of the tested row."""
    above, beside = margin
    height, width = len(down), masked.shape[1] - 2 * beside
    rows, cols = np.arange(height)[:, np.newaxis], np.arange(width)
    result = np.zeros((height, width), bool)
    for row, col in np.argwhere(masked):
        off = np.square((row - above - rows) * (1 / down[:, np.newaxis]))
        result |= off + np.square((col - beside - cols) * (1 / across[:, np.newaxis])) <= 1 + 1e-12
    return result


@pytest.mark.parametrize("metres", [10, 35, 90, 330, 1000])
@pytest.mark.parametrize("corner", [(600_000, 5_100_000), (600_003, 5_100_007)])
def test_single_pixels_become_discs_of_any_size(metres: float, corner: tuple[float, float]) -> None:
    """A cloud of one pixel masks exactly the pixels within the distance."""
    grid = Grid("EPSG:32632", Affine(10, 0, corner[0], 0, -10, corner[1]), 150, 120)
    around = dilation_grid(grid, metres)
    assert around.grid.transform.a == 10
    assert (around.grid.transform.c - corner[0]) % 10 == 0
    rng = np.random.default_rng(int(metres))
    for share in (0.0, 1 / around.grid.width / around.grid.height, 0.002, 0.1, 1.0):
        masked = rng.random(around.grid.shape) < share
        if share * masked.size == pytest.approx(1):
            masked[:] = False
            masked[masked.shape[0] // 2, masked.shape[1] // 2] = True
        if masked.mean() <= 0.01:
            expected = brute_force(masked, metres, around.across, around.down, around.margin)
        else:
            distance = ndimage.distance_transform_edt(~masked) * 10
            above, beside = around.margin
            expected = distance[above : above + 120, beside : beside + 150] <= metres * (1 + 1e-9)
        np.testing.assert_array_equal(around.dilated(masked), expected)


@pytest.mark.parametrize("zoom", range(8, 23))
@pytest.mark.parametrize("metres", [60, 200, 1000])
def test_sampled_points_miss_no_class_pixel_of_ten_metres(zoom: int, metres: float) -> None:
    tile = tile_grid(zoom, round(0.531 * 2**zoom), round(0.36 * 2**zoom))
    around = dilation_grid(tile, metres)
    assert around.grid.transform.a == pytest.approx(tile.transform.a) or metres_of(around.grid) < 8
    assert max(around.grid.shape) < 256 + 2 * 1.5 * REACH


@pytest.mark.parametrize("tile", [(11, 1087, 737), (9, 272, 100)])
def test_each_row_has_an_ellipse_of_its_scale(tile: tuple[int, int, int]) -> None:
    for metres in (300, 1000):
        around = dilation_grid(tile_grid(*tile), metres)
        masked = np.random.default_rng(3).random(around.grid.shape) < 0.003
        expected = brute_force(masked, metres, around.across, around.down, around.margin)
        np.testing.assert_array_equal(around.dilated(masked), expected)
