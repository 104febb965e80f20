"""Choice of the overview level: the coarsest that is not coarser than one target pixel."""

from __future__ import annotations

import math

import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer

from scog.geo.grid import Grid, point_grid, tile_grid
from scog.geo.overview_level import choose_level, target_pixel_size

# A 10 m band of Sentinel-2: 10980 pixels halved four times, each time rounded up.
SIZES = (10980, 5490, 2745, 1373, 687)
RESOLUTIONS = tuple(109800 / size for size in SIZES)
CENTRE = (654900.0, 5145120.0)


@pytest.mark.parametrize(
    ("target", "level"),
    [
        (1, 0), (9.999, 0), (10, 0), (10.001, 0), (19, 0), (19.999, 0),
        (20, 1), (20.001, 1), (21, 1), (39.999, 1),
        (40, 2), (40.001, 2), (79.96, 2), (79.97, 2),  # 109800 / 1373 = 79.9709
        (79.971, 3), (80, 3), (159.8, 3), (159.82, 3),  # 109800 / 687 = 159.8253
        (159.826, 4), (160, 4), (5000, 4), (math.inf, 4),
    ],
)  # fmt: skip
def test_the_level_changes_at_each_overview_resolution(target: float, level: int) -> None:
    assert choose_level(RESOLUTIONS, target) == level


@pytest.mark.parametrize("level", range(5))
def test_a_target_with_the_resolution_of_a_level_uses_it(level: int) -> None:
    assert choose_level(RESOLUTIONS, RESOLUTIONS[level]) == level
    if level:
        assert choose_level(RESOLUTIONS, RESOLUTIONS[level] * (1 - 1e-7)) == level - 1
    # The native grid of a level uses that level, even if its resolution is not a round number.
    pixel = RESOLUTIONS[level]
    grid = Grid("EPSG:32632", Affine(pixel, 0, 600000, 0, -pixel, 5200020), SIZES[level], SIZES[level])
    assert choose_level(RESOLUTIONS, target_pixel_size(grid, "EPSG:32632", CENTRE)) == level


@given(st.lists(st.floats(0.1, 1e5), min_size=1, max_size=8, unique=True).map(sorted), st.floats(0.01, 1e6))
def test_the_level_is_the_coarsest_that_is_not_coarser_than_the_target(resolutions: list[float], target: float) -> None:
    level = choose_level(resolutions, target)
    fitting = [resolution for resolution in resolutions if resolution <= target]
    if not fitting:
        assert level == 0 or resolutions[level] <= target * (1 + 1e-8)
    else:
        assert max(fitting) <= resolutions[level] <= target * (1 + 1e-8)


def test_levels_may_be_in_any_order() -> None:
    # GDAL lists overviews as the file does, which need not be by size.
    assert choose_level((10, 40, 20), 25) == 2
    assert choose_level((10, 40, 20), 45) == 1


@pytest.mark.parametrize("z", range(5, 18))
@pytest.mark.parametrize(("crs", "centre"), [("EPSG:32632", CENTRE), ("EPSG:32755", (554880.0, 5245120.0))])
def test_the_extent_of_a_tile_pixel_scales_with_the_cosine_of_latitude(
    z: int, crs: str, centre: tuple[float, float]
) -> None:
    _, lat = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(*centre)
    expected = 2 * math.pi * 6378137 / 2**z / 256 * math.cos(math.radians(lat))
    assert target_pixel_size(tile_grid(z, 0, 0), crs, centre) == pytest.approx(expected, rel=0.006)  # a sphere's cosine


@pytest.mark.parametrize("z", range(5, 18))
def test_the_level_is_the_same_for_all_tiles_of_a_source(z: int) -> None:
    everywhere = {
        target_pixel_size(tile_grid(z, x, y), "EPSG:32632", CENTRE)
        for x in (0, 1, 2**z // 3, 2**z // 2, 2**z - 1)
        for y in (0, 2**z // 3, 2**z - 1)
    }
    assert len(everywhere) == 1
    assert everywhere == {target_pixel_size(tile_grid(z - 1, 0, 0, 512), "EPSG:32632", CENTRE)}


def test_the_shorter_side_of_a_pixel_decides() -> None:
    wide = Grid("EPSG:32632", Affine(300, 0, 600000, 0, -15, 5200020), 10, 10)
    assert target_pixel_size(wide, "EPSG:32632", CENTRE) == pytest.approx(15)
    turned = Grid("EPSG:32632", Affine(0, 25, 600000, 40, 0, 5200020), 10, 10)
    assert target_pixel_size(turned, "EPSG:32632", CENTRE) == pytest.approx(25)


def test_a_point_is_read_at_level_0() -> None:
    assert choose_level(RESOLUTIONS, target_pixel_size(point_grid(11.0, 46.4), "EPSG:32632", CENTRE)) == 0


def test_a_source_without_coordinates_in_the_targets_crs_is_read_at_the_coarsest_level() -> None:
    # The other side of the Earth has no coordinates in a gnomonic projection.
    grid = Grid("+proj=gnom +lat_0=-46 +lon_0=-169", Affine(10, 0, 0, 0, -10, 0), 10, 10)
    assert choose_level(RESOLUTIONS, target_pixel_size(grid, "EPSG:32632", CENTRE)) == 4
