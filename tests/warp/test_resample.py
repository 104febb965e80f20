"""Resampling, against GDAL's warper except for known differences, and properties of each method."""

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

from scog.geo.grid import Grid
from scog.warp.resample import Resampling
from tests.doubles.warping import NODATA, gdal_mode, gdal_warp, scog_warp

CRS = "EPSG:32632"
LEFT, TOP = 600_000.0, 5_200_000.0
HEIGHT, WIDTH = 60, 71
FACTORS = (0.2, 0.6, 0.97, 1.0, 1.03, 1.3, 1.9, 5.0)
NEAR = 0.02
"""Float32 rounding error of sums of up to 400 values up to 10,000."""
BLENDS = (Resampling.BILINEAR, Resampling.CUBIC, Resampling.AVERAGE)
METHODS = (*BLENDS, Resampling.MODE)
HOLES = ("none", "pixels", "block", "edges", "all but one", "all")


def source_grid(height: int = HEIGHT, width: int = WIDTH, pixel: float = 10.0) -> Grid:
    return Grid(CRS, Affine(pixel, 0, LEFT, 0, -pixel, TOP), width, height)


def target_grid(crs: str, factor: float, off: tuple[float, float] = (-2.37, 3.13)) -> Grid:
    """Pixels `factor` times as large as the source's, extending beyond its upper left corner, or all
    corners if large.
    """
    if crs == CRS:
        pixel, left, top = 10 * factor, LEFT, TOP
    else:
        left, top = Transformer.from_crs(CRS, crs, always_xy=True).transform(LEFT, TOP)
        lat = Transformer.from_crs(CRS, 4326, always_xy=True).transform(LEFT, TOP)[1]
        pixel = 10 * factor / math.cos(math.radians(lat))
    size = min(60, math.ceil(80 / factor))
    transform = Affine(pixel, 0, left + off[0] * pixel / factor, 0, -pixel, top + off[1] * pixel / factor)
    return Grid(crs, transform, size, size + 3)


def field(kind: str, dtype: str, holes: str) -> NDArray[Any]:
    """Values of a source with nodata in holes."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    values = {
        "random": rng.integers(1, 10_000, (HEIGHT, WIDTH)).astype(float),
        "smooth": 3000 + 2000 * np.sin(x / 9) * np.cos(y / 7),
        "classes": rng.integers(1, 6, (HEIGHT // 3 + 1, WIDTH // 3 + 1)).repeat(3, 0).repeat(3, 1)[:HEIGHT, :WIDTH],
    }[kind].astype(dtype)
    gone = {
        "none": np.zeros(values.shape, bool),
        "pixels": rng.random(values.shape) < 0.04,
        "block": (y > 2) & (y < 30) & (x > 3) & (x < 20),
        "edges": (x + y < 6) | (x > WIDTH - 4),
        "all but one": (x != 4) | (y != 3),
        "all": np.ones(values.shape, bool),
    }[holes]
    return np.where(gone, NODATA, values).astype(dtype)


@pytest.mark.parametrize("crs", [CRS, "EPSG:3857"])
@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("method", BLENDS)
def test_values_and_validity_agree_with_gdal(method: Resampling, factor: float, crs: str) -> None:
    source, target = source_grid(), target_grid(crs, factor)
    compared = 0
    for kind, dtype in (("random", "uint16"), ("smooth", "float32")):
        for holes in HOLES:
            values = field(kind, dtype, holes)
            expected = gdal_warp(values, source, target, method)
            result, valid = scog_warp(values, source, target, method)
            assert result.dtype == np.float32
            np.testing.assert_array_equal(valid, ~np.isnan(expected), f"{kind} {holes}")
            np.testing.assert_allclose(result[valid], expected[valid], rtol=0, atol=NEAR, err_msg=f"{kind} {holes}")
            assert (result[~valid] == 0).all()
            compared += int(np.count_nonzero(valid))
    assert compared > 1000


@pytest.mark.parametrize("crs", [CRS, "EPSG:3857"])
@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("holes", ["none", "pixels", "edges"])
def test_mode_agrees_with_gdals_coverage(factor: float, crs: str, holes: str) -> None:
    source, target = source_grid(), target_grid(crs, factor)
    values = field("classes", "uint8", holes)
    expected, is_valid, lead = gdal_mode(values, source, target)
    result, valid = scog_warp(values, source, target, Resampling.MODE)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(valid, is_valid)
    sure = valid & (lead > 1e-3)
    np.testing.assert_array_equal(result[sure], expected[sure])
    assert sure.sum() > 0.9 * valid.sum() > 100


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "float64"])
def test_mode_takes_the_lowest_of_equal_values_and_keeps_the_dtype(dtype: str) -> None:
    values = np.array([[9, 9, 3, 3], [5, 5, 3, 7], [1, 2, 8, 0], [4, 3, 0, 0]]).astype(dtype)
    target = Grid(CRS, Affine(20, 0, LEFT, 0, -20, TOP), 2, 2)
    result, valid = scog_warp(values, source_grid(4, 4), target, Resampling.MODE)
    assert result.dtype == values.dtype
    assert result.tolist() == [[5, 3], [1, 8]]
    assert valid.all()


def test_an_average_at_the_edge_covers_the_source_only() -> None:
    """GDAL gives the last column more weight than is covered, unless nodata follows."""
    values = np.array([[100, 200]], np.uint16)
    target = Grid(CRS, Affine(14, 0, LEFT + 7, 0, -10, TOP), 1, 1)
    result, valid = scog_warp(values, source_grid(1, 2), target, Resampling.AVERAGE)
    assert valid.all()
    np.testing.assert_allclose(result, (3 * 100 + 10 * 200) / 13, rtol=1e-6)


def test_bilinear_replaces_a_cubic_that_cancels() -> None:
    """One pixel in the centre and many under the kernel's negative lobes: the sum of their weights is small."""
    source, target = source_grid(25, 25), Grid(CRS, Affine(30, 0, LEFT + 110, 0, -30, TOP - 110), 1, 1)
    values = np.zeros((25, 25), np.uint16)
    y, x = np.mgrid[-12:13, -12:13]
    values[(y == 0) & (x == 0)] = 1000
    values[(abs(y) <= 2) & ((abs(x) == 4) | (abs(x) == 5))] = 3000
    absurd = gdal_warp(values, source, target, Resampling.CUBIC)[0, 0]
    result, valid = scog_warp(values, source, target, Resampling.CUBIC)
    assert valid.all()
    assert absurd < -1000
    np.testing.assert_allclose(result, gdal_warp(values, source, target, Resampling.BILINEAR), rtol=1e-6)


# Properties


@st.composite
def scenes(draw: st.DrawFn, factors: tuple[float, float] = (0.1, 6)) -> tuple[Grid, Grid, NDArray[np.bool_]]:
    """A source, a target near it, and where the source has data."""
    factor = draw(st.floats(*factors))
    turn = draw(st.sampled_from([0, 0, 0, 2, 30, 90, 137]))
    off = draw(st.floats(-50, 500)), draw(st.floats(-50, 400))
    transform = (
        Affine.translation(LEFT + off[0], TOP - off[1])
        @ Affine.rotation(turn)
        @ Affine.scale(10 * factor, -10 * factor)
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    data = rng.random((HEIGHT, WIDTH)) < draw(st.sampled_from([0.05, 0.6, 0.97, 1.0]))
    return source_grid(), Grid(CRS, transform, draw(st.integers(1, 24)), draw(st.integers(1, 24))), data


Scene = tuple[Grid, Grid, NDArray[np.bool_]]
ANY = pytest.mark.parametrize("method", METHODS)


@ANY
@settings(max_examples=40, deadline=None)
@given(scenes(), st.integers(1, 60_000))
def test_a_constant_stays_constant(method: Resampling, scene: Scene, number: int) -> None:
    source, target, data = scene
    result, valid = scog_warp(np.where(data, number, 0).astype(np.uint16), source, target, method)
    np.testing.assert_allclose(result[valid], number, rtol=2e-6)


@pytest.mark.parametrize("method", [Resampling.BILINEAR, Resampling.CUBIC])
@settings(max_examples=40, deadline=None)
@given(scenes((0.1, 1.0)), st.floats(-50, 50), st.floats(-50, 50))
def test_upsampling_preserves_a_linear_slope(method: Resampling, scene: Scene, across: float, down: float) -> None:
    source, target, _ = scene
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    result, valid = scog_warp((8000 + across * x + down * y).astype(np.float32), source, target, method)
    col, row = np.meshgrid(np.arange(target.width) + 0.5, np.arange(target.height) + 0.5)
    a, b, c, d, e, f = tuple(~source.transform @ target.transform)[:6]
    x, y = a * col + b * row + c, d * col + e * row + f
    inner = (x >= 2) & (x <= WIDTH - 2) & (y >= 2) & (y <= HEIGHT - 2)
    assert valid[inner].all()
    np.testing.assert_allclose(result[inner], (8000 + across * x + down * y)[inner], rtol=0, atol=NEAR)


@pytest.mark.parametrize("method", [Resampling.BILINEAR, Resampling.AVERAGE])
@settings(max_examples=40, deadline=None)
@given(scenes())
def test_values_are_within_the_range_of_the_source(method: Resampling, scene: Scene) -> None:
    source, target, data = scene
    values = np.where(data, field("random", "uint16", "none"), 0).astype(np.uint16)
    result, valid = scog_warp(values, source, target, method)
    if valid.any():
        assert values[data].min() * (1 - 1e-6) <= result[valid].min()
        assert result[valid].max() <= values[data].max() * (1 + 1e-6)


@ANY
@settings(max_examples=40, deadline=None)
@given(scenes())
def test_more_valid_source_pixels_give_more_valid_pixels(method: Resampling, scene: Scene) -> None:
    source, target, data = scene
    values = field("random", "uint16", "none")
    _, whole = scog_warp(values, source, target, method)
    _, part = scog_warp(np.where(data, values, 0).astype(np.uint16), source, target, method)
    _, nearest = scog_warp(np.where(data, values, 0).astype(np.uint16), source, target, Resampling.NEAREST)
    assert not (part & ~whole).any()
    if method in (Resampling.BILINEAR, Resampling.CUBIC):
        np.testing.assert_array_equal(part, nearest)
    else:
        assert not (nearest & ~part).any()


@ANY
@settings(max_examples=40, deadline=None)
@given(scenes(), st.data())
def test_a_tile_equals_its_part_of_the_whole(method: Resampling, scene: Scene, data: st.DataObject) -> None:
    source, target, known = scene
    values = np.where(known, field("classes", "uint16", "none") * 100, 0).astype(np.uint16)
    top, left = data.draw(st.integers(0, target.height - 1)), data.draw(st.integers(0, target.width - 1))
    tile = Grid(CRS, target.transform @ Affine.translation(left, top), target.width - left, target.height - top)
    result, valid = scog_warp(values, source, target, method)
    part, part_valid = scog_warp(values, source, tile, method)
    np.testing.assert_array_equal(part_valid, valid[top:, left:])
    np.testing.assert_allclose(part, result[top:, left:], rtol=0, atol=1e-2)


# Without overviews


@pytest.mark.parametrize("factor", [16, 32])
def test_pixels_are_averaged_first_without_overviews(factor: int) -> None:
    count = 12
    rng = np.random.default_rng(3)
    values = rng.integers(1, 10_000, (count * factor, count * factor)).astype(np.uint16)
    source, target = (
        source_grid(*values.shape),
        Grid(CRS, Affine(10 * factor, 0, LEFT, 0, -10 * factor, TOP), count, count),
    )
    result, valid = scog_warp(values, source, target, Resampling.AVERAGE)
    assert valid.all()
    np.testing.assert_allclose(result, values.reshape(count, factor, count, factor).mean((1, 3)), rtol=1e-6)
    y, x = np.mgrid[0 : count * factor, 0 : count * factor] / factor
    smooth = (5000 + 2000 * np.sin(x / 2) * np.cos(y / 3)).astype(np.float32)
    for method in (Resampling.BILINEAR, Resampling.CUBIC):
        result, valid = scog_warp(smooth, source, target, method)
        assert valid.all()
        np.testing.assert_allclose(result, gdal_warp(smooth, source, target, method), rtol=0, atol=5)
