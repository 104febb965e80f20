"""Bands of Sentinel-2, and laws of the names of every built-in profile."""

from __future__ import annotations

import pytest

from scog.collections.band_names import ANY_NAMES, band_identifier
from scog.collections.built_in import built_in, names
from scog.collections.profile import Profile
from scog.errors import InvalidInput
from tests.profiles import BANDS, BY_NAME, C1, IN_ASSET, PROFILES, canonical

BUILT_IN = [profile for name in names() if (profile := built_in(name)) is not None]
EVERY = pytest.mark.parametrize("profile", BUILT_IN, ids=lambda profile: profile.name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("red", "red"),
        ("RED", "red"),
        ("B04", "red"),
        ("b04", "red"),
        ("B4", "red"),
        ("B01", "coastal"),
        ("B02", "blue"),
        ("B03", "green"),
        ("B05", "rededge1"),
        ("B06", "rededge2"),
        ("B07", "rededge3"),
        ("B08", "nir"),
        ("B8", "nir"),
        ("B8A", "nir08"),
        ("b8a", "nir08"),
        ("B09", "nir09"),
        ("B11", "swir16"),
        ("b12", "swir22"),
        ("SCL", "scl"),
        ("Aot", "aot"),
        ("WVP", "wvp"),
        ("visual_red", "visual_red"),
        ("TCI_G", "visual_green"),
    ],
)
def test_a_band_has_one_canonical_name(name: str, expected: str) -> None:
    assert canonical(name) == expected


@pytest.mark.parametrize(
    ("name", "fragment"),
    [("nirr", "did you mean nir"), ("B10", "B12 or B11"), ("swir", "swir16"), ("", "no band ''"), ("x" * 9999, "…")],
)
def test_an_unknown_band_is_refused_with_similar_names(name: str, fragment: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        canonical(name)
    assert fragment in str(refused.value)
    assert len(str(refused.value)) < 200
    assert refused.value.parameter == "bands"
    assert all(band.name in (refused.value.valid or "") for band in BANDS if band.number is None)


def test_collections_differ_in_their_names() -> None:
    """Probabilities are bands of Collection 1 only."""
    assert PROFILES.of(C1).names.find("cloud") == "cloud"
    with pytest.raises(InvalidInput, match="no band 'cloud'"):
        canonical("cloud")
    assert ANY_NAMES.canonical("B08_of_Mine") == "b08_of_mine"


def test_derived_products_have_no_wavelength() -> None:
    made = ["aot", "wvp", "scl", "visual_red", "visual_green", "visual_blue"]
    assert [band.name for band in BANDS if not band.spectral] == made
    assert [band.name for band in BANDS if band.wavelength is None] == made
    wavelengths = [band.wavelength for band in BANDS if band.wavelength is not None]
    assert wavelengths == sorted(wavelengths)
    assert {band.resolution for band in BANDS} == {10, 20, 60}


def test_every_band_of_sentinel_2_has_a_display_range() -> None:
    for band in BANDS:
        low, high = band.display_range
        assert low == 0 < high
        assert not band.spectral or high <= 0.5


def test_the_bands_of_one_asset_of_sentinel_2() -> None:
    assert {band for bands in IN_ASSET.values() for band in bands} == set(BANDS)
    assert [(band.name, band.number) for band in IN_ASSET["visual"]] == [
        ("visual_red", 1), ("visual_green", 2), ("visual_blue", 3),
    ]  # fmt: skip
    assert IN_ASSET["red"] == IN_ASSET["B04"] == (BY_NAME["red"],)


# Laws


@EVERY
def test_names_are_unique_and_found_in_any_case(profile: Profile) -> None:
    spellings = [name for band in profile.bands for name in {each.lower() for each in (band.name, *band.aliases)}]
    assert len(spellings) == len(set(spellings))
    for band in profile.bands:
        for name in (band.name, *band.aliases):
            assert {profile.names.find(each) for each in (name, name.upper(), name.lower())} == {band.name}


@EVERY
def test_formulas_can_name_every_band(profile: Profile) -> None:
    assert all(band_identifier(band.name) == band.name for band in profile.bands)
    assert all(band_identifier(alias) == alias.lower() for band in profile.bands for alias in band.aliases)


@EVERY
def test_classes_are_unique_and_discrete(profile: Profile) -> None:
    for band in profile.bands:
        values = [each.value for each in band.classes]
        assert len(set(values)) == len(values) == len({each.name for each in band.classes})
        assert (band.name in profile.names.discrete) == (bool(band.classes) or band.bits)
