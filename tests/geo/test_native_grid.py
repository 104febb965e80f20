"""Native grids: zones and pixels as in Sentinel-2's MGRS tiles, and edges of geometries transformed exactly."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod, Transformer
from pyproj.database import query_utm_crs_info
from shapely.geometry.base import BaseGeometry

from scog.errors import InvalidInput
from scog.geo.coverage import coverage_fractions
from scog.geo.native_grid import mgrs_tile_crs, native_grid, zone_crs

FIELD = shapely.Polygon([(11.3, 46.5), (11.33, 46.51), (11.32, 46.53), (11.29, 46.52)])
MOST = 4_000_000


KNOWN = {int(info.code): info.area_of_use for info in query_utm_crs_info("WGS 84")}


@given(st.floats(-180, 179.999), st.floats(-79.999, 83.999))
def test_zones_are_those_of_the_epsg_database(lon: float, lat: float) -> None:
    if (56 <= lat < 64 and 3 <= lon < 12) or (lat >= 72 and 0 <= lon < 42):
        return  # the database does not have the exceptions there
    area = KNOWN[int(zone_crs(lon, lat).removeprefix("EPSG:"))]
    assert area is not None
    assert area.west - 1e-9 <= lon <= area.east + 1e-9
    assert area.south <= lat <= area.north


@pytest.mark.parametrize(
    ("lon", "lat", "crs"),
    [
        (11.35, 46.5, "EPSG:32632"), (12.0, 46.5, "EPSG:32633"), (-180, 0, "EPSG:32601"), (180, -0.1, "EPSG:32701"),
        (179.99, 10, "EPSG:32660"), (180.5, 10, "EPSG:32601"), (3.1, 60, "EPSG:32632"), (2.9, 60, "EPSG:32631"),
        (8.9, 78, "EPSG:32631"), (9.1, 78, "EPSG:32633"), (21.5, 78, "EPSG:32635"), (41.9, 78, "EPSG:32637"),
        (42.1, 78, "EPSG:32638"), (5, 84.5, "EPSG:5041"), (5, -80.5, "EPSG:5042"),
    ],
)  # fmt: skip
def test_points_have_the_zone_of_their_position(lon: float, lat: float, crs: str) -> None:
    assert zone_crs(lon, lat) == crs


@pytest.mark.parametrize(
    ("name", "crs"),
    [
        ("32TQK", "EPSG:32632"), ("1CCV", "EPSG:32701"), ("01CCV", "EPSG:32701"), ("60NWF", "EPSG:32660"),
        ("60MWF", "EPSG:32760"), ("33XVG", "EPSG:32633"), ("", None), ("T32TQK", None), ("61TQK", None),
        ("00TQK", None), ("32IQK", None), ("32TQKX", None), ("square", None), ("３2TQK", None),
    ],
)  # fmt: skip
def test_an_mgrs_tile_has_the_zone_of_its_name(name: str, crs: str | None) -> None:
    assert mgrs_tile_crs(name) == crs


def test_another_zone_can_be_requested() -> None:
    result = native_grid(FIELD, 10, MOST, "EPSG:32633")
    assert result.grid.crs == "EPSG:32633"
    assert result.shape.area == pytest.approx(native_grid(FIELD, 10, MOST).shape.area, rel=0.01)


@pytest.mark.parametrize("resolution", [10, 20, 60])
def test_pixels_are_aligned_to_multiples_of_their_size_and_contain_the_field(resolution: int) -> None:
    result = native_grid(FIELD, resolution, MOST)
    assert (result.grid.crs, result.factor, result.coarser) == ("EPSG:32632", 1, False)
    assert result.grid.resolution == resolution
    west, south, east, north = result.grid.bounds
    assert all(edge % resolution == 0 for edge in result.grid.bounds)
    left, bottom, right, top = result.shape.bounds
    assert left - resolution < west <= left
    assert right <= east < right + resolution
    assert bottom - resolution < south <= bottom
    assert top <= north < top + resolution


def test_too_many_pixels_are_replaced_by_those_of_an_overview() -> None:
    whole = native_grid(FIELD, 10, MOST).grid
    for limit in (whole.width * whole.height, whole.width * whole.height - 1, 5000, 100, 1):
        result = native_grid(FIELD, 10, limit)
        assert result.factor in {2**level for level in range(20)}
        assert result.grid.resolution == 10 * result.factor
        assert result.grid.width * result.grid.height <= limit
        if result.coarser:
            finer = 5 * result.factor
            west, south, east, north = result.shape.bounds
            width = math.ceil(east / finer) - math.floor(west / finer)
            assert width * (math.ceil(north / finer) - math.floor(south / finer)) > limit
        assert all(edge % result.grid.resolution == 0 for edge in result.grid.bounds)
    assert native_grid(FIELD, 10, whole.width * whole.height).factor == 1


@pytest.mark.parametrize(("lon", "lat"), [(11.3567, 46.4988), (-179.9999, -17.2), (25.0, -84.9), (0.0, 0.0)])
def test_a_point_is_the_pixel_that_contains_it(lon: float, lat: float) -> None:
    result = native_grid(shapely.Point(lon, lat), 20, MOST)
    assert result.grid.shape == (1, 1)
    x, y = Transformer.from_crs("EPSG:4326", result.grid.crs, always_xy=True).transform(lon, lat)
    west, south, east, north = result.grid.bounds
    assert west <= x < east
    assert south < y <= north


def test_long_edges_are_straight_in_degrees() -> None:
    """At this latitude, a parallel of two degrees bends 70 m north of the straight line between its ends."""
    strip = shapely.box(8.0, 46.5, 10.0, 46.6)
    result = native_grid(strip, 10, 10**9)
    to_grid = Transformer.from_crs("EPSG:4326", result.grid.crs, always_xy=True)
    for lon in np.linspace(8.0, 10.0, 37):
        for lat in (46.5, 46.6):
            x, y = to_grid.transform(lon, lat)
            assert result.shape.exterior.distance(shapely.Point(x, y)) < 0.02
    ends = to_grid.transform([8.0, 10.0], [46.5, 46.5])
    middle = to_grid.transform(9.0, 46.5)
    assert abs((ends[1][0] + ends[1][1]) / 2 - middle[1]) > 50


@pytest.mark.parametrize(
    "shape",
    [
        FIELD,
        shapely.box(11.3, 78.1, 11.5, 78.2),
        shapely.box(10, 85, 60, 86),
        shapely.box(-70, -86.0, -60, -85.5),
        shapely.MultiPolygon([shapely.box(179.7, -17.4, 180, -16.9), shapely.box(-180, -17.4, -179.8, -16.9)]),
    ],
)
def test_the_area_is_that_on_the_ellipsoid(shape: BaseGeometry) -> None:
    """Except for the scale of the projection: 0.9996 to 1.001 in a UTM zone, up to 1.004 at these latitudes in UPS."""
    result = native_grid(shape, 10, 100_000)
    true = sum(abs(_area(part)) for part in shapely.get_parts(shape))
    taken = float(coverage_fractions(result.grid, result.shape).sum(dtype=np.float64)) * result.grid.resolution**2
    assert taken == pytest.approx(true, rel=0.015)
    assert taken == pytest.approx(result.shape.area, rel=1e-6)


def _area(part: Any) -> float:
    """Area on the ellipsoid of a shape with edges that are straight in degrees."""
    dense = shapely.segmentize(part, 0.01)
    return float(Geod(ellps="WGS84").geometry_area_perimeter(dense)[0])


def test_parts_on_both_sides_of_the_antimeridian_are_joined() -> None:
    parts = shapely.box(179.99, -17.02, 180, -17.0), shapely.box(-180, -17.02, -179.99, -17.0)
    result = native_grid(shapely.MultiPolygon(parts), 10, MOST)
    assert result.grid.crs in ("EPSG:32701", "EPSG:32760")
    assert result.grid.width * 10 < 2300
    shares = coverage_fractions(result.grid, result.shape)
    assert (shares[5:-5, 5:-5] > 1 - 1e-6).all()  # no seam along the meridian


@pytest.mark.parametrize(
    "shape",
    [
        shapely.box(-180, -90, 180, 90),
        shapely.box(5, 40, 30, 41),
        shapely.box(11, 40, 12, 50),
        shapely.MultiPolygon([shapely.box(11, 46, 11.1, 46.1), shapely.box(-75, -10, -74, -9)]),
        shapely.box(-180, 60, 180, 90),
    ],
)
def test_too_large_geometries_are_refused(shape: BaseGeometry) -> None:
    with pytest.raises(InvalidInput, match="1000 km") as caught:
        native_grid(shape, 10, MOST)
    assert caught.value.parameter == "geometry"


def test_many_long_edges_take_bounded_time() -> None:
    comb = [(8 + 3 * (k % 2), 46 + k / 2000) for k in range(1999)]
    shape = shapely.Polygon([*comb, (11.5, 47), (11.5, 46)])
    assert shape.is_valid
    result = native_grid(shape, 10, MOST)
    assert shapely.get_num_coordinates(result.shape) < 300_000
