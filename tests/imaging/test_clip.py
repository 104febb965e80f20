"""Clip areas: each pixel by its centre, compared with pyproj and shapely pixel by pixel."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from morecantile import Tile, tms
from pyproj import Transformer

from scog.errors import InvalidInput
from scog.geo.grid import Grid, tile_grid
from scog.imaging.clip import ClipArea, parse_clip_area

SIZE = 48
STAR = [[11.30, 46.62], [11.33, 46.53], [11.42, 46.52], [11.35, 46.47], [11.38, 46.38], [11.30, 46.43], [11.22, 46.38],
        [11.25, 46.47], [11.18, 46.52], [11.27, 46.53], [11.30, 46.62]]  # fmt: skip
HOLE = [[11.28, 46.47], [11.32, 46.47], [11.31, 46.5], [11.28, 46.47]]
ISLANDS = {
    "type": "MultiPolygon",
    "coordinates": [[STAR, HOLE], [[[11.5, 46.4], [11.52, 46.4], [11.5, 46.45], [11.5, 46.4]]]],
}
POLE = {"type": "Polygon", "coordinates": [[[-170, 86], [10, 80], [170, 84], [180, 90], [-180, 90], [-170, 86]]]}
ACROSS: list[Any] = [179.7, -17.4, -179.8, -16.9]


def area(geometry: dict[str, Any] | None = None, bbox: list[Any] | None = None) -> ClipArea:
    clip_area = parse_clip_area(bbox, geometry)
    assert clip_area is not None
    return clip_area


def oracle(geometry: dict[str, Any], grid: Grid) -> np.ndarray:
    """The oracle: each pixel centre is transformed and tested separately."""
    shape = shapely.geometry.shape(geometry)
    back = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    inside = np.zeros(grid.shape, bool)
    for row in range(grid.height):
        for col in range(grid.width):
            lon, lat = back.transform(*grid.at(col + 0.5, row + 0.5))
            inside[row, col] = np.isfinite(lon + lat) and shape.intersects(shapely.Point(lon, lat))
    return inside


def grid_over(lon: float, lat: float, zoom: int, name: str = "WebMercatorQuad", buffer: float = 0.0) -> Grid:
    tile = tms.get(name).tile(lon, lat, zoom)
    return tile_grid(tile.z, tile.x, tile.y, SIZE, name, buffer)


@pytest.mark.parametrize(
    ("geometry", "grid"),
    [
        (ISLANDS, grid_over(11.3, 46.5, 9)),
        (ISLANDS, grid_over(11.3, 46.48, 12)),
        (ISLANDS, grid_over(11.3, 46.6, 12, buffer=7.5)),
        (ISLANDS, grid_over(11.3, 46.5, 6, "EuropeanETRS89_LAEAQuad")),
        (ISLANDS, grid_over(11.3, 46.5, 9, "WorldCRS84Quad")),
        (POLE, tile_grid(0, 0, 0, SIZE, "UPSArcticWGS84Quad")),
        (POLE, grid_over(20.0, 84.0, 3, "UPSArcticWGS84Quad")),
        (area(bbox=ACROSS).geometry, grid_over(179.9, -17.1, 8)),
        (area(bbox=ACROSS).geometry, grid_over(-179.9, -17.1, 8)),
    ],
)
def test_a_pixel_is_inside_if_its_centre_is_inside(geometry: dict[str, Any], grid: Grid) -> None:
    expected = oracle(geometry, grid)
    assert expected.any()
    assert not expected.all()
    np.testing.assert_array_equal(area(geometry).inside(grid), expected)


def test_tiles_have_no_seam() -> None:
    """Four tiles equal the tile above them."""
    tile: Tile = tms.get("WebMercatorQuad").tile(11.3, 46.5, 9)
    z, x, y = tile.z, tile.x, tile.y
    islands = area(ISLANDS)
    whole = islands.inside(tile_grid(z, x, y, 256))
    parts = [[islands.inside(tile_grid(z + 1, 2 * x + i, 2 * y + j, 128)) for i in (0, 1)] for j in (0, 1)]
    np.testing.assert_array_equal(np.block(parts), whole)
    assert 0 < whole.mean() < 1


@given(west=st.integers(0, 63), north=st.integers(0, 63), width=st.integers(1, 64), height=st.integers(1, 64))
def test_a_box_on_pixel_edges_contains_exactly_those_pixels(west: int, north: int, width: int, height: int) -> None:
    grid = tile_grid(9, 10, 20, 64, "WorldCRS84Quad")
    east, south = min(west + width, 64), min(north + height, 64)
    (left, top), (right, bottom) = grid.at(west, north), grid.at(east, south)
    expected = np.zeros(grid.shape, bool)
    expected[north:south, west:east] = True
    np.testing.assert_array_equal(area(bbox=[left, bottom, right, top]).inside(grid), expected)


def test_areas_are_thread_safe() -> None:
    grids = [grid_over(11.2 + 0.05 * i, 46.4 + 0.05 * j, 13) for i in range(4) for j in range(4)]
    expected = [area(ISLANDS).inside(grid) for grid in grids]
    with ThreadPoolExecutor(8) as threads:
        for _ in range(4):
            islands = area(ISLANDS)
            for mask, expected_mask in zip(threads.map(islands.inside, grids), expected, strict=True):
                np.testing.assert_array_equal(mask, expected_mask)


# Canonical form


def ring_from(ring: list[Any], start: int, backward: bool) -> list[Any]:
    corners = ring[:-1]
    turned = [*corners[start:], *corners[:start]]
    turned = turned[::-1] if backward else turned
    return [*turned, turned[0]]


@given(start=st.integers(0, 9), backward=st.booleans(), swap=st.booleans(), heights=st.booleans())
def test_equivalent_geometries_are_equal_areas(start: int, backward: bool, swap: bool, heights: bool) -> None:
    star = [[*corner, 7.0] if heights else corner for corner in ring_from(STAR, start, backward)]
    hole = [[*corner, 7.0] if heights else corner for corner in HOLE]
    second = [[corner + [7.0] * heights for corner in ring] for ring in ISLANDS["coordinates"][1]]
    parts = [[star, hole], second]
    equivalent = {"type": "MultiPolygon", "coordinates": parts[::-1] if swap else parts}
    assert area(equivalent).geometry == area(ISLANDS).geometry
    assert area(equivalent) == area(ISLANDS) != area(POLE)
    assert hash(area(equivalent)) == hash(area(ISLANDS))
    assert area(area(equivalent).geometry).geometry == area(equivalent).geometry


def test_a_box_equals_its_polygon() -> None:
    ring = [[11.2, 46.4], [11.5, 46.4], [11.5, 46.6], [11.2, 46.6], [11.2, 46.4]]
    for geometry in ({"type": "Polygon", "coordinates": [ring]}, {"type": "MultiPolygon", "coordinates": [[ring]]}):
        assert area(geometry).geometry == area(bbox=[11.2, 46.4, 11.5, 46.6]).geometry
    assert area(bbox=[-0.0, 0, 1, 1]).geometry == area(bbox=[0, -0.0, 1, 1.0]).geometry
    assert "-0.0" not in str(area(bbox=[-0.0, -0.0, 1, 1]).geometry)


def test_search_boxes_are_split_at_the_antimeridian() -> None:
    assert area(bbox=[11, 46, 12, 47]).search_boxes == ((11, 46, 12, 47),)
    assert area(bbox=ACROSS).search_boxes == ((-180, -17.4, -179.8, -16.9), (179.7, -17.4, 180, -16.9))


INVALID = [
    (None, {"type": "Point", "coordinates": [1, 1]}), (None, {"type": "Feature"}), (None, {"type": "Polygon"}),
    (None, {"type": "Polygon", "coordinates": [[[0, 0], [6e5, 1], [0, 1], [1, 0], [0, 0]]]}),
    (None, {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [2, 2], [0, 0]]]}),
    (None, {"type": "Polygon", "coordinates": [[[0, 0], [600, 0], [600, 10], [0, 0]]]}),
    (None, {"type": "Polygon", "coordinates": [[[0, 0], [1, 0]]]}), (None, {"type": "Polygon", "coordinates": "x"}),
    (None, {"type": "MultiPolygon", "coordinates": []}), (None, {}), (None, {"type": ["Polygon"]}),
    ([1, 2, 3], None), ([1, 1, 1, 2], None), ([0, 2, 1, 1], None), ([0, 0, 181, 1], None), (["0", 0, 1, 1], None),
    ([0, 0, 1, True], None), ([180, 0, -180, 1], None), ("0,0,1,1", None), ([0, 0, 1, 1], ISLANDS),
]  # fmt: skip


@pytest.mark.parametrize(("bbox", "geometry"), INVALID)
def test_invalid_areas_are_refused(bbox: Any, geometry: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_clip_area(bbox, geometry)
    assert refused.value.parameter == ("bbox" if bbox else "area")
    assert refused.value.valid


# Boxes and intersections


@pytest.mark.parametrize(
    ("parts", "box"),
    [
        ([[11, 46, 12, 47]], (11, 46, 12, 47)),
        ([[11, 46, 12, 47], [13, 45, 14, 46]], (11, 45, 14, 47)),
        ([[179, -17, 180, -16], [-180, -17, -179, -16]], (179, -17, -179, -16)),
        ([[170, -17, 171, -16], [-100, -18, -90, -16]], (170, -18, -90, -16)),
        ([[-175, 0, -100, 1], [-90, 0, 0, 1], [20, 0, 179, 1]], (20, 0, 0, 1)),
        ([[-180, -90, 180, 90]], (-180, -90, 180, 90)),
        ([[-179, 0, 179, 1], [0, 5, 1, 6]], (-179, 0, 179, 6)),
    ],
)
def test_the_narrowest_box_may_cross_the_antimeridian(parts: list[Any], box: Any) -> None:
    rings = [[[[w, s], [e, s], [e, n], [w, n], [w, s]]] for w, s, e, n in parts]
    assert area({"type": "MultiPolygon", "coordinates": rings}).box == box


def test_longitudes_beyond_180_wrap() -> None:
    west, south, east, north = ACROSS
    grid = Grid("EPSG:4326", Affine(0.01, 0, 179.5, 0, -0.01, -16.5), 100, 120)
    lon, lat = 179.5 + 0.01 * (np.arange(100) + 0.5), -16.5 - 0.01 * (np.arange(120) + 0.5)
    expected = ((lat > south) & (lat < north))[:, np.newaxis] & ((lon > west) & (lon < east + 360))[np.newaxis]
    np.testing.assert_array_equal(area(bbox=ACROSS).inside(grid), expected)


def test_areas_can_be_intersected() -> None:
    one, other = area(bbox=[0, 0, 2, 2]), area(bbox=[1, 1, 3, 3])
    assert one.intersection(other) == other.intersection(one) == area(bbox=[1, 1, 2, 2])
    assert one.intersection(area(bbox=[2, 0, 3, 2])) is None  # an edge
    assert one.intersection(area(bbox=[5, 5, 6, 6])) is None
    star = area(ISLANDS).intersection(area(bbox=[11.0, 46.0, 11.3, 47.0]))
    assert star is not None
    grid = grid_over(11.3, 46.5, 9)
    np.testing.assert_array_equal(
        star.inside(grid), area(ISLANDS).inside(grid) & area(bbox=[11.0, 46.0, 11.3, 47.0]).inside(grid)
    )
