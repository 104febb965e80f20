"""The profiles that come with scog: consistent in themselves, with STAC's names, and with each other."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scog.bandmath import indices
from scog.bandmath.expression import Expression, parse
from scog.collections import built_in as built_in_profiles
from scog.collections.band import Band
from scog.collections.built_in import FILES, GENERIC, built_in, names, profiles_of
from scog.collections.joint import joint_profile
from scog.collections.presets import normalized
from scog.collections.profile import Profile
from scog.collections.scene_keys import first_of
from scog.errors import InvalidInput
from scog.render.colormap import color_table

FOLDER = Path(built_in_profiles.__file__).parent
COMMON_NAMES = {
    "pan": (0.40, 1.00),
    "coastal": (0.40, 0.45),
    "blue": (0.45, 0.53),
    "green": (0.51, 0.60),
    "yellow": (0.58, 0.62),
    "red": (0.62, 0.69),
    "rededge071": (0.69, 0.73),
    "rededge075": (0.73, 0.76),
    "rededge078": (0.76, 0.79),
    "nir": (0.76, 1.00),
    "nir08": (0.80, 0.90),
    "nir09": (0.90, 1.00),
    "cirrus": (1.35, 1.40),
    "swir16": (1.55, 1.75),
    "swir22": (2.08, 2.35),
    "lwir11": (10.5, 11.5),
    "lwir12": (11.5, 12.5),
}
"""Common names of the EO extension and their ranges in micrometres.

https://github.com/stac-extensions/eo#common-band-names
"""
OWN_NAMES = {"rededge1": "rededge071", "rededge2": "rededge075", "rededge3": "rededge078", "nir_broad": "nir"}
"""Names of scog for bands that have a common name: older than it, or because another band has the name already."""


def profile_of(name: str) -> Profile:
    profile = built_in(name)
    assert profile is not None
    return profile


PROFILES = [profile_of(name) for name in names()]
EVERY = pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)


def formulas(profile: Profile) -> Iterator[str]:
    yield from (layer.expression for layer in profile.layers)
    yield from (formula for preset in profile.presets for formula in preset.bands)


def parsed(profile: Profile, formula: str) -> Expression:
    return parse(formula, profile.names)


def test_every_file_is_a_profile_of_its_name() -> None:
    files = {file.stem for file in FOLDER.glob("*.toml")}
    assert set(names()) == files
    assert len(names()) == len(files)
    assert [profile.name for profile in PROFILES] == list(names())
    assert built_in("sentinel-2") is None


def test_the_table_equals_the_files() -> None:
    described = [(collection, profile.name) for profile in PROFILES for collection in profile.collections]
    assert {(id_, name) for id_, each in FILES.items() for name in each} == set(described)
    assert profile_of(GENERIC).collections == ()
    assert profiles_of("HLSL30_2.0") == profiles_of("hls2-l30") == (profile_of("hls-l30"),)
    assert profiles_of("nowhere") == ()


@EVERY
def test_a_file_names_its_sources(profile: Profile) -> None:
    comments = [line for line in (FOLDER / f"{profile.name}.toml").read_text().splitlines() if line.startswith("# ")]
    assert comments
    extends = tomllib.loads((FOLDER / f"{profile.name}.toml").read_text()).get("extends")
    assert extends or "http" in "".join(comments) or "stactools" in "".join(comments) or "microsoft/" in str(comments)


@EVERY
def test_a_profile_is_complete(profile: Profile) -> None:
    assert profile.title
    assert profile.source == f"scog/{profile.name}.toml"
    assert profile.attribution or profile.name == GENERIC
    assert not profile.open or profile.name == GENERIC
    assert profile.period_days is None or profile.period_days >= 30
    assert profile.cloud_filter or profile.mask is None


# Bands


@EVERY
def test_names_of_bands_are_unique(profile: Profile) -> None:
    spelled = [name.lower() for band in profile.bands for name in (band.name, *band.aliases)]
    assert len(spelled) == len(set(spelled))
    for band in profile.bands:
        assert all(profile.names.canonical(name) == band.name for name in (band.name, *band.aliases))
        assert band.title


@EVERY
def test_spectral_bands_have_common_names_that_fit_their_wavelengths(profile: Profile) -> None:
    for band in profile.bands:
        name = OWN_NAMES.get(band.name, band.name)
        if name in COMMON_NAMES and band.wavelength is not None:
            low, high = COMMON_NAMES[name]
            assert low <= band.wavelength <= high, band
        assert band.wavelength is None or name in COMMON_NAMES, f"{band.name} has no common name"
        assert not band.spectral or name in COMMON_NAMES


@EVERY
def test_bands_are_sorted_by_wavelength_then_those_without(profile: Profile) -> None:
    wavelengths = [band.wavelength for band in profile.bands]
    known = [wavelength for wavelength in wavelengths if wavelength is not None]
    assert known == sorted(known)
    assert profile.name == GENERIC or wavelengths[: len(known)] == known


@EVERY
def test_bands_are_told_apart_by_asset_and_number(profile: Profile) -> None:
    places = [(band.assets[0], band.number) for band in profile.bands if band.assets]
    assert len(places) == len(set(places))
    assert len(places) == len(profile.bands) or profile.open  # items name the bands of an open profile
    for key, bands in profile.by_asset.items():
        assert len(bands) == 1 or all(band.number for band in bands), key
    assert not set(profile.by_asset) & set(profile.unread_assets)


@EVERY
def test_reflectance_has_a_scale_and_discrete_bands_have_none(profile: Profile) -> None:
    for band in profile.bands:
        low, high = band.display_range
        assert low < high
        if band.spectral:
            assert (low, high <= 0.5) == (0, True)
            assert band.scale or profile.name == GENERIC
            assert not band.discrete
        if band.discrete:
            assert band.scale in (None, 1)
            assert band.offset in (None, 0)
        assert len({each.value for each in band.classes}) == len(band.classes)
        assert len({each.name for each in band.classes}) == len(band.classes)


def test_landsat_has_no_codes_because_they_differ_between_satellites() -> None:
    landsat = profile_of("landsat-c2-l2")
    assert not [alias for band in landsat.bands for alias in band.aliases if alias[1:].isdigit()]
    assert landsat.names.find("B5") is None


# Presets, quantities and masks


@EVERY
def test_formulas_of_presets_and_quantities_use_bands_that_exist(profile: Profile) -> None:
    for formula in formulas(profile):
        expression = parsed(profile, formula)
        assert expression.outputs == 1, formula
        assert set(expression.bands) <= set(profile.by_name)


@EVERY
def test_presets_and_quantities_are_told_apart(profile: Profile) -> None:
    called = [each.name for each in (*profile.presets, *profile.layers)]
    assert len({normalized(name) for name in called}) == len(called)
    assert len({each.title for each in (*profile.presets, *profile.layers)}) == len(called)
    assert len({preset.bands for preset in profile.presets}) == len(profile.presets)
    assert all(preset.title and preset.description for preset in profile.presets)
    assert all(layer.title and layer.description for layer in profile.layers)
    bands = {name.lower() for band in profile.bands for name in (band.name, *band.aliases)}
    assert not bands & {preset.name for preset in profile.presets}
    assert not set(indices.INDICES) & set(called)
    for layer in profile.layers:  # a quantity of a band's name must be this band
        assert layer.name not in bands or layer.expression == layer.name


@EVERY
def test_display_ranges_fit_the_quantities(profile: Profile) -> None:
    for preset in profile.presets:
        assert len(profile.ranges(preset)) == 3
        assert not preset.transform or preset.ranges, "ranges of bands are not those of transformed values"
    for layer in profile.layers:
        assert layer.rescale[0] < layer.rescale[1]
        assert color_table(layer.colormap).shape[1] == 4
        assert (layer.unit == "dB") == (layer.transform == "decibel")
        assert layer.surface != "hillshade" or layer.rescale == (1, 255)
        assert layer.surface != "slope" or (layer.unit, layer.rescale[0]) == ("°", 0)


@EVERY
def test_the_default_exists(profile: Profile) -> None:
    named: Any = profile.preset(profile.default) or profile.layer(profile.default)
    if named is None:
        assert profile.has_bands(indices.get(profile.default).bands)


@EVERY
def test_masks_refer_to_names_and_to_a_discrete_band(profile: Profile) -> None:
    if profile.mask is None:
        assert profile.default_mask == "none"
        return
    mask = profile.mask
    band = profile.by_name[mask.band]
    assert band.discrete
    assert band.bits == mask.bits
    assert profile.default_mask in mask.sets
    numbers = set(mask.names.values())
    assert len(numbers) == len(mask.names)
    assert mask.invalid <= numbers
    for name, members in mask.sets.items():
        assert members <= numbers, name
        assert name not in mask.names or members == {mask.names[name]}, "a set has the name of another bit"
    if band.classes:
        assert {each.value for each in band.classes} == numbers


# Several profiles


@pytest.fixture
def hls() -> Profile:
    return joint_profile(["hls2-s30", "hls2-l30"], [profile_of("hls-s30"), profile_of("hls-l30")])


@pytest.mark.parametrize("code", ["B05", "b5", "B06", "B07", "B09", "B10", "B11"])
def test_codes_with_two_meanings_are_ambiguous_in_both_hls_together(hls: Profile, code: str) -> None:
    assert hls.names.find(code) is None
    with pytest.raises(InvalidInput, match="ambiguous") as refused:
        hls.names.canonical(code)
    told = str(refused.value)
    assert code in told
    assert "hls-s30" in told
    assert "hls-l30" in told
    with pytest.raises(InvalidInput, match="ambiguous"):
        parse(f"{code} / red", hls.names)


def test_both_hls_together_have_the_bands_of_each(hls: Profile) -> None:
    s30, l30 = profile_of("hls-s30"), profile_of("hls-l30")
    assert set(hls.by_name) == set(s30.by_name) | set(l30.by_name)
    assert [hls.names.find(name) for name in ("B04", "B8A", "B08", "B12", "nir08", "lwir11")] == [
        "red",
        "nir",
        "nir_broad",
        "swir22",
        "nir",
        "lwir11",
    ]
    assert hls.member("hls2-l30") is l30
    assert hls.collections == ("hls2-s30", "hls2-l30")
    assert hls.period_days == 120
    assert {layer.name for layer in hls.layers} == {"brightness-temperature"}
    assert [preset.name for preset in hls.presets].count("true-color") == 1
    assert joint_profile(["hls2-s30", "hls2-l30"], [s30, l30]) is hls


def test_both_hls_mean_the_same_by_a_name() -> None:
    s30, l30 = profile_of("hls-s30"), profile_of("hls-l30")
    for name in set(s30.by_name) & set(l30.by_name):
        one, other = s30.by_name[name], l30.by_name[name]
        meaning = [(band.unit, band.scale, band.offset, band.nodata, band.display_range) for band in (one, other)]
        assert meaning[0] == meaning[1]
        assert one.wavelength == other.wavelength or abs((one.wavelength or 0) - (other.wavelength or 0)) < 0.02
    assert s30.mask is not None
    assert l30.mask is not None
    assert (s30.mask.names, s30.mask.sets) == (l30.mask.names, l30.mask.sets)


def test_both_elevation_models_differ_in_resolution_alone() -> None:
    def words(band: Band) -> tuple[Any, ...]:
        return band.name, band.aliases, band.assets, band.unit, band.display_range, band.scale, band.offset

    fine, coarse = profile_of("cop-dem-glo-30"), profile_of("cop-dem-glo-90")
    assert [words(band) for band in fine.bands] == [words(band) for band in coarse.bands]
    assert (fine.layers, fine.static, fine.cloud_filter) == (coarse.layers, True, False)
    assert [band.resolution for band in (*fine.bands, *coarse.bands)] == [30, 90]


# Which scenes belong together


@pytest.mark.parametrize(
    ("name", "item_id", "properties", "tile", "orbit", "acquisition"),
    [
        (
            "landsat-c2-l2",
            "LC09_L2SP_010065_20220129_02_T1",
            {"landsat:scene_id": "LC90100652022029LGN00"},
            "010065",
            None,
            ["LC90100652022029"],
        ),
        (
            "landsat-c2-l2",
            "LT04_L2SP_002026_19830110_02_T1",
            {"landsat:scene_id": "LT40020261983010XXX03"},
            "002026",
            None,
            ["LT40020261983010"],
        ),
        (
            "hls-s30",
            "HLS.S30.T35VLJ.2021168T100559.v2.0",
            {},
            "35VLJ",
            None,
            ["HLS.S30.T35VLJ.2021168T1005"],
        ),
        (
            "hls-l30",
            "HLS.L30.T19LBJ.2020239T144556.v2.0",
            {"grid:code": "MGRS-19LBJ"},
            "19LBJ",
            None,
            ["HLS.L30.T19LBJ.2020239T1445"],
        ),
        (
            "sentinel-1-rtc",
            "S1A_IW_GRDH_1SDV_20191215T004249_20191215T004314_030352_0378DC_rtc",
            {"sat:absolute_orbit": 30352, "s1:datatake_id": "227548"},
            None,
            "30352",
            [],
        ),
        (
            "cop-dem-glo-30",
            "Copernicus_DSM_COG_10_N53_00_W115_00_DEM",
            {"grid:code": "CDEM-N53W115"},
            "N53W115",
            None,
            [],
        ),
        (
            "naip",
            "VA_m_3707763_se_18_060_20180825_20190211",
            {"grid:code": "DOQQ-3707763SE"},
            "3707763SE",
            None,
            ["VA_m_3707763_se_18_060_20180825"],
        ),
        ("naip", "al_m_3008501_ne_16_.6_20191120", {}, None, None, ["al_m_3008501_ne_16_.6_20191120"]),
        (
            "sentinel-2-l1c",
            "S2A_10SDG_20181231_0_L1C",
            {
                "grid:code": "MGRS-10SDG",
                "s2:datatake_id": "GS2A_20181231T190401_018414_N02.07",
                "s2:datastrip_id": "S2A_OPER_MSI_L1C_DS_SGS__20181231T203637_S20181231T190406_N02.07",
            },
            "10SDG",
            "018414",
            ["GS2A_20181231T190401_018414", "S20181231T190406"],
        ),
    ],
)
def test_keys_of_scenes_are_read_from_items_as_catalogues_write_them(
    name: str, item_id: str, properties: dict[str, Any], tile: str | None, orbit: str | None, acquisition: list[str]
) -> None:
    keys = profile_of(name).scene_keys
    named = keys.named(properties, item_id)
    assert (first_of(keys.tile, named), first_of(keys.orbit, named)) == (tile, orbit)
    assert [first_of(part, named) for part in keys.acquisition] == acquisition
    assert "id" not in keys.properties
