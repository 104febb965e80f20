"""Areas of pixels on the ellipsoid, against geodesic polygons around them."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from affine import Affine
from pyproj import Geod, Transformer
from shapely.geometry.polygon import orient

from scog.geo.coverage import coverage_fractions
from scog.geo.ellipsoid import pixel_areas
from scog.geo.grid import Grid
from scog.geo.native_grid import native_grid

GEOD = Geod(ellps="WGS84")


def geodesic(grid: Grid, row: int, col: int, steps: int = 9) -> float:
    """Area of one pixel in square metres, from geodesics between points along its edges."""
    along = np.linspace(0, 1, steps)[:-1]
    zero, one = np.zeros(steps - 1), np.ones(steps - 1)
    x, y = grid.at(
        col + np.concatenate((along, one, 1 - along, zero)), row + np.concatenate((zero, along, one, 1 - along))
    )
    lon, lat = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True).transform(x, y)
    return abs(GEOD.polygon_area_perimeter(lon, lat)[0])


GRIDS = {
    "a field in the middle of a zone": Grid("EPSG:32632", Affine(10, 0, 499_000, 0, -10, 5_150_000), 200, 180),
    "the edge of a zone, at the equator": Grid("EPSG:32632", Affine(10, 0, 166_000, 0, -10, 50_000), 150, 100),
    "a large one": Grid("EPSG:32733", Affine(1000, 0, 100_000, 0, -1000, 7_000_000), 800, 900),
    "a pole": Grid("EPSG:5041", Affine(1000, 0, 1_700_000, 0, -1000, 2_300_000), 600, 600),
    "feet": Grid("EPSG:2263", Affine(100, 0, 950_000, 0, -100, 250_000), 300, 300),
    "an equal-area map": Grid("EPSG:3035", Affine(5000, 0, 4_000_000, 0, -5000, 3_500_000), 200, 100),
}


@pytest.mark.parametrize("name", GRIDS)
def test_pixel_areas_equal_geodesic_polygons(name: str) -> None:
    grid = GRIDS[name]
    areas = pixel_areas(grid)
    assert areas.shape == grid.shape
    for row in (0, grid.height // 3, grid.height - 1):
        for col in (0, grid.width // 2, grid.width - 1):
            assert areas[row, col] == pytest.approx(geodesic(grid, row, col), rel=3e-6)


@pytest.mark.parametrize(
    "shape",
    [
        shapely.Polygon([(11.3, 46.5), (11.33, 46.51), (11.32, 46.53), (11.29, 46.52)]),
        shapely.box(5.9, 46.4, 6.9, 47.1),
        shapely.box(11.3, 78.1, 11.5, 78.2),
        shapely.box(20, 85, 60, 85.4),
        shapely.box(29.9, -0.2, 30.1, 0.1),
        shapely.Polygon([(11.0, 46), (12.5, 46), (12.5, 47), (11, 47)], [[(11.2, 46.2), (12, 46.2), (12, 46.8)]]),
    ],
)
def test_weighted_pixel_areas_sum_to_the_area_of_a_polygon(shape: shapely.Polygon) -> None:
    result = native_grid(shape, 10, 200_000)
    area = float((coverage_fractions(result.grid, result.shape) * pixel_areas(result.grid)).sum())
    true = GEOD.geometry_area_perimeter(orient(shapely.segmentize(shape, 0.01)))[0]
    assert area == pytest.approx(true, rel=1e-5)
    flat = float(coverage_fractions(result.grid, result.shape).sum(dtype=np.float64)) * result.grid.resolution**2
    assert abs(flat / true - 1) > 10 * abs(area / true - 1), "the projection's own are worse"
