"""Coverage fractions of pixels, against exactextract, areas, and shapely pixel by pixel."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from shapely.affinity import rotate, scale, translate
from shapely.geometry.base import BaseGeometry

from scog.geo.coverage import coverage_fractions
from scog.geo.grid import Grid
from tests.doubles.zonal import coverage

LEFT, TOP, PIXEL = 676_000.0, 5_152_000.0, 10.0
GRID = Grid("EPSG:32632", Affine(PIXEL, 0, LEFT, 0, -PIXEL, TOP), 23, 17)


def at(*places: tuple[float, float]) -> shapely.Polygon:
    """A polygon with corners given as columns and rows of the grid."""
    return shapely.Polygon([GRID.at(*place) for place in places])


STAR = at(*((11 + r * math.sin(k * math.pi / 7), 8 - r * math.cos(k * math.pi / 7))
            for k, r in enumerate([7.3, 2.9] * 7)))  # fmt: skip
RING = shapely.Point(GRID.at(9.3, 8.1)).buffer(62).difference(shapely.Point(GRID.at(9.9, 8.4)).buffer(31))
SHAPES: dict[str, BaseGeometry] = {
    "a star": STAR,
    "a hole": RING,
    "a hole in the other direction": shapely.Polygon(RING.exterior.coords[::-1], [RING.interiors[0].coords[::-1]]),
    "an island in a lake": shapely.MultiPolygon([RING, shapely.Point(GRID.at(9.9, 8.4)).buffer(13)]),
    "parts side by side": shapely.MultiPolygon([at((1, 1), (4.5, 1), (4.5, 6)), at((4.5, 1), (9, 1), (9, 6.2))]),
    "on the pixels' edges": at((3, 2), (9, 2), (9, 11), (3, 11)),
    "one pixel": at((3, 2), (4, 2), (4, 3), (3, 3)),
    "within one pixel": at((7.2, 5.3), (7.6, 5.35), (7.4, 5.8)),
    "a sliver": at((1.3, 2.4), (21.7, 13.1), (21.7, 13.1004)),
    "a hair along an edge": at((2, 5), (20, 5), (20, 5.003), (2, 5.003)),
    "beyond every side": at((-5, 8), (11, -9), (40, 8), (11, 30)),
    "around the grid": at((-3, -3), (40, -3), (40, 40), (-3, 40)),
    "to the left": at((-9, 3), (-2, 3), (-2, 9), (-9, 9)),
    "to the right": at((25, 3), (29, 3), (29, 9), (25, 9)),
    "above": at((3, -8), (9, -8), (9, -2)),
    "corners on corners": at((2, 2), (6, 6), (10, 2), (10, 12), (6, 8), (2, 12)),
    "a comb": at((1, 15), *((1 + k / 4, 15 if k % 2 else 1.2) for k in range(70)), (18.4, 16), (1, 16)),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_fractions_agree_with_exactextract(shape: BaseGeometry) -> None:
    assert shape.is_valid
    result = coverage_fractions(GRID, shape)
    assert result.dtype == np.float32
    assert result.shape == GRID.shape
    np.testing.assert_allclose(result, coverage(GRID, shape), atol=2e-6, rtol=0)
    inside = shape.intersection(shapely.box(*GRID.bounds)).area / PIXEL**2
    assert float(result.sum(dtype=np.float64)) == pytest.approx(inside, abs=1e-5)


def test_full_and_empty_pixels_are_exactly_1_and_0() -> None:
    result = coverage_fractions(GRID, SHAPES["on the pixels' edges"])
    expected = np.zeros(GRID.shape)
    expected[2:11, 3:9] = 1
    assert (result == expected).all()
    assert (coverage_fractions(GRID, SHAPES["around the grid"]) == 1).all()
    assert not coverage_fractions(GRID, SHAPES["to the right"]).any()
    assert not coverage_fractions(GRID, shapely.Polygon()).any()


def test_fractions_on_a_rotated_grid_equal_shapely() -> None:
    turned = Grid(GRID.crs, Affine(9.5, -2.5, LEFT, -3.0, -9.0, TOP), 23, 17)
    shape = translate(STAR, 0, -20)
    result = coverage_fractions(turned, shape)
    assert result.any()
    for row, col in np.ndindex(turned.shape):
        pixel = shapely.Polygon([turned.at(col + x, row + y) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))])
        assert result[row, col] == pytest.approx(shape.intersection(pixel).area / pixel.area, abs=1e-6)


def test_many_edges_are_processed_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = coverage_fractions(GRID, SHAPES["a comb"])
    for crossings in (1, 7, 100):
        monkeypatch.setattr("scog.geo.coverage.MAX_PIECES", crossings)
        np.testing.assert_allclose(coverage_fractions(GRID, SHAPES["a comb"]), whole, atol=1e-7)


coordinates = st.floats(-8, 30, allow_nan=False)


@st.composite
def polygons(draw: Any) -> BaseGeometry:
    """Stars of any proportions, inside and outside the grid, some with a hole, some with two parts."""
    corners = draw(st.integers(3, 12))
    radii = draw(st.lists(st.floats(0.01, 1), min_size=corners, max_size=corners))
    turns = [2 * math.pi * k / corners for k in range(corners)]
    unit = shapely.Polygon([(r * math.cos(t), r * math.sin(t)) for r, t in zip(radii, turns, strict=True)])
    if draw(st.booleans()):
        unit = unit.difference(scale(unit, 0.5, 0.5, origin=(0, 0)))
    size = draw(st.floats(0.001, 200)), draw(st.floats(0.001, 200))
    placed = translate(rotate(scale(unit, *size, origin=(0, 0)), draw(st.floats(0, 360)), origin=(0, 0)),
                       *GRID.at(draw(coordinates), draw(coordinates)))  # fmt: skip
    return placed if placed.is_valid and placed.geom_type in ("Polygon", "MultiPolygon") else STAR


@given(polygons())
def test_fractions_sum_to_the_area_of_any_polygon(shape: BaseGeometry) -> None:
    result = coverage_fractions(GRID, shape)
    assert (result >= 0).all()
    assert (result <= 1).all()
    inside = shape.intersection(shapely.box(*GRID.bounds)).area / PIXEL**2
    assert float(result.sum(dtype=np.float64)) == pytest.approx(inside, abs=1e-5)


@given(polygons(), polygons())
def test_fractions_of_disjoint_parts_add_up(one: BaseGeometry, other: BaseGeometry) -> None:
    rest = other.difference(one)
    together = shapely.union(one, other)
    np.testing.assert_allclose(
        coverage_fractions(GRID, one) + coverage_fractions(GRID, rest), coverage_fractions(GRID, together), atol=1e-5
    )
