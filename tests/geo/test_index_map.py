"""Index maps, against the exact transformation of every pixel centre."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyproj import Transformer

from scog.geo.grid import Grid, tile_grid
from scog.geo.index_map import IndexMap, index_map

NEAR_EDGE = 1e-6  # source pixels; closer to an edge than this, either neighbour is right

Floats = NDArray[np.float64]


def exact_coordinates(target: Grid, source: Grid) -> tuple[Floats, Floats]:
    """Column and row in the source of every pixel centre of the target, each transformed exactly."""
    col, row = np.meshgrid(np.arange(target.width) + 0.5, np.arange(target.height) + 0.5)
    x, y = applied(target.transform, col, row)
    if target.crs != source.crs:
        x, y = Transformer.from_crs(target.crs, source.crs, always_xy=True).transform(x, y)
    return applied(~source.transform, x, y)


def applied(transform: Affine, x: Any, y: Any) -> tuple[Any, Any]:
    a, b, c, d, e, f = tuple(transform)[:6]
    return a * x + b * y + c, d * x + e * y + f


def shown_pixels(result: IndexMap | None, shape: tuple[int, int]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Source column and row of every target pixel according to the map; -1 outside the source."""
    col, row = np.full(shape, -1), np.full(shape, -1)
    if result is not None:
        inside = np.ones(result.index.shape, bool) if result.inside is None else result.inside
        height, width = result.window.shape
        index = result.index.astype(np.int64)  # it may be unsigned
        assert (result.index[inside] >= 0).all()
        assert (result.index[inside] < height * width).all()
        assert (result.index[~inside] == 0).all()
        col[result.rows, result.cols] = np.where(inside, index % width + result.window.left, -1)
        row[result.rows, result.cols] = np.where(inside, index // width + result.window.top, -1)
    return col, row


def assert_exact(target: Grid, source: Grid) -> int:
    """No pixel differs from the exact one unless it is on an edge. Returns how many show the source."""
    with np.errstate(invalid="ignore"):
        exact_col, exact_row = exact_coordinates(target, source)
        inside = (exact_col >= 0) & (exact_col < source.width) & (exact_row >= 0) & (exact_row < source.height)
        near = (np.abs(exact_col - np.round(exact_col)) < NEAR_EDGE) | (
            np.abs(exact_row - np.round(exact_row)) < NEAR_EDGE
        )
    result = index_map(target, source)
    col, row = shown_pixels(result, target.shape)
    expected_col = np.where(inside, np.floor(np.where(inside, exact_col, 0)), -1)
    expected_row = np.where(inside, np.floor(np.where(inside, exact_row, 0)), -1)
    different = ((col != expected_col) | (row != expected_row)) & ~near
    assert not different.any(), f"{np.count_nonzero(different)} pixels differ, first {np.argwhere(different)[0]}"
    if result is not None and result.inside is None:
        assert result.window.left == col[result.rows, result.cols].min()
        assert result.window.bottom == row[result.rows, result.cols].max() + 1
    return int(np.count_nonzero(inside))


def source_grid(crs: str, left: float, top: float, resolution: float = 10.0, size: int = 10980) -> Grid:
    return Grid(crs, Affine(resolution, 0, left, 0, -resolution, top), size, size)


def tile_at(source: Grid, across: float, down: float, z: int, size: int = 256) -> Grid:
    """The tile at a point of the source, given as fractions of its sides."""
    x, y = applied(source.transform, across * source.width, down * source.height)
    lon, lat = Transformer.from_crs(source.crs, "EPSG:4326", always_xy=True).transform(x, y)
    n = 2**z
    col = math.floor((lon + 180) / 360 * n) % n
    row = math.floor((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * n)
    return tile_grid(z, col, row, size)


# False easting 500 km, zones 668 km wide at the equator; northings of the south count from 10,000 km.
SOURCES = {
    "Bolzano": source_grid("EPSG:32632", 600000, 5200020),
    "west edge of its zone": source_grid("EPSG:32632", 199980, 5200020),
    "east edge of its zone": source_grid("EPSG:32632", 790200, 4500000),
    "across the equator": source_grid("EPSG:32633", 499980, 50000),
    "Patagonia": source_grid("EPSG:32719", 300000, 4600000),
    "Tasmania": source_grid("EPSG:32755", 499980, 5300020),
    "Svalbard, 78 N": source_grid("EPSG:32633", 499980, 8700000),
    "Ellesmere, 82 N": source_grid("EPSG:32617", 399960, 9200040),
    "west of the antimeridian": source_grid("EPSG:32660", 766000, 7200000),
    "east of the antimeridian": source_grid("EPSG:32601", 200000, 4000000),
    "coarsest overview": source_grid("EPSG:32632", 600000, 5200020, 109800 / 687, 687),
}


@pytest.mark.parametrize("name", SOURCES)
def test_every_pixel_of_a_tile_is_exact(name: str) -> None:
    source = SOURCES[name]
    for z, at in ((5, 0.5), (8, 0.02), (10, 0.98), (12, 0.5), (14, 0.0), (17, 0.7)):
        assert assert_exact(tile_at(source, at, at, z), source) > 0


@settings(max_examples=60, deadline=None)
@given(
    zone=st.integers(1, 60),
    south=st.booleans(),
    easting=st.integers(120_000, 780_000),
    northing=st.floats(0, 1),
    resolution=st.sampled_from([10.0, 20.0, 60.0, 109800 / 1373]),
    across=st.floats(-0.05, 1.05),
    down=st.floats(-0.05, 1.05),
    z=st.integers(5, 17),
    size=st.sampled_from([256, 256, 512]),
)
def test_any_source_and_tile_are_exact(
    zone: int, south: bool, easting: int, northing: float, resolution: float, across: float, down: float, z: int,
    size: int,
) -> None:  # fmt: skip
    crs = f"EPSG:{(32700 if south else 32600) + zone}"
    top = round(1_200_000 + northing * 8_700_000) if south else round(120_000 + northing * 9_100_000)
    source = source_grid(crs, easting, top, resolution, round(109800 / resolution))
    assert_exact(tile_at(source, across, down, z, size), source)


def rotated(width: float, height: float, turn: float, shear: float, x: float, y: float) -> Affine:
    """An affine transform with a pixel width and height, sheared and rotated by degrees around a point."""
    cos, sin, slant = math.cos(math.radians(turn)), math.sin(math.radians(turn)), math.tan(math.radians(shear))
    matrix = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1, slant], [0, 1]]) @ np.diag([width, height])
    (a, b), (d, e) = matrix.tolist()
    return Affine(a, b, x, d, e, y)


@settings(max_examples=25, deadline=None)
@given(
    turn=st.floats(-180, 180),
    shear=st.floats(-20, 20),
    stretch=st.floats(0.5, 2),
    z=st.integers(9, 15),
    across=st.floats(0, 1),
    down=st.floats(0, 1),
)
def test_rotated_and_sheared_sources_are_exact(
    turn: float, shear: float, stretch: float, z: int, across: float, down: float
) -> None:
    source = Grid("EPSG:32632", rotated(10, -10 * stretch, turn, shear, 650000, 5150000), 2000, 1500)
    assert_exact(tile_at(source, across, down, z), source)


@settings(max_examples=40, deadline=None)
@given(
    left=st.integers(-700, 700),
    top=st.integers(-700, 700),
    resolution=st.sampled_from([1.0, 2.5, 7.0, 10.0, 15.0, 20.0, 30.0, 60.0]),
    turn=st.sampled_from([0, 0, 30]),
)
def test_grids_in_the_same_crs_are_exact(left: int, top: int, resolution: float, turn: float) -> None:
    source = source_grid("EPSG:32632", 600000, 5200020, 10, 100)
    target = Grid(source.crs, rotated(resolution, -resolution, turn, 0, 600000 + left, 5200020 - top), 80, 70)
    assert_exact(target, source)


@pytest.mark.parametrize("origin", [(600000, 5200020), (166020, 10000000), (833970, 9999990), (600000.1, 0.3)])
@pytest.mark.parametrize("factor", [2, 4, 6])
def test_a_centre_on_an_edge_belongs_to_the_pixel_right_and_below(origin: tuple[float, float], factor: int) -> None:
    # Each centre of the coarser grid is a corner of four finer pixels; rounding must not scatter them.
    left, top = origin
    source = source_grid("EPSG:32632", left, top, 10, 240)
    count = 240 // factor
    target = Grid(source.crs, Affine(10 * factor, 0, left, 0, -10 * factor, top), count, count)
    col, row = shown_pixels(index_map(target, source), target.shape)
    expected = np.arange(count) * factor + factor // 2
    assert (col == expected[np.newaxis, :]).all()
    assert (row == expected[:, np.newaxis]).all()


@pytest.mark.parametrize("name", ["Bolzano", "east edge of its zone", "Patagonia", "Svalbard, 78 N", "Ellesmere, 82 N"])
@pytest.mark.parametrize("z", [9, 14, 18, 22])
def test_no_pixel_is_lost_at_the_edges(name: str, z: int) -> None:
    # At high zooms, a straight side of the source bends by many pixels between the sampled points of its outline.
    source = SOURCES[name]
    for across, down in ((0, 0.235), (1, 0.516), (0.266, 0), (0.485, 1), (0, 0), (1, 1)):
        assert_exact(tile_at(source, across, down, z), source)


def test_a_source_wider_than_its_zone_is_exact() -> None:
    source = source_grid("EPSG:32633", 0, 8500000, 100, 10000)
    for across, down in ((0.4844, 0), (0.4844, 1), (0, 0.4844), (1, 0.4844)):
        for z in (6, 12, 16):
            assert_exact(tile_at(source, across, down, z), source)


def test_a_tiny_source_has_at_most_four_pixels_and_one_outside_the_tile_none() -> None:
    source = source_grid("EPSG:32632", 600000, 5200020, 10, 8)
    assert index_map(tile_grid(3, 4, 2), source) is None or assert_exact(tile_grid(3, 4, 2), source) >= 0
    assert index_map(tile_grid(12, 0, 0), source) is None
    tile = tile_at(source, 0.5, 0.5, 10)
    assert assert_exact(tile, source) <= 4


def test_rows_and_columns_are_limited_to_what_the_source_can_reach() -> None:
    source = SOURCES["Bolzano"]
    result = index_map(tile_at(source, 0.5, 0.5, 5), source)
    assert result is not None
    assert result.index.shape[0] < 50
    assert result.index.shape[1] < 50
    assert result.nbytes < 20_000


def test_pixels_without_source_coordinates_are_not_shown() -> None:
    # A grid around the whole world: beyond 90 degrees from its meridian, UTM coordinates are undefined or wrong.
    source = SOURCES["Bolzano"]
    assert assert_exact(tile_grid(0, 0, 0), source) > 0
    polar = Grid("EPSG:3995", Affine(20000, 0, -2_560_000, 0, -20000, 2_560_000), 256, 256)
    assert assert_exact(polar, source_grid("EPSG:32633", 499980, 8700000)) > 0


# Blocks


@settings(max_examples=80, deadline=None)
@given(
    z=st.integers(8, 15),
    across=st.floats(0, 1),
    down=st.floats(0, 1),
    block=st.sampled_from([(512, 512), (1024, 1024), (256, 128), (1, 10980), (37, 411)]),
    seed=st.none() | st.integers(0, 1000),
    share=st.sampled_from([0.0, 0.0001, 0.001, 0.5]),
)
def test_blocks_are_exactly_those_of_the_source_pixels(
    z: int, across: float, down: float, block: tuple[int, int], seed: int | None, share: float
) -> None:
    source = SOURCES["Bolzano"]
    target = tile_at(source, across, down, z)
    result = index_map(target, source)
    if result is None:
        return
    wanted = None if seed is None else np.random.default_rng(seed).random(result.index.shape) < share
    col, row = (part[result.rows, result.cols] for part in shown_pixels(result, target.shape))
    shown = (col >= 0) & (True if wanted is None else wanted)
    expected = {(int(r) // block[0], int(c) // block[1]) for r, c in zip(row[shown], col[shown], strict=True)}
    assert result.blocks(block, wanted) == expected
    assert result.blocks(block, wanted) == expected  # the same from the cache
