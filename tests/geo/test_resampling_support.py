"""Resampling supports: source pixels of each target pixel, and widths of kernels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyproj import Transformer

from scog.geo.grid import Grid, tile_grid
from scog.geo.resampling_support import MAX_SCALE, ResamplingSupport, box_support, kernel_support
from tests.geo.test_index_map import SOURCES, exact_coordinates, source_grid, tile_at


def corners(target: Grid) -> Grid:
    """The grid with pixel centres at the pixel corners of the target."""
    a, b, c, d, e, f = tuple(target.transform)[:6]
    moved = Affine(a, b, c - (a + b) / 2, d, e, f - (d + e) / 2)
    return Grid(target.crs, moved, target.width + 1, target.height + 1)


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("radius", [1, 2])
def test_kernels_are_centred_at_the_exact_coordinates(name: str, radius: int) -> None:
    source = SOURCES[name]
    for z, at in ((8, 0.02), (11, 0.98), (14, 0.0), (16, 0.5)):
        target = tile_at(source, at, at, z)
        result = kernel_support(target, source, radius)
        assert result is not None
        col, row = exact_coordinates(target, source)
        pixels = result.rows, result.cols
        inside = np.ones(result.upper_left.shape, bool) if result.inside is None else result.inside
        expected = (col >= 0) & (col < source.width) & (row >= 0) & (row < source.height)
        assert np.count_nonzero(expected) == np.count_nonzero(inside) == np.count_nonzero(expected[pixels] & inside)
        tops, lefts = np.divmod(result.upper_left, result.window.shape[1])
        for exact, first, origin, places, reach in (
            (row, tops, result.window.top, result.row_positions, result.kernel_shape[0]),
            (col, lefts, result.window.left, result.col_positions, result.kernel_shape[1]),
        ):
            at_centre = (first + origin + reach // 2 - 1 + places[0] + 0.5) * result.step
            np.testing.assert_allclose(at_centre[inside], exact[pixels][inside], rtol=0, atol=1e-6 * result.step)


@pytest.mark.parametrize("name", SOURCES)
def test_boxes_are_between_the_exact_corners(name: str) -> None:
    source = SOURCES[name]
    for z, at in ((11, 0.98), (14, 0.0), (16, 0.5)):
        target = tile_at(source, at, at, z)
        result = box_support(target, source)
        assert result is not None
        col, row = exact_coordinates(corners(target), source)
        inside = np.ones(result.upper_left.shape, bool) if result.inside is None else result.inside
        tops, lefts = np.divmod(result.upper_left, result.window.shape[1])
        for exact, first, origin, places, size in (
            (row, tops, result.window.top, result.row_positions, source.height),
            (col, lefts, result.window.left, result.col_positions, source.width),
        ):
            ends = np.sort(np.stack([exact[:-1, :-1], exact[1:, 1:]]), axis=0).clip(0, size)
            for end, place in zip(ends, places, strict=True):
                lies = (first + origin + place) * result.step
                np.testing.assert_allclose(
                    lies[inside], end[result.rows, result.cols][inside], rtol=0, atol=1e-5 * result.step
                )


@pytest.mark.parametrize("factor", [0.2, 1.0, 1.05, 1.06, 1.3, 5.0, 7.9])
@pytest.mark.parametrize("turn", [0, 30, 90])
def test_kernels_widen_by_the_ratio_of_pixel_sizes(factor: float, turn: float) -> None:
    source = source_grid("EPSG:32632", 600000, 5200020, 10, 400)
    place, size = Affine.translation(601000, 5199000), Affine.scale(10 * factor, -10 * factor)
    result = kernel_support(Grid(source.crs, place @ Affine.rotation(turn) @ size, 20, 20), source, 2)
    assert result is not None
    expected = factor if factor > 1 / 0.95 else 1.0
    np.testing.assert_allclose(result.scale, expected)
    assert result.kernel_shape == (2 * math.ceil(2 * expected - 1e-6),) * 2


@pytest.mark.parametrize("name", ["Bolzano", "Tasmania", "Svalbard, 78 N"])
def test_kernels_have_the_same_width_in_every_tile(name: str) -> None:
    source = SOURCES[name]
    for z in (6, 9, 10, 12, 13):
        widths = set()
        for across, down in ((0.01, 0.01), (0.99, 0.01), (0.5, 0.5), (0.99, 0.99)):
            result = kernel_support(tile_at(source, across, down, z), source, 1)
            assert result is not None
            widths.add((result.scale, result.step, result.kernel_shape))
        assert len(widths) == 1
        ((shrink, step, _),) = widths
        lat = tile_lat(source)
        metres = 2 * math.pi * 6378137 / 2**z / 256 * math.cos(math.radians(lat))
        np.testing.assert_allclose(np.array(shrink) * step, max(1.0, metres / 10), rtol=0.02)
        assert max(shrink) <= MAX_SCALE


def tile_lat(source: Grid) -> float:
    """Latitude of a source's centre."""
    return float(Transformer.from_crs(source.crs, 4326, always_xy=True).transform(*source.centre)[1])


@pytest.mark.parametrize("turn", [0, 10, 30, 45, 60, 90, 135, 180, 271])
def test_boxes_are_not_slivers_for_any_rotation(turn: float) -> None:
    source = source_grid("EPSG:32632", 600000, 5200020, 10, 400)
    transform = Affine.translation(602000, 5198000) @ Affine.rotation(turn) @ Affine.scale(30, -30)
    result = box_support(Grid(source.crs, transform, 10, 10), source)
    assert result is not None
    for start, stop in (result.row_positions, result.col_positions):
        assert (stop - start).min() > 2
        assert (stop - start).max() < 4.3  # the square root of 2 times 3


@settings(max_examples=60, deadline=None)
@given(
    z=st.integers(7, 15),
    across=st.floats(0, 1),
    down=st.floats(0, 1),
    block=st.sampled_from([(512, 512), (1024, 1024), (256, 128), (16, 16), (37, 411)]),
    seed=st.none() | st.integers(0, 1000),
    share=st.sampled_from([0.0, 0.0001, 0.001, 0.02]),
    radius=st.sampled_from([0, 1, 2]),
)
def test_blocks_are_exactly_those_of_the_support(
    z: int, across: float, down: float, block: tuple[int, int], seed: int | None, share: float, radius: int
) -> None:
    source = source_grid("EPSG:32632", 600000, 5200020, 10, 2745)
    target = tile_at(source, across, down, z, 32)
    result = kernel_support(target, source, radius) if radius else box_support(target, source)
    if result is None:
        return
    wanted = None if seed is None else np.random.default_rng(seed).random(result.upper_left.shape) < share
    assert result.blocks(block, wanted) == supporting_blocks(result, source, block, wanted)
    assert result.blocks(block, wanted) == supporting_blocks(result, source, block, wanted)  # the same from the cache


def supporting_blocks(
    result: ResamplingSupport, source: Grid, block: tuple[int, int], wanted: NDArray[np.bool_] | None
) -> set[tuple[int, int]]:
    """Blocks under the rectangles, pixel by pixel."""
    blocks = set()
    for y, x in np.ndindex(*result.upper_left.shape):
        if (result.inside is not None and not result.inside[y, x]) or (wanted is not None and not wanted[y, x]):
            continue
        top, left = divmod(int(result.upper_left[y, x]), result.window.shape[1])
        height = result.kernel_shape[0] if len(result.row_positions) == 1 else math.ceil(result.row_positions[1][y, x])
        width = result.kernel_shape[1] if len(result.col_positions) == 1 else math.ceil(result.col_positions[1][y, x])
        top, left = top + result.window.top, left + result.window.left
        rows = np.arange(max(0, top * result.step), min(source.height, (top + height) * result.step))
        cols = np.arange(max(0, left * result.step), min(source.width, (left + width) * result.step))
        blocks |= {(int(r), int(c)) for r in set(rows // block[0]) for c in set(cols // block[1])}
    return blocks


def test_grids_that_do_not_intersect_have_no_support() -> None:
    source = source_grid("EPSG:32632", 600000, 5200020, 10, 100)
    assert kernel_support(tile_grid(12, 0, 0), source, 1) is None
    assert box_support(tile_grid(12, 0, 0), source) is None


def test_the_support_of_a_global_grid_is_small() -> None:
    """Far from its meridian UTM coordinates are undefined or wrong; boxes there must not become huge."""
    source = SOURCES["Bolzano"]
    polar = Grid("EPSG:3995", Affine(20000, 0, -2_560_000, 0, -20000, 2_560_000), 256, 256)
    for target in (tile_grid(0, 0, 0), tile_grid(3, 4, 2), polar):
        for result in (kernel_support(target, source, 2), box_support(target, source)):
            assert result is None or max(result.kernel_shape) <= 8 * MAX_SCALE + 2
            assert result is None or max(result.window.shape) < 2000


def test_a_pixel_across_a_discontinuity_does_not_cover_the_span_between_its_corners() -> None:
    side = 2 * 20037508.342789244 / 400
    world = Grid("EPSG:3857", Affine(side, 0, -200 * side, 0, -side, 200 * side), 400, 400)
    result = box_support(Grid("EPSG:4326", Affine(0.5, 0, 178.75, 0, -0.5, 40), 5, 4), world)
    assert result is not None
    assert result.inside is None
    assert max(result.kernel_shape) <= 3
    start, stop = result.col_positions
    expected = [0.5 / 0.9] * 2 + [0.25 / 0.9] + [0.5 / 0.9] * 2  # half of the third box is outside the source
    np.testing.assert_allclose(stop - start, [expected] * 4, rtol=1e-5)
