"""Valid and invalid polygons as users have them: the intended area by shapely, and messages about repairs."""

from __future__ import annotations

import math
import time
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import example, given
from hypothesis import strategies as st

from scog.errors import InvalidInput
from scog.geo.polygon_repair import valid_polygons
from scog.imaging.clip import parse_clip_area

X, Y = 11.3, 46.5
UNIT = 0.001


def ring(*places: tuple[float, float], at: float = 0.0) -> list[list[float]]:
    """Positions of a ring, in units of 0.001 degrees from a fixed point."""
    return [[X + (x + at) * UNIT, Y + y * UNIT] for x, y in places]


def square(at: float = 0.0, side: float = 1.0) -> list[list[float]]:
    return ring((0, 0), (side, 0), (side, side), (0, side), (0, 0), at=at)


def polygon(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


def several(*polygons: Any) -> dict[str, Any]:
    return {"type": "MultiPolygon", "coordinates": list(polygons)}


LINE = {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}
HEIGHT = [[*position, 310.5] for position in square()]
USUAL: dict[str, tuple[dict[str, Any], float, str | None]] = {
    "a square": (polygon(square()), 1, None),
    "clockwise": (polygon(square()[::-1]), 1, None),
    "with heights": (polygon(HEIGHT), 1, None),
    "with heights and measures": (polygon([[*position, 7] for position in HEIGHT]), 1, None),
    "positions twice": (polygon([position for position in square() for _ in "ab"]), 1, None),
    "unclosed": (polygon(square()[:-1]), 1, "closed ring 0"),
    "an unclosed hole": (polygon(square(side=4), ring((1, 1), (2, 1), (2, 2), (1, 2))), 15, "closed ring 1"),
    "parts that share an edge": (several([square()], [square(at=1)]), 2, "Self-intersection"),
    "parts that overlap": (several([square()], [square(at=0.5)]), 1.5, "count once"),
    "a part within another": (several([square(side=4)], [ring((1, 1), (2, 1), (2, 2), (1, 2), (1, 1))]), 16, "Nested"),
    "the same part twice": (several([square()], [square()]), 1, "count once"),
    "an empty part": (several([square()], []), 1, None),
    "a pinched ring": (polygon(ring((0, 0), (2, 0), (1, 1), (2, 2), (0, 2), (1, 1), (0, 0))), 2, "Ring Self"),
    "a spike": (polygon(ring((0, 0), (1, 0), (3, 0), (1, 0), (1, 1), (0, 1), (0, 0))), 1, "made valid"),
    "a bow tie": (polygon(ring((0, 0), (2, 2), (2, 0), (0, 2), (0, 0))), 2, "Self-intersection"),
    "a hole outside": (polygon(square(), square(at=3)), 2, "Hole lies outside"),
    "a hole over the edge": (polygon(square(side=2), square(at=1.5)), 3.5, "Self-intersection"),
    "holes that overlap": (polygon(square(side=4), square(side=2), square(side=1)), 12, "made valid"),
    "a hole of two positions": (polygon(square(), ring((0, 0), (1, 1), (0, 0))), 1, "ignored ring 1"),
    "a collection": ({"type": "GeometryCollection", "geometries": [polygon(square())]}, 1, None),
    "a collection with lines": ({"type": "GeometryCollection", "geometries": [LINE, polygon(square())]}, 1, "lines"),
    "collections within": ({"type": "GeometryCollection", "geometries": [
        {"type": "GeometryCollection", "geometries": [polygon(square()), polygon(square(at=5))]}]}, 2, None),
}  # fmt: skip


@pytest.mark.parametrize(("geometry", "area", "repair"), USUAL.values(), ids=USUAL)
def test_polygons_have_the_intended_area(geometry: dict[str, Any], area: float, repair: str | None) -> None:
    result = valid_polygons(geometry, "geometry")
    assert result.shape.is_valid
    assert result.shape.geom_type in ("Polygon", "MultiPolygon")
    assert not result.shape.has_z
    assert result.shape.area == pytest.approx(area * UNIT**2, rel=1e-6)
    assert result.repaired is None if repair is None else repair in (result.repaired or "")


@pytest.mark.parametrize(("geometry", "area", "repair"), USUAL.values(), ids=USUAL)
def test_clip_areas_have_the_intended_area(geometry: dict[str, Any], area: float, repair: str | None) -> None:
    feature = {"type": "Feature", "properties": {}, "geometry": geometry}
    for document in (geometry, feature, {"type": "FeatureCollection", "features": [feature, feature]}):
        result = parse_clip_area(None, document)
        assert result is not None
        assert shapely.geometry.shape(result.geometry).area == pytest.approx(area * UNIT**2, rel=1e-6)
        across, up = math.cos(math.radians(Y)) * 111_320, 111_180
        assert result.square_metres == pytest.approx(area * UNIT**2 * across * up, rel=5e-3)


OVER = [[179.9, -17], [180.1, -17], [180.1, -16.9], [179.9, -16.9], [179.9, -17]]


@pytest.mark.parametrize(("turn", "jumps"), [(-360, False), (0, False), (0, True)])
def test_longitudes_wrap(turn: int, jumps: bool) -> None:
    places = [[(x + 180) % 360 - 180 if jumps else x, y] for x, y in OVER]
    hole = [[180.0, -16.98], [180.05, -16.98], [180.05, -16.95], [180.0, -16.98]]
    result = valid_polygons(polygon([[x + turn, y] for x, y in places], hole), "geometry").shape
    assert result.bounds == pytest.approx((-180, -17, 180, -16.9))
    assert result.area == pytest.approx(0.02 - 0.05 * 0.03 / 2)
    parts = sorted(shapely.get_parts(result), key=lambda part: part.bounds[0])
    assert [part.bounds[0::2] for part in parts] == [pytest.approx((-180, -179.9)), pytest.approx((179.9, 180))]


def test_the_whole_earth_does_not_cross_the_antimeridian() -> None:
    box = [[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]
    assert valid_polygons(polygon(box), "area").shape.area == 360 * 180


def is_enclosed(point: shapely.Point, closed: list[list[float]]) -> bool:
    """Whether a ray to the east crosses an odd number of edges; a ring that retraces its edges encloses nothing."""
    crossings = 0
    for (x1, y1), (x2, y2) in pairwise(closed):
        if (y1 > point.y) != (y2 > point.y):
            crossings += point.x < x1 + (point.y - y1) / (y2 - y1) * (x2 - x1)
    return crossings % 2 == 1


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=4, max_size=12), st.booleans())
@example([(0, 1), (1, 0), (0, 0), (1, 0), (0, 1), (0, 0)], False)
def test_any_outline_is_repaired_or_refused(places: list[tuple[int, int]], close: bool) -> None:
    outline = ring(*places, *places[:1]) if close else ring(*places)
    try:
        result = valid_polygons(polygon(outline), "geometry")
    except InvalidInput:
        closed = ring(*places, *places[:1])
        faces = shapely.polygonize([shapely.node(shapely.LineString(closed))])
        assert not any(is_enclosed(face.representative_point(), closed) for face in shapely.get_parts(faces))
        return
    assert result.shape.is_valid
    hull = shapely.MultiPoint(outline).convex_hull
    assert 0 < result.shape.area <= hull.area * (1 + 1e-9)


def test_the_effort_of_a_repair_is_bounded() -> None:
    """Ten thousand edges that all cross each other would take GEOS minutes and gigabytes."""
    angle = np.arange(10_000) * 2.399963
    star = [[X + math.cos(a), Y + math.sin(a)] for a in angle * 1.3]
    since = time.perf_counter()
    with pytest.raises(InvalidInput, match="too often"):
        valid_polygons(polygon(star), "geometry")
    assert time.perf_counter() - since < 10


def test_a_long_outline_with_one_crossing_is_repaired() -> None:
    turns = np.linspace(0, 2 * np.pi, 9_000, endpoint=False)
    wavy = [[X + (1 + 0.05 * math.sin(60 * t)) * math.cos(t), Y + (1 + 0.05 * math.sin(60 * t)) * math.sin(t)]
            for t in turns]  # fmt: skip
    wavy[100], wavy[110] = wavy[110], wavy[100]
    result = valid_polygons(polygon(wavy), "geometry")
    assert "made valid" in (result.repaired or "")
    assert result.shape.area == pytest.approx(math.pi * (1 + 0.05**2 / 2), rel=1e-3)
