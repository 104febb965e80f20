"""Ranges and colours of indices: sensible over surfaces, and turned round with the formula."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scog.bands import BANDS
from scog.maths.curated import CURATED, UNRULY
from scog.maths.defaults import COLORMAPS, default_colormap, default_range
from scog.maths.expression import parse
from scog.maths.indices import INDICES, Index
from scog.maths.surfaces import mixtures, surfaces_beside, surfaces_of

ALL = tuple(INDICES.values())
EVERY = pytest.mark.parametrize("index", ALL, ids=[index.name for index in ALL])
COMPUTED = [index for index in ALL if index.name not in CURATED and index.name not in UNRULY]
NORMALISED = re.compile(r"\((\w+) - (\w+)\) / \(\1 \+ \2\)")


def shown(index: Index) -> np.ndarray:
    """Where typical pixels lie between the first colour, 0, and the last, 1."""
    values, valid = index.expression.evaluate(mixtures(index.domain))
    low, high = index.rescale
    return np.asarray(np.clip((values[0][valid] - low) / (high - low), 0, 1))


@EVERY
def test_typical_pixels_are_told_apart(index: Index) -> None:
    places = shown(index)
    low, middle, high = np.percentile(places, (5, 50, 95))
    assert 0 < middle < 1, "half of all pixels have one and the same colour"
    assert high - low > 0.2, "all pixels look alike"


@EVERY
def test_the_domains_own_surfaces_are_within_the_range(index: Index) -> None:
    values, valid = index.expression.evaluate(surfaces_of(index.domain))
    low, high = index.rescale
    own = np.median(values[0][valid])
    room = 0.5 * (high - low) if index.name in UNRULY else 0.05 * (high - low)
    assert low - room <= own <= high + room


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
def test_a_formula_turned_round_has_its_range_and_colours_turned_round(index: Index) -> None:
    turned = parse(f"-({index.formula})")
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
        ("sr", "rdylgn"),  # green where there are plants
        ("msi", "rdylgn_r"),  # stress is high where they are not
        ("swm", "rdbu"),
        ("ndponi", "rdbu_r"),  # low over water: blue is at its lower end
        ("mirbi", "rdylgn_r"),  # high over what has burnt
        ("ndswir", "rdylgn"),
        ("ui", "ylorrd"),
        ("BaI", "ylorbr"),
        ("ci2swir", "greys_r"),  # clouds are white
        ("ndsii", "blues_r"),
    ],
)
def test_colours_mean_the_domain(name: str, colormap: str) -> None:
    assert INDICES[name].colormap == colormap


def test_zero_is_the_middle_for_water() -> None:
    for name in ("andwi", "lswi", "rwi", "wi1", "wi2015"):
        low, high = INDICES[name].rescale
        assert low == -high


@pytest.mark.parametrize("domain", COLORMAPS)
def test_surfaces_are_reflectances(domain: str) -> None:
    for spectra in (surfaces_of(domain), surfaces_beside(domain), mixtures(domain)):
        assert list(spectra) == [band.name for band in BANDS if band.spectral]
        for values in spectra.values():
            assert values.dtype == np.float32
            assert ((values > 0) & (values < 1)).all()
    pure = len(surfaces_of(domain)["red"]) + len(surfaces_beside(domain)["red"])
    assert len(mixtures(domain)["red"]) == pure + 3 * pure * (pure - 1) // 2


@given(st.floats(-10, 10), st.floats(0.001, 1e4), st.sampled_from(sorted(COLORMAPS)))
def test_a_range_holds_most_of_what_a_plain_formula_gives(offset: float, factor: float, domain: str) -> None:
    expression = parse(f"{factor:.6f} * ({offset:.6f} + nir)")
    low, high = default_range(expression, domain)
    assert low < high
    values, _ = expression.evaluate(mixtures(domain))
    assert ((values >= low) & (values <= high)).mean() > 0.9
    if domain != "water":  # there 0 may be made the middle
        assert high - low < 1.15 * np.ptp(values), "rounding wastes colours"
    assert default_colormap(parse("nir * 0 + 1"), domain) == COLORMAPS[domain]


@pytest.mark.parametrize("formula", ["nir * 0", "nir * 0 + 1e30", "nir / 0", "log(-nir)"])
def test_formulas_that_say_nothing_have_a_range_all_the_same(formula: str) -> None:
    low, high = default_range(parse(formula), "vegetation")
    assert np.isfinite([low, high]).all()
