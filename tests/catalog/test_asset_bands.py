"""Multi-band files: which band of which file an item describes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scog.catalog.asset_bands import band_descriptions, bands_by_description, bands_by_key
from scog.catalog.assets import Asset
from scog.catalog.proj_extension import Georeference, georeference_of
from scog.catalog.records import from_json, to_json
from tests.profiles import BANDS, C1, L2A, parse_item

Item = dict[str, Any]
FILE = {"href": "https://example.org/image.tif", "type": "image/tiff; application=geotiff"}
WHOLE = tuple(band.name for band in BANDS if not band.file)

NAMINGS: dict[str, tuple[list[Item], dict[str, int]]] = {
    "codes of Google Earth Engine": (
        [{"name": name} for name in ("B2", "B3", "B4", "B8")],
        {"blue": 1, "green": 2, "red": 3, "nir": 4},
    ),
    "codes with zeros": ([{"name": "b04"}, {"name": "B02"}, {"name": "B8A"}], {"red": 1, "blue": 2, "nir08": 3}),
    "names in any case": ([{"name": "Red"}, {"name": " NIR "}], {"red": 1, "nir": 2}),
    "common names, 1.0": (
        [{"name": "b1", "common_name": "red"}, {"name": "b2", "common_name": "nir"}],
        {"red": 1, "nir": 2},
    ),
    "common names, 1.1": ([{"name": "b1", "eo:common_name": "red"}, {"eo:common_name": "nir"}], {"red": 1, "nir": 2}),
    "a name goes before a common name": (
        [{"name": "green_i", "common_name": "green"}, {"name": "green", "common_name": "green"}, {"name": "red"}],
        {"green": 2, "red": 3},
    ),
    "a common name goes before a code, as other sensors use other codes": (
        [{"name": "B4", "common_name": "red"}, {"name": "B5", "common_name": "nir08"}],
        {"red": 1, "nir08": 2},
    ),
    "the code counts if the common name is not a band of Sentinel-2": (
        [{"name": "B05", "common_name": "rededge"}, {"name": "B06", "common_name": "rededge"}],
        {"rededge1": 1, "rededge2": 2},
    ),
    "two bands with the same name": (
        [{"common_name": "nir"}, {"common_name": "nir"}, {"common_name": "red"}],
        {"red": 3},
    ),
    "unknown names among known ones": ([{"name": "x"}, {}, {"name": "red"}, {"description": "nir"}], {"red": 3}),
    "empty descriptions": ([{}, {}, {}], {}),
    "names that are not text": ([{"name": 4}, {"name": None, "common_name": ["red"]}, {"name": "nir"}], {"nir": 3}),
}


@pytest.mark.parametrize("naming", NAMINGS)
def test_bands_are_identified_by_name_common_name_or_code(naming: str) -> None:
    bands, expected = NAMINGS[naming]
    assert bands_by_description(bands) == expected


@pytest.mark.parametrize("member", ["eo:bands", "bands"])
@pytest.mark.parametrize("naming", NAMINGS)
def test_bands_of_an_item_with_one_file_are_bound(member: str, naming: str, make_item: Callable[..., Item]) -> None:
    bands, expected = NAMINGS[naming]
    assets = parse_item(make_item(collection="mine", assets={"image": FILE | {member: bands}})).assets
    assert {name: asset.band for name, asset in assets.items()} == (expected or {"image": None})
    assert {asset.url for asset in assets.values()} == {FILE["href"]}


def test_scale_offset_and_nodata_are_those_of_the_band(make_item: Callable[..., Item]) -> None:
    names = [{"name": "red"}, {"name": "nir"}, {"name": "scl"}, {"name": "blue"}]
    numbers: list[Item] = [{"scale": 0.1, "offset": -1, "nodata": 0}, {"scale": 0.5}, {}, {"nodata": -9999}]
    merged = [name | {f"raster:{key}" if key != "nodata" else key: value for key, value in number.items()}
              for name, number in zip(names, numbers, strict=True)]  # fmt: skip
    for asset in ({"eo:bands": names, "raster:bands": numbers}, {"bands": merged}):
        assets = parse_item(make_item(collection="mine", assets={"image": FILE | asset})).assets
        result = {name: (each.band, each.scale, each.offset, each.nodata) for name, each in assets.items()}
        assert result == {
            "red": (1, 0.1, -1.0, 0.0),
            "nir": (2, 0.5, 0.0, None),
            "scl": (3, None, 0.0, None),  # scale and offset of the file's tags
            "blue": (4, None, 0.0, -9999.0),
        }


def test_the_asset_provides_defaults_for_its_bands(make_item: Callable[..., Item]) -> None:
    asset = FILE | {"bands": [{"name": "red"}, {"name": "nir", "raster:scale": 0.5}], "raster:scale": 0.1, "nodata": 7}
    assets = parse_item(make_item(collection="mine", assets={"image": asset})).assets
    assert [(assets[name].scale, assets[name].nodata) for name in ("red", "nir")] == [(0.1, 7.0), (0.5, 7.0)]


def test_an_asset_key_takes_precedence_over_a_band_of_another_file(make_item: Callable[..., Item]) -> None:
    several = FILE | {"eo:bands": [{"name": "red"}, {"name": "nir"}]}
    red = FILE | {"href": "https://example.org/red.tif"}
    for assets in ({"image": several, "red": red}, {"red": red, "image": several}):
        result = parse_item(make_item(collection="mine", assets=assets)).assets
        assert (result["red"].url, result["red"].band) == (red["href"], None)
        assert (result["nir"].url, result["nir"].band) == (several["href"], 2)


def test_the_descriptions_of_a_multi_band_file_take_precedence_over_its_key(make_item: Callable[..., Item]) -> None:
    listed = [{"name": "blue"}, {"name": "red"}]
    assert bands_by_key("red", listed) == {}
    result = parse_item(make_item(collection="mine", assets={"red": FILE | {"bands": listed}})).assets
    assert {name: asset.band for name, asset in result.items()} == {"blue": 1, "red": 2}


@pytest.mark.parametrize("asset", [{"roles": ["overview"]}, {"roles": ["data", "visual"]}])
def test_rendered_images_are_not_measurements(asset: Item, make_item: Callable[..., Item]) -> None:
    """Their bands have the names of measured bands: Earth Search's `preview` lists red, green and blue."""
    listed = [{"name": "red"}, {"name": "green"}, {"name": "blue"}]
    result = parse_item(make_item(collection="mine", assets={"shown": FILE | asset | {"eo:bands": listed}})).assets
    assert set(result) == {"shown"}


@pytest.mark.parametrize("collection", [L2A, C1, "mine"])
def test_the_visual_asset_has_three_bands_whatever_the_descriptions(
    collection: str, make_item: Callable[..., Item]
) -> None:
    for listed in ([], [{"name": "red"}, {"name": "green"}, {"name": "blue"}]):
        assets = {"visual": FILE | {"eo:bands": listed}}
        result = parse_item(make_item(collection=collection, assets=assets)).assets
        numbers = {name: asset.band for name, asset in result.items()}
        assert numbers == {"visual_red": 1, "visual_green": 2, "visual_blue": 3}


WORDS = st.one_of(st.sampled_from([*WHOLE, "B04", "B8"]), st.none(), st.floats())
ENTRIES = st.dictionaries(st.sampled_from(["name", "common_name", "eo:common_name", "scale"]), WORDS)
LISTS = st.one_of(st.none(), st.integers(), st.text(max_size=3), st.lists(st.one_of(st.none(), st.text(), ENTRIES)))


@given(st.dictionaries(st.sampled_from(["eo:bands", "raster:bands", "bands"]), LISTS))
def test_any_band_lists_are_parsed(asset: Item) -> None:
    bands = band_descriptions(asset)
    result = bands_by_description(bands)
    assert set(result.values()) <= set(range(1, len(bands) + 1))
    assert len(set(result.values())) == len(result)
    assert set(result) <= {band.name for band in BANDS}


# Georeferences

TEN = [10.0, 0.0, 600000.0, 0.0, -10.0, 5100000.0]


@pytest.mark.parametrize(
    ("asset", "properties", "expected"),
    [
        ({}, {}, None),
        ({"proj:code": "EPSG:32632"}, {}, ("EPSG:32632", None, None)),
        ({}, {"proj:epsg": 32632}, ("EPSG:32632", None, None)),
        ({"proj:epsg": 32633}, {"proj:epsg": 32632}, ("EPSG:32633", None, None)),
        ({"proj:wkt2": "PROJCRS[...]"}, {"proj:code": None}, ("PROJCRS[...]", None, None)),
        ({"proj:projjson": {"type": "ProjectedCRS"}}, {"proj:epsg": None}, ('{"type": "ProjectedCRS"}', None, None)),
        ({"proj:transform": TEN, "proj:shape": [3, 4]}, {"proj:epsg": 1}, ("EPSG:1", tuple(TEN), (3, 4))),
        ({"proj:transform": [*TEN, 0, 0, 1]}, {}, (None, tuple(TEN), None)),
        ({}, {"proj:transform": TEN, "proj:shape": [3, 4]}, (None, tuple(TEN), (3, 4))),
        ({"proj:transform": [*TEN, 0, 1, 1]}, {}, None),
        ({"proj:transform": TEN[:5]}, {}, None),
        ({"proj:transform": [*TEN[:5], "x"]}, {}, None),
        ({"proj:epsg": True, "proj:code": 7, "proj:shape": [0, 1]}, {}, None),
    ],
)  # fmt: skip
def test_georeferences_are_parsed(asset: Item, properties: Item, expected: tuple[Any, ...] | None) -> None:
    assert georeference_of(asset, properties) == (None if expected is None else Georeference(*expected))


def test_records_preserve_bands_and_georeferences(make_item: Callable[..., Item]) -> None:
    asset = FILE | {"bands": [{"name": "red"}, {"name": "nir", "raster:scale": 2}], "proj:epsg": 3857,
                    "proj:transform": TEN, "proj:shape": [3, 4]}  # fmt: skip
    scene = parse_item(make_item(collection="mine", assets={"image": asset, "aot": FILE}))
    [again] = from_json(to_json([scene]))
    assert again.assets == scene.assets
    assert again.assets["nir"] == Asset(FILE["href"], 2.0, 0.0, None, 2, Georeference("EPSG:3857", tuple(TEN), (3, 4)))
    assert json.loads(to_json([scene])) == json.loads(to_json([again]))
