"""Rasters beyond 180 degrees and around the world, against PROJ for every pixel, with coordinates moved by
whole turns.
"""

from __future__ import annotations

import math

import numpy as np
import pyproj
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from scog.geo.grid import Grid, point_grid, tile_grid
from scog.geo.index_map import index_map
from scog.geo.overview_level import target_pixel_size
from scog.geo.world_width import full_circle
from scog.warp.resample import Resampling, support_of

EDGE = 20037508.342789244
NEAR_EDGE = 1e-6


def degrees(west: float, east: float, pixel: float, south: float = -90.0, north: float = 90.0) -> Grid:
    width, height = round((east - west) / pixel), round((north - south) / pixel)
    return Grid("EPSG:4326", Affine(pixel, 0, west, 0, -pixel, north), width, height)


SOURCES = {
    "the world": degrees(-180, 180, 0.5),
    "0 to 360": degrees(0, 360, 1.0),
    "half a pixel off": degrees(-0.25, 359.75, 0.5),
    "more than the world": degrees(-181, 181, 1.0),
    "over the antimeridian": degrees(170, 190, 0.1, -30, 10),
    "west of -180": degrees(-200, -160, 0.1, -30, 60),
    "all beyond 180": degrees(255, 265, 0.01, 40, 50),
    "two turns off": degrees(535, 545, 0.1, -30, 60),
    "Mercator beyond the edge": Grid("EPSG:3857", Affine(1000, 0, EDGE - 5e5, 0, -1000, 1e6), 1000, 1500),
    "Pacific Mercator": Grid("EPSG:3832", Affine(5000, 0, 2e6, 0, -5000, 2e6), 600, 800),
    "Pacific Mercator beyond its seam": Grid("EPSG:3832", Affine(5000, 0, EDGE - 1e6, 0, -5000, 2e6), 600, 800),
    "Plate Carree": Grid("EPSG:32662", Affine(20000, 0, 15e6, 0, -20000, 6e6), 700, 500),
    "turned": Grid("EPSG:4326", Affine(0.1, 0.02, 172, 0.01, -0.1, 5), 200, 150),
}
TARGETS = {
    "zoom 0": tile_grid(0, 0, 0),
    "Fiji": tile_grid(7, 127, 66),
    "Samoa": tile_grid(7, 0, 66),
    "Iowa": tile_grid(6, 14, 23),
    "Africa": tile_grid(4, 7, 8),
    "degrees": degrees(-175, -165, 0.05, -5, 5),
    "degrees over the antimeridian": degrees(175, 185, 0.05, -5, 5),
    "degrees at 0": degrees(-5, 5, 0.05, -5, 5),
    "UTM over the antimeridian": Grid("EPSG:32760", Affine(2000, 0, 500_000, 0, -2000, 10_000_000), 256, 256),
    "Mercator over its edge": Grid("EPSG:3857", Affine(3000, 0, EDGE - 3000 * 100, 0, -3000, 4e5), 256, 256),
    "the Arctic": Grid("EPSG:3413", Affine(20000, 0, -2.5e6, 0, -20000, 2.5e6), 256, 256),
    "Plate Carree of the world": Grid("EPSG:4087", Affine(156543, 0, -EDGE, 0, -156543, 1e7), 256, 128),
}


def exact(target: Grid, source: Grid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Exact column and row of each pixel centre, moved by the whole turn that leads into the source, if
    there is one.
    """
    x, y = target.transform @ np.meshgrid(np.arange(target.width) + 0.5, np.arange(target.height) + 0.5)
    if target.crs != source.crs:
        x, y = pyproj.Transformer.from_crs(target.crs, source.crs, always_xy=True).transform(x, y)
    whole = full_circle(source.crs)
    col, row = ~source.transform @ (x, y)
    for turns in range(-3, 4) if whole is not None else ():
        other, below = ~source.transform @ (x + turns * whole, y)
        beside = ~((col >= 0) & (col < source.width) & (row >= 0) & (row < source.height))
        better = beside & (other >= 0) & (other < source.width) & (below >= 0) & (below < source.height)
        col, row = np.where(better, other, col), np.where(better, below, row)
    return col, row


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("target", TARGETS)
def test_index_maps_wrap_around_the_earth(target: str, source: str) -> None:
    check(TARGETS[target], SOURCES[source])


def check(target: Grid, source: Grid) -> int:
    """Compare an index map with the exact coordinates. Returns how many pixels show the source."""
    with np.errstate(invalid="ignore"):
        col, row = exact(target, source)
        inside = (col >= 0) & (col < source.width) & (row >= 0) & (row < source.height)
        uncertain = (np.abs(col - np.round(col)) < NEAR_EDGE) | (np.abs(row - np.round(row)) < NEAR_EDGE)
    result = index_map(target, source)
    shown = np.zeros(target.shape, bool)
    place = np.full((2, *target.shape), -1)
    if result is not None:
        within = np.ones(result.index.shape, bool) if result.inside is None else result.inside
        shown[result.rows, result.cols] = within
        index = result.index.astype(np.int64)
        place[:, result.rows, result.cols] = (
            index // result.window.shape[1] + result.window.top, index % result.window.shape[1] + result.window.left
        )  # fmt: skip
    assert (shown == inside)[~uncertain].all()
    both = shown & inside & ~uncertain
    assert (place[0] == np.floor(row, where=both, out=np.zeros_like(row)))[both].all()
    off = (place[1] - np.floor(col, where=both, out=np.zeros_like(col)))[both]
    twice = source.width * source.transform.a > (
        full_circle(source.crs) or math.inf
    )  # some points then have two columns
    assert not (off % 360 if twice else off).any()
    return int(shown.sum())


def test_the_pairs_overlap_often_enough() -> None:
    met = {source: sum(check(TARGETS[target], SOURCES[source]) > 0 for target in TARGETS) for source in SOURCES}
    assert min(met.values()) >= 1
    assert all(
        met[name] == len(TARGETS) for name in ("the world", "0 to 360", "half a pixel off", "more than the world")
    )


def test_a_global_raster_fills_zoom_0_and_the_columns_at_the_antimeridian() -> None:
    for name in ("the world", "0 to 360", "half a pixel off", "more than the world"):
        assert check(TARGETS["zoom 0"], SOURCES[name]) == 256 * 256
        assert check(degrees(-180, 180, 0.5, -45, 45), SOURCES[name]) == 720 * 180


@given(st.floats(-540, 540), st.floats(5, 300), st.floats(-180, 180), st.floats(-80, 80))
@settings(max_examples=60, deadline=None)
def test_a_point_is_read_from_any_raster_that_contains_it(west: float, wide: float, lon: float, lat: float) -> None:
    """Whatever the range of the raster's longitudes."""
    source = Grid("EPSG:4326", Affine(wide / 200, 0, west, 0, -0.9, 90), 200, 200)
    off = (lon - west) % 360
    result = index_map(point_grid(lon, lat), source)
    if 1e-3 < off < wide - 1e-3:
        assert result is not None
        assert result.window.left == pytest.approx(math.floor(off / wide * 200), abs=1e-3 * 200 / wide)
    elif wide + 1e-3 < off < 360 - 1e-3:
        assert result is None


@pytest.mark.parametrize("method", [each for each in Resampling if each is not Resampling.NEAREST])
def test_supports_do_not_depend_on_the_range_of_longitudes(method: Resampling) -> None:
    target = tile_grid(7, 0, 66)
    for turns in (-2, -1, 1):
        natural, other = degrees(-180, -170, 0.1, -10, 0), degrees(-180 + 360 * turns, -170 + 360 * turns, 0.1, -10, 0)
        first, second = (support_of(target, source, method) for source in (natural, other))
        assert first is not None
        assert second is not None
        assert (first.scale, first.step, first.window) == (second.scale, second.step, second.window)
        np.testing.assert_array_equal(first.upper_left, second.upper_left)
        for one, two in zip(
            (*first.row_positions, *first.col_positions), (*second.row_positions, *second.col_positions), strict=True
        ):
            np.testing.assert_allclose(one, two, atol=1e-4)


@pytest.mark.parametrize("source", [degrees(170, 190, 0.1, -30, 10), degrees(0, 360, 0.1)], ids=["20 degrees", "world"])
def test_the_level_does_not_depend_on_a_centre_on_the_antimeridian(source: Grid) -> None:
    moved = degrees(*(source.transform.c - 20 + edge for edge in (0, source.width * 0.1)), 0.1, -30, 10)
    for target in (tile_grid(7, 127, 66), tile_grid(7, 0, 66)):
        assert target_pixel_size(target, source.crs, source.centre) == pytest.approx(
            target_pixel_size(target, moved.crs, (moved.centre[0], source.centre[1])), rel=1e-6
        )
        footing, other = (support_of(target, each, Resampling.AVERAGE) for each in (source, degrees(-180, 180, 0.1)))
        assert footing is not None
        assert other is not None
        assert footing.step == other.step


TURNS = {
    "EPSG:4326": 360.0, "EPSG:4267": 360.0, "EPSG:4807": 400.0, "OGC:CRS84": 360.0, "EPSG:3857": 2 * EDGE,
    "EPSG:3832": 2 * EDGE, "EPSG:3395": 2 * EDGE, "EPSG:32662": 2 * EDGE, "EPSG:4087": 2 * EDGE,
    "EPSG:6933": 34735060.8903,
    "EPSG:32632": None, "EPSG:3035": None, "EPSG:2056": None, "EPSG:3413": None, "ESRI:54009": None, "ESRI:54030": None,
}  # fmt: skip


@pytest.mark.parametrize("crs", TURNS)
def test_a_full_turn_has_the_expected_length(crs: str) -> None:
    expected = TURNS[crs]
    assert full_circle(crs) == (None if expected is None else pytest.approx(expected, rel=1e-9))
