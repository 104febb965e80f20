"""Grids of tiles and places, and the areas that are searched for them."""

from __future__ import annotations

import math

import morecantile
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from scog.errors import OutOfRange
from scog.space.grid import Area, Grid, Window, lonlat_bounds, place_grid, search_areas, tile_grid

TMS = morecantile.tms.get("WebMercatorQuad")

tiles = st.integers(0, 24).flatmap(
    lambda z: st.tuples(st.just(z), st.integers(0, 2**z - 1), st.integers(0, 2**z - 1))
)  # fmt: skip


@given(tiles, st.sampled_from([256, 512]))
def test_corners_are_morecantiles(tile: tuple[int, int, int], size: int) -> None:
    z, x, y = tile
    grid = tile_grid(z, x, y, size)
    expected = TMS.xy_bounds(morecantile.Tile(x, y, z))
    assert grid.bounds == pytest.approx(tuple(expected), abs=1e-7)
    assert grid.shape == (size, size)
    assert grid.crs == "EPSG:3857"
    degrees = TMS.bounds(morecantile.Tile(x, y, z))
    assert lonlat_bounds(grid) == pytest.approx(tuple(degrees), abs=1e-9)


@given(tiles, st.sampled_from([256, 512]))
def test_neighbours_share_their_edges_to_nanometres(tile: tuple[int, int, int], size: int) -> None:
    z, x, y = tile
    grid = tile_grid(z, x, y, size)
    west, south, east, north = grid.bounds
    if x + 1 < 2**z:
        assert tile_grid(z, x + 1, y, size).bounds[0] == pytest.approx(east, abs=1e-8, rel=0)
    if y + 1 < 2**z:
        assert tile_grid(z, x, y + 1, size).bounds[3] == pytest.approx(south, abs=1e-8, rel=0)
    if z < 24:  # corners that two zooms share are the same to the last bit, and so is the pixel of twice the tile
        first, last = tile_grid(z + 1, 2 * x, 2 * y, size), tile_grid(z + 1, 2 * x + 1, 2 * y + 1, size)
        assert (first.bounds[0], first.bounds[3]) == (west, north)
        assert last.bounds[1:3] == pytest.approx((south, east), abs=1e-8, rel=0)
        assert tile_grid(z, x, y, 2 * size).transform.a == first.transform.a


@pytest.mark.parametrize(
    ("z", "x", "y", "parameter"),
    [
        (-1, 0, 0, "z"), (25, 0, 0, "z"), (99, 0, 0, "z"),
        (0, 1, 0, "x"), (3, 8, 0, "x"), (3, -1, 0, "x"), (10, 10**400, 0, "x"),
        (0, 0, 1, "y"), (3, 0, 8, "y"), (3, 0, -1, "y"),
    ],
)  # fmt: skip
def test_tiles_that_do_not_exist(z: int, x: int, y: int, parameter: str) -> None:
    with pytest.raises(OutOfRange) as refused:
        tile_grid(z, x, y)
    assert refused.value.parameter == parameter
    assert refused.value.valid


@pytest.mark.parametrize("z", [0, 7, 24])
def test_the_last_tiles_exist(z: int) -> None:
    last = 2**z - 1
    assert tile_grid(z, last, last).bounds[1:3] == pytest.approx((-math.pi * 6378137, math.pi * 6378137))


def test_bounds_of_a_turned_grid_hold_its_corners() -> None:
    grid = Grid("EPSG:32632", Affine(0, 10, 100, 10, 0, 200), 3, 5)
    assert grid.bounds == (100, 200, 150, 230)
    assert grid.centre == (125, 215)
    assert grid.shape == (5, 3)
    assert Window(2, 3, 7, 13).shape == (5, 10)


# What is searched


def holds(areas: tuple[Area, ...], west: float, south: float, east: float, north: float) -> bool:
    """Whether areas side by side hold a rectangle together, as far as there is a Mercator map."""
    south, north = max(south, -85.051), min(north, 85.051)
    nudge = 1e-8
    return all(
        any(area[0] - nudge <= lon <= area[2] + nudge and area[1] - nudge <= lat <= area[3] + nudge for area in areas)
        for lon in (west, (west + east) / 2, east)
        for lat in (south, (south + north) / 2, north)
    )


@given(tiles)
def test_one_search_serves_all_tiles_below_zoom_8(tile: tuple[int, int, int]) -> None:
    z, x, y = tile
    areas, wide = search_areas(tile_grid(z, x, y))
    bounds = lonlat_bounds(tile_grid(z, x, y))
    assert holds(areas, *bounds)
    if z >= 8:
        assert len(areas) == 1
        assert areas == search_areas(tile_grid(8, x >> (z - 8), y >> (z - 8)))[0]
        ancestor = TMS.bounds(morecantile.Tile(x >> (z - 8), y >> (z - 8), 8))
        assert areas[0] == pytest.approx(tuple(ancestor), abs=1e-9)
        assert not wide
    if z < 7:
        assert areas == (bounds,)
        assert wide


@given(st.floats(-180, 180), st.floats(-85, 85), st.floats(1e-5, 2.9), st.floats(1e-5, 2.9))
def test_areas_hold_the_grid_and_are_few(lon: float, lat: float, width: float, height: float) -> None:
    grid = Grid("EPSG:4326", Affine(width, 0, lon, 0, -height, lat), 1, 1)
    west, south, east, north = lon, max(-90, lat - height), min(180, lon + width), lat
    areas, wide = search_areas(grid)
    assert 1 <= len(areas) <= 4
    assert holds(areas, west, south, east, north)
    assert len(set(areas)) == len(areas)
    if width > 2.2:
        assert wide


@given(st.floats(-180, 180), st.floats(-90, 90))
def test_a_place_lies_within_its_grid_and_its_search(lon: float, lat: float) -> None:
    grid = place_grid(lon, lat)
    assert grid.shape == (1, 1)
    west, south, east, north = grid.bounds
    assert west < lon < east
    assert south < lat < north
    assert east - west < 2e-6
    areas, _ = search_areas(grid)
    assert holds(areas, lon, lat, lon, lat) or abs(lat) > 85.05
    assert all(area[2] - area[0] < 360 / 2**8 + 1e-6 for area in areas)


@pytest.mark.parametrize(("lon", "lat"), [(180, 0), (-180, 0), (180, 85.06), (0, 90), (0, -90), (-180, -90)])
def test_places_at_the_ends_of_the_world(lon: float, lat: float) -> None:
    areas, _ = search_areas(place_grid(lon, lat))
    assert len(areas) >= 1
    for west, south, east, north in areas:  # a catalogue refuses anything else
        assert -180 <= west <= 180
        assert -180 <= east <= 180
        assert -90 <= south <= north <= 90


@pytest.mark.parametrize(("lon", "lat"), [(181, 0), (-180.1, 0), (0, 90.1), (0, -91), (math.nan, 0), (0, math.inf)])
def test_places_outside_the_world(lon: float, lat: float) -> None:
    with pytest.raises(OutOfRange) as refused:
        place_grid(lon, lat)
    assert refused.value.parameter == "lon,lat"


def test_bounds_in_degrees_follow_the_edges() -> None:
    # The top of a square in the middle of its zone bulges north of its corners.
    grid = Grid("EPSG:32633", Affine(10, 0, 445110, 0, -10, 8000000), 10980, 10980)
    west, south, east, north = lonlat_bounds(grid)
    corners = lonlat_bounds(Grid(grid.crs, Affine(10, 0, 445110, 0, -10, 8000000), 1, 1))
    assert north > corners[3] + 0.005
    assert west < 15 < east
    assert south < north
