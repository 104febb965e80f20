"""Footprints as catalogues write them, beyond 180 degrees and around the world, compared with shapely."""

from __future__ import annotations

from typing import Any

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from scog.geo.antimeridian import split_longitude_range
from scog.geo.footprint import Footprints
from scog.geo.geojson import item_shape, polygons_shape
from scog.geo.outline import Ring, continuous_ring, longitude_range, outline_of


def box(west: float, south: float, east: float, north: float) -> Ring:
    return ((west, south), (east, south), (east, north), (west, north), (west, south))


def polygon(*rings: Ring) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[list(corner) for corner in ring] for ring in rings]}


def dense(west: float, east: float, south: float, north: float, step: float = 10.0) -> Ring:
    """A box with additional corners along its sides, and longitudes from -180 to 180."""
    count = round((east - west) / step)
    lons = [west + number * (east - west) / count for number in range(count + 1)]
    wrapped = [lon if lon <= 180 else lon - 360 for lon in lons]
    ring = [(lon, south) for lon in wrapped] + [(lon, north) for lon in reversed(wrapped)]
    return (*ring, ring[0])


WORLD = [(11, 46), (-100, 46), (179.9, 46), (-179.9, 46)]
CASES: list[tuple[str, dict[str, Any], list[tuple[float, float]], list[tuple[float, float]]]] = [
    # geometry and bbox, places inside, places outside
    ("global", {"geometry": polygon(box(-180, -90, 180, 90))}, WORLD, []),
    ("half a pixel more", {"geometry": polygon(box(-180.125, -90.125, 180.125, 90.125))}, WORLD, []),
    ("half a pixel less", {"geometry": polygon(box(-179.95, -89.95, 179.95, 89.95))}, WORLD, [(180, 46)]),
    ("global, 0..360", {"geometry": polygon(box(0, -90, 360, 90))}, WORLD, []),
    ("global, in steps", {"geometry": polygon(dense(-180, 180, -80, 80))}, WORLD, [(0, 85)]),
    ("two halves", {"geometry": {"type": "MultiPolygon", "coordinates": [
        polygon(box(-180, -90, 0, 90))["coordinates"], polygon(box(0, -90, 180, 90))["coordinates"]]}}, WORLD, []),
    ("wide", {"geometry": polygon(box(-100, -60, 100, 60))}, [(0, 0), (-99, 0), (99, 0)], [(180, 0), (101, 0)]),
    ("wide, in steps", {"geometry": polygon(dense(-150, 150, -60, 60))}, [(0, 0), (149, 0)], [(180, 0)]),
    ("0..360", {"geometry": polygon(box(255, 40, 265, 50))}, [(-100, 45)], [(100, 45), (-106, 45)]),
    ("-360..0", {"geometry": polygon(box(-265, 40, -255, 50))}, [(100, 45)], [(-100, 45)]),
    ("on beyond 180", {"geometry": polygon(box(170, 40, 190, 50))}, [(175, 45), (-175, 45)], [(0, 45), (-169, 45)]),
    ("on beyond -180", {"geometry": polygon(box(-200, 0, -160, 9))}, [(165, 5), (-165, 5)], [(0, 5), (159, 5)]),
    ("a jump", {"geometry": polygon(box(179, 50, -179, 51))}, [(179.5, 50.5), (-179.5, 50.5)], [(0, 50.5)]),
    ("a jump, in steps", {"geometry": polygon(dense(150, 210, -60, 60))}, [(179, 0), (-151, 0)], [(0, 0), (149, 0)]),
    ("a wide jump by the bbox", {"geometry": polygon(box(100, -60, -100, 60)), "bbox": [100, -60, -100, 60]},
     [(180, 0), (-101, 0)], [(0, 0)]),
    ("the bbox alone", {"geometry": None, "bbox": [179, -18, -179, -16]}, [(180, -17), (-179.5, -17)], [(0, -17)]),
    ("of six numbers", {"geometry": None, "bbox": [11, 46, -20, 12, 47, 3000]}, [(11.5, 46.5)], [(11.5, 45)]),
    ("a wrong bbox", {"geometry": polygon(box(11, 46, 12, 47)), "bbox": [20, 46, 21, 47]}, [(11.5, 46.5)],
     [(20.5, 46.5)]),
    ("around a pole", {"geometry": polygon(((0, 70), (90, 75), (180, 70), (-90, 75), (0, 70)))},
     [(10, 80), (-45, 89), (180, 71)], [(45, 60), (180, 69)]),
    ("around the other", {"geometry": polygon(((0, -70), (-90, -75), (180, -70), (90, -75), (0, -70)))},
     [(10, -80), (-45, -89)], [(45, -60), (10, 80)]),
    ("a hole beyond 180", {"geometry": polygon(box(170, 40, 190, 50), box(-179, 44, -175, 46))},
     [(171, 45), (-171, 45)], [(-177, 45)]),
    ("a collection", {"geometry": {"type": "GeometryCollection", "geometries": [
        {"type": "Point", "coordinates": [0, 0]}, polygon(box(11, 46, 12, 47))]}}, [(11.5, 46.5)], [(0, 0)]),
]  # fmt: skip


@pytest.mark.parametrize(("item", "within", "outside"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_tiles_boxes_and_shapes_agree(
    item: dict[str, Any], within: list[tuple[float, float]], outside: list[tuple[float, float]]
) -> None:
    """Tiles use footprints, the archive's index boxes, and `/stac` shapes: all three give the same matches."""
    outline = outline_of(item)
    rings = [rings[0] for rings in outline.polygons]
    spans, shape = split_longitude_range(*longitude_range(rings)), item_shape(item)
    assert shape is not None
    assert shape.bounds[0] >= -180
    assert shape.bounds[2] <= 180
    for (lon, lat), expected in [*((place, True) for place in within), *((place, False) for place in outside)]:
        assert shape.intersects(shapely.Point(lon, lat)) == expected, (lon, lat)
        assert not expected or any(west <= lon <= east for west, east in spans)
        if all(len(rings) == 1 for rings in outline.polygons):  # footprints have no holes
            around = (lon - 1e-6, lat - 1e-6, lon + 1e-6, lat + 1e-6) if abs(lon) < 180 else (lon, lat, lon, lat)
            assert Footprints([rings]).touching(around).tolist() == [expected], (lon, lat)


REFUSED: list[Any] = [
    None, "POLYGON EMPTY", {}, {"type": "Polygon"}, {"type": "Polygon", "coordinates": None},
    polygon(), polygon(()), polygon(((0, 0), (1, 1), (0, 0))), polygon(box(500000, 5100000, 600000, 5200000)),
    polygon(box(0, 80, 10, 95)), {"type": "Point", "coordinates": [1, 1]}, {"type": "GeometryCollection"},
    {"type": "MultiPolygon", "coordinates": [[]]}, polygon(box(float("nan"), 0, 1, 1)), polygon(box(10**400, 0, 1, 1)),
]  # fmt: skip


@pytest.mark.parametrize("bbox", [None, [], [1, 2], [0, 0, 0, 0], [0, 5, 1, 5], ["0", 0, 1, 1], [0, 0, None, 1], {}])
@pytest.mark.parametrize("geometry", REFUSED, ids=lambda geometry: str(geometry)[:40])
def test_refused_with_a_reason(geometry: Any, bbox: Any) -> None:
    with pytest.raises(ValueError, match=r"\w") as refused:
        outline_of({"geometry": geometry, "bbox": bbox})
    assert len(str(refused.value)) < 80


lons, widths = st.floats(-180, 179.99), st.floats(0.01, 179)
lats = st.tuples(st.floats(-85, 84), st.floats(0.5, 10)).map(lambda two: (two[0], min(two[0] + two[1], 89)))


@given(west=lons, width=widths, lat=lats, turn=st.sampled_from([-360.0, 0.0, 360.0]))
def test_longitudes_wrap(west: float, width: float, lat: tuple[float, float], turn: float) -> None:
    """A box below half of the world stays the same beyond 180 degrees or shifted by 360 degrees."""
    plain, turned = (continuous_ring(box(west + by, lat[0], west + by + width, lat[1])) for by in (0.0, turn))
    assert longitude_range([plain]) == pytest.approx(longitude_range([turned]), abs=1e-9)
    one, other = polygons_shape([(plain,)]), polygons_shape([(turned,)])
    assert one is not None
    assert other is not None
    assert shapely.area(shapely.symmetric_difference(one, other)) < 1e-6


@given(st.lists(st.tuples(lons, st.floats(0.01, 200)), min_size=1, max_size=6))
def test_the_narrowest_arc(spans: list[tuple[float, float]]) -> None:
    """It contains all spans and excludes the widest gap."""
    rings = [box(west, 0, west + width, 1) for west, width in spans]
    west, east = longitude_range(rings)
    assert -180 <= west <= 180
    assert 0 <= east - west <= 360
    for lon in range(-180, 180):
        inside = any((lon - start) % 360 <= width for start, width in spans)
        assert not inside or (lon - west) % 360 <= east - west + 1e-9 or (west - lon) % 360 < 1e-9
    starts = [start % 360 for start, _ in spans]
    gaps = [
        min(((other - start - width) % 360 for other in starts), default=0)
        for start, width in spans
        if not any(0 < (start + width + 1e-7 - other) % 360 <= wide for other, wide in spans)
    ]
    assert 360 - (east - west) == pytest.approx(max(gaps, default=0), abs=1e-5)
