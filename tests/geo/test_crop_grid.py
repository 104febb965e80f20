"""Grids of crops: they contain the box in any CRS, with pixels of the requested size."""

from __future__ import annotations

import math

import numpy as np
import pytest
import rasterio.warp
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod, Transformer

from scog.errors import InvalidInput
from scog.geo.bounds import lonlat_bounds
from scog.geo.crop_grid import Box, CropSize, crop_grid
from scog.geo.grid import Window

DEGREES = "EPSG:4326"
BOLZANO = 11.2, 46.4, 11.5, 46.6
FIJI = 179.7, -17.4, -179.8, -16.9
METRIC = ["EPSG:32632", "EPSG:32633", "EPSG:3035", "EPSG:2056"]
UNEVEN = [DEGREES, "EPSG:4258", "EPSG:3857", "EPSG:3395"]
places = st.tuples(st.floats(7, 14), st.floats(44, 49), st.floats(0.001, 2), st.floats(0.001, 2))
boxes = places.map(lambda place: (place[0], place[1], place[0] + place[2], place[1] + place[3]))


def bounds_in(box: Box, crs: str) -> Box:
    """Bounds in another CRS, as GDAL transforms them."""
    west, south, east, north = rasterio.warp.transform_bounds(DEGREES, crs, *box, densify_pts=63)
    return west, south, east, north


def sides(box: Box) -> tuple[float, float]:
    return box[2] - box[0], box[3] - box[1]


def same(one: Box, other: Box, share: float = 1e-6) -> bool:
    longest = max(sides(other))
    return all(abs(a - b) <= share * longest for a, b in zip(one, other, strict=True))


@settings(max_examples=40, deadline=None)
@given(boxes, st.sampled_from([*METRIC, *UNEVEN]), st.integers(1, 5000), st.integers(1, 5000))
def test_a_grid_of_a_given_size_has_the_edges_of_the_box(box: Box, crs: str, width: int, height: int) -> None:
    grid = crop_grid(box, DEGREES, crs, CropSize(width, height))
    assert (grid.crs, grid.shape) == (crs, (height, width))
    # Edges in metres bend between the sampled points, by 1e-4 at most.
    assert same(grid.bounds, bounds_in(box, crs), 1e-4 if crs in METRIC else 1e-9)


@settings(max_examples=40, deadline=None)
@given(boxes, st.sampled_from([*METRIC, *UNEVEN]), st.integers(1, 5000), st.booleans())
def test_one_given_side_preserves_the_proportions(box: Box, crs: str, pixels: int, across: bool) -> None:
    grid = crop_grid(box, DEGREES, crs, CropSize(width=pixels) if across else CropSize(height=pixels))
    assert (grid.width if across else grid.height) == pixels
    wide, high = sides(grid.bounds)
    exact = pixels * (high / wide if across else wide / high)
    assert abs((grid.height if across else grid.width) - exact) <= max(0.5, 1 - exact) + 1e-6


@settings(max_examples=40, deadline=None)
@given(boxes, st.sampled_from(METRIC), st.sampled_from([10.0, 20.0, 60.0, 100.0, 7.5, 333.0]))
def test_pixels_in_metres_are_aligned_to_multiples_of_their_size(box: Box, crs: str, resolution: float) -> None:
    grid = crop_grid(box, DEGREES, crs, CropSize(resolution=resolution))
    a, b, left, d, e, top = tuple(grid.transform)[:6]
    assert (a, b, d, e) == (resolution, 0, 0, -resolution)
    assert left % resolution == 0
    assert top % resolution == 0
    inner = bounds_in(box, crs)
    slack = 1e-4 * max(sides(inner))
    for edge, bound, outward in zip(grid.bounds, inner, (-1, -1, 1, 1), strict=True):
        beyond = outward * (edge - bound)
        assert -slack - 1e-5 * resolution <= beyond <= resolution + slack


@settings(max_examples=40, deadline=None)
@given(boxes, st.sampled_from(UNEVEN), st.floats(5, 500))
def test_the_resolution_is_metres_on_the_ground_in_other_crss(box: Box, crs: str, resolution: float) -> None:
    grid = crop_grid(box, DEGREES, crs, CropSize(resolution=resolution))
    assert same(grid.bounds, bounds_in(box, crs), 1e-9)
    to_degrees = Transformer.from_crs(crs, DEGREES, always_xy=True)
    x, y = grid.centre
    lon, lat = to_degrees.transform([x, x], [y - grid.transform.e / 2, y + grid.transform.e / 2])
    metres = Geod(ellps="WGS84").inv(lon[0], lat[0], lon[1], lat[1])[2]
    rows = sides(grid.bounds)[1] / -grid.transform.e
    assert metres == pytest.approx(resolution, rel=0.006 + 0.6 / rows) or rows == 1  # the sphere, and half a pixel


@settings(max_examples=40, deadline=None)
@given(boxes, st.sampled_from([*METRIC, *UNEVEN]), st.one_of(st.none(), st.integers(1, 4000)))
def test_the_maximum_size_holds_and_pixels_are_never_finer_than_native(
    box: Box, crs: str, max_size: int | None
) -> None:
    grid = crop_grid(box, DEGREES, crs, CropSize(max_size=max_size))
    native = crop_grid(box, DEGREES, crs, CropSize(resolution=10))
    assert max(grid.shape) <= (max_size or 1024)
    if max(native.shape) <= (max_size or 1024):
        assert grid == native
    else:
        assert max(grid.shape) == (max_size or 1024)
        assert grid.resolution >= 0.99 * native.resolution


@settings(max_examples=30, deadline=None)
@given(boxes, st.sampled_from([*METRIC, *UNEVEN]))
def test_the_grid_contains_the_box(box: Box, crs: str) -> None:
    grid = crop_grid(box, DEGREES, crs)
    x, y = np.random.default_rng(1).uniform(box[:2], box[2:], (200, 2)).T
    x, y = Transformer.from_crs(DEGREES, crs, always_xy=True).transform(x, y)
    west, south, east, north = grid.bounds
    slack = 1e-4 * max(sides(grid.bounds))
    assert ((x >= west - slack) & (x <= east + slack) & (y >= south - slack) & (y <= north + slack)).all()


def test_utm_is_the_zone_of_the_centre() -> None:
    assert crop_grid(BOLZANO, DEGREES, "utm").crs == "EPSG:32632"
    assert crop_grid((11.9, 46, 12.3, 46.1), DEGREES, "utm").crs == "EPSG:32633"
    assert crop_grid(FIJI, DEGREES, "utm").crs == "EPSG:32760"
    assert crop_grid((680000, 5140000, 690000, 5150000), "EPSG:32633", "utm").crs == "EPSG:32633"


def test_the_default_crs_is_that_of_the_box() -> None:
    grid = crop_grid(BOLZANO, DEGREES)
    assert (grid.crs, grid.bounds) == (DEGREES, BOLZANO)
    assert grid.shape == (683, 1024)
    metric = crop_grid((680_000, 5_140_000, 683_000, 5_141_000), "EPSG:32632")
    assert (metric.crs, metric.shape, metric.resolution) == ("EPSG:32632", (100, 300), 10)


@pytest.mark.parametrize("crs", [DEGREES, "EPSG:4258", "EPSG:3857", "EPSG:3395", "EPSG:3832", "EPSG:32760", "utm"])
def test_a_grid_across_the_antimeridian_is_as_wide_as_the_box(crs: str) -> None:
    grid = crop_grid(FIJI, DEGREES, crs, CropSize(200, 200))
    area = lonlat_bounds(grid)
    assert area is not None
    west, south, east, north = area
    assert (west, east) == pytest.approx((FIJI[0], FIJI[2]), abs=0.02)
    assert (south, north) == pytest.approx((FIJI[1], FIJI[3]), abs=0.02)


def test_a_grid_may_contain_a_pole() -> None:
    grid = crop_grid((-180, 84, 180, 90), DEGREES, "EPSG:3995", CropSize(100, 100))
    x, y = grid.centre
    assert abs(x) < 1
    assert abs(y) < 1
    west, south, east, north = grid.bounds
    assert west == pytest.approx(-east, abs=1)
    assert south == pytest.approx(-north, abs=1)


@pytest.mark.parametrize(
    ("box", "box_crs", "crs", "parameter"),
    [
        ((11.5, 46.6, 11.2, 46.4), DEGREES, None, "bbox"),
        ((11.2, 46.6, 11.5, 46.4), DEGREES, None, "bbox"),
        ((11.2, 46.4, 11.2, 46.6), DEGREES, None, "bbox"),
        ((11.2, 46.4, 181, 46.6), DEGREES, None, "bbox"),
        ((11.2, 46.4, 11.5, 91), DEGREES, None, "bbox"),
        ((math.nan, 46.4, 11.5, 46.6), DEGREES, None, "bbox"),
        ((11.2, 46.4, math.inf, 46.6), DEGREES, None, "bbox"),
        ((690_000, 5_140_000, 680_000, 5_150_000), "EPSG:32632", None, "bbox"),
        ((1e9, 1e9, 2e9, 2e9), "EPSG:32632", "EPSG:4326", "coord_crs"),
        ((1e9, 1e9, 2e9, 2e9), "EPSG:3035", "utm", "coord_crs"),
        ((-100.0, -50, 100, 50), DEGREES, "EPSG:5514", "dst_crs"),
    ],
)
def test_boxes_outside_the_crs_are_refused(box: Box, box_crs: str, crs: str | None, parameter: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        crop_grid(box, box_crs, crs)
    assert caught.value.parameter == parameter
    assert caught.value.valid


@pytest.mark.parametrize(
    "size", [{"width": 5, "max_size": 5}, {"height": 5, "resolution": 10}, {"max_size": 5, "resolution": 10}]
)
def test_sizes_in_two_ways_are_refused(size: dict[str, int]) -> None:
    with pytest.raises(InvalidInput):
        CropSize(**size)


# Parts of a grid


def test_a_part_has_the_coordinates_of_the_whole() -> None:
    grid = crop_grid(BOLZANO, DEGREES, "EPSG:3035")
    part = grid.part(Window(10, 20, 30, 70))
    assert part.shape == (20, 50)
    assert part.at(0.5, 0.5) == pytest.approx(grid.at(20.5, 10.5), abs=1e-6)
    assert grid.part(Window(0, 0, *grid.shape)) is grid
