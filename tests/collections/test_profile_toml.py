"""Profiles from TOML: every mistake is refused with the file, the key and what would be valid."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scog.collections import built_in as built_in_profiles
from scog.collections.built_in import built_in, names
from scog.collections.profile import Profile
from scog.collections.profile_toml import parse_profile
from scog.errors import InvalidInput

SOURCE = "mine.toml"
BAND = '[[bands]]\nname = "red"\n'
MASK = BAND + '[[bands]]\nname = "qa"\nbits = true\n[mask]\nband = "qa"\nbits = true\nnames = { cloud = 3 }\n'
PRESET = BAND + '[[presets]]\nname = "grey"\nbands = ["red", "red", "red"]\n'
LAYER = BAND + '[[layers]]\nname = "red-db"\nexpression = "red"\n'
SCENES = BAND + "[scenes]\n"
MISTAKES = [
    # key, document without its name, part of the message, part of what is valid
    ("name", "", "missing", "text"),
    ("name", "name = 3", "'3' is not text", "text"),
    ("name", 'name = ""', "empty", "text"),
    ("titel", 'titel = "Mine"', "did you mean title", "title"),
    ("title", "title = ['Mine']", "is not text", "text"),
    ("extends", 'extends = "sentinel-2-l3"', "no profile 'sentinel-2-l3'", "name of a profile"),
    ("collections", "collections = 5", "'5' is not text or a list", "list of texts"),
    ("collections", "collections = [5]", "not text", "list of texts"),
    ("collections", 'collections = [""]', "not text", "list of texts"),
    ("catalogs", "catalogs = { a = 1 }", "is not text or a list", "list of texts"),
    ("static", 'static = "yes"', "'yes' is not true or false", "true or false"),
    ("cloud_filter", "cloud_filter = 1", "'1' is not true or false", "true or false"),
    ("period_days", "period_days = 1.5", "'1.5' is not an integer", "an integer"),
    ("period_days", "period_days = true", "'True' is not an integer", "an integer"),
    ("period_days", "period_days = 0", "0 days", "1"),
    ("offset_rule", 'offset_rule = "shiftet"', "did you mean shifted", "shifted-since-04.00"),
    ("bands", "bands = { name = 'red' }", "is not a list", "a list"),
    ("bands[1]", "bands = ['red']", "not a table", "a table"),
    ("bands[1].name", "[[bands]]", "missing", "text"),
    ("bands[1].name", '[[bands]]\nname = "near infrared"', "cannot be written in a formula", "lower-case letters"),
    ("bands[1].name", '[[bands]]\nname = "Red"', "cannot be written in a formula", "lower-case letters"),
    ("bands[1].name", '[[bands]]\nname = "8a"', "cannot be written in a formula", "not starting with a digit"),
    ("bands[1].name", '[[bands]]\nname = ""', "empty", "text"),
    ("bands[2].wavelenght", BAND + '[[bands]]\nname = "b"\nwavelenght = 1', "did you mean wavelength", "wavelength"),
    ("bands[1].wavelength", BAND + "wavelength = '0.6'", "'0.6' is not a number", "a number"),
    ("bands[1].wavelength", BAND + "wavelength = nan", "'nan' is not a number", "a finite number"),
    ("bands[1].scale", BAND + "scale = inf", "'inf' is not a number", "a finite number"),
    ("bands[1].scale", BAND + f"scale = {10**400}", "is not a number", "a finite number"),
    ("bands[1].scale", BAND + "scale = 0", "0", "other than 0"),
    ("bands[1].offset", BAND + "offset = true", "'True' is not a number", "a number"),
    ("bands[1].nodata", BAND + "nodata = 'nine'", "'nine' is not a number", "a number"),
    ("bands[1].number", BAND + "number = 0", "no band 0", "1 for the first"),
    ("bands[1].number", BAND + "number = 1.0", "is not an integer", "an integer"),
    ("bands[1].aliases", BAND + "aliases = [4]", "not text", "list of texts"),
    ("bands[1].asset", BAND + "asset = 4", "is not text", "list of texts"),
    ("bands[1].range", BAND + "range = [1, 0]", "not a range", "the lower first"),
    ("bands[1].range", BAND + "range = [1]", "not a range", "two numbers"),
    ("bands[1].range", BAND + "range = [0, nan]", "not a range", "two numbers"),
    ("bands[1].range", BAND + "range = [false, true]", "not a range", "two numbers"),
    ("bands[1].range", BAND + f"range = [0, {10**400}]", "not a range", "two numbers"),
    ("bands[1].range", BAND + "range = 3", "'3' is not a range", "a range"),
    ("bands[1].bits", BAND + "bits = 'yes'", "is not true or false", "true or false"),
    ("bands[1].classes[1].value", BAND + "classes = [{ name = 'a' }]", "missing", "an integer"),
    ("bands[1].classes[1].name", BAND + "classes = [{ value = 1 }]", "missing", "text"),
    ("bands[1].classes[1].color", BAND + "classes = [{ value = 1, name = 'a', color = 'red' }]", "'red'", "#64c8ff"),
    ("bands[1].classes[1].colour", BAND + "classes = [{ value = 1, name = 'a', colour = 'red' }]", "color", "color"),
    ("bands", BAND + '[[bands]]\nname = "green"\naliases = ["RED"]', "'red' names two bands", "different names"),
    ("bands", BAND + BAND, "'red' names two bands", "different names"),
    ("assets.rot", BAND + "[assets]\nrot = 'B4'", "no such band", "names of bands"),
    ("assets.red", BAND + "[assets]\nred = 4", "is not text", "list of texts"),
    ("mask", "mask = 'red'\n" + BAND, "is not a table", "a table"),
    ("mask.band", BAND + "[mask]", "missing", "text"),
    ("mask.band", BAND + "[mask]\nband = 'rad'", "did you mean red", "one of the bands"),
    ("mask.names.cloud", BAND + "[mask]\nband = 'red'\nnames = { cloud = -1 }", "'-1'", "an integer from 0"),
    ("mask.names.cloud", BAND + "[mask]\nband = 'red'\nnames = { cloud = true }", "'True'", "an integer from 0"),
    ("mask.names.cloud", MASK.replace("cloud = 3", "cloud = 64"), "'64'", "from 0 to 63"),
    ("mask.invalid", MASK + "invalid = ['fill']", "no 'fill'", "mask.names"),
    ("mask.invalid", MASK + "invalid = [1.5]", "'1.5' is not a class or bit", "an integer from 0"),
    ("mask.invalid_values", MASK + "invalid_values = ['cloud']", "no 'cloud'", "an integer from 0"),
    ("mask.sets.clouds", MASK + "sets = { clouds = ['clod'] }", "did you mean cloud", "mask.names"),
    ("mask.sets.clouds", MASK + "sets = { clouds = 'cloud' }", "not a list", "a list"),
    ("mask.sets.clouds", MASK + "sets = { clouds = [64] }", "'64'", "from 0 to 63"),
    ("mask.bands", MASK + "bands = 'qa'", "did you mean band", "band"),
    ("default_mask", MASK + '"default_mask" = 3', "unknown key", "band"),  # it became a key of the table
    ("default_mask", "default_mask = 'clouds'\n" + MASK, "no mask 'clouds'", "none"),
    ("presets[1].bands", BAND + "[[presets]]\nname = 'a'\nbands = ['red']", "has 1 bands", "three bands"),
    ("presets[1].name", BAND + "[[presets]]\nbands = ['red', 'red', 'red']", "missing", "text"),
    ("presets[1].ranges", PRESET + "ranges = [[0, 1], [0, 1]]", "has 2 ranges", "one for each"),
    ("presets[1].ranges", PRESET + "ranges = [0, 1]", "not a range", "two numbers"),
    ("presets[1].transform", PRESET + "transform = 'db'", "'db' is unknown", "decibel"),
    ("presets", PRESET + PRESET.removeprefix(BAND).replace("grey", "Grey"), "'Grey' names two presets", "different"),
    ("layers[1].expression", BAND + "[[layers]]\nname = 'a'", "missing", "text"),
    ("layers[1].expression", BAND + "[[layers]]\nname = 'a'\nexpression = ''", "empty", "text"),
    ("layers[1].surface", LAYER + "surface = 'aspect'", "'aspect' is unknown", "hillshade or slope"),
    ("layers[1].range", LAYER + "range = []", "not a range", "two numbers"),
    ("layers", LAYER + LAYER.removeprefix(BAND), "'red-db' names two layers", "different"),
    ("scenes.orbits", SCENES + "orbits = []", "did you mean orbit", "orbit"),
    ("scenes.tile", SCENES + "tile = 'grid:code'", "is not a list", "a list"),
    ("scenes.tile[1].property", SCENES + "tile = [{ pattern = '(a)' }]", "missing", "text"),
    ("scenes.tile[1].pattern", SCENES + "tile = [{ property = 'a', pattern = '(' }]", "not a regular", "one group"),
    ("scenes.tile[1].pattern", SCENES + "tile = [{ property = 'a', pattern = 'a' }]", "has 0 groups", "one group"),
    ("scenes.tile[1].pattern", SCENES + "tile = [{ property = 'a', pattern = '(a)(b)' }]", "has 2 groups", "one group"),
    ("scenes.tile[1].pattern", SCENES + f"tile = [{{ property = 'a', pattern = '(a{{{2**40}}})' }}]", "not a", "group"),
    ("scenes.acquisition[1]", SCENES + "acquisition = [{ property = 'a' }]", "not a list", "alternatives"),
    ("scenes.acquisition[1]", SCENES + "acquisition = ['a']", "not a list", "alternatives"),
    ("scenes.acquisition[1]", SCENES + "acquisition = [['a']]", "not a table", "a table"),
    (
        "scenes.acquisition[1].last",
        SCENES + "acquisition = [[{ property = 'a', last = 1 }]]",
        "not true",
        "true or false",
    ),
]


@pytest.mark.parametrize(("key", "text", "message", "valid"), MISTAKES, ids=[f"{m[0]}: {m[2]}" for m in MISTAKES])
def test_a_mistake_is_refused_with_file_key_and_what_is_valid(key: str, text: str, message: str, valid: str) -> None:
    document = text if key == "name" else f'name = "mine"\n{text}'
    with pytest.raises(InvalidInput) as refused:
        parse_profile(document, SOURCE, built_in)
    told = str(refused.value)
    assert told.startswith(f"{SOURCE}: ")
    assert key in told
    assert message in told
    assert valid in (refused.value.valid or "")
    assert refused.value.parameter == "collections"
    assert len(told) < 250


@pytest.mark.parametrize("text", ["name = ", "name", "[[", "\0", 'name = "a"\nname = "b"', "a = " + "[" * 5000])
def test_a_file_that_is_not_toml_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=f"{SOURCE} is not TOML") as refused:
        parse_profile(text, SOURCE, built_in)
    assert refused.value.valid == "a TOML file"


@pytest.mark.parametrize("text", [MASK, PRESET, LAYER, SCENES, 'extends = "landsat-c2-l2"', "bands = []"])
def test_what_the_mistakes_are_made_of_is_valid(text: str) -> None:
    profile = parse_profile(f'name = "mine"\n{text}', SOURCE, built_in)
    assert profile.name == profile.title == "mine" or profile.title == "Landsat 4 to 9, Collection 2 Level-2"
    assert profile.collections == ("mine",)
    assert profile.source == SOURCE


def test_an_extended_profile_has_what_the_document_does_not() -> None:
    base = built_in("landsat-c2-l2")
    assert base is not None
    text = 'extends = "landsat-c2-l2"\nname = "mine"\ndefault = "true-color"\n[assets]\nred = "SR_B4"\n'
    text += '[[bands]]\nname = "pan"\nasset = "B8"\n[[presets]]\nname = "geology"\nbands = ["pan", "pan", "pan"]\n'
    profile = parse_profile(text, SOURCE, built_in)
    assert [band.name for band in profile.bands] == [*(band.name for band in base.bands), "pan"]
    assert profile.by_name["red"].assets == ("SR_B4",)
    assert profile.by_name["red"].scale == base.by_name["red"].scale
    assert profile.mask is base.mask
    assert profile.default == "true-color"
    assert [preset.name for preset in profile.presets] == [preset.name for preset in base.presets]
    changed = profile.preset("geology")
    assert changed is not None
    assert changed.bands == ("pan", "pan", "pan")


# Any mutation of a built-in document


def document_of(name: str) -> dict[str, Any]:
    folder = Path(built_in_profiles.__file__).parent
    return tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8"))


DOCUMENTS = {name: document_of(name) for name in names()}
Place = tuple[str | int, ...]


def places(value: Any, place: Place = ()) -> list[Place]:
    """Where a document has values: keys of tables and indices of lists."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [each for key, child in inner for each in ((*place, key), *places(child, (*place, key)))]


PLACES = {name: places(document) for name, document in DOCUMENTS.items()}


def toml(value: Any) -> str:
    """A value in TOML, on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value).replace("\x7f", "\\u007f")
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{toml(key)} = {toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(toml(each) for each in value)}]"
    return repr(value)


def toml_document(document: Mapping[str, Any]) -> str:
    return "\n".join(f"{toml(key)} = {toml(value)}" for key, value in document.items())


VALUES = st.recursive(
    st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(10**400), 2**63, 64])
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["red", "clouds", "none", "(", "(a)", "decibel", "#ffffff", "sentinel-2-l2a"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "value", "band", "property"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A built-in document with one to three values removed, replaced, renamed or doubled."""
    name = draw(st.sampled_from(sorted(DOCUMENTS)))
    document = deepcopy(DOCUMENTS[name])
    for place in draw(st.lists(st.sampled_from(PLACES[name]), min_size=1, max_size=3)):
        parent: Any = document
        try:
            for key in place[:-1]:
                parent = parent[key]
            value = parent[place[-1]]
        except (KeyError, IndexError, TypeError):  # an earlier change removed the place
            continue
        kind = draw(st.sampled_from(["remove", "replace", "rename", "double"]))
        if kind == "replace":
            parent[place[-1]] = draw(VALUES)
        elif kind == "double" and isinstance(parent, list):
            parent.append(deepcopy(value))
        else:
            del parent[place[-1]]
            if kind == "rename" and isinstance(parent, dict):
                parent[draw(st.text(max_size=8) | st.just(f"{place[-1]}s"))] = value
    return toml_document(document)


def profile_or_refusal(text: str) -> Profile | InvalidInput:
    try:
        return parse_profile(text, SOURCE, built_in)
    except InvalidInput as error:
        return error


def assert_profile_or_refusal(text: str) -> None:
    """A document gives a profile that can be used, or an error that names the file and what is valid."""
    profile = profile_or_refusal(text)
    if isinstance(profile, InvalidInput):
        assert str(profile).startswith(SOURCE)
        assert profile.valid
        assert len(str(profile)) < 400
        return
    assert profile.name
    for band in profile.bands:
        assert profile.names.canonical(band.name.upper()) == band.name
        assert all(profile.names.find(alias) == band.name for alias in band.aliases)
        assert all(math.isfinite(number) for number in (*band.display_range, band.scale or 1, band.offset or 0))
    for preset in profile.presets:
        assert profile.preset(preset.name) is preset
        assert len(profile.ranges(preset)) == 3
    for layer in profile.layers:
        assert profile.layer(layer.name) is layer
    if profile.mask is not None:
        assert profile.mask.band in profile.by_name
        assert profile.default_mask == "none" or profile.mask.numbers_of(profile.default_mask) is not None


@given(mutated())
def test_a_mutated_document_gives_a_profile_or_a_refusal(text: str) -> None:
    assert_profile_or_refusal(text)


@given(st.sampled_from(sorted(DOCUMENTS)), st.data())
def test_a_document_with_a_part_missing_gives_a_profile_or_a_refusal(name: str, data: st.DataObject) -> None:
    text = toml_document(DOCUMENTS[name])
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 200)))
    assert_profile_or_refusal(text[:start] + text[end:])


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_a_document_written_anew_gives_the_same_profile(name: str) -> None:
    profile = parse_profile(toml_document(DOCUMENTS[name]), SOURCE, built_in)
    expected = built_in(name)
    assert expected is not None
    assert profile.bands == expected.bands
    assert (profile.presets, profile.layers) == (expected.presets, expected.layers)
