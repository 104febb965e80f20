"""Bounds in degrees, and index maps of all tile matrix sets, against the coordinates of every pixel."""

from __future__ import annotations

import math

import morecantile
import numpy as np
import pytest
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyproj import Transformer

from scog.geo.antimeridian import LonLatBounds, split_bounds
from scog.geo.bounds import is_one_to_one, lonlat_bounds
from scog.geo.grid import Grid, equivalent_zoom, tile_grid
from tests.geo.test_index_map import applied, assert_exact, source_grid

IN_SHORT = {"WebMercatorQuad", "WGS1984Quad", "NZTM2000Quad", "UPSArcticWGS84Quad"}
"""One grid of each kind; the others take long together."""
NAMES = [
    name if name in IN_SHORT else pytest.param(name, marks=pytest.mark.acceptance) for name in morecantile.tms.list()
]
POLAR = ("UPSArcticWGS84Quad", "UPSAntarcticWGS84Quad", "LINZAntarticaMapTilegrid")
Floats = NDArray[np.float64]


def lonlat_of_centres(grid: Grid) -> tuple[Floats, Floats]:
    """Longitude, -180 to 180, and latitude of the pixel centres that are on the Earth."""
    col, row = np.meshgrid(np.arange(grid.width) + 0.5, np.arange(grid.height) + 0.5)
    x, y = applied(grid.transform, col, row)
    lon, lat = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True).transform(x, y)
    known = np.isfinite(lon) & (np.abs(lat) <= 90)
    return (lon[known] + 180) % 360 - 180, lat[known]


def count_outside(area: LonLatBounds, lon: Floats, lat: Floats) -> int:
    """Number of points outside an area."""
    nothing = 1e-8
    inside = np.zeros(lon.shape, bool)
    for west, south, east, north in split_bounds(area):
        assert -180 <= west <= east <= 180
        assert -90 <= south <= north <= 90
        held = (lat >= south - nothing) & (lat <= north + nothing)
        for turn in (-360, 0, 360):
            inside |= held & (lon + turn >= west - nothing) & (lon + turn <= east + nothing)
    return int(np.count_nonzero(~inside))


def span(lon: Floats) -> float:
    """Degrees of the shortest arc that contains all longitudes."""
    around = np.sort(lon % 360)
    return 360.0 - float(np.diff(around, append=around[0] + 360).max())


def width(area: LonLatBounds) -> float:
    """Degrees from west to east."""
    return area[2] - area[0] + (360 if area[2] < area[0] else 0)


def tiles_of(name: str, low: bool) -> st.SearchStrategy[tuple[int, int, int]]:
    """Tiles of low zooms or of all zooms; often at the centre, where poles are, or at the edges."""
    tms = morecantile.tms.get(name)
    first = max(tms.minzoom, -1)

    def along(count: int) -> st.SearchStrategy[int]:
        middle = st.integers(max(0, count // 2 - 2), min(count - 1, count // 2 + 1))
        return st.one_of(st.integers(0, count - 1), middle, st.sampled_from([0, count - 1]))

    def within(z: int) -> st.SearchStrategy[tuple[int, int, int]]:
        matrix = tms.matrix(z)
        return st.tuples(st.just(z), along(matrix.matrixWidth), along(matrix.matrixHeight))

    return st.integers(first, min(tms.maxzoom, first + 5 if low else 16)).flatmap(within)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("low", [True, False], ids=["low", "any"])
def test_bounds_contain_every_pixel(name: str, low: bool) -> None:
    @settings(max_examples=30, deadline=None)
    @given(tiles_of(name, low), st.sampled_from([0, 0, 0.5, 8, 100]), st.sampled_from([64, 100, 256]))
    def law(tile: tuple[int, int, int], buffer: float, size: int) -> None:
        grid = tile_grid(*tile, size, name, buffer)
        area, (lon, lat) = lonlat_bounds(grid), lonlat_of_centres(grid)
        if area is None:  # the transform is rounded: the last rows may be beyond the pole
            assert lon.size == 0
        else:
            assert count_outside(area, lon, lat) == 0

    law()


def test_a_pixel_centre_may_be_nearer_to_a_pole_than_the_corner() -> None:
    grid = tile_grid(4, 3, 3, 256, "UTM31WGS84Quad", 0.5)
    area = lonlat_bounds(grid)
    assert area is not None
    assert count_outside(area, *lonlat_of_centres(grid)) == 0


@pytest.mark.parametrize("name", NAMES)
def test_bounds_are_hardly_larger_than_the_pixels(name: str) -> None:
    """Except in the gap of a conic map and around a pole."""

    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
    @given(tiles_of(name, low=False))
    def law(tile: tuple[int, int, int]) -> None:
        grid = tile_grid(*tile, tms=name)
        lon, lat = lonlat_of_centres(grid)
        area = lonlat_bounds(grid)
        if area and is_one_to_one(grid) and np.abs(lat).max() < 89.9 and span(lon) < 120:
            pixel = 1 / 256
            assert width(area) <= span(lon) * (1.03 + 2 * pixel) + 1e-9
            assert area[3] - area[1] <= (lat.max() - lat.min()) * (1.06 + 2 * pixel) + 1e-9

    law()


@pytest.mark.parametrize("name", ["UPSArcticWGS84Quad", "UPSAntarcticWGS84Quad"])
@pytest.mark.parametrize("z", [1, 2, 5, 9, 14])
def test_tiles_with_a_corner_at_a_pole_and_beyond_it(name: str, z: int) -> None:
    half = 2 ** (z - 1)
    pole = 90 if "Arctic" in name else -90
    lows = []
    for x, y in ((half - 1, half - 1), (half, half - 1), (half - 1, half), (half, half)):
        area = lonlat_bounds(tile_grid(z, x, y, tms=name))
        assert area
        assert width(area) == pytest.approx(90, abs=0.01)
        assert (area[3] if pole == 90 else area[1]) == pytest.approx(pole, abs=1e-6)
        lows.append(area[0])
    assert sorted(round(low) % 360 for low in lows) == [0, 90, 180, 270]
    beyond = lonlat_bounds(tile_grid(z, half, half, 256, name, 4))
    assert beyond
    assert (beyond[0], beyond[2]) == (-180, 180)
    assert (beyond[3] if pole == 90 else beyond[1]) == pole


def test_bounds_across_the_antimeridian() -> None:
    south, north = (math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * row)))) for row in (2.25 / 4, 0.75 / 4))
    assert lonlat_bounds(tile_grid(2, 0, 1, buffer=64)) == pytest.approx((157.5, south, -67.5, north), abs=1e-9)
    first, last = lonlat_bounds(tile_grid(12, 0, 1200, buffer=8)), lonlat_bounds(tile_grid(12, 4095, 1200, buffer=8))
    for area in (first, last):
        assert area
        assert area[0] > 179.8
        assert area[2] < -179.8
        assert split_bounds(area) == ((area[0], area[1], 180, area[3]), (-180, area[1], area[2], area[3]))
    for x in (0, 4095):
        area = lonlat_bounds(tile_grid(12, x, 1200))
        assert area
        assert split_bounds(area) == (area,)


@pytest.mark.parametrize("buffer", [0, 1, 100])
@pytest.mark.parametrize("name", ["WebMercatorQuad", "WorldMercatorWGS84Quad"])
def test_the_whole_world(name: str, buffer: int) -> None:
    area = lonlat_bounds(tile_grid(0, 0, 0, 256, name, buffer))
    assert area
    assert (area[0], area[2]) == (-180, 180)
    assert area[3] == pytest.approx(-area[1])
    assert area[3] > 85.05


def test_grids_beyond_the_poles_have_no_bounds() -> None:
    assert lonlat_bounds(Grid("EPSG:4326", Affine(1, 0, 0, 0, -1, 99), 2, 2)) is None
    assert lonlat_bounds(Grid("EPSG:4326", Affine(1, 0, 0, 0, -1, 91), 2, 2)) == (0, 89, 2, 90)


def test_grids_without_inverse_projection_have_no_bounds() -> None:
    # Outside the disc of Lambert's azimuthal projection no point is on the Earth.
    assert lonlat_bounds(Grid("EPSG:3035", Affine(1e4, 0, 4e7, 0, -1e4, 4e7), 256, 256)) is None
    half = Grid("EPSG:3035", Affine(6e4, 0, 4e6, 0, -6e4, 2.2e7), 256, 256)
    area, (lon, lat) = lonlat_bounds(half), lonlat_of_centres(half)
    assert 0 < lon.size < 256**2
    assert area
    assert count_outside(area, lon, lat) == 0


def test_bounds_follow_curved_edges() -> None:
    # The top edge of a UTM grid at the central meridian bulges north of its corners.
    grid = Grid("EPSG:32633", Affine(10, 0, 445110, 0, -10, 8000000), 10980, 10980)
    corners = lonlat_bounds(Grid(grid.crs, Affine(10, 0, 445110, 0, -10, 8000000), 1, 1))
    area = lonlat_bounds(grid)
    assert area
    assert corners
    assert area[3] > corners[3] + 0.005
    assert area[0] < 15 < area[2]
    assert area[1] < area[3]


# One-to-one grids


@pytest.mark.parametrize(
    ("name", "tile", "buffer", "once"),
    [
        ("WebMercatorQuad", (12, 0, 1200), 0, True),
        ("WebMercatorQuad", (12, 4095, 1200), 0, True),
        ("WebMercatorQuad", (12, 0, 1200), 1, False),
        ("WebMercatorQuad", (12, 4095, 1200), 1, False),
        ("WebMercatorQuad", (0, 0, 0), 0, True),
        ("WebMercatorQuad", (0, 0, 0), 2, False),
        ("WGS1984Quad", (5, 0, 3), 0, True),
        ("WGS1984Quad", (5, 0, 3), 4, False),
        ("UPSArcticWGS84Quad", (0, 0, 0), 0, True),
        ("CanadianNAD83_LCC", (0, 2, 4), 0, True),
        ("CanadianNAD83_LCC", (0, 4, 0), 0, False),
        ("UTM31WGS84Quad", (10, 511, 500), 0, True),
    ],
)
def test_one_to_one_grids(name: str, tile: tuple[int, int, int], buffer: float, once: bool) -> None:
    assert is_one_to_one(tile_grid(*tile, 256, name, buffer)) == once


# Index maps of every tile matrix set

SOURCES = {
    "Bolzano": source_grid("EPSG:32632", 600000, 5200020),
    "82 N": source_grid("EPSG:32633", 499980, 9200040),
    "80 S": source_grid("EPSG:32733", 499980, 1200040),
    "west of the antimeridian": source_grid("EPSG:32660", 600000, 7300020),
    "east of the antimeridian": source_grid("EPSG:32601", 300000, 7300020),
    "New Zealand": source_grid("EPSG:32759", 600000, 5200020),
    "Siberia, in Canada's gap": source_grid("EPSG:32645", 399960, 7800000),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", SOURCES)
def test_index_maps_of_every_tile_matrix_set_are_exact(name: str, place: str) -> None:
    source = SOURCES[place]
    tms = morecantile.tms.get(name)
    lon, lat = Transformer.from_crs(source.crs, "EPSG:4326", always_xy=True).transform(*source.centre)
    x, y = Transformer.from_crs("EPSG:4326", tile_grid(tms.minzoom, 0, 0, tms=name).crs, always_xy=True).transform(
        lon, lat
    )
    box = tms.xy_bbox
    if not (box.left < x < box.right and box.bottom < y < box.top):
        pytest.skip("not on this map")
    shown = 0
    for zoom, buffer in ((0, 0), (5, 0), (9, 16), (13, 0.5)):
        z = equivalent_zoom(name, zoom)
        matrix = tms.matrix(z)
        joined = 1
        row = int((box.top - y) / (matrix.cellSize * matrix.tileHeight))
        if matrix.variableMatrixWidths:
            joined = matrix.get_coalesce_factor(row)
        col = int((x - box.left) / (matrix.cellSize * matrix.tileWidth * joined)) * joined
        shown += assert_exact(tile_grid(z, col, row, 256, name, buffer), source)
    assert shown > 1000


@pytest.mark.parametrize("name", ["WebMercatorQuad", "WorldMercatorWGS84Quad", "WGS1984Quad", "WorldCRS84Quad"])
@pytest.mark.parametrize("side", ["west", "east"])
def test_a_tile_across_the_antimeridian_shows_both_sides(name: str, side: str) -> None:
    """The MGRS tiles end before the antimeridian; only the map tile crosses it."""
    z = equivalent_zoom(name, 11)
    tms = morecantile.tms.get(name)
    last = tms.matrix(z).matrixWidth - 1
    crs, left, x = ("EPSG:32660", 526000, 0) if side == "west" else ("EPSG:32601", 364500, last)
    source = source_grid(crs, left, 7300020)
    row = tms.tile(179.9, 65.5, z).y
    assert assert_exact(tile_grid(z, x, row, tms=name), source) == 0
    assert assert_exact(tile_grid(z, x, row, 256, name, 128), source) > 1000


@pytest.mark.parametrize("z", [2, *(pytest.param(z, marks=pytest.mark.acceptance) for z in (0, 4, 6))])
def test_points_appear_twice_in_the_gap_of_a_conic_map(z: int) -> None:
    source = SOURCES["Siberia, in Canada's gap"]
    tms = morecantile.tms.get("CanadianNAD83_LCC")
    # Both sides of the cut, beyond the pole, show points at 85 E.
    to_map = Transformer.from_crs("EPSG:4326", "EPSG:3978", always_xy=True)
    shown = 0
    for lon in (84.9, 85.1):
        x, y = to_map.transform(lon, 70)
        span = tms.matrix(z).cellSize * 256
        col, row = math.floor((x - tms.xy_bbox.left) / span), math.floor((tms.xy_bbox.top - y) / span)
        for i in (-1, 0, 1):
            for j in (-1, 0, 1):
                if 0 <= col + i < tms.matrix(z).matrixWidth and 0 <= row + j < tms.matrix(z).matrixHeight:
                    shown += assert_exact(tile_grid(z, col + i, row + j, tms=tms.id), source)
    assert shown > 0
