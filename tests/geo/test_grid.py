"""Grids of tiles and points in every tile matrix set, and the areas that are searched for them."""

from __future__ import annotations

import math

import morecantile
import pyproj
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from morecantile.utils import meters_per_unit

from scog.errors import InvalidInput, OutOfRange
from scog.geo.antimeridian import LonLatBounds
from scog.geo.bounds import lonlat_bounds
from scog.geo.grid import Grid, Window, equivalent_zoom, point_grid, tile_grid, world_grid
from scog.geo.search_areas import search_areas

TMS = morecantile.tms.get("WebMercatorQuad")

tiles = st.integers(0, 24).flatmap(
    lambda z: st.tuples(st.just(z), st.integers(0, 2**z - 1), st.integers(0, 2**z - 1))
)  # fmt: skip


@given(tiles, st.sampled_from([256, 512]))
def test_corners_equal_morecantile(tile: tuple[int, int, int], size: int) -> None:
    z, x, y = tile
    grid = tile_grid(z, x, y, size)
    expected = TMS.xy_bounds(morecantile.Tile(x, y, z))
    assert grid.bounds == pytest.approx(tuple(expected), abs=1e-7)
    assert grid.shape == (size, size)
    assert grid.crs == "EPSG:3857"
    degrees = TMS.bounds(morecantile.Tile(x, y, z))
    assert lonlat_bounds(grid) == pytest.approx(tuple(degrees), abs=1e-9)


# Every tile matrix set


def any_tile(name: str) -> st.SearchStrategy[tuple[int, int, int]]:
    """Tiles z, x, y of a tile matrix set."""
    tms = morecantile.tms.get(name)

    def within(z: int) -> st.SearchStrategy[tuple[int, int, int]]:
        matrix = tms.matrix(z)
        return st.tuples(st.just(z), st.integers(0, matrix.matrixWidth - 1), st.integers(0, matrix.matrixHeight - 1))

    return st.integers(tms.minzoom, tms.maxzoom).flatmap(within)


NAMES = morecantile.tms.list()
addresses = st.sampled_from(NAMES).flatmap(lambda name: st.tuples(st.just(name), any_tile(name)))
sizes = st.sampled_from([64, 256, 512, 1000])
buffers = st.sampled_from([0, 0.5, 1, 3.5, 64])


@given(addresses, sizes)
def test_corners_equal_morecantile_in_every_tile_matrix_set(
    address: tuple[str, tuple[int, int, int]], size: int
) -> None:
    name, (z, x, y) = address
    tms = morecantile.tms.get(name)
    grid = tile_grid(z, x, y, size, name)
    expected = tms.xy_bounds(morecantile.Tile(x, y, z))
    largest = max(map(abs, tms.xy_bbox))
    assert grid.bounds == pytest.approx(tuple(expected), abs=4e-16 * largest)
    assert (grid.transform.c, grid.transform.f) == (expected.left, expected.top)
    assert grid.shape == (size, size)
    assert grid.transform.b == grid.transform.d == 0
    assert pyproj.CRS(grid.crs) == pyproj.CRS(tms.crs.srs)


@given(addresses, sizes)
def test_adjacent_tiles_share_corners(address: tuple[str, tuple[int, int, int]], size: int) -> None:
    name, (z, x, y) = address
    tms = morecantile.tms.get(name)
    matrix = tms.matrix(z)
    grid = tile_grid(z, x, y, size, name)
    _, south, east, _ = grid.bounds
    nothing = 4e-16 * max(map(abs, tms.xy_bbox))
    joined = matrix.get_coalesce_factor(y) if matrix.variableMatrixWidths else 1
    first = x - x % joined
    assert all(tile_grid(z, first + each, y, size, name) == grid for each in {0, joined // 2, joined - 1})
    if first + joined < matrix.matrixWidth:
        other = tile_grid(z, first + joined, y, size, name)
        assert other.bounds[0] == pytest.approx(east, abs=nothing, rel=0)
        assert (other.transform.a, other.transform.e) == (grid.transform.a, grid.transform.e)
    if y + 1 < matrix.matrixHeight:
        other = tile_grid(z, x, y + 1, size, name)
        assert other.bounds[3] == pytest.approx(south, abs=nothing, rel=0)
        assert other.transform.e == grid.transform.e


@given(addresses, sizes, buffers)
def test_a_buffer_surrounds_the_same_pixels(
    address: tuple[str, tuple[int, int, int]], size: int, buffer: float
) -> None:
    name, (z, x, y) = address
    plain, wider = tile_grid(z, x, y, size, name), tile_grid(z, x, y, size, name, buffer)
    assert wider.shape == (size + 2 * buffer, size + 2 * buffer)
    assert wider.crs == plain.crs
    assert wider.transform.a == plain.transform.a
    nothing = 4e-16 * max(map(abs, morecantile.tms.get(name).xy_bbox))
    for at in ((0, 0), (size, size), (0, size)):
        place = wider.at(at[0] + buffer, at[1] + buffer)
        assert place == pytest.approx(plain.at(*at), abs=2 * nothing, rel=0)


@pytest.mark.parametrize("buffer", [-1, -0.5, 0.25, 1.1, math.nan, math.inf])
def test_invalid_buffers_are_refused(buffer: float) -> None:
    with pytest.raises(InvalidInput) as refused:
        tile_grid(0, 0, 0, buffer=buffer)
    assert refused.value.parameter == "buffer"


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("webmercatorquad", "WebMercatorQuad"),
        ("UPSArctic", "UPSArcticWGS84Quad"),
        ("", ""),
        ("x" * 500, ""),
        ("..", ""),
    ],
)
def test_unknown_tile_matrix_sets_are_refused(name: str, near: str) -> None:
    with pytest.raises(OutOfRange) as refused:
        tile_grid(0, 0, 0, tms=name)
    assert refused.value.parameter == "tileMatrixSetId"
    assert near in str(refused.value)
    assert len(str(refused.value)) < 200
    assert all(each in str(refused.value.valid) for each in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_only_tiles_within_the_matrix_exist(name: str) -> None:
    tms = morecantile.tms.get(name)
    for z in range(tms.minzoom, tms.maxzoom + 1):
        matrix = tms.matrix(z)
        columns, rows = matrix.matrixWidth, matrix.matrixHeight
        tile_grid(z, 0, 0, tms=name)
        tile_grid(z, columns - 1, rows - 1, tms=name)
        for x, y, parameter in ((columns, 0, "x"), (-1, 0, "x"), (0, rows, "y"), (0, -1, "y")):
            with pytest.raises(OutOfRange) as refused:
                tile_grid(z, x, y, tms=name)
            assert refused.value.parameter == parameter
            assert refused.value.valid == f"0 to {(columns if parameter == 'x' else rows) - 1}"
    for z in (tms.minzoom - 1, tms.maxzoom + 1):
        with pytest.raises(OutOfRange) as refused:
            tile_grid(z, 0, 0, tms=name)
        assert refused.value.valid == f"{tms.minzoom} to {tms.maxzoom}"


@pytest.mark.parametrize("name", NAMES)
def test_the_world_grid_is_the_extent(name: str) -> None:
    tms = morecantile.tms.get(name)
    assert world_grid(name).bounds == pytest.approx(tuple(tms.xy_bbox), rel=1e-12)
    assert world_grid(name).crs == tile_grid(tms.minzoom, 0, 0, tms=name).crs


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("zoom", [0, 7, 12, 16, 24])
def test_zooms_with_similar_pixel_size(name: str, zoom: int) -> None:
    tms = morecantile.tms.get(name)
    metres = meters_per_unit(pyproj.CRS(tms.crs.srs))
    wanted = TMS.matrix(zoom).cellSize
    ratios = {z: tms.matrix(z).cellSize * tms.matrix(z).tileWidth / 256 * metres / wanted for z in TILES_OF[name]}
    chosen = ratios[equivalent_zoom(name, zoom)]
    best = min(max(ratio, 1 / ratio) for ratio in ratios.values())
    assert max(chosen, 1 / chosen) == pytest.approx(best, rel=1e-5)
    assert equivalent_zoom("WebMercatorQuad", zoom) == zoom


TILES_OF = {name: range(morecantile.tms.get(name).minzoom, morecantile.tms.get(name).maxzoom + 1) for name in NAMES}


def test_the_finest_of_equal_zooms_is_chosen() -> None:
    assert tile_grid(-3, 5, 90, tms="CDB1GlobalGrid") == tile_grid(0, 5, 90, tms="CDB1GlobalGrid")
    assert equivalent_zoom("CDB1GlobalGrid", 7) == 0


# Web mercator's own


@given(tiles, st.sampled_from([256, 512]))
def test_adjacent_tiles_share_edges_to_nanometres(tile: tuple[int, int, int], size: int) -> None:
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
def test_tiles_outside_the_matrix_are_refused(z: int, x: int, y: int, parameter: str) -> None:
    with pytest.raises(OutOfRange) as refused:
        tile_grid(z, x, y)
    assert refused.value.parameter == parameter
    assert refused.value.valid


@pytest.mark.parametrize("z", [0, 7, 24])
def test_the_last_tiles_exist(z: int) -> None:
    last = 2**z - 1
    assert tile_grid(z, last, last).bounds[1:3] == pytest.approx((-math.pi * 6378137, math.pi * 6378137))


def test_bounds_of_a_rotated_grid_contain_its_corners() -> None:
    grid = Grid("EPSG:32632", Affine(0, 10, 100, 10, 0, 200), 3, 5)
    assert grid.bounds == (100, 200, 150, 230)
    assert grid.centre == (125, 215)
    assert grid.shape == (5, 3)
    assert Window(2, 3, 7, 13).shape == (5, 10)


# What is searched


def contains(areas: tuple[LonLatBounds, ...], west: float, south: float, east: float, north: float) -> bool:
    """Whether the union of adjacent areas contains a rectangle."""
    nudge = 1e-8
    east += 360 if east < west else 0
    return all(
        any(
            area[0] - nudge <= lon + turn <= area[2] + nudge and area[1] - nudge <= lat <= area[3] + nudge
            for area in areas
            for turn in (-360, 0, 360)
        )
        for lon in (west, (west + east) / 2, east)
        for lat in (south, (south + north) / 2, north)
    )


def assert_on_earth(areas: tuple[LonLatBounds, ...]) -> None:
    """The areas are valid boxes for a catalogue."""
    for west, south, east, north in areas:
        assert -180 <= west <= east <= 180
        assert -90 <= south <= north <= 90


def ground(area: LonLatBounds) -> float:
    """The longer side of an area in degrees on the ground, where it is longest."""
    west, south, east, north = area
    nearest = 0.0 if south <= 0 <= north else min(abs(south), abs(north))
    width = (east - west if west <= east else east - west + 360) * math.cos(math.radians(nearest))
    return max(width, north - south)


@given(tiles)
def test_one_search_serves_all_tiles_below_zoom_8(tile: tuple[int, int, int]) -> None:
    z, x, y = tile
    areas, wide = search_areas(tile_grid(z, x, y))
    bounds = lonlat_bounds(tile_grid(z, x, y))
    assert bounds
    assert contains(areas, *bounds)
    assert_on_earth(areas)
    if z >= 8:
        assert len(areas) == 1
        assert areas == search_areas(tile_grid(8, x >> (z - 8), y >> (z - 8)))[0]
        ancestor = TMS.bounds(morecantile.Tile(x >> (z - 8), y >> (z - 8), 8))
        assert areas[0] == pytest.approx(tuple(ancestor), abs=1e-9)
    assert wide == (ground(bounds) > 1.76)
    if wide and z < 7:
        assert areas == (bounds,)
    if z < 5:
        assert wide


@given(st.floats(-180, 180), st.floats(-85, 85), st.floats(1e-5, 2.9), st.floats(1e-5, 2.9))
def test_search_areas_contain_the_grid_and_are_few(lon: float, lat: float, width: float, height: float) -> None:
    grid = Grid("EPSG:4326", Affine(width, 0, lon, 0, -height, lat), 1, 1)
    areas, wide = search_areas(grid)
    assert 1 <= len(areas) <= 4
    assert_on_earth(areas)
    assert contains(areas, lon, max(-90, lat - height), lon + width, lat)
    assert len(set(areas)) == len(areas)
    if height > 1.8:
        assert wide


@given(addresses, buffers)
def test_search_areas_contain_tiles_of_every_tile_matrix_set(
    address: tuple[str, tuple[int, int, int]], buffer: float
) -> None:
    name, (z, x, y) = address
    grid = tile_grid(z, x, y, 256, name, buffer)
    areas, wide = search_areas(grid)
    bounds = lonlat_bounds(grid)
    if bounds is None:  # the transform is rounded: the last rows may be beyond the pole
        assert areas == ()
        return
    assert 1 <= len(areas) <= 4
    assert_on_earth(areas)
    assert contains(areas, *bounds)
    assert wide == (ground(bounds) > 1.7578125)
    largest = max(ground(area) for area in areas)
    # A search area is not much larger than a tile of zoom 8 at the equator, so the limit of pages is enough. The
    # largest are tiles of zoom 4 from 79.2 degrees on: 22.5 degrees of longitude are as wide as 4.23 of latitude.
    assert wide or largest < 4.25 or max(abs(bounds[1]), abs(bounds[3])) > 85


@given(st.floats(-180, 180), st.floats(-90, 90))
def test_a_point_is_within_its_grid_and_search_area(lon: float, lat: float) -> None:
    grid = point_grid(lon, lat)
    assert grid.shape == (1, 1)
    west, south, east, north = grid.bounds
    assert west < lon < east
    assert south < lat < north
    assert east - west < 2e-6
    areas, _ = search_areas(grid)
    assert contains(areas, lon, lat, lon, lat)
    assert all(area[2] - area[0] < 360 / 2**8 + 1e-6 for area in areas)


@pytest.mark.parametrize(("lon", "lat"), [(180, 0), (-180, 0), (180, 85.06), (0, 90), (0, -90), (-180, -90)])
def test_points_at_the_limits_of_the_world(lon: float, lat: float) -> None:
    areas, wide = search_areas(point_grid(lon, lat))
    assert 1 <= len(areas) <= 4
    assert_on_earth(areas)
    assert not wide
    if abs(lon) == 180:
        assert {area[0] for area in areas} >= {-180.0}
        assert {area[2] for area in areas} >= {180.0}


def test_grids_beyond_the_world_have_no_search_area() -> None:
    assert search_areas(Grid("EPSG:4326", Affine(1, 0, 0, 0, -1, 99), 2, 2)) == ((), False)


@pytest.mark.parametrize(("lon", "lat"), [(181, 0), (-180.1, 0), (0, 90.1), (0, -91), (math.nan, 0), (0, math.inf)])
def test_points_outside_the_world_are_refused(lon: float, lat: float) -> None:
    with pytest.raises(OutOfRange) as refused:
        point_grid(lon, lat)
    assert refused.value.parameter == "lon,lat"
