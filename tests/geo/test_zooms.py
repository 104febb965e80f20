"""Zooms of rasters, against GDAL's suggested output."""

from __future__ import annotations

import warnings

import morecantile
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.warp import calculate_default_transform

from scog.geo.grid import Grid, tile_matrix_set_crs
from scog.geo.zooms import zoom_range

TMS = ("WebMercatorQuad", "WorldCRS84Quad", "EuropeanETRS89_LAEAQuad", "UTM31WGS84Quad")


def of_gdal(tms: str, grid: Grid) -> tuple[float, float]:
    """Pixel size of the raster in the set's CRS, and of a tile that contains it."""
    west, south, east, north = grid.bounds
    if grid.crs == "EPSG:4326":
        south, north = max(south, -85.05), min(north, 85.05)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        transform, width, height = calculate_default_transform(
            grid.crs, tile_matrix_set_crs(tms), grid.width, grid.height, west, south, east, north
        )
    return transform.a, transform.a * max(width, height) / 256


def near(tms: str, zoom: int, pixel: float, strategy: str = "auto") -> bool:
    """Whether a zoom is that of a pixel size within 3 %, since the choice has thresholds."""
    tiles = morecantile.tms.get(tms)
    return zoom in {tiles.zoom_for_res(pixel * factor, zoom_level_strategy=strategy) for factor in (0.97, 1.0, 1.03)}


@pytest.mark.parametrize("tms", TMS)
@given(
    st.floats(0.05, 120),
    st.integers(200, 12_000),
    st.integers(200, 12_000),
    st.floats(300_000, 600_000),
    st.floats(4_000_000, 6_000_000),
)
def test_zooms_of_a_raster_in_utm_equal_gdals(
    tms: str, pixel: float, width: int, height: int, left: float, top: float
) -> None:
    grid = Grid("EPSG:32631", Affine(pixel, 0, left, 0, -pixel, top), width, height)
    if max(width, height) * pixel > 200_000:
        return
    result = zoom_range(tms, grid)
    assert result is not None
    pixel_size, fits = of_gdal(tms, grid)
    assert near(tms, result[1], pixel_size)
    assert result[0] == result[1] or near(tms, result[0], fits, "lower")
    assert result[0] <= result[1]


@pytest.mark.parametrize(
    ("grid", "zooms"),
    [
        (Grid("EPSG:32632", Affine(0.5, 0, 600_000, 0, -0.5, 5_100_000), 600, 600), (16, 18)),
        (Grid("EPSG:4326", Affine(1, 0, -180, 0, -1, 90), 360, 180), (0, 0)),
        (Grid("EPSG:4326", Affine(0.01, 0, -180, 0, -0.01, 90), 36_000, 18_000), (0, 7)),
        (Grid("EPSG:32631", Affine(10, 0, 500_000, 0, -10, 0), 10_980, 10_980), (8, 14)),
        (Grid("EPSG:3857", Affine(9.554628535647032, 0, 0, 0, -9.554628535647032, 0), 256, 256), (14, 14)),
    ],
)
def test_typical_rasters_have_the_expected_zooms(grid: Grid, zooms: tuple[int, int]) -> None:
    assert zoom_range("WebMercatorQuad", grid) == zooms


def test_rasters_outside_the_crs_have_no_zooms() -> None:
    beyond = Grid("EPSG:4326", Affine(0.1, 0, 0, 0, -0.1, 89.9), 10, 10)
    assert zoom_range("WebMercatorQuad", beyond) is None
