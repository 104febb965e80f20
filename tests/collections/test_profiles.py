"""Which profile describes a collection and its items, and profiles of several collections."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scog.bandmath.expression import parse
from scog.collections.built_in import built_in
from scog.collections.joint import joint_profile
from scog.collections.profile import Profile
from scog.collections.profile_toml import parse_profile
from scog.collections.profiles import Profiles
from scog.errors import InvalidExpression, InvalidInput
from tests.profiles import BANDS, C1, L2A, PROFILES, SENTINEL_2

EARTH_SEARCH = "https://earth-search.aws.element84.com/v1"
PLANETARY_COMPUTER = "https://planetarycomputer.microsoft.com/api/stac/v1"
CODES = ("B02", "B03", "B04", "B08", "SCL")
NAMES = ("blue", "green", "red", "nir", "scl")


def made(name: str, bands: str, more: str = "") -> Profile:
    """A profile of the collection `name`. Bands are written `name=alias/alias`."""
    tables = []
    for band in bands.split():
        canonical, _, aliases = band.partition("=")
        tables.append(f'[[bands]]\nname = "{canonical}"\naliases = {aliases.split("/") if aliases else []}\n{more}')
    return parse_profile(f'name = "{name}"\n' + "\n".join(tables), f"{name}.toml", built_in)


# The profile of a collection


@pytest.mark.parametrize(
    ("catalog", "collection", "expected"),
    [
        (EARTH_SEARCH, L2A, "sentinel-2-l2a"),
        (PLANETARY_COMPUTER, L2A, "sentinel-2-l2a-planetary-computer"),
        ("/data/archive", L2A, "sentinel-2-l2a"),
        ("", L2A, "sentinel-2-l2a"),
        (EARTH_SEARCH, C1, "sentinel-2-c1-l2a"),
        (PLANETARY_COMPUTER, C1, "sentinel-2-c1-l2a"),
        (EARTH_SEARCH, "mine", "stac"),
        (EARTH_SEARCH, "", "stac"),
        (EARTH_SEARCH, "SENTINEL-2-L2A", "stac"),
    ],
)
def test_the_catalogue_decides_between_profiles_of_one_collection(catalog: str, collection: str, expected: str) -> None:
    assert Profiles(catalog).of(collection).name == expected


@pytest.mark.parametrize("catalog", [EARTH_SEARCH, PLANETARY_COMPUTER, "/data/archive"])
@pytest.mark.parametrize(
    ("collection", "keys", "expected"),
    [
        (L2A, NAMES, "sentinel-2-l2a"),
        (L2A, CODES, "sentinel-2-l2a-planetary-computer"),
        (L2A, ("thumbnail", *CODES), "sentinel-2-l2a-planetary-computer"),
        (C1, NAMES, "sentinel-2-c1-l2a"),
        (C1, CODES, "sentinel-2-c1-l2a"),
        (L2A, ("image",), "stac"),
        (L2A, (), "stac"),
        ("mine", NAMES, "stac"),
    ],
)
def test_the_keys_of_an_item_decide_whatever_the_catalogue(
    catalog: str, collection: str, keys: tuple[str, ...], expected: str
) -> None:
    """An archive may have items that were copied from any catalogue."""
    assert Profiles(catalog).of_item(collection, keys).name == expected


def test_the_catalogue_decides_if_keys_fit_several_profiles_equally() -> None:
    for catalog, expected in ((EARTH_SEARCH, L2A), (PLANETARY_COMPUTER, "sentinel-2-l2a-planetary-computer")):
        assert Profiles(catalog).of_item(L2A, ("visual",)).name == expected
        assert Profiles(catalog).of_item(L2A, ("red", "B08")).name == expected


def test_custom_profiles_take_precedence_and_later_ones_over_earlier_ones() -> None:
    first, second = (parse_profile(f'name="{n}"\ncollections=["{L2A}"]\nextends="{L2A}"', n, built_in) for n in "ab")
    elsewhere = parse_profile(f'name="c"\ncollections=["{L2A}"]\nextends="{L2A}"\ncatalogs=["there"]', "c", built_in)
    custom = [first, second, elsewhere]
    assert Profiles(EARTH_SEARCH, custom).of(L2A) is second
    assert Profiles("https://there.example", custom).of(L2A) is elsewhere
    assert Profiles(EARTH_SEARCH, custom).of_item(L2A, NAMES) is second
    assert Profiles(EARTH_SEARCH, custom).of(C1).name == C1


@given(st.lists(st.lists(st.sampled_from([*NAMES, *CODES, "x", "image"]), unique=True), max_size=8))
def test_answers_do_not_depend_on_earlier_ones(asked: list[list[str]]) -> None:
    """Profiles are cached by the keys of assets."""
    profiles = Profiles(EARTH_SEARCH)
    for keys in asked:
        assert profiles.of_item(L2A, keys) is Profiles(EARTH_SEARCH).of_item(L2A, tuple(keys))


# Several collections

LEFT = made("left", "red=B4 nir=B5 pan=B8 qa", "resolution = 30")
RIGHT = made("right", "red=B4 rededge1=B5 nir=B8/B8A scl", "resolution = 10")


def test_a_joint_profile_has_the_bands_of_all() -> None:
    both = joint_profile(["left", "right"], [LEFT, RIGHT])
    assert [band.name for band in both.bands] == ["red", "nir", "pan", "qa", "rededge1", "scl"]
    assert both.by_name["red"].resolution == 30  # of the first
    assert both.names.find("B4") == "red"
    assert both.names.find("b8a") == "nir"
    assert both.names.find("rededge1") == "rededge1"
    assert (both.member("left"), both.member("right")) == (LEFT, RIGHT)
    assert both.has_bands(["pan", "scl"])
    assert not both.has_bands(["swir16"])


@pytest.mark.parametrize(
    ("name", "meanings"), [("B5", ("nir in left", "rededge1 in right")), ("b8", ("pan in left", "nir in right"))]
)
def test_an_alias_with_two_meanings_is_ambiguous(name: str, meanings: tuple[str, str]) -> None:
    both = joint_profile(["left", "right"], [LEFT, RIGHT])
    assert both.names.find(name) is None
    with pytest.raises(InvalidInput) as refused:
        both.names.canonical(name)
    with pytest.raises(InvalidExpression) as in_formula:
        parse(f"red / {name}", both.names)
    for error in (refused, in_formula):
        assert f"'{name}' is ambiguous" in str(error.value)
        assert all(meaning in str(error.value) for meaning in meanings)
        assert "write the band's name" in str(error.value)


def test_a_name_of_a_band_is_never_ambiguous() -> None:
    """`nir` is the name of a band in one profile and an alias in the other."""
    other = made("other", "wide=nir")
    for order in (("left", "other"), ("other", "left")):
        both = joint_profile(order, [{"left": LEFT, "other": other}[each] for each in order])
        assert both.names.find("nir") == "nir"
        assert both.names.find("wide") == "wide"


def test_joint_profiles_are_equal_objects_for_equal_collections() -> None:
    both = joint_profile(["left", "right"], [LEFT, RIGHT])
    assert both is joint_profile(("left", "right"), (LEFT, RIGHT))
    assert both is not joint_profile(["right", "left"], [RIGHT, LEFT])
    assert joint_profile(["left"], [LEFT]) is LEFT
    assert joint_profile(["left", "again"], [LEFT, LEFT]) is LEFT
    assert PROFILES.joint([]) is PROFILES.generic
    assert PROFILES.joint([L2A]) is SENTINEL_2


NAMED = st.sampled_from(["red", "nir", "pan", "scl"])
ALIASED = st.dictionaries(NAMED, st.lists(st.sampled_from(["B1", "B2", "B3"]), unique=True, max_size=2), min_size=1)


def _unique(aliased: dict[str, list[str]]) -> bool:
    every = [alias for aliases in aliased.values() for alias in aliases]
    return len(set(every)) == len(every)


@given(st.lists(ALIASED.filter(_unique), min_size=2, max_size=3))
def test_a_joint_name_means_the_same_in_every_collection_that_knows_it(every: list[dict[str, list[str]]]) -> None:
    profiles = [
        made(f"p{number}", " ".join(f"{band}={'/'.join(aliases)}" for band, aliases in aliased.items()))
        for number, aliased in enumerate(every)
    ]
    both = joint_profile([profile.name for profile in profiles], profiles)
    assert {band.name for band in both.bands} == {band for aliased in every for band in aliased}
    for name in ("red", "nir", "pan", "scl", "B1", "B2", "B3"):
        meanings = {band for aliased in every for band, aliases in aliased.items() if name == band or name in aliases}
        assert both.names.find(name) == (meanings.pop() if len(meanings) == 1 else None)


# Formulas of classes


@pytest.mark.parametrize("text", ["scl", "scl == 4", "scl * 10 + (scl > 5)", "where(scl == 8, nir, red)", "nir - red"])
def test_expressions_with_bands_of_classes_can_be_pickled(text: str) -> None:
    """Whether a band has classes is a matter of its profile, which a pickled expression does not have."""
    expression = parse(text, SENTINEL_2.names)
    again = pickle.loads(pickle.dumps(expression))
    assert again == expression
    assert again.is_integer == expression.is_integer == (text.startswith("scl"))
    bands = {name: np.arange(12, dtype=np.float32) for name in expression.bands}
    np.testing.assert_array_equal(again.evaluate(bands)[0], expression.evaluate(bands)[0])


def test_names_of_sentinel_2_are_those_of_its_bands() -> None:
    assert SENTINEL_2.names.discrete == {"scl"}
    assert set(SENTINEL_2.names.canonical_names.values()) == {band.name for band in BANDS}
