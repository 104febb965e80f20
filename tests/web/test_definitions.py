"""Laws of definitions: equal computations have equal definitions however they are written, different ones differ."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scog.cubes.cubes import Cube
from scog.cubes.definition import Definition, cube_id, read_definition
from scog.errors import InvalidInput
from scog.web.params.cube import parse_cube_request
from scog.web.params.image import PIXEL_SELECTIONS, TileParameters
from tests.profiles import SENTINEL_2, profile_of

Json = dict[str, Any]


def definition(body: Json) -> Definition:
    parsed = parse_cube_request(json.dumps(body).encode(), profile_of)
    return parsed.definition(parsed.image.request)


def equal_ids(*bodies: Json) -> bool:
    return len({cube_id(definition(body), None) for body in bodies}) == 1


# Pairs of a meaning and its spellings as JSON members; {} if it may be left out.
LAYERS: list[list[Json]] = [
    [{}, {"index": "ndvi"}, {"index": "NDVI"}, {"index": "Ndvi", "rescale": [-0.2, 0.9]},
     {"colormap_name": "RdYlGn"}, {"belowmincolor": "extend"}],
    [{"index": "scl"}, {"bands": ["SCL"]}, {"assets": "scl"}, {"index": "SCL"}],
    [{"index": "ndre"}, {"index": "NDREI"}],
    [{"expression": "(nir-red)/(nir+red)"}, {"expression": " ( B08 - b4 )/(NIR + red) "},
     {"expression": "((B8-B04))/(nir+red)", "rescale": "-1,1"}, {"expression": "(nir-red)/(nir+red)",
      "colormap_name": "VIRIDIS"}],
    [{"expression": "(nir-red)/(nir+red)", "rescale": [-1, 0.5]},
     {"expression": "(nir-red)/(nir+red)", "rescale": ["-1.0, 0.50"]}, {"expression": "(nir-red)/(nir+red)",
      "rescale": [[-1, 5e-1]]}],
    [{"bands": ["red", "green", "blue"]}, {"bands": "B04,B03,B02"}, {"assets": ["B4", "green,blue"]},
     {"bands": "red, green ,blue", "rescale": [[0, 0.3]]}, {"bands": "red,green,blue", "rescale": "0,0.3,0,0.3,0,.3"}],
    [{"bands": "true-color"}, {"bands": ["True_Colour"]}, {"index": "true_color"}],
    [{"bands": "nir"}, {"assets": ["B08"]}, {"bands": "nir", "colormap_name": "greys_r"}, {"index": "nir"},
     {"index": "b8"}, {"index": "NIR"}],
    [{"index": "ndwi", "colormap_name": "magma"}, {"index": "NDWI", "colormap_name": "Magma"}],
    [{"index": "ndwi", "belowmincolor": "red"}, {"index": "ndwi", "belowmincolor": "#F00"}],
    [{"index": "ndwi", "abovemaxcolor": "transparent"}, {"index": "ndwi", "abovemaxcolor": "#00000000"}],
    [{"classes": "bare:tan,0.2,green"}, {"classes": " bare : TAN , 0.20 ,green"}],
    [{"classes": "0.2,0.5"}, {"classes": ".2, 5e-1"}],
    [{"classes": "0.2,0.5", "colormap_name": "viridis"}],
    [{"colormap": {"0": "red", "1": [0, 0, 255]}}, {"colormap": '{"1": "#00f", "00": "ff0000"}'}],
    [{"colormap": [[[0, 1], "red"], [[1, 2.5], "blue"]]}, {"colormap": '[[[0.0,1],"#ff0000"],[[1e0,2.50],"#00F"]]'}],
    [{"colormap": [[[1, 2.5], "blue"], [[0, 1], "red"]]}],
    [{"colormap": {str(place): [place, 0, 0] for place in range(256)}, "rescale": [0, 1]}],
    [{"bands": "red,green,blue", "color_formula": "gamma RGB 1.3, saturation 1.2"},
     {"bands": "red,green,blue", "color_formula": " gamma RGB 1.3   saturation 1.2"}],
    [{"index": "scl", "colormap_name": "viridis"}, {"index": "scl", "rescale": [0, 11]},
     {"bands": "scl", "rescale": "0,11", "colormap_name": "viridis"}],
]  # fmt: skip
OTHERS: list[list[list[Json]]] = [
    [[{}], [{"datetime": "2024-06-02"}, {"datetime": "2024-06-02T00:00:00Z/2024-06-02T23:59:59.999999Z"}],
     [{"datetime": "2024-06-02T12:00:00+02:00"}, {"datetime": " 2024-06-02t10:00:00z "},
      {"datetime": "2024-06-02T10:00:00Z/2024-06-02T05:00:00-05:00"}],
     [{"datetime": "../.."}, {"datetime": "/"}], [{"datetime": "2024-06-02/.."}, {"datetime": "2024-06-02/"}]],
    [[{}, {"cloud_cover": 60}, {"cloud_cover": "60.0"}, {"cloud_cover": 6e1}], [{"cloud_cover": 0},
     {"cloud_cover": -0.0}], [{"cloud_cover": 12.5}]],
    [[{}], [{"collection": "sentinel-2-c1-l2a"}]],
    [[{}, {"composite": "newest"}, {"pixel_selection": "first"}], [{"composite": "median"},
     {"pixel_selection": "median"}], [{"composite": "max"}, {"pixel_selection": "highest"}], [{"composite": "p90"}]],
    [[{}, {"resampling": "nearest"}], [{"resampling": "cubic"}]],
    [
        [{}],
        [{"mask": "3,8"}, {"mask": [8, 3]}, {"mask": " 08, 3,8"}, {"mask": "shadow,cloud_medium"}],
        [{"mask": [9]}],
        [{"mask": "clouds,nir > 0.4"}, {"mask": "B08>.40 , 10,9,8,3,1,0"}, {"mask": "(nir) > 4e-1, clouds, cirrus"}],
    ],
    [[{}], [{"bbox": [11, 46, 12, 47]}, {"bbox": [11.0, 46.0, -5, 12, 47, 5e3]},
     {"area": {"type": "Polygon", "coordinates": [[[12, 47], [11, 47], [11, 46], [12, 46], [12, 47]]]}}],
     [{"bbox": [11, 46, 12, 47.5]}]],
    [[{}, {"scenes": "live"}]],
]  # fmt: skip


COMPOSED: list[list[Json]] = [
    [{"composite": "count"}, {"pixel_selection": "count", "index": "NDVI"}],
    [{"composite": "count", "datetime": "2020-01-01/.."}, {"composite": "count", "datetime": "2020-01-01/"}],
    [{"composite": "slope", "datetime": "2020-01-01/2023-12-31"}],
    [{"composite": "count", "rescale": [0, 9]}, {"pixel_selection": "count", "rescale": "0,9.0"}],
    [{"composite": "max_doy", "bands": "nir"}, {"composite": "max_doy", "assets": "B08"}],
    [{"composite": "mode", "index": "scl"}, {"composite": "mode", "bands": "SCL"}],
    [
        {"compare": "2024-06-02"},
        {"compare": "2024-06-02T00:00:00Z/2024-06-02T23:59:59.999999Z"},
        {"compare": "2024-06-02", "compare_as": "difference", "index": "NDVI", "rescale": "-.5,.5"},
    ],
    [
        {"compare": "2024-06-02", "compare_as": "ratio"},
        {"compare": "2024-06-02", "compare_as": "ratio", "colormap_name": "RdYlGn", "rescale": [0, 2]},
    ],
    [{"compare": "2024-06-02", "classes": "-0.1,0.1"}, {"compare": "2024-06-02", "classes": " -.1, 0.10 "}],
    [{"compare": "../..", "composite": "count", "index": "scl"}],
    [{"composite": "std", "classes": "0.1,0.2"}, {"pixel_selection": "stdev", "classes": " .1, 0.2 "}],
]
"""Composites and changes, whose default ranges and colours do not depend on the layer alone."""


def ids(case: list[Json]) -> str:
    return json.dumps(case[0])[:60]


@pytest.mark.parametrize("spellings", [*LAYERS, *COMPOSED, *(each for others in OTHERS for each in others)], ids=ids)
def test_all_spellings_have_one_definition(spellings: list[Json]) -> None:
    assert equal_ids(*spellings)


@st.composite
def computations(draw: st.DrawFn) -> tuple[list[int], list[list[Json]]]:
    """Computations as numbers, and for each part its spellings."""
    choices = [LAYERS, *OTHERS]
    numbers = [draw(st.integers(0, len(each) - 1)) for each in choices]
    return numbers, [each[number] for each, number in zip(choices, numbers, strict=True)]


@st.composite
def spelling(draw: st.DrawFn, parts: list[list[Json]]) -> Json:
    """One spelling of all parts, in any order, with some absent ones as null."""
    pairs = [pair for ways in parts for pair in draw(st.sampled_from(ways)).items()]
    known = {name for name, _ in pairs}
    absent = st.sampled_from(sorted({"datetime", "classes", "area", "bbox", "mask", "colormap"} - known))
    nothing = [(name, None) for name in draw(st.sets(absent, max_size=2))]
    return dict(draw(st.permutations([*pairs, *nothing])))


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_equal_computations_have_equal_ids(data: st.DataObject) -> None:
    _, parts = data.draw(computations())
    first, second = data.draw(spelling(parts)), data.draw(spelling(parts))
    assert equal_ids(first, second)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_different_computations_have_different_ids(data: st.DataObject) -> None:
    chosen, parts = data.draw(computations())
    choices = [LAYERS, *OTHERS]
    place = data.draw(st.sampled_from([place for place, each in enumerate(choices) if len(each) > 1]))
    number = data.draw(st.integers(0, len(choices[place]) - 1).filter(lambda number: number != chosen[place]))
    others = [*parts[:place], choices[place][number], *parts[place + 1 :]]
    assert not equal_ids(data.draw(spelling(parts)), data.draw(spelling(others)))


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_definitions_are_idempotent(data: st.DataObject) -> None:
    """A definition that is posted again, or stored as JSON and read, is unchanged."""
    body = data.draw(spelling(data.draw(computations())[1]))
    result = definition(body)
    assert definition(result.document) == result
    assert read_definition(json.dumps(result.document)) == result
    assert read_definition(result.text) == result


VALUES = np.linspace(-1.5, 1.5, 60, dtype=np.float32).reshape(1, 4, 15)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_definition_gives_the_original_request_and_style(data: st.DataObject) -> None:
    check_drawn(data.draw(spelling(data.draw(computations())[1])))


def test_comparisons_are_part_of_the_definition() -> None:
    bodies = [
        {},
        {"compare": "2024-06-02"},
        {"compare": "2024-06-03"},
        {"compare": "2024-06-02", "compare_as": "ratio"},
    ]
    assert len({cube_id(definition(body), None) for body in bodies}) == 4


@pytest.mark.parametrize("body", [body for spellings in COMPOSED for body in spellings], ids=str)
def test_composites_are_stored_with_ranges_and_colours(body: Json) -> None:
    check_drawn(body)
    assert definition(definition(body).document) == definition(body)


def check_drawn(body: Json) -> None:
    """Check that style and request of a definition are those of the posted parameters."""
    parsed = parse_cube_request(json.dumps(body).encode(), profile_of)
    profile = profile_of(body.get("collection"))
    request, style = Cube("x", parsed.definition(parsed.image.request), parsed.area, None, profile).styled_request()
    before = parsed.image.style
    for field in fields(request):
        if field.name not in ("area", "pinned"):
            assert getattr(request, field.name) == getattr(parsed.image.request, field.name), field.name
    assert (style.title, style.classified) == (before.title, before.classified)
    values = np.repeat(VALUES, len(style.outputs), axis=0)
    drawn, expected = (each.image(values, np.isfinite(values[0])) for each in (style, before))
    np.testing.assert_array_equal(drawn.pixels, expected.pixels)
    np.testing.assert_array_equal(drawn.palette, expected.palette)
    np.testing.assert_array_equal(style.values(values, values[0] < 1), before.values(values, values[0] < 1))
    assert {**style.legend.json(), "color_formula": 0} == {**before.legend.json(), "color_formula": 0}


def test_definitions_accept_all_tile_parameters_except_output() -> None:
    """A new parameter of tiles must be accepted by cubes too."""
    output_parameters = {"format", "tilesize", "buffer", "strict", "empty"}
    for name in set(TileParameters.model_fields) - output_parameters:
        with pytest.raises(InvalidInput) as refused:
            definition({name: {"no": "such"}} if name != "colormap" else {name: 5})
        assert refused.value.parameter == name
    for name in output_parameters:
        with pytest.raises(InvalidInput, match="Unknown parameter"):
            definition({name: 1})


def test_the_default_mask_depends_on_the_layer() -> None:
    assert equal_ids({}, {"mask": "clouds"}, {"mask": [10, 9, 8, 3, 1, 0]})
    assert not equal_ids({}, {"mask": "none"})
    assert equal_ids({"index": "scl"}, {"index": "scl", "mask": "none"})
    assert not equal_ids({"index": "scl"}, {"index": "scl", "mask": "clouds"})


def test_pixel_selections_are_composites() -> None:
    for titiler_name, composite in PIXEL_SELECTIONS.items():
        assert equal_ids({"pixel_selection": titiler_name}, {"composite": composite.name})


def test_pinned_scenes_are_part_of_the_id() -> None:
    result = definition({})
    assert cube_id(result, None) != cube_id(result, "[]") != cube_id(result, '["a"]')
    assert cube_id(result, None) == cube_id(read_definition(result.text), None)


@pytest.mark.parametrize("parameters", [{"index": "gone"}, {"gone": 1}, {"composite": "gone"}, {"rescale": "gone"}])
def test_unknown_stored_definitions_are_rejected(parameters: Json) -> None:
    with pytest.raises(InvalidInput):
        Cube("x", Definition(parameters), None, None, SENTINEL_2).styled_request()


def test_what_a_profile_names_keeps_its_name() -> None:
    """Also if the profile is open to the names of items. Only what items alone decide is written out."""
    opened = replace(SENTINEL_2, open=True)
    for body in ({}, {"index": "scl"}, {"bands": "true-color"}, {"mask": "shadow"}):
        parsed = parse_cube_request(json.dumps(body).encode(), lambda collection: opened)
        assert parsed.definition(parsed.image.request) == definition(body)


def test_ids_are_stable() -> None:
    """Ids are in users' maps. If this one changes, all do."""
    assert cube_id(Definition({"index": "ndvi"}), None) == "x7f3tcukhpkuvx6e"
    assert cube_id(Definition({"index": "ndvi"}, None, True), "[]") == "uszzd55nwx3qqthn"
    assert cube_id(definition({}), None) == "zp73p3ecrdmszzd6"
    assert (
        cube_id(definition({"bbox": [11, 46, 12, 47], "bands": "visual", "mask": "none"}), None) == "rfixixcjnbb6boox"
    )
