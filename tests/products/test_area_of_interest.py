"""Areas of interest: parsing of GeoJSON, and messages of refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from scog.errors import InvalidInput
from scog.products.areas.area_of_interest import AreasOfInterest, parse_areas, point

SQUARE = [[11.3, 46.5], [11.4, 46.5], [11.4, 46.6], [11.3, 46.6], [11.3, 46.5]]
HOLE = [[11.32, 46.52], [11.33, 46.52], [11.33, 46.53], [11.32, 46.52]]
POLYGON = {"type": "Polygon", "coordinates": [SQUARE, HOLE]}


def parsed(document: object, max_features: int = 10, corners: int = 1000) -> AreasOfInterest:
    return parse_areas(document, max_features, corners)


def feature(geometry: object, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def collection(*features: object) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)}


def test_a_polygon_retains_its_hole() -> None:
    result = parsed(POLYGON)
    assert not result.is_collection
    (area,) = result.areas
    assert not area.is_point
    assert area.feature is None
    assert area.geometry == POLYGON
    assert area.shape.equals(shapely.Polygon(SQUARE, [HOLE]))


def test_a_point_drops_its_height() -> None:
    (area,) = parsed(feature({"type": "Point", "coordinates": [11.3, 46.5, 300]}, name="A")).areas
    assert area.is_point
    assert area.shape.equals_exact(shapely.Point(11.3, 46.5))
    assert not area.shape.has_z
    assert area.geometry["coordinates"] == [11.3, 46.5, 300]
    assert point(11.3, 46.5).shape == area.shape


def test_a_collection_retains_its_features() -> None:
    first = feature(POLYGON, name="A") | {"id": 7}
    result = parsed(collection(first, feature({"type": "Point", "coordinates": [11.3, 46.5]}) | {"properties": None}))
    assert result.is_collection
    assert [area.is_point for area in result.areas] == [False, True]
    assert result.areas[0].feature == first
    assert result.areas[1].feature is not None


def test_a_multipolygon_split_at_the_antimeridian_retains_its_parts() -> None:
    parts = [[[[179.9, -17], [180, -17], [180, -16.9], [179.9, -17]]],
             [[[-180, -17], [-179.9, -17], [-180, -16.9], [-180, -17]]]]  # fmt: skip
    (area,) = parsed({"type": "MultiPolygon", "coordinates": parts}).areas
    assert len(shapely.get_parts(area.shape)) == 2


def test_a_polygon_across_the_antimeridian_is_cut_there() -> None:
    ring = [[179.9, -17], [-179.9, -17], [-179.9, -16.9], [179.9, -16.9], [179.9, -17]]
    (area,) = parsed({"type": "Polygon", "coordinates": [ring]}).areas
    assert area.shape.area == pytest.approx(0.2 * 0.1)
    assert area.shape.bounds == (-180, -17, 180, -16.9)
    assert area.geometry["coordinates"] == [ring]


def broken(**changes: Any) -> dict[str, Any]:
    return POLYGON | changes


REFUSED = {
    "not an object": (7, "body", "not a GeoJSON object"),
    "null": (None, "body", "not a GeoJSON object"),
    "no type": ({}, "geometry", "not a Polygon"),
    "a line": ({"type": "LineString", "coordinates": SQUARE}, "geometry", "a LineString has no area"),
    "several points": ({"type": "MultiPoint", "coordinates": SQUARE}, "geometry", "a MultiPoint has no area"),
    "a collection of points": ({"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1, 2]}]},
                               "geometry", "it has no area"),
    "an empty collection of geometries": ({"type": "GeometryCollection", "geometries": []}, "geometry", "is empty"),
    "no coordinates": ({"type": "Polygon"}, "geometry", "not a list of rings"),
    "an empty polygon": (broken(coordinates=[]), "geometry", "is empty"),
    "an empty multipolygon": (broken(type="MultiPolygon", coordinates=[]), "geometry", "is empty"),
    "an empty outline": (broken(coordinates=[[]]), "geometry", "ring 0, which has fewer than three"),
    "two positions": (broken(coordinates=[[[0, 0], [1, 0], [0, 0]]]), "geometry", "fewer than three different"),
    "a line as a polygon": (broken(coordinates=[[[0, 0], [1, 1], [0, 0], [0, 0]]]), "geometry", "fewer than three"),
    "no extent": (broken(coordinates=[[[0, 0], [1, 1], [2, 2], [0, 0]]]), "geometry", "it has no area"),
    "outside the world": (broken(coordinates=[[[0, 0], [600, 0], [1, 1], [0, 0]]]), "geometry",
                          "ring 0 .*not on the"),
    "in metres": (broken(coordinates=[SQUARE, [[6e5, 5e6], [7e5, 5e6], [7e5, 6e6], [6e5, 5e6]]]), "geometry",
                  "in ring 1 .*projected"),
    "latitude first": (broken(coordinates=[[[46, 111], [47, 111], [47, 112], [46, 111]]]), "geometry", "swapped"),
    "in metres, of a part": (
        broken(type="MultiPolygon", coordinates=[[SQUARE], [[[6e5, 5e6], [7e5, 5e6], [7e5, 6e6]]]]), "geometry",
        "in ring 0 of part 1"),
    "text": (broken(coordinates=[[["a", "b"], [1, 0], [1, 1], ["a", "b"]]]), "geometry", "finite numbers"),
    "too large numbers": (broken(coordinates=[[[1e400, 0], [1, 0], [1, 1], [1e400, 0]]]), "geometry", "finite"),
    "nested too deeply": (broken(coordinates=[[[[0, 0]], [[1, 0]], [[1, 1]], [[0, 0]]]]), "geometry", "finite numbers"),
    "once around a pole": (broken(coordinates=[[[-179, 80], [-60, 80], [60, 80], [179, 80], [-179, 80]]]), "geometry",
                           "around a pole"),
    "many self-crossings": (broken(coordinates=[[[k * k * 37 % 101 / 100, k * 53 % 97 / 100] for k in range(900)]]),
                                 "geometry", "too often"),
    "a point without coordinates": ({"type": "Point", "coordinates": []}, "geometry", "usable"),
    "a point with one number": ({"type": "Point", "coordinates": [3]}, "geometry", "usable"),
    "a point at the wrong latitude": ({"type": "Point", "coordinates": [46, 111]}, "geometry", "swapped"),
    "another CRS": (POLYGON | {"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32632"}}}, "crs",
                    "EPSG::32632"),
    "another CRS of a feature": (
        collection(feature(POLYGON) | {"crs": {"type": "name", "properties": {"name": "EPSG:3857"}}}), "crs",
        "EPSG:3857"),
    "a feature without geometry": (feature(None), "geometry", "it is null"),
    "no features": (collection(), "features", "is empty"),
    "features that are not Features": (collection(feature(POLYGON), POLYGON), "features[1]", "not a GeoJSON Feature"),
    "only unusable features": (collection(feature(None), feature({"type": "Polygon", "coordinates": []})),
                               "features[0]", "it is null"),
    "properties are not an object": (collection(feature(POLYGON) | {"properties": 7}), "features[0]", "properties"),
    "too many features": (collection(*[feature(POLYGON)] * 11), "features", "11 features"),
    "too many vertices": (broken(coordinates=[[[0, 0], *[[1, k / 1000] for k in range(1000)], [0, 0]]]), "geometry",
                         "too many vertices"),
    "too many vertices in total": (collection(*[feature(broken(
        coordinates=[[[0, 0], *[[1, k / 1000] for k in range(300)], [0, 0]]]))] * 4), "features[3]", "too many"),
}  # fmt: skip


@pytest.mark.parametrize(("document", "parameter", "message"), REFUSED.values(), ids=REFUSED)
def test_unusable_documents_are_refused_with_the_parameter_and_a_reason(
    document: object, parameter: str, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        parsed(document)
    assert caught.value.parameter == parameter
    assert caught.value.valid


def test_an_unusable_feature_does_not_fail_the_others() -> None:
    swapped = feature(broken(coordinates=[[[46, 111], [47, 111], [47, 112], [46, 111]]]))
    result = parsed(collection(feature(None) | {"id": "a"}, feature(POLYGON), swapped, feature(POLYGON)))
    assert [area.index for area in result.areas] == [1, 3]
    assert [(bad.index, bad.feature.get("id")) for bad in result.unusable] == [(0, "a"), (2, None)]
    assert "it is null" in result.unusable[0].reason
    assert "swapped" in result.unusable[1].reason


def test_points_are_refused_if_only_areas_are_accepted() -> None:
    place = {"type": "Point", "coordinates": [11.3, 46.5]}
    with pytest.raises(InvalidInput, match="no area"):
        parse_areas(place, 1, 10, points=False)
    result = parse_areas(collection(feature(POLYGON), feature(place)), 10, 100, points=False)
    assert [bad.index for bad in result.unusable] == [1]


@pytest.mark.parametrize("name", ["urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326", "urn:ogc:def:crs:EPSG::4326"])
def test_crs_names_of_degrees_are_accepted(name: str) -> None:
    assert parsed(POLYGON | {"crs": {"type": "name", "properties": {"name": name}}}).areas


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(
        st.sampled_from(["type", "coordinates", "geometry", "features", "properties", "crs"]), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(
    st.sampled_from(["Polygon", "MultiPolygon", "Point", "Feature", "FeatureCollection"]), json_values, json_values
)  # fmt: skip
def test_arbitrary_json_is_parsed_or_refused(kind: str, one: object, other: object) -> None:
    for document in (one, {"type": kind, "coordinates": one, "geometry": other, "features": one, "properties": other}):
        try:
            result = parsed(document)
        except InvalidInput:
            continue
        json.dumps([dict(area.geometry) for area in result.areas])
