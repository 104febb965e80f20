"""Items whose words contradict the keys of their assets: an index has the band that both mean, or none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scog.bandmath.indices import INDICES
from scog.catalog.scene import UnusableItem, parse_item
from scog.collections.built_in import names
from scog.collections.profiles import Profiles
from scog.settings import Settings
from tests.collections.test_scenes_of_profiles import item_of
from tests.doubles.collections import MADE
from tests.doubles.collections.item import COG, Made
from tests.doubles.collections.sentinel_2 import S2_BANDS
from tests.web.conftest import Served, served

PROFILES = Profiles()
BY_PROFILE = {name: next(made for made in MADE if made.profile == name) for name in names()}
EVERY = pytest.mark.parametrize("made", BY_PROFILE.values(), ids=BY_PROFILE)
STANDARD = (
    *("pan", "coastal", "blue", "green", "green05", "yellow", "red", "rededge", "rededge071", "rededge075"),
    *("rededge078", "nir", "nir08", "nir09", "cirrus", "swir16", "swir22", "lwir", "lwir11", "lwir12"),
)
"""Common names of the electro-optical extension (https://github.com/stac-extensions/eo)."""
OF_INDICES = {band for index in INDICES.values() for band in index.bands}
CODES = tuple(code for code, _ in S2_BANDS.values())
RADAR = {"vv", "vh", "hh", "hv"}


def may_stand_for(stated: str, band: str) -> bool:
    """Whether items may call a band by a common name: its own, or a wider or narrower one of the same part."""
    if stated == band or {stated, band} in ({"nir", "nir08"}, {"nir08", "rededge"}):
        return True
    return any(stated.startswith(part) and band.startswith(part) for part in ("rededge", "lwir"))


def contradicts(stated: str, band: str) -> bool:
    """Whether a common name means another band. Radar and other bands that are not optical have no common names."""
    is_optical = band in STANDARD or band.startswith("rededge")
    return is_optical and stated in STANDARD and not may_stand_for(stated, band)


def stated_name(asset: Mapping[str, Any], number: int) -> str:
    """What an item calls a band of an asset: its common name, else its own name; empty for neither."""
    entry: dict[str, Any] = {}
    if len(asset.get("bands") or asset.get("eo:bands") or ()) < 2:
        entry = {name: asset[name] for name in ("eo:common_name",) if name in asset}
    for member in ("eo:bands", "bands"):
        if len(asset.get(member, ())) >= number:
            entry |= asset[member][number - 1]
    common = entry.get("eo:common_name", entry.get("common_name"))
    return str(common or entry.get("name", "")).lower()


# Words

NAMES = st.sampled_from((*STANDARD, *(name.upper() for name in STANDARD), *CODES, "band 1"))
COMMON = st.sampled_from((*STANDARD, *(name.upper() for name in STANDARD)))


@st.composite
def words_of(draw: st.DrawFn, bands: tuple[str, ...]) -> dict[str, Any]:
    """Members of an asset that describe its bands, by STAC 1.0 or 1.1, in a list or beside it."""
    member, key = draw(st.sampled_from((("eo:bands", "common_name"), ("bands", "eo:common_name"))))
    entries = []
    for band in bands:
        usual = st.just(band) if band in STANDARD else st.nothing()
        entry = {}
        if draw(st.booleans()):
            entry["name"] = draw(NAMES | usual)
        if draw(st.booleans()):
            entry[key] = draw(COMMON | usual)
        entries.append(entry)
    if len(bands) == 1 and draw(st.integers(0, 3)) == 0:
        return {"eo:common_name": draw(COMMON)}
    return {member: entries}


def described(draw: st.DrawFn, made: Made) -> dict[str, dict[str, Any]]:
    """Assets by key, some with other words than the item's. The links are those of the made-up item."""
    assets: dict[str, dict[str, Any]] = {key: dict(asset) for key, asset in item_of(made, made.scene)["assets"].items()}
    for file in made.files:
        if draw(st.booleans()):
            asset = assets[file.key]
            for member in ("eo:bands", "bands"):
                asset.pop(member, None)
            asset |= draw(words_of(file.bands))
    return assets


def parsed(made: Made, assets: Mapping[str, Any]) -> dict[str, Any]:
    """Assets of the scene by band; empty if no asset can be used."""
    try:
        return parse_item(item_of(made, made.scene) | {"assets": assets}, "", PROFILES).assets
    except UnusableItem:
        return {}


@EVERY
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_band_is_bound_unless_the_words_of_its_asset_contradict_its_key(made: Made, data: st.DataObject) -> None:
    if made.profile == "stac":  # has no keys
        return
    assets = data.draw(st.composite(described)(made))
    bound = parsed(made, assets)
    for file in made.files:
        for number, band in enumerate(file.bands, start=1):
            stated = stated_name(assets[file.key], number)
            if band in bound:
                assert bound[band].url.endswith(f"/{file.key}.tif")
            assert (band in bound) != contradicts(stated, band), f"{band} of {file.key}, called {stated!r}"


@st.composite
def misplaced(draw: st.DrawFn, made: Made) -> dict[str, dict[str, Any]]:
    """Assets with other words and under other keys: swapped, in other case, codes, or left out."""
    assets = described(draw, made)
    for _ in range(draw(st.integers(0, 4))):
        key = draw(st.sampled_from(sorted(assets)))
        asset = assets.pop(key)
        new = draw(st.sampled_from(("drop", "swap", key.upper(), key.lower(), *STANDARD, *CODES)))
        if new == "swap" and assets:
            new = draw(st.sampled_from(sorted(assets)))
            assets[key] = assets.pop(new)
        if new not in ("drop", "swap"):
            assets[new] = asset
        if not assets:
            assets[key] = asset
    return assets


def meanings_of(made: Made, key: str) -> set[str]:
    """The bands that a key may mean in a collection."""
    found = {key.lower()}
    for other in MADE:
        if other.collection == made.collection or other.profile == made.profile:
            found |= {band for file in other.files if file.key.lower() == key.lower() for band in file.bands}
    if "sentinel-2" in (made.properties.get("platform", ""), made.properties.get("constellation")):
        found |= {band for band, (code, _) in S2_BANDS.items() if code.lower() == key.lower()}
    return found


@EVERY
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_an_index_never_has_another_band(made: Made, data: st.DataObject) -> None:
    """Each bound band is meant by its asset's key or words, and the words do not contradict it."""
    assets = data.draw(misplaced(made))
    by_url = {asset["href"]: (key, asset) for key, asset in assets.items()}
    bound = parsed(made, assets)
    for band in OF_INDICES & set(bound):
        key, asset = by_url[bound[band].url]
        number = bound[band].band or 1
        stated = stated_name(asset, number)
        assert not contradicts(stated, band), f"{band} is asset {key}, called {stated!r}"
        words = {stated, *(str(entry.get("name", "")).lower() for member in ("eo:bands", "bands")
                           for entry in asset.get(member, ())[number - 1 : number])}  # fmt: skip
        meant = meanings_of(made, key) | words | {band for word in words for band in meanings_of(made, word)}
        meant |= {"nir"} if "nir08" in meant else set()
        assert any(may_stand_for(each, band) for each in meant), f"{band} is asset {key}, called {stated!r}"


@pytest.mark.parametrize(
    ("name", "key", "band", "words"),
    [
        ("sentinel-2-l2a", "red", "red", {"eo:bands": [{"common_name": "NIR"}]}),
        ("sentinel-2-l2a", "red", "red", {"bands": [{"name": "nir"}]}),
        ("landsat-c2-l2", "red", "red", {"eo:common_name": "nir08"}),
        ("landsat-c2-l2", "swir16", "swir16", {"eo:bands": [{"common_name": "swir22"}]}),
        ("stac", "coastal", "coastal", {"bands": [{"name": "green05"}]}),
        ("stac", "other", "nir", {"bands": [{"name": "nir08", "eo:common_name": "rededge"}]}),
    ],
)
def test_names_that_contradict(name: str, key: str, band: str, words: dict[str, Any]) -> None:
    made = BY_PROFILE[name]
    href = {"href": "https://pixels.example/one.tif", "type": COG}
    other = {"blue": {"href": "https://pixels.example/blue.tif", "type": COG}}
    assert band not in parsed(made, {**other, key: href | words})


def test_a_contradictory_band_of_a_file_leaves_its_others() -> None:
    made = BY_PROFILE["naip"]
    assets = item_of(made, made.scene)["assets"]
    words = [{"common_name": name} for name in ("nir", "green", "blue", "red")]
    assert set(parsed(made, {"image": assets["image"] | {"eo:bands": words}})) == {"green", "blue"}


# Through a server

WITH_NDVI = [made for made in BY_PROFILE.values() if {"red", "nir"} <= set(made.band_names)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Items whose words exchange red and near infrared."""
    archive = tmp_path_factory.mktemp("contradictory")
    for made in WITH_NDVI:
        made.write(archive)
        path = archive / made.collection / made.scene / f"{made.scene}.json"
        item = json.loads(path.read_text())
        if made.profile != "stac":
            for band, other in (("red", "nir"), ("nir", "red")):
                file = made.file_of(band)
                words = item["assets"][file.key].setdefault("eo:bands", [{} for _ in file.bands])
                words[file.bands.index(band)] = {"common_name": other}
        path.write_text(json.dumps(item))
    with served(Settings(catalog=str(archive), cache_dir=tmp_path_factory.mktemp("cache"))) as running:
        yield running


@pytest.mark.parametrize("made", WITH_NDVI, ids=[made.name for made in WITH_NDVI])
def test_ndvi_of_a_contradictory_item_is_refused(server: Served, made: Made) -> None:
    grid = made.grid(1)
    lon, lat = made.lonlat(grid, 20.5, 20.5)
    query = {"collection": made.collection, "index": "ndvi", "mask": "none"}
    response = server.get(f"/point/{lon},{lat}", params=query)
    if made.profile == "stac":  # agrees with itself
        assert response.status_code == 200
        return
    assert 400 <= response.status_code < 500, response.text
    assert "red" in response.text or "nir" in response.text
