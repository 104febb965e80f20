"""Default ranges and colormaps of indices: useful over typical surfaces, and reversed with the formula."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scog.bandmath import expression as expressions
from scog.bandmath.curated import CURATED, UNBOUNDED
from scog.bandmath.defaults import COLORMAPS, default_colormap, default_range
from scog.bandmath.indices import INDICES, Index
from scog.bandmath.surfaces import mixtures, other_surfaces, surfaces_of
from scog.collections.band_names import ANY_NAMES
from tests.profiles import BANDS, parse

ALL = tuple(INDICES.values())
EVERY = pytest.mark.parametrize("index", ALL, ids=[index.name for index in ALL])
COMPUTED = [index for index in ALL if index.name not in CURATED and index.name not in UNBOUNDED]
OPTICAL = sorted(COLORMAPS.keys() - {"radar"})
NORMALISED = re.compile(r"\((\w+) - (\w+)\) / \(\1 \+ \2\)")


def shown(index: Index) -> np.ndarray:
    """Positions of typical pixels within the range, 0 (first colour) to 1 (last colour)."""
    values, valid = index.expression.evaluate(mixtures(index.domain))
    low, high = index.rescale
    return np.asarray(np.clip((values[0][valid] - low) / (high - low), 0, 1))


@EVERY
def test_typical_pixels_have_distinct_colours(index: Index) -> None:
    positions = shown(index)
    low, middle, high = np.percentile(positions, (5, 50, 95))
    assert 0 < middle < 1, "half of all pixels have one and the same colour"
    assert high - low > 0.2, "all pixels look alike"


@EVERY
def test_surfaces_of_the_domain_are_within_the_range(index: Index) -> None:
    values, valid = index.expression.evaluate(surfaces_of(index.domain))
    low, high = index.rescale
    surface = np.median(values[0][valid])
    room = 0.5 * (high - low) if index.name in UNBOUNDED else 0.05 * (high - low)
    assert low - room <= surface <= high + room


@EVERY
def test_a_normalised_difference_is_recognised_by_its_range(index: Index) -> None:
    if NORMALISED.fullmatch(index.formula):
        assert -1 <= index.rescale[0] < index.rescale[1] <= 1


@pytest.mark.parametrize("index", COMPUTED, ids=[index.name for index in COMPUTED])
def test_ends_are_round_numbers(index: Index) -> None:
    low, high = index.rescale
    for end in (low, high):
        assert len(f"{end:g}".lstrip("-0.").replace(".", "")) <= 3, end
    assert low < high


@pytest.mark.parametrize("index", COMPUTED, ids=[index.name for index in COMPUTED])
def test_a_negated_formula_reverses_range_and_colormap(index: Index) -> None:
    turned = expressions.parse(f"-({index.formula})", ANY_NAMES)
    low, high = default_range(turned, index.domain)
    assert (-high, -low) == pytest.approx(index.rescale)
    colormap = default_colormap(turned, index.domain)
    assert colormap != index.colormap
    assert {colormap.removesuffix("_r"), index.colormap.removesuffix("_r")} == {
        COLORMAPS[index.domain].removesuffix("_r")
    }


@pytest.mark.parametrize(
    ("name", "colormap"),
    [
        ("sr", "rdylgn"),  # green over vegetation
        ("msi", "rdylgn_r"),  # high values mean water stress
        ("swm", "rdbu"),
        ("ndponi", "rdbu_r"),  # low over water, so the blue end is the lower one
        ("mirbi", "rdylgn_r"),  # high over burned areas
        ("ndswir", "rdylgn"),
        ("ui", "ylorrd"),
        ("BaI", "ylorbr"),
        ("ci2swir", "greys_r"),  # clouds are white
        ("ndsii", "blues_r"),
    ],
)
def test_colormaps_follow_the_domain(name: str, colormap: str) -> None:
    assert INDICES[name].colormap == colormap


def test_water_ranges_are_symmetric_around_zero() -> None:
    for name in ("andwi", "lswi", "rwi", "wi1", "wi2015"):
        low, high = INDICES[name].rescale
        assert low == -high


@pytest.mark.parametrize("domain", OPTICAL)
def test_surfaces_are_reflectances(domain: str) -> None:
    for spectra in (surfaces_of(domain), other_surfaces(domain), mixtures(domain)):
        assert list(spectra) == [band.name for band in BANDS if band.spectral]
        for values in spectra.values():
            assert values.dtype == np.float32
            assert ((values > 0) & (values < 1)).all()
    pure = len(surfaces_of(domain)["red"]) + len(other_surfaces(domain)["red"])
    assert len(mixtures(domain)["red"]) == pure + 3 * pure * (pure - 1) // 2


def test_surfaces_of_radar_are_backscatter() -> None:
    """Gamma0 of C-band is between the noise at -35 dB and 3 dB, and weaker across polarisations."""
    for backscatter in (surfaces_of("radar"), other_surfaces("radar"), mixtures("radar")):
        assert list(backscatter) == ["vv", "vh", "hh", "hv"]
        for values in backscatter.values():
            assert values.dtype == np.float32
            assert ((values > 10**-3.5) & (values < 2)).all()
        assert (backscatter["vh"] < 0.4 * backscatter["vv"]).all()
        assert (backscatter["hv"] < 0.4 * backscatter["hh"]).all()


@pytest.mark.parametrize(
    ("name", "colormap"), [("dprvivv", "viridis"), ("rfdi", "viridis_r"), ("vhvvr", "viridis"), ("vvvhr", "viridis_r")]
)
def test_the_last_colour_of_radar_means_vegetation(name: str, colormap: str) -> None:
    assert INDICES[name].colormap == colormap


@given(st.floats(-10, 10), st.floats(0.001, 1e4), st.sampled_from(OPTICAL))
def test_ranges_contain_most_values_of_linear_formulas(offset: float, factor: float, domain: str) -> None:
    expression = parse(f"{factor:.6f} * ({offset:.6f} + nir)")
    low, high = default_range(expression, domain)
    assert low < high
    values, _ = expression.evaluate(mixtures(domain))
    assert ((values >= low) & (values <= high)).mean() > 0.9
    if domain != "water":  # water ranges may be symmetric around 0
        assert high - low < 1.15 * np.ptp(values), "rounding wastes colours"
    assert default_colormap(parse("nir * 0 + 1"), domain) == COLORMAPS[domain]


@pytest.mark.parametrize("formula", ["nir * 0", "nir * 0 + 1e30", "nir / 0", "log(-nir)"])
def test_constant_and_invalid_formulas_have_a_range(formula: str) -> None:
    low, high = default_range(parse(formula), "vegetation")
    assert np.isfinite([low, high]).all()
