"""Profiles derived from items: any words give a profile, and what is guessed is only what the words say."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from scog.bandmath import operations
from scog.bandmath.expression import parse
from scog.catalog.collection_document import renders_of
from scog.catalog.derived_profile import Sample, derive_profile, derived_bands
from scog.catalog.scene import parse_item
from scog.collections.band_names import MAX_NAME, RESERVED, band_identifier
from scog.collections.joint import joint_profile
from scog.collections.profile import Profile
from scog.collections.profiles import Profiles
from scog.composite.mask import guessed_numbers, parse_mask
from scog.imaging.profile_check import drawable
from scog.render.layer import LayerOptions, layer_of

PROFILES = Profiles("x")
FILE = {"href": "https://example.org/a.tif", "type": "image/tiff; application=geotiff"}
HUGE = int("1" * 400)


def item(assets: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    ring = [[9, 47], [10, 47], [10, 48], [9, 48], [9, 47]]
    return {
        "type": "Feature", "id": "i", "collection": "c", "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"datetime": "2024-06-01T10:00:00Z"}, "assets": {k: FILE | a for k, a in assets.items()},
    } | members  # fmt: skip


def derived(*items: Mapping[str, Any], document: Mapping[str, Any] | None = None, name: str = "c") -> Profile:
    sample = Sample(document or {}, items, [""] * len(items))
    bands = derived_bands(sample, PROFILES.generic)
    return drawable(derive_profile(name, sample, bands, PROFILES.generic))


def named(**common: str) -> dict[str, Any]:
    return {key: {"eo:bands": [{"name": key, "common_name": name}]} for key, name in common.items()}


def classes(*names: str) -> Profile:
    listed = [{"value": value, "description": name} for value, name in enumerate(names)]
    return derived(item({"qa": {"classification:classes": listed}}))


# Masks


@pytest.mark.parametrize(
    "denial",
    ["cloud free", "cloudfree", "cloudless", "non cloud", "no cloud", "not cloud", "unclouded", "without clouds",
     "clear of clouds", "free of cloud"],
)  # fmt: skip
def test_classes_that_deny_clouds_are_not_clouds(denial: str) -> None:
    mask = classes(denial, "cloud", "snow free", "without snow", "snow").mask
    assert mask is not None
    assert (mask.sets["clouds"], mask.sets["snow"]) == ({1}, {4})


def test_all_classes_of_one_name_count_and_each_has_a_name() -> None:
    profile = classes("clear", "Cloud", "other", "Cloud")
    assert profile.mask is not None
    assert profile.mask.sets["clouds"] == profile.mask.numbers_of("cloud") == {1, 3}
    assert sorted(profile.mask.names.values()) == [0, 1, 2, 3]
    assert "clouds: classes 1, 3 by name" in profile.bands[0].sources
    assert guessed_numbers(parse_mask(None, 0, profile), profile) == ["masked by classes 1, 3 of qa, by their names"]
    assert guessed_numbers(parse_mask("1", 0, profile), profile) == [], "numbers are no guess"


@pytest.mark.parametrize("offset", [-1, 64, 10**7, 10**30, True, "3", None, HUGE])
def test_bits_that_no_number_has_are_left_out(offset: object) -> None:
    fields = [{"name": "cloud", "offset": offset, "length": 1}, {"name": "cloud_shadow", "offset": 63, "length": 1}]
    mask = derived(item({"qa": {"classification:bitfields": fields}})).mask
    assert mask is not None
    assert mask.sets["clouds"] == {63}


# Names


def test_an_items_own_names_are_never_rewritten() -> None:
    sentinel, landsat = item(named(B4="red", B5="rededge1", B8="nir")), item(named(B4="red", B5="nir08"))
    for newest in (sentinel, landsat):
        profile = derived(newest)
        assert parse("B5 + rededge071", profile.names).bands == ("b5", "rededge1"), "only standard synonyms are"
        for each in (sentinel, landsat):
            scene = parse_item(each, "", PROFILES)
            common = each["assets"]["B5"]["eo:bands"][0]["common_name"]
            assert scene.assets["b5"] is scene.assets[common]
    assert derived(landsat).has_bands(["red", "nir", "b5"]), "nir08 serves as nir"
    assert not derived(landsat).has_bands(["green"])
    assert derived(landsat).band("b5").title == derived(landsat).band("nir08").title


def test_own_names_are_not_rewritten_beside_a_collection_with_a_profile() -> None:
    known = PROFILES.of("sentinel-2-l2a")
    profile = joint_profile(["sentinel-2-l2a", "c"], [known, derived(item(named(B4="red", own="nir")))])
    assert parse("own + B8A", profile.names).bands == ("own", "nir08")


def test_a_standard_name_comes_first_so_that_index_and_formula_agree() -> None:
    profile = derived(item({key: {"eo:bands": [{"name": name}]} for key, name in (("red", "B1"), ("nir", "B2"))}))
    assert [band.name for band in profile.bands] == ["red", "nir"]
    scene = parse_item(item({"red": {"eo:bands": [{"name": "B1"}]}}), "", PROFILES)
    assert scene.assets["b1"].unit == scene.assets["red"].unit == "reflectance"


def test_reserved_names_are_those_of_functions() -> None:
    assert operations.FUNCTIONS.keys() == RESERVED


@pytest.mark.parametrize("key", ["lambda", "min", "", "None", "a" * 600, "1", "1" * 64, "not", " ", "-", "\ud800"])
def test_the_default_of_any_name_is_drawn(key: str) -> None:
    profile = derived(item({key: {}}))
    layer = layer_of(profile, LayerOptions())
    assert layer.expression.bands == (profile.default,)
    assert len(profile.default) <= MAX_NAME
    assert band_identifier(profile.default) == profile.default
    assert profile.default in parse_item(item({key: {}}), "", PROFILES).assets
    json.dumps(profile.title).encode()


def test_the_bands_of_an_item_are_bounded() -> None:
    many = {"v": {"eo:bands": [{"name": f"b{number}"} for number in range(3000)]}}
    scene = parse_item(item(many), "", PROFILES)
    assert len({asset.band for asset in scene.assets.values()}) == 1024
    assert any("more than 1024 bands" in remark for remark in scene.remarks)
    assert scene.assets["b7"] is scene.assets["v_b8"], "one object for all names of a band"
    assert len(derived(item(many)).bands) == 1024


# Renders


def rendered(**members: Any) -> Sequence[Any]:
    return renders_of({"renders": {"r": {"assets": ["v"], "rescale": [[0, 10]], **members}}})


@pytest.mark.parametrize("member", [{"expression": "v*2-1"}, {"bidx": [2]}, {"colormap": {"0": "#ff0000"}}])
def test_renders_of_more_than_values_are_left_out(member: Mapping[str, Any]) -> None:
    assert len(rendered()) == 1
    assert not rendered(**member)


@pytest.mark.parametrize("name", ["", "ndvi", "lambda", "\ud800r", "x" * 600])
@pytest.mark.parametrize("colormap", ["my_custom_map", "magma", None, 5])
def test_renders_never_break_the_default(name: str, colormap: object) -> None:
    render = {"assets": ["v"], "rescale": [[0, HUGE]], "colormap_name": colormap, "title": "\ud800"}
    profile = derived(item({"v": {}}), document={"renders": {name: render}})
    assert layer_of(profile, LayerOptions()).expression.bands == ("v",)
    assert all(layer.colormap == ("magma" if colormap == "magma" else "viridis") for layer in profile.layers)


# Numbers and text


@pytest.mark.parametrize(
    "words",
    [
        {"raster:bands": [{"statistics": {"minimum": 0, "maximum": HUGE}}]},
        {"raster:bands": [{"statistics": {"minimum": -1.7e308, "maximum": 1.7e308}}]},
        {"raster:bands": [{"scale": 0, "statistics": {"minimum": 1, "maximum": 2}}]},
        {"raster:bands": [{"scale": -1, "statistics": {"minimum": 1, "maximum": 2}}]},
        {"eo:bands": [{"name": "v", "center_wavelength": HUGE}]},
        {"gsd": HUGE},
        {"title": "a\ud800b"},
        {"unit": "\ud800"},
        {"classification:classes": [{"value": HUGE, "title": "cloud"}, {"value": 1, "title": "a\ud800b"}]},
        {"classification:classes": [{"value": True, "title": "cloud"}]},
    ],
)
def test_numbers_and_text_of_any_kind_give_a_profile(words: Mapping[str, Any]) -> None:
    profile = derived(item({"v": words}), document={"title": "\ud800", "providers": [{"name": "\ud800"}]})
    (band,) = profile.bands
    assert band.display_range[0] < band.display_range[1]
    texts = (band.title, band.unit, profile.title, profile.attribution, *(each.name for each in band.classes))
    " ".join(texts).encode()
    assert all(-(2**31) <= each.value < 2**32 for each in band.classes)
    layer_of(profile, LayerOptions())


def test_a_negative_scale_reverses_the_range_of_the_statistics() -> None:
    words = {"raster:bands": [{"scale": -1, "statistics": {"minimum": 1, "maximum": 2}}]}
    assert derived(item({"v": words})).bands[0].display_range == (-2, -1)
