"""The table of indices: formulas against the published ones, names, aliases, search, and lazy loading."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scog.bandmath.indices import BEST_KNOWN, DOMAINS, INDICES, Index, get
from scog.bandmath.parser import MAX_CHARACTERS
from scog.errors import InvalidInput
from tests.profiles import BANDS, CANONICAL, SENTINEL_2, search

ALL = tuple(INDICES.values())
OF_SENTINEL_2 = tuple(index for index in ALL if SENTINEL_2.has_bands(index.bands))
POLARISATIONS = {"vv", "vh", "hh", "hv"}
EVERY = pytest.mark.parametrize("index", ALL, ids=[index.name for index in ALL])


@EVERY
def test_every_index_is_complete(index: Index) -> None:
    assert index.expression.text == index.formula, "formulas are in canonical form"
    assert len(index.formula) <= MAX_CHARACTERS
    assert index.expression.outputs == 1
    assert index.bands == index.expression.bands
    spectral = {band.name for band in BANDS if band.spectral}
    assert set(index.bands) <= (POLARISATIONS if index.domain == "radar" else spectral)
    assert index.title
    assert index.reference
    assert index.domain in DOMAINS
    low, high = index.rescale
    assert np.isfinite([low, high]).all()
    assert low < high
    assert re.fullmatch("[A-Za-z0-9]+", index.name), "names go into URLs as they are"


def test_the_table_has_the_first_indices() -> None:
    first = ("ndvi", "ndwi", "ndmi", "evi", "savi", "nbr", "gndvi", "bsi", "mndwi", "ndre")
    assert set(first) <= set(BEST_KNOWN)
    assert len(set(BEST_KNOWN)) == 30
    assert tuple(INDICES)[:30] == BEST_KNOWN
    assert len(INDICES) == len(set(INDICES)) == 246
    assert len(OF_SENTINEL_2) == 233
    assert {index.domain for index in ALL} == set(DOMAINS)


def test_indices_of_typical_reflectance_have_known_values() -> None:
    names = ("blue", "green", "red", "rededge1", "nir", "swir16", "swir22")
    reflectance = (0.04, 0.08, 0.05, 0.15, 0.45, 0.2, 0.1)
    bands = {name: np.array([value], np.float32) for name, value in zip(names, reflectance, strict=True)}
    expected = {
        "ndvi": 0.8,
        "ndwi": -0.37 / 0.53,
        "ndmi": 0.25 / 0.65,
        "evi": 2.5 * 0.4 / 1.45,
        "savi": 0.6,
        "nbr": 0.35 / 0.55,
        "gndvi": 0.37 / 0.53,
        "bsi": -0.24 / 0.74,
        "mndwi": -0.12 / 0.28,
        "ndre": 0.5,
        "arvi": (0.45 - 0.06) / (0.45 + 0.06),  # corrected red: 0.05 - (0.04 - 0.05)
    }
    for name, value in expected.items():
        values, valid = get(name).expression.evaluate(bands)
        assert valid.all()
        np.testing.assert_allclose(values[0], value, rtol=1e-5)


# Published formulas, evaluated by Python

PUBLISHED_BANDS = {
    "A": "coastal", "B": "blue", "G": "green", "R": "red", "RE1": "rededge1", "RE2": "rededge2", "RE3": "rededge3",
    "N": "nir", "N2": "nir08", "WV": "nir09", "S1": "swir16", "S2": "swir22", "VV": "vv", "VH": "vh", "HH": "hh",
    "HV": "hv",
}  # fmt: skip
EXTRA_CONSTANTS = {
    "SAVI": {"L": 0.5}, "SARVI": {"L": 0.5}, "MNLI": {"L": 0.5}, "GSAVI": {"L": 0.5}, "IBI": {"L": 0.5},
    "SNDTI": {"L": 0.6}, "NDPI": {"alpha": 0.74}, "sNIRvNDPI": {"alpha": 0.74}, "NDWIns": {"alpha": 2},
    "NDVI4RE": {"alpha": 0.2, "beta": 0.2}, "SAVI4RE": {"alpha": 0.2, "beta": 0.2},
    "RVI4RE": {"alpha": 0.3, "beta": 0.3}, "NDTI4RE": {"gamma": 0.4}, "SNDTI4RE": {"gamma": 0.4},
    "STI4RE": {"gamma": 0.4}, "WCI1": {"epsilon": 0}, "WCI2": {"epsilon": 0},
}  # fmt: skip
CORRECTED_FORMULAS = {
    "ARVI": "(N - (2 * R - B)) / (N + (2 * R - B))",
    "SARVI": "1.5 * (N - (2 * R - B)) / (N + (2 * R - B) + 0.5)",
    "BAIM": "1 / ((N - 0.05) ** 2 + (S2 - 0.2) ** 2)",
    "mSR705": "(RE2 - A) / (RE1 - A)",
    "mND705": "(RE2 - RE1) / (RE2 + RE1 - 2 * A)",
}
"""Corrections to the table; `scog.bandmath.corrections` has the reasons."""


def published(file: str) -> Any:
    (folder,) = find_spec("spyndex").submodule_search_locations or ()  # type: ignore[union-attr]
    return json.loads((Path(folder) / "data" / file).read_text())


CONSTANTS = {name: entry["default"] for name, entry in published("constants.json").items()}
TABLE = {
    name: entry
    for name, entry in published("spectral-indices-dict.json")["SpectralIndices"].items()
    if all(symbol in PUBLISHED_BANDS or CONSTANTS.get(symbol) is not None for symbol in entry["bands"])
}


@pytest.mark.parametrize("name", TABLE)
def test_values_agree_with_the_published_formula(name: str) -> None:
    entry = TABLE[name]
    index = get(name)
    assert index.title.startswith(entry["long_name"])
    assert index.domain == entry["application_domain"]
    assert index.reference == entry["reference"] or name == "BI"
    drawn = np.random.default_rng(7).uniform(0.005, 0.9, (len(PUBLISHED_BANDS), 4000)).astype(np.float32)
    symbols = dict(zip(PUBLISHED_BANDS, drawn.astype(np.float64), strict=True))
    scope = {"__builtins__": {}} | CONSTANTS | EXTRA_CONSTANTS.get(name, {}) | symbols
    with np.errstate(all="ignore"):
        expected = eval(CORRECTED_FORMULAS.get(name, entry["formula"]), scope)
    values, valid = index.expression.evaluate(dict(zip(PUBLISHED_BANDS.values(), drawn, strict=True)))
    # Where terms cancel, float32 has fewer digits than this tolerance; that is rare.
    agree = np.isclose(values[0], expected, rtol=2e-4, atol=2e-5) | (~valid & ~np.isfinite(expected))
    assert agree.mean() > 0.98
    assert (valid == np.isfinite(expected)).mean() > 0.999


def test_no_index_needs_temperature() -> None:
    """Formulas with thermal bands state no unit; with kelvin most would show nothing but the temperature."""
    thermal = [name for name, entry in published("spectral-indices-dict.json")["SpectralIndices"].items()
               if {"T", "T1", "T2"} & set(entry["bands"])]  # fmt: skip
    assert len(thermal) == 20
    assert not {index.name.lower() for index in ALL} & {name.lower() for name in thermal}


def test_titles_state_the_corrected_constants() -> None:
    assert set(EXTRA_CONSTANTS) | set(CORRECTED_FORMULAS) <= set(TABLE)
    for name, constants in EXTRA_CONSTANTS.items():
        for constant in constants:
            assert f"{constant} = " in get(name).title
    for index in ALL:
        assert ("=" in index.title) == any(get(name) is index for name in EXTRA_CONSTANTS)


@EVERY
def test_non_finite_reflectance_is_invalid(index: Index) -> None:
    bands = {name: np.array([np.nan, np.inf], np.float32) for name in index.bands}
    assert not index.expression.evaluate(bands)[1].any()


@EVERY
def test_every_index_is_valid_and_varies_over_random_reflectance(index: Index) -> None:
    drawn = np.random.default_rng(1).uniform(0.01, 0.6, (len(index.bands), 500)).astype(np.float32)
    values, valid = index.expression.evaluate(dict(zip(index.bands, drawn, strict=True)))
    assert valid.mean() > 0.4, "valid for too few pixels"
    assert np.ptp(values[0][valid]) > 0, "always the same"


# Names


def test_names_in_any_case() -> None:
    assert get("NDVI") is get("ndvi") is get("NdVi") is INDICES["ndvi"]


def test_the_catalogues_names_are_accepted() -> None:
    for name in TABLE:
        assert get(name).name.lower() in (name.lower(), "ndre", "bsi")
    assert get("ndrei") is get("NDREI") is INDICES["ndre"]
    assert get("bi") is get("BI") is INDICES["bsi"]
    assert INDICES["ndre"].aliases == ("ndrei",)


def test_names_that_differ_in_case_only() -> None:
    assert get("bai").title == get("BAI").title == get("Bai").title == "Burned Area Index"
    assert get("BaI").title == "Bareness Index"
    assert get("msr705") is get("mSR705") is get("Msr705")
    assert get("MSR705").formula.startswith("(rededge2 / rededge1 - 1)")
    assert {name for name in INDICES if name != name.lower()} == {"BaI", "MSR705"}


def test_every_index_is_found_by_its_name() -> None:
    for index in OF_SENTINEL_2:
        assert get(index.name) is index
        assert search(index.name)[0].name.lower() == index.name.lower()
        for alias in index.aliases:
            assert get(alias) is get(alias.upper()) is search(alias)[0] is index
            assert alias not in INDICES


@pytest.mark.parametrize(
    ("typed", "meant"), [("nvdi", "ndvi"), ("ndvii", "ndvi"), ("awei_sh", "AWEIsh"), ("EVI-2", "evi2")]
)
def test_unknown_indices_are_refused_with_suggestions(typed: str, meant: str) -> None:
    with pytest.raises(InvalidInput, match=f"no index '{typed}'; did you mean ") as refused:
        get(typed)
    assert meant.lower() in str(refused.value).lower()
    assert refused.value.parameter == "index"
    assert "/indices" in (refused.value.valid or "")
    assert len(refused.value.valid or "") < 120


@pytest.mark.parametrize("name", ["", " ", "ndvi ", "x" * 10_000, "nир", "__class__", "ndvi\n", "scl"])
def test_invalid_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        get(name)
    assert len(str(refused.value)) < 200
    assert name not in INDICES


# Search


def test_common_searches_list_the_expected_index_first() -> None:
    assert search("ndvi")[0].name == "ndvi"
    assert search("NDVI")[0].name == "ndvi"
    assert search("snow")[0].name == "ndsi"
    assert search("water")[0].name == "ndwi"
    assert search("built-up")[0].name == "ndbi"
    assert search("moisture")[0].name == "ndmi"
    assert search("soil-adjusted")[0].name == "savi"
    assert [index.name for index in search("burn ratio")][:2] == ["nbr", "nbr2"]
    assert {index.name for index in search("chlorophyll red edge")} >= {"cire", "ireci"}
    assert search("nosuchthing") == ()


@pytest.mark.parametrize("word", ["B8A", "b8a", "nir08"])
def test_a_search_for_a_band_lists_its_indices(word: str) -> None:
    assert {index.name for index in search(word)} >= {index.name for index in ALL if "nir08" in index.bands}
    assert all("nir08" in index.bands for index in search(word))


def test_an_empty_search_returns_everything() -> None:
    assert search() == search("  ") == OF_SENTINEL_2
    assert sum(len(search(domain=domain)) for domain in DOMAINS) == len(OF_SENTINEL_2)


def test_an_unknown_domain_is_refused() -> None:
    with pytest.raises(InvalidInput, match="did you mean snow") as refused:
        search(domain="snwo")
    assert refused.value.parameter == "domain"
    assert all(domain in (refused.value.valid or "") for domain in DOMAINS)


def searchable(index: Index) -> str:
    """All searchable text of an index, in lower case."""
    spellings = [spelling for spelling, band in CANONICAL.items() if band in index.bands]
    return " ".join((index.name, *index.aliases, index.title, index.domain, *spellings)).lower()


words = st.sampled_from(sorted({word for index in ALL for word in searchable(index).split()})) | st.text(max_size=6)
domains = st.none() | st.sampled_from(DOMAINS)


@given(st.lists(words, max_size=3), domains)
def test_every_result_of_a_search_matches_all_words(terms: list[str], domain: str | None) -> None:
    text = " ".join(terms)
    result = search(text, domain)
    assert len(set(result)) == len(result)
    for index in result:
        assert domain in (None, index.domain)
        assert all(word in searchable(index) for word in text.lower().split())
    assert result == tuple(index for index in search(text) if domain in (None, index.domain))
    assert set(search(f"{text} index", domain)) <= set(result)
    if text == text.upper().lower():  # not the case for ß
        assert search(text.upper(), domain) == result


@given(st.sampled_from(OF_SENTINEL_2), st.data())
def test_every_index_is_found_by_the_words_of_its_title(index: Index, data: st.DataObject) -> None:
    terms = data.draw(st.lists(st.sampled_from(index.title.split()), min_size=1, max_size=3))
    assert index in search(" ".join(terms), data.draw(st.sampled_from((None, index.domain, index.domain.upper()))))


# Lazy loading

LAZY = """
import sys
from scog.bandmath import indices, published
assert published.published.cache_info().currsize == 0, "the table was read by an import"
assert len(indices.INDICES) == 246 and indices.get("ndvi").name == "ndvi"
assert published.published.cache_info().misses == 1
assert not {"spyndex", "pandas", "xarray", "cmap"} & set(sys.modules), "more was loaded than two files"
"""


def test_the_table_is_read_lazily_and_spyndex_is_never_imported() -> None:
    subprocess.run([sys.executable, "-c", LAZY], check=True, timeout=60)
