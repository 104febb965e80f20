"""Fields: from GeoJSON to shapes, and what is refused with a reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from scog.errors import InvalidInput
from scog.products.areas.area_of_interest import AreasOfInterest, parse_fields, point

SQUARE = [[11.3, 46.5], [11.4, 46.5], [11.4, 46.6], [11.3, 46.6], [11.3, 46.5]]
HOLE = [[11.32, 46.52], [11.33, 46.52], [11.33, 46.53], [11.32, 46.52]]
FIELD = {"type": "Polygon", "coordinates": [SQUARE, HOLE]}


def parsed(document: object, most: int = 10, corners: int = 1000) -> AreasOfInterest:
    return parse_fields(document, most, corners)


def feature(geometry: object, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def collection(*features: object) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)}


def test_a_polygon_with_a_hole() -> None:
    found = parsed(FIELD)
    assert not found.collected
    (field,) = found.fields
    assert not field.is_point
    assert field.feature is None
    assert field.geometry == FIELD
    assert field.shape.equals(shapely.Polygon(SQUARE, [HOLE]))


def test_a_point_with_a_height_and_a_feature() -> None:
    (field,) = parsed(feature({"type": "Point", "coordinates": [11.3, 46.5, 300]}, name="A")).fields
    assert field.is_point
    assert field.shape.equals_exact(shapely.Point(11.3, 46.5))
    assert not field.shape.has_z
    assert field.geometry["coordinates"] == [11.3, 46.5, 300]
    assert point(11.3, 46.5).shape == field.shape


def test_a_collection_keeps_its_features() -> None:
    first = feature(FIELD, name="A") | {"id": 7}
    found = parsed(collection(first, feature({"type": "Point", "coordinates": [11.3, 46.5]}) | {"properties": None}))
    assert found.collected
    assert [field.is_point for field in found.fields] == [False, True]
    assert found.fields[0].feature == first
    assert found.fields[1].feature is not None


def test_a_multipolygon_over_the_antimeridian() -> None:
    parts = [[[[179.9, -17], [180, -17], [180, -16.9], [179.9, -17]]],
             [[[-180, -17], [-179.9, -17], [-180, -16.9], [-180, -17]]]]  # fmt: skip
    (field,) = parsed({"type": "MultiPolygon", "coordinates": parts}).fields
    assert len(shapely.get_parts(field.shape)) == 2


def test_a_polygon_that_jumps_over_the_antimeridian_is_cut_there() -> None:
    ring = [[179.9, -17], [-179.9, -17], [-179.9, -16.9], [179.9, -16.9], [179.9, -17]]
    (field,) = parsed({"type": "Polygon", "coordinates": [ring]}).fields
    assert field.shape.area == pytest.approx(0.2 * 0.1)
    assert field.shape.bounds == (-180, -17, 180, -16.9)
    assert field.geometry["coordinates"] == [ring]


def broken(**changes: Any) -> dict[str, Any]:
    return FIELD | changes


REFUSED = {
    "no object": (7, "body", "no GeoJSON object"),
    "null": (None, "body", "no GeoJSON object"),
    "no type": ({}, "geometry", "not a Polygon"),
    "a line": ({"type": "LineString", "coordinates": SQUARE}, "geometry", "a LineString has no area"),
    "several points": ({"type": "MultiPoint", "coordinates": SQUARE}, "geometry", "a MultiPoint has no area"),
    "a collection of points": ({"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1, 2]}]},
                               "geometry", "no polygon with an area"),
    "an empty collection of geometries": ({"type": "GeometryCollection", "geometries": []}, "geometry", "is empty"),
    "no coordinates": ({"type": "Polygon"}, "geometry", "not a list of rings"),
    "an empty polygon": (broken(coordinates=[]), "geometry", "is empty"),
    "an empty multipolygon": (broken(type="MultiPolygon", coordinates=[]), "geometry", "is empty"),
    "an empty outline": (broken(coordinates=[[]]), "geometry", "ring 0, which has fewer than three"),
    "two positions": (broken(coordinates=[[[0, 0], [1, 0], [0, 0]]]), "geometry", "fewer than three different"),
    "a line as a polygon": (broken(coordinates=[[[0, 0], [1, 1], [0, 0], [0, 0]]]), "geometry", "fewer than three"),
    "no extent": (broken(coordinates=[[[0, 0], [1, 1], [2, 2], [0, 0]]]), "geometry", "no extent"),
    "off the Earth": (broken(coordinates=[[[0, 0], [600, 0], [1, 1], [0, 0]]]), "geometry", "ring 0 .*not on the"),
    "in metres": (broken(coordinates=[SQUARE, [[6e5, 5e6], [7e5, 5e6], [7e5, 6e6], [6e5, 5e6]]]), "geometry",
                  "in ring 1 .*projected"),
    "latitude first": (broken(coordinates=[[[46, 111], [47, 111], [47, 112], [46, 111]]]), "geometry", "swapped"),
    "in metres, of a part": (
        broken(type="MultiPolygon", coordinates=[[SQUARE], [[[6e5, 5e6], [7e5, 5e6], [7e5, 6e6]]]]), "geometry",
        "in ring 0 of part 1"),
    "no numbers": (broken(coordinates=[[["a", "b"], [1, 0], [1, 1], ["a", "b"]]]), "geometry", "finite numbers"),
    "too large numbers": (broken(coordinates=[[[1e400, 0], [1, 0], [1, 1], [1e400, 0]]]), "geometry", "finite"),
    "nested deeper": (broken(coordinates=[[[[0, 0]], [[1, 0]], [[1, 1]], [[0, 0]]]]), "geometry", "finite numbers"),
    "once around a pole": (broken(coordinates=[[[-179, 80], [-60, 80], [60, 80], [179, 80], [-179, 80]]]), "geometry",
                           "around a pole"),
    "a tangle": (broken(coordinates=[[[k * k * 37 % 101 / 100, k * 53 % 97 / 100] for k in range(900)]]), "geometry",
                 "too often"),
    "a point without place": ({"type": "Point", "coordinates": []}, "geometry", "usable"),
    "a point with one number": ({"type": "Point", "coordinates": [3]}, "geometry", "usable"),
    "a point at the wrong latitude": ({"type": "Point", "coordinates": [46, 111]}, "geometry", "swapped"),
    "another CRS": (FIELD | {"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32632"}}}, "crs",
                    "EPSG::32632"),
    "another CRS of a feature": (
        collection(feature(FIELD) | {"crs": {"type": "name", "properties": {"name": "EPSG:3857"}}}), "crs",
        "EPSG:3857"),
    "a feature without geometry": (feature(None), "geometry", "it is null"),
    "no features": (collection(), "features", "no features"),
    "features that are none": (collection(feature(FIELD), FIELD), "features[1]", "no Feature"),
    "only bad features": (collection(feature(None), feature({"type": "Polygon", "coordinates": []})), "features[0]",
                          "it is null"),
    "properties that are none": (collection(feature(FIELD) | {"properties": 7}), "features[0]", "properties"),
    "too many features": (collection(*[feature(FIELD)] * 11), "features", "11 features"),
    "too many corners": (broken(coordinates=[[[0, 0], *[[1, k / 1000] for k in range(1000)], [0, 0]]]), "geometry",
                         "too many corners"),
    "too many corners together": (collection(*[feature(broken(
        coordinates=[[[0, 0], *[[1, k / 1000] for k in range(300)], [0, 0]]]))] * 4), "features[3]", "too many"),
}  # fmt: skip


@pytest.mark.parametrize(("document", "parameter", "why"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_and_why(document: object, parameter: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why) as caught:
        parsed(document)
    assert caught.value.parameter == parameter
    assert caught.value.valid


def test_one_bad_feature_costs_itself() -> None:
    swapped = feature(broken(coordinates=[[[46, 111], [47, 111], [47, 112], [46, 111]]]))
    found = parsed(collection(feature(None) | {"id": "a"}, feature(FIELD), swapped, feature(FIELD)))
    assert [field.place for field in found.fields] == [1, 3]
    assert [(bad.place, bad.feature.get("id")) for bad in found.unusable] == [(0, "a"), (2, None)]
    assert "it is null" in found.unusable[0].reason
    assert "swapped" in found.unusable[1].reason


def test_points_may_be_unwanted() -> None:
    place = {"type": "Point", "coordinates": [11.3, 46.5]}
    with pytest.raises(InvalidInput, match="no area"):
        parse_fields(place, 1, 10, points=False)
    found = parse_fields(collection(feature(FIELD), feature(place)), 10, 100, points=False)
    assert [bad.place for bad in found.unusable] == [1]


@pytest.mark.parametrize("name", ["urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326", "urn:ogc:def:crs:EPSG::4326"])
def test_degrees_may_be_named(name: str) -> None:
    assert parsed(FIELD | {"crs": {"type": "name", "properties": {"name": name}}}).fields


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(
        st.sampled_from(["type", "coordinates", "geometry", "features", "properties", "crs"]), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(
    st.sampled_from(["Polygon", "MultiPolygon", "Point", "Feature", "FeatureCollection"]), json_values, json_values
)  # fmt: skip
def test_anything_else_is_refused_too(kind: str, one: object, other: object) -> None:
    for document in (one, {"type": kind, "coordinates": one, "geometry": other, "features": one, "properties": other}):
        try:
            found = parsed(document)
        except InvalidInput:
            continue
        json.dumps([dict(field.geometry) for field in found.fields])
