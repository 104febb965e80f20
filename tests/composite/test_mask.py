"""Parsing of masks: any text is a mask or refused, and equal masks have one canonical text."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scog.collections.built_in import built_in, names
from scog.collections.joint import joint_profile
from scog.composite.mask import parse_mask
from scog.composite.scene_mask import NumberRule, SceneMask
from scog.errors import InvalidExpression, InvalidInput
from tests.doubles.masks import BITS, FMASK_A, FMASK_B, JOINT_BITS, JOINT_CLASSES, MIXED, PLAIN, SCL, bits_profile
from tests.profiles import PROFILES

CLOUDS = {0, 1, 3, 8, 9, 10}
NAMES = ["clouds", "cloud", "shadow", "snow", "water", "cirrus", "saturated", "no data"]
EXPRESSIONS = ["nir > 0.4", "(nir-red)/(nir+red) < 0.2", "bit(scl, 3)", "max(nir, red) >= 1", "(red)", "B08>.4"]
PARTS = st.one_of(st.sampled_from(NAMES), st.integers(0, 11).map(str), st.sampled_from(EXPRESSIONS))


def numbers_of(text: str | None) -> frozenset[int]:
    (rule,) = parse_mask(text, 0.0, SCL).of(SCL).rules
    assert isinstance(rule, NumberRule)
    return rule.masked


@given(st.one_of(st.text(), st.text("0123456789,+-_ \t\n\x1c\x1f\x85\xa0²٣"), st.text("clouds8,9()<> nir;bit")))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidInput):
        mask = parse_mask(text, 0.0, SCL)
        assert mask.is_empty == (mask.text == "none") == (not mask.of(SCL).rules)
        assert mask.numbers <= frozenset(range(12))


@pytest.mark.parametrize("text", ["8,9", " 8, 9", "9,\x1f8", "08,9 ,8", "cloud", "CLOUD", "cloud_high, cloud_medium"])
def test_spelling_does_not_matter(text: str) -> None:
    assert numbers_of(text) == {8, 9}
    assert parse_mask(text, 0.0, SCL) == parse_mask("8,9", 0.0, SCL)


def test_a_mask_is_the_profiles_default_if_none_is_given() -> None:
    assert numbers_of(None) == CLOUDS
    assert parse_mask(None, 0.0, PLAIN).is_empty
    with pytest.raises(InvalidInput, match="no effect"):
        parse_mask(None, 10.0, PLAIN)


@given(st.lists(PARTS, min_size=1, max_size=5))
def test_the_canonical_text_is_a_fixed_point(parts: list[str]) -> None:
    mask = parse_mask(",".join(parts), 30.0, SCL)
    again = parse_mask(mask.text, 30.0, SCL)
    assert again == mask
    assert hash(again) == hash(mask)
    assert again.text == mask.text
    assert again.of(SCL) == mask.of(SCL)


@given(st.lists(PARTS, min_size=1, max_size=5), st.randoms())
def test_order_and_repetition_do_not_matter(parts: list[str], random: object) -> None:
    shuffled = [*parts, parts[0]]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert parse_mask(" , ".join(shuffled), 0.0, SCL) == parse_mask(",".join(parts), 0.0, SCL)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("clouds", "clouds"), ("10,9,8,3,1,0", "clouds"), ("shadow", "3"), ("9, 8,3", "3,8,9"),
        ("cloud,shadow", "3,8,9"), ("None", "none"), ("clouds,snow", "0,1,3,8,9,10,11"), ("B08>.40", "nir > 0.4"),
        ("(red)", "red != 0"),
        ("max( nir,red )>1 ,clouds", "clouds,max(nir, red) > 1"),
    ],
)  # fmt: skip
def test_canonical_texts(text: str, canonical: str) -> None:
    """Texts of classes are those that ids of cubes have always been made of."""
    assert parse_mask(text, 0.0, SCL).text == canonical


def test_a_name_is_a_set_before_it_is_a_band() -> None:
    """`cirrus` is a class, and a band of some sensors, which can be masked by `cirrus > 0.01`."""
    scl_mask = parse_mask("cirrus", 0.0, SCL).of(SCL)
    assert scl_mask.bands == ("scl",)
    assert parse_mask("nir != 0", 0.0, SCL).of(SCL).bands == ("nir",)
    with pytest.raises(InvalidInput, match="write nir != 0") as refused:
        parse_mask("clouds,nir", 0.0, SCL)
    assert refused.value.parameter == "mask"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("12", r"There is no class '12' in scl\."), ("-1", "not a mask"), ("1.5", "not a mask"), ("8 9", "not a mask"),
        ("", "is empty"), ("8,,9", "is empty"), ("8,", "is empty"), ("none,8", "'none' cannot be combined"),
        ("cluods", r"no set, class or bit 'cluods'; did you mean clouds or cloud\?$"), ("ndvi", "no set, class"),
        ("99999999999999999999", "There is no class"), ("nir > 1; red > 1", "2 outputs"),
    ],
)  # fmt: skip
def test_errors_say_what_is_wrong_and_what_there_is(text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as refused:
        parse_mask(text, 0.0, SCL)
    assert refused.value.parameter == "mask"
    valid = refused.value.valid or ""
    assert "clouds, cloud, shadow, snow" in valid
    assert "cloud_high" in valid
    assert "classes of scl (0 to 11)" in valid


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("clouds, nir > rde", 14, "no band 'rde'; did you mean"), ("nir >", 5, "a value is missing"),
        ("(nir, red) > 1", 4, "comma"), ("8,  max(nir, red > 1", 7, "never closed"), ("2 > 1e0", 0, "uses no band"),
        ("bit(scl, 24)", 9, "'24' is not the number of a bit"), ("bit(scl, nir)", 9, "not the number of a bit"),
    ],
)  # fmt: skip
def test_errors_in_expressions_name_the_column_of_the_mask(text: str, position: int, message: str) -> None:
    with pytest.raises(InvalidExpression, match=message) as refused:
        parse_mask(text, 0.0, SCL)
    assert refused.value.parameter == "mask"
    assert refused.value.position == position


# Bits


def test_numbers_are_bits_where_the_band_is_a_bit_field() -> None:
    assert parse_mask("clouds", 0.0, BITS) == parse_mask("3, 1,2,4", 0.0, BITS)
    (rule,) = parse_mask("snow,2", 0.0, BITS).of(BITS).rules
    assert isinstance(rule, NumberRule)
    assert (rule.band, rule.bits, rule.masked, rule.invalid) == ("qa_pixel", True, {2, 5}, {0})
    with pytest.raises(InvalidInput, match=r"There is no bit '15' in qa_pixel\.") as refused:
        parse_mask("15", 0.0, BITS)
    assert "bits of qa_pixel (0 to 7)" in (refused.value.valid or "")


def test_a_collection_without_classes_can_be_masked_by_expressions_only() -> None:
    assert parse_mask("vv < 0.01", 0.0, PLAIN).of(PLAIN).bands == ("vv",)
    for text in ("clouds", "8"):
        with pytest.raises(InvalidInput) as refused:
            parse_mask(text, 0.0, PLAIN)
        assert refused.value.valid == "none, or an expression that is not 0 where pixels are masked"


# Several collections


def test_sets_are_resolved_by_each_scenes_collection() -> None:
    mask = parse_mask("clouds", 0.0, MIXED)
    assert mask.text == "clouds"
    masked = {rule.band: rule.masked for member in MIXED.members.values() for rule in mask.of(member).rules}  # type: ignore[union-attr]
    assert masked == {"scl": CLOUDS, "qa_pixel": {1, 2, 3, 4}}
    assert mask.of(MIXED.member("plain")).rules == ()
    assert mask.of(MIXED.member("plain")).unknown == ("clouds",)


def test_a_set_of_one_collection_is_unknown_to_the_others() -> None:
    mask = parse_mask("saturated,clouds", 0.0, MIXED)
    assert mask.text == "clouds,saturated"
    assert mask.of(MIXED.member("bits")).unknown == ("saturated",)
    assert mask.of(MIXED.member("scl")).unknown == ()
    with pytest.raises(InvalidInput, match="no set, class or bit 'haze'") as refused:
        parse_mask("haze", 0.0, MIXED)
    assert "saturated" in (refused.value.valid or "")
    assert "dilated" in (refused.value.valid or "")


def test_numbers_that_depend_on_the_collection_are_refused() -> None:
    with pytest.raises(InvalidInput, match="a class of scl or a bit of qa_pixel, depending on the collection"):
        parse_mask("3", 0.0, MIXED)


def test_numbers_whose_meaning_depends_on_the_collection_are_refused() -> None:
    """Although band and kind are the same. Names and numbers that mean the same, or are in one only, are masks."""
    with pytest.raises(InvalidInput, match="Class '3' of qa is ambiguous: cloud or forest, depending on") as no:
        parse_mask("3", 0.0, JOINT_CLASSES)
    assert no.value.parameter == "mask"
    with pytest.raises(InvalidInput, match="Bit '6' of qa_pixel is ambiguous: clear or water, depending on the coll"):
        parse_mask("6", 0.0, joint_profile(["a", "b"], [BITS, bits_profile("b", water_bit=6)]))
    masked = [parse_mask("cloud", 0.0, JOINT_CLASSES).of(each).rules for each in JOINT_CLASSES.members.values()]
    assert [rule.masked for (rule,) in masked] == [{3}, {0}]  # type: ignore[union-attr]
    assert parse_mask("1", 0.0, JOINT_CLASSES).numbers == {1}
    assert parse_mask("9", 0.0, JOINT_CLASSES).numbers == {9}


def test_collections_with_the_same_bits_have_one_canonical_text() -> None:
    assert parse_mask("clouds", 0.0, JOINT_BITS).text == "clouds"
    assert parse_mask("3,1,2,4", 0.0, JOINT_BITS).text == "clouds"
    assert parse_mask("snow", 0.0, JOINT_BITS).text == "5"


def test_a_set_that_differs_between_collections_keeps_its_name() -> None:
    assert parse_mask("water", 0.0, JOINT_BITS).text == "water"
    masked = [parse_mask("water", 0.0, JOINT_BITS).of(member).rules[0].masked for member in (FMASK_A, FMASK_B)]  # type: ignore[union-attr]
    assert masked == [{7}, {6}]


# The profiles of scog


@pytest.mark.parametrize("name", names())
def test_every_set_and_class_of_every_profile_is_a_mask(name: str) -> None:
    profile = built_in(name)
    assert profile is not None
    source = profile.mask
    assert parse_mask(None, 0.0, profile).text == profile.default_mask == ("none" if source is None else "clouds")
    for each in () if source is None else (*source.sets, *source.names):
        (rule,) = parse_mask(each, 0.0, profile).of(profile).rules
        assert isinstance(rule, NumberRule)
        assert (rule.band, rule.bits, rule.masked) == (source.band, source.bits, source.numbers_of(each))  # type: ignore[union-attr]
        assert profile.band(rule.band).discrete


def test_both_collections_of_hls_are_masked_by_the_same_bits() -> None:
    hls = PROFILES.joint(["hls2-s30", "hls2-l30"])
    assert len(hls.members) == 2
    assert parse_mask(None, 0.0, hls).text == parse_mask("3,1,adjacent", 0.0, hls).text == "clouds"
    assert {parse_mask("snow", 0.0, hls).of(member) for member in hls.members.values()} == {
        SceneMask((NumberRule("fmask", frozenset({4}), True, frozenset(), frozenset({255})),))
    }
