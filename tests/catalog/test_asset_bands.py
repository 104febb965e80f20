"""Which band of which file an item describes, by its own words: made-up items whose words may contradict each other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from scog.catalog.asset_bands import band_descriptions
from scog.catalog.assets import Asset, Assets
from scog.catalog.proj_extension import Georeference, georeference_of
from scog.catalog.records import from_json, to_json
from scog.catalog.scene import Scene, UnusableItem
from tests.profiles import C1, L2A, WHOLE_ASSETS, parse_item

Item = dict[str, Any]
FILE = {"href": "https://example.org/image.tif", "type": "image/tiff; application=geotiff"}
PLANE = {"platform": "plane"}
"""Properties of items of a sensor that no profile knows."""
POSITIONS = ("image_b1", "image_b2", "image_b3", "image_b4")


def image_of(make_item: Callable[..., Item], **members: Any) -> Assets:
    """The bands of an item without a profile whose one asset has the key `image`."""
    return parse_item(make_item(PLANE, collection="mine", assets={"image": FILE | members})).assets


NAMINGS: dict[str, tuple[list[Item], dict[str, int]]] = {
    "codes mean nothing but themselves, as sensors number their bands differently": (
        [{"name": name} for name in ("B2", "B3", "B4", "B8")],
        {"b2": 1, "b3": 2, "b4": 3, "b8": 4},
    ),
    "codes with zeros": ([{"name": "b04"}, {"name": "B02"}, {"name": "B8A"}], {"b04": 1, "b02": 2, "b8a": 3}),
    "names in any case": ([{"name": "Red"}, {"name": " NIR "}], {"red": 1, "nir": 2}),
    "names that formulas cannot write": ([{"name": "2nd band"}, {"name": "NIR-1"}], {"_2nd_band": 1, "nir_1": 2}),
    "common names, 1.0": (
        [{"name": "b1", "common_name": "red"}, {"name": "b2", "common_name": "nir"}],
        {"red": 1, "nir": 2, "b1": 1, "b2": 2},
    ),
    "common names, 1.1": (
        [{"name": "b1", "eo:common_name": "red"}, {"eo:common_name": "nir"}],
        {"red": 1, "nir": 2, "b1": 1},
    ),
    "common names of STAC 1.1 for red edges": (
        [{"eo:common_name": "rededge071"}, {"eo:common_name": "rededge075"}, {"eo:common_name": "rededge078"}],
        {"rededge1": 1, "rededge2": 2, "rededge3": 3},
    ),
    "a common name goes before a name": (
        [{"name": "red", "common_name": "nir"}, {"name": "x", "common_name": "red"}],
        {"nir": 1, "red": 2, "x": 2},
    ),
    "a name that contradicts the common name is not used": (
        [{"name": "red", "common_name": "nir"}, {"name": "green"}],
        {"nir": 1, "green": 2},
    ),
    "a name decides between bands of the same common name": (
        [{"name": "green_i", "common_name": "green"}, {"name": "green", "common_name": "green"}, {"name": "red"}],
        {"green": 2, "green_i": 1, "red": 3},
    ),
    "names and general common names agree": (
        [{"name": "rededge1", "common_name": "rededge"}, {"name": "rededge2", "common_name": "rededge"}],
        {"rededge1": 1, "rededge2": 2},
    ),
    "two bands with the same common name": (
        [{"common_name": "swir16"}, {"common_name": "swir16"}, {"common_name": "red"}],
        {"red": 3},
    ),
    "narrow near infrared serves as nir": (
        [{"name": "B4", "common_name": "red"}, {"name": "B5", "common_name": "nir08"}],
        {"red": 1, "nir08": 2, "nir": 2, "b4": 1, "b5": 2},
    ),
    "but not beside nir": (
        [{"common_name": "nir08"}, {"common_name": "nir"}],
        {"nir08": 1, "nir": 2},
    ),
    "unknown names among known ones": (
        [{"name": "x"}, {}, {"name": "red"}, {"description": "nir"}],
        {"x": 1, "red": 3},
    ),
    "empty descriptions": ([{}, {}, {}], {}),
    "names that are not text": ([{"name": 4}, {"name": None, "common_name": ["red"]}, {"name": "nir"}], {"nir": 3}),
}


@pytest.mark.parametrize("member", ["eo:bands", "bands"])
@pytest.mark.parametrize("naming", NAMINGS)
def test_bands_of_an_item_with_one_file_are_bound(member: str, naming: str, make_item: Callable[..., Item]) -> None:
    bands, expected = NAMINGS[naming]
    assets = image_of(make_item, **{member: bands})
    positions = {name: number for number, name in enumerate(POSITIONS[: len(bands)], start=1)}
    assert {name: asset.band for name, asset in assets.items()} == expected | positions
    assert {asset.url for asset in assets.values()} == {FILE["href"]}


def test_a_file_with_one_band_has_no_position(make_item: Callable[..., Item]) -> None:
    assert {name: asset.band for name, asset in image_of(make_item).items()} == {"image": None}
    one = image_of(make_item, bands=[{"name": "B08", "eo:common_name": "nir"}])
    assert {name: asset.band for name, asset in one.items()} == {"nir": None, "b08": None, "image": None}


@pytest.mark.parametrize("key", ["B04", "b04", "B4", "B08", "B8A"])
def test_codes_as_keys_mean_nothing_but_themselves(key: str, make_item: Callable[..., Item]) -> None:
    for members in ({}, {"eo:bands": [{"name": key}]}):
        assets = parse_item(make_item(PLANE, collection="mine", assets={key: FILE | members})).assets
        assert set(assets) == {key.lower()}
        assert not assets[key.lower()].notes


@pytest.mark.parametrize(
    ("platform", "expected"), [("sentinel-2a", "red"), ("Sentinel-2B", "red"), ("landsat-8", None)]
)
def test_codes_are_those_of_the_platform(platform: str, expected: str | None, make_item: Callable[..., Item]) -> None:
    """B04 is red for Sentinel-2 in any collection, but the common name goes before it."""
    for assets in ({"B04": FILE}, {"x": FILE | {"eo:bands": [{"name": "B4"}]}}):
        result = parse_item(make_item({"platform": platform}, collection="mine", assets=assets)).assets
        assert set(result) & {"red", "nir"} == ({expected} if expected else set())
    other = {"B04": FILE | {"eo:bands": [{"name": "B04", "common_name": "nir"}]}}
    assert set(parse_item(make_item({"platform": platform}, collection="mine", assets=other)).assets) >= {"nir"}
    assert "red" not in parse_item(make_item({"platform": platform}, collection="mine", assets=other)).assets


def test_guesses_have_a_note(make_item: Callable[..., Item]) -> None:
    """A key that is a common name is taken for one if the item says nothing else of the band."""
    said = {"eo:bands": [{"name": "x", "common_name": "red"}]}
    assets = parse_item(make_item(collection="mine", assets={"green": FILE, "red": FILE | said, "nir08": FILE})).assets
    assert assets["green"].notes == ("green by the key of its asset",)
    assert assets["red"].notes == ()
    assert assets["nir"].notes == ("nir is nir08",)


def test_contradictions_and_shared_names_are_remarked(make_item: Callable[..., Item]) -> None:
    assets = {
        "nir": FILE | {"eo:bands": [{"name": "red", "common_name": "green"}]},
        "one": FILE | {"eo:bands": [{"common_name": "blue"}]},
        "two": FILE | {"eo:bands": [{"common_name": "blue"}]},
    }
    scene = parse_item(make_item(collection="mine", assets=assets))
    assert set(scene.assets) == {"green", "one", "two"}
    remarks = " | ".join(scene.remarks)
    for expected in (
        "asset nir: called red, but its common name is green",
        "asset nir: called nir, but its common name is green",
        "blue is the name of 2 bands (one, two)",
    ):
        assert expected in remarks


@pytest.mark.parametrize("reverse", [False, True])
def test_a_key_identifies_its_asset_beside_one_that_formulas_write_alike(
    make_item: Callable[..., Item], *, reverse: bool
) -> None:
    """Words of the item still name the other one. Where neither is written as in a formula, both are remarked."""
    named = {"eo:bands": [{"name": "other"}]}
    keys = {"Red": named, "red": {}, "a-b": {}, "a_b": {}, "c d": {}, "c-d": {}, "ONE": {}}
    assets = {key: FILE | more | {"href": f"https://example.org/{ord(key[1]):x}-{len(key)}-{key[0]}.tif"}
              for key, more in (reversed(keys.items()) if reverse else keys.items())}  # fmt: skip
    scene = parse_item(make_item(PLANE, collection="mine", assets=assets))
    found = {name: next(key for key in keys if assets[key]["href"] == each.url) for name, each in scene.assets.items()}
    assert found == {"red": "red", "other": "Red", "a_b": "a_b", "one": "ONE"}
    remarks = " | ".join(scene.remarks)
    assert "asset Red: its key cannot be told from red" in remarks
    assert "asset a-b: its key cannot be told from a_b" in remarks
    both = "c d, c-d" if not reverse else "c-d, c d"
    assert f"c_d is the name of 2 bands ({both}) and identifies none of them" in remarks
    several = {"bands": [{"name": "x"}, {"name": "y"}]}
    pair = {"Image": FILE | {"bands": [{"name": "v"}, {"name": "w"}]}, "image": FILE | several}
    found = parse_item(make_item(PLANE, collection="mine", assets=pair)).assets
    assert set(found) == {"v", "w", "x", "y", "image_b1", "image_b2"}


def test_scale_offset_and_nodata_are_those_of_the_band(make_item: Callable[..., Item]) -> None:
    names = [{"name": "red"}, {"name": "nir"}, {"name": "scl"}, {"name": "blue"}]
    numbers: list[Item] = [{"scale": 0.1, "offset": -1, "nodata": 0}, {"scale": 0.5}, {}, {"nodata": -9999}]
    merged = [name | {f"raster:{key}" if key != "nodata" else key: value for key, value in number.items()}
              for name, number in zip(names, numbers, strict=True)]  # fmt: skip
    for asset in ({"eo:bands": names, "raster:bands": numbers}, {"bands": merged}):
        assets = image_of(make_item, **asset)
        result = {name: (each.band, each.scale, each.offset, each.nodata) for name, each in assets.items()}
        expected = {
            "red": (1, 0.1, -1.0, 0.0),
            "nir": (2, 0.5, 0.0, None),
            "scl": (3, None, 0.0, None),  # scale and offset of the file's tags
            "blue": (4, None, 0.0, -9999.0),
        }
        assert result == expected | dict(zip(POSITIONS, expected.values(), strict=True))


def test_the_asset_provides_defaults_for_its_bands(make_item: Callable[..., Item]) -> None:
    assets = image_of(
        make_item,
        **{"bands": [{"name": "red"}, {"name": "nir", "raster:scale": 0.5}], "raster:scale": 0.1, "nodata": 7},
    )
    assert [(assets[name].scale, assets[name].nodata) for name in ("red", "nir")] == [(0.1, 7.0), (0.5, 7.0)]


def test_units_and_classes_are_those_of_the_band(make_item: Callable[..., Item]) -> None:
    listed = [{"name": "red"}, {"name": "lst", "unit": "K"}, {"name": "kind", "classification:classes": [{"value": 1}]}]
    assets = image_of(make_item, bands=listed)
    assert [assets[name].unit for name in ("red", "lst", "kind")] == ["reflectance", "K", ""]
    assert [assets[name].discrete for name in ("red", "lst", "kind")] == [False, False, True]


def test_a_common_name_or_name_of_a_band_goes_before_an_asset_key(make_item: Callable[..., Item]) -> None:
    """The key is only the name of the file, which may hold anything."""
    several = FILE | {"eo:bands": [{"name": "red"}, {"name": "x", "common_name": "nir"}]}
    red, nir = FILE | {"href": "https://example.org/red.tif"}, FILE | {"href": "https://example.org/nir.tif"}
    for assets in ({"image": several, "red": red, "nir": nir}, {"nir": nir, "red": red, "image": several}):
        result = parse_item(make_item(collection="mine", assets=assets)).assets
        assert (result["red"].url, result["red"].band) == (several["href"], 1)
        assert (result["nir"].url, result["nir"].band) == (several["href"], 2)


def test_the_key_of_a_multi_band_file_is_no_name(make_item: Callable[..., Item]) -> None:
    listed = [{"name": "blue"}, {"name": "green"}]
    result = parse_item(make_item(collection="mine", assets={"red": FILE | {"bands": listed}})).assets
    assert {name: asset.band for name, asset in result.items()} == {"blue": 1, "green": 2, "red_b1": 1, "red_b2": 2}


@pytest.mark.parametrize("asset", [{"roles": ["overview"]}, {"roles": ["data", "visual"]}])
def test_rendered_images_are_not_measurements(asset: Item, make_item: Callable[..., Item]) -> None:
    """Their bands have the names of measured bands: Earth Search's `preview` lists red, green and blue."""
    listed = [{"name": "red"}, {"name": "green", "common_name": "green"}, {"name": "blue"}]
    result = image_of(make_item, **asset, **{"eo:bands": listed})
    assert set(result) == {"image_b1", "image_b2", "image_b3"}
    assert all(each.rendered for each in result.values())


@pytest.mark.parametrize("collection", [L2A, C1])
def test_the_visual_asset_has_three_bands_whatever_the_descriptions(
    collection: str, make_item: Callable[..., Item]
) -> None:
    for listed in ([], [{"name": "red"}, {"name": "green"}, {"name": "blue"}]):
        assets = {"visual": FILE | {"eo:bands": listed}}
        result = parse_item(make_item(collection=collection, assets=assets)).assets
        numbers = {name: asset.band for name, asset in result.items()}
        assert numbers == {"visual_red": 1, "visual_green": 2, "visual_blue": 3}


# Made-up items

COMMON = ("blue", "green", "red", "rededge1", "nir", "nir08", "swir16", "pan")
"""Some of STAC's common names."""
WORDS = (*COMMON, "B04", "B5", "B08", "Red", "x")
KEYS = (*COMMON, "B04", "B5", "image", "data")
TOGETHER = ({"nir", "nir08"}, {"nir08", "rededge"})
"""Common names of which one may be called like the other."""


class Told(NamedTuple):
    """What an item tells of one band of a file."""

    key: str
    number: int | None
    common: str
    name: str
    alone: bool
    rendered: bool


def told(assets: Item) -> Iterator[Told]:
    """The bands of an item that lists bands in one member only."""
    for key, asset in assets.items():
        listed = asset.get("eo:bands") or asset.get("bands") or [{}]
        for number, band in enumerate(listed, start=1):
            common = band.get("common_name") or band.get("eo:common_name") or ""
            several = len(listed) > 1
            rendered = "overview" in asset.get("roles", ())
            yield Told(
                key, number if several else None, common.lower(), band.get("name", "").lower(), not several, rendered
            )


def identified(assets: Item, wanted: str) -> Told | None:
    """The only band that a common name can mean, by the first kind of word that one band has to itself.

    If several have it, weaker words may decide among these only.
    """

    def is_contradicted(band: Told) -> bool:
        stated = band.common if band.common in COMMON else band.name
        return stated in COMMON and stated != wanted and {stated, wanted} not in TOGETHER

    bands = list(told(assets))
    contested: list[Told] = []
    for claims in (
        [band for band in bands if not band.rendered and band.common == wanted],
        [band for band in bands if not band.rendered and band.name == wanted and not is_contradicted(band)],
        [band for band in bands if band.alone and band.key.lower() == wanted and not is_contradicted(band)],
    ):
        claims = [band for band in claims if not contested or band in contested]
        if len(claims) == 1:
            return claims[0]
        contested = claims or contested
    return identified(assets, "nir08") if wanted == "nir" and not contested else None


def listings(member: str, common: str) -> st.SearchStrategy[Item]:
    band = st.fixed_dictionaries({}, optional={"name": st.sampled_from(WORDS), common: st.sampled_from(COMMON)})
    return st.lists(band, max_size=3).map(lambda bands: {member: bands})


MADE_UP = st.dictionaries(
    st.sampled_from(KEYS),
    st.tuples(
        listings("eo:bands", "common_name") | listings("bands", "eo:common_name"),
        st.sampled_from([{}, {}, {}, {"roles": ["data"]}, {"roles": ["overview"]}]),
    ).map(lambda parts: parts[0] | parts[1]),
    min_size=1,
    max_size=5,
)


def scene_of(assets: Item) -> Scene | None:
    ring = [[11, 46], [12, 46], [12, 47], [11, 46]]
    files = {key: asset | FILE | {"href": f"https://example.org/{key}.tif"} for key, asset in assets.items()}
    item = {
        "id": "made-up", "collection": "mine", "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"datetime": "2024-06-12T10:10:31Z"}, "assets": files,
    }  # fmt: skip
    try:
        return parse_item(item)
    except UnusableItem:
        return None


@given(MADE_UP)
def test_a_common_name_gives_the_band_that_the_item_identifies_or_none(assets: Item) -> None:
    scene = scene_of(assets)
    for wanted in COMMON:
        expected = identified(assets, wanted)
        found = scene.assets.get(wanted) if scene is not None else None
        event(f"{'identified' if expected else 'nothing'}")
        if expected is None:
            assert found is None, wanted
        else:
            assert found is not None, wanted
            assert (found.url, found.band) == (f"https://example.org/{expected.key}.tif", expected.number), wanted


@given(MADE_UP)
def test_a_common_name_never_gives_a_band_of_another_common_name(assets: Item) -> None:
    """Whatever else decides: a band is not red if the item says that it is near infrared."""
    scene = scene_of(assets)
    by_place = {(f"https://example.org/{band.key}.tif", band.number): band for band in told(assets)}
    for wanted in COMMON:
        found = scene.assets.get(wanted) if scene is not None else None
        if found is not None:
            band = by_place[found.url, found.band]
            assert band.common in ("", wanted) or {band.common, wanted} in TOGETHER
            assert wanted in (band.common, band.name, band.key.lower()) or "nir is nir08" in found.notes
            owners = {
                (each.key, each.number) for each in by_place.values() if each.common == wanted and not each.rendered
            }
            assert len(owners) != 1 or owners == {(band.key, band.number)}


@given(MADE_UP)
def test_every_band_of_a_file_with_several_has_its_position(assets: Item) -> None:
    scene = scene_of(assets)
    for band in told(assets):
        if not band.alone:
            assert scene is not None
            found = scene.assets[f"{band.key.lower()}_b{band.number}"]
            assert (found.url, found.band) == (f"https://example.org/{band.key}.tif", band.number)


@given(MADE_UP, st.randoms())
def test_the_order_of_assets_does_not_matter(assets: Item, random: Any) -> None:
    keys = list(assets)
    random.shuffle(keys)
    one, other = scene_of(assets), scene_of({key: assets[key] for key in keys})
    assert (one and one.assets) == (other and other.assets)


ODD = st.one_of(st.sampled_from([*(band.name for band in WHOLE_ASSETS), "B04", "B8"]), st.none(), st.floats())
ENTRIES = st.dictionaries(st.sampled_from(["name", "common_name", "eo:common_name", "scale"]), ODD)
LISTS = st.one_of(st.none(), st.integers(), st.text(max_size=3), st.lists(st.one_of(st.none(), st.text(), ENTRIES)))


@given(st.dictionaries(st.sampled_from(["eo:bands", "raster:bands", "bands"]), LISTS))
def test_any_band_lists_are_parsed(asset: Item) -> None:
    bands = band_descriptions(asset)
    lists = [entries for entries in asset.values() if isinstance(entries, list)]
    assert len(bands) == max(map(len, lists), default=0)
    scene = scene_of({"image": asset})
    assert scene is None or {each.band for each in scene.assets.values()} <= {None, *range(1, len(bands) + 1)}


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
    place = Georeference("EPSG:3857", tuple(TEN), (3, 4))
    assert again.assets["nir"] == Asset(FILE["href"], 2.0, 0.0, None, 2, place, unit="reflectance", guesses_unit=True)
    assert json.loads(to_json([scene])) == json.loads(to_json([again]))
