"""The reflectance offset estimated from pixels: made-up scenes of many surfaces, and two real ones."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from scog.bandmath.surfaces import surfaces_of
from scog.collections.reflectance_offset import (
    DETECT,
    MIN_PIXELS,
    SAMPLED_BANDS,
    SHIFT,
    estimate_offset,
    offset_text,
    parse_offset,
)
from scog.errors import InvalidInput
from tests.profiles import BANDS

Samples = dict[str, NDArray[np.uint16]]
WAVELENGTHS = {band.name: band.wavelength for band in BANDS if band.wavelength is not None}
SURFACES = [
    (domain, number)
    for domain in ("vegetation", "water", "soil", "urban", "burn", "snow", "clouds")
    for number in range(len(surfaces_of(domain)["red"]))
]
DARK = [("water", 0), ("water", 1), ("vegetation", 3), ("vegetation", 4)]
PIXELS = 4000


def scene(
    mixture: Mapping[tuple[str, int], float], added: int, *, haze: float = 0.0, pixels: int = PIXELS, seed: int = 0
) -> Samples:
    """DN of a scene whose surfaces have these weights, plus `added`.

    Brightness varies by 10 % (slopes), each value by 0.003 (noise). `haze` is its reflectance in blue; it decreases
    with the wavelength, and a negative one is an over-correction.
    """
    random = np.random.default_rng(seed)
    weights = np.array(list(mixture.values()))
    counts = np.maximum((weights / weights.sum() * pixels).astype(int), 1)
    slope = 1 + 0.1 * random.standard_normal(counts.sum()).clip(-3, 3)
    samples = {}
    for band, wavelength in WAVELENGTHS.items():
        surfaces = np.repeat([surfaces_of(domain)[band][number] for domain, number in mixture], counts)
        noise = 0.003 * random.standard_normal(surfaces.size).clip(-3, 3)
        values = surfaces * slope + haze * (0.49 / wavelength) ** 1.5 + noise
        samples[band] = np.maximum((values * 10_000).round() + added, 1).astype(np.uint16)
    return samples


mixtures = st.dictionaries(st.sampled_from(SURFACES), st.floats(0.05, 1), min_size=1, max_size=5)
seeds = st.integers(0, 1000)


@given(mixtures, st.floats(-0.01, 0.02), seeds)
@settings(max_examples=150, deadline=None)
def test_scenes_without_the_shift_are_never_estimated_to_have_it(
    mixture: dict[tuple[str, int], float], haze: float, seed: int
) -> None:
    assert estimate_offset(scene(mixture, 0, haze=haze, seed=seed)) in (0.0, None)


@given(mixtures, st.floats(-0.01, 0.05), seeds)
@settings(max_examples=150, deadline=None)
def test_scenes_with_the_shift_are_never_estimated_to_lack_it(
    mixture: dict[tuple[str, int], float], haze: float, seed: int
) -> None:
    assert estimate_offset(scene(mixture, 1000, haze=haze, seed=seed)) in (SHIFT, None)


@given(mixtures, st.sampled_from(DARK), st.sampled_from(DARK), st.floats(0, 0.005), seeds)
@settings(max_examples=100, deadline=None)
def test_scenes_with_water_and_forest_are_decided(
    mixture: dict[tuple[str, int], float], one: tuple[str, int], other: tuple[str, int], haze: float, seed: int
) -> None:
    weight = 0.05 * sum(mixture.values())
    mixture = mixture | {one: weight, other: weight}
    assert estimate_offset(scene(mixture, 0, haze=haze, seed=seed)) == 0.0
    if any(domain == "water" for domain, _ in mixture):
        assert estimate_offset(scene(mixture, 1000, haze=haze, seed=seed)) == SHIFT


@pytest.mark.parametrize("mixture", [[("clouds", 0)], [("clouds", 1)], [("soil", 2)], [("urban", 1)]])
@pytest.mark.parametrize("added", [0, 1000])
def test_scenes_that_are_bright_everywhere_are_not_decided(mixture: list[tuple[str, int]], added: int) -> None:
    assert estimate_offset(scene(dict.fromkeys(mixture, 1.0), added)) is None


@pytest.mark.parametrize("number", [0, 1])
def test_snow_is_dark_in_swir(number: int) -> None:
    assert estimate_offset(scene({("snow", number): 1.0}, 0)) == 0.0
    assert estimate_offset(scene({("snow", number): 1.0}, 1000)) is None
    assert estimate_offset(scene({("snow", number): 1.0, ("water", 0): 0.05}, 1000)) == SHIFT


@pytest.mark.parametrize("surface", DARK)
def test_blue_that_correction_made_negative_does_not_exclude_the_shift(surface: tuple[str, int]) -> None:
    samples = scene({surface: 1.0}, 1000)
    for band in ("coastal", "blue"):
        samples[band] = samples[band] - np.uint16(300)
    assert samples["coastal"].min() < 1000
    assert estimate_offset(samples) in (SHIFT, None)


@given(mixtures, st.sampled_from([0, 1000]), st.integers(1, 65_535), st.integers(0, 3), seeds)
@settings(max_examples=200, deadline=None)
def test_fewer_pixels_than_one_in_a_thousand_never_turn_one_answer_into_the_other(
    mixture: dict[tuple[str, int], float], added: int, number: int, count: int, seed: int
) -> None:
    samples = scene(mixture, added, seed=seed)
    odd = {band: np.append(numbers, np.full(count, number, np.uint16)) for band, numbers in samples.items()}
    assert {estimate_offset(samples), estimate_offset(odd)} != {0.0, SHIFT}


def two_tones(dark: Mapping[str, int], bright: Mapping[str, int], count: int, pixels: int) -> Samples:
    """`pixels` numbers a band, of which `count` are dark."""
    return {band: np.repeat([dark[band], bright[band]], [count, pixels - count]).astype(np.uint16) for band in dark}


@given(st.integers(0, 100), st.integers(0, 9), st.integers(0, 9))
@settings(max_examples=300, deadline=None)
def test_answers_do_not_flip_where_a_few_pixels_do_matter(count: int, dark: int, bright: int) -> None:
    """Near the shares of dark pixels that decide, the answer becomes None at most."""
    shadow, forest = {"blue": 300, "red": 200, "nir": 100}, {"blue": 1300, "red": 1200, "nir": 1500}
    samples = two_tones(shadow, forest, count, 10_000)
    few = np.repeat([1, 65_535], [min(dark, 9 - bright) if bright < 9 else 0, bright]).astype(np.uint16)
    odd = {band: np.append(numbers, few) for band, numbers in samples.items()}
    assert {estimate_offset(samples), estimate_offset(odd)} != {0.0, SHIFT}


def test_the_share_of_dark_pixels_decides() -> None:
    shadow, forest = {"blue": 300, "red": 200, "nir": 100}, {"blue": 1300, "red": 1200, "nir": 1500}
    answers = [estimate_offset(two_tones(shadow, forest, count, 10_000)) for count in (0, 20, 21, 50, 51, 10_000)]
    assert answers == [SHIFT, SHIFT, None, None, 0.0, 0.0]


@pytest.mark.parametrize(
    ("blue", "green", "red", "nir", "swir", "answer"),
    [
        # +1000 is excluded by the darkest numbers ...
        (900, 900, 799, 900, 900, 0.0),
        (900, 799, 900, 900, 900, 0.0),
        (900, 900, 900, 799, 900, 0.0),
        (900, 900, 900, 900, 799, 0.0),
        (899, 900, 800, 900, 900, None),
        # ... and by blue that is much darker than all longer bands, or very dark
        (849, 900, 1249, 1249, 1249, 0.0),
        (850, 900, 2000, 2000, 2000, None),
        (849, 900, 1248, 2000, 2000, None),
        (849, 900, 2000, 1248, 2000, None),
        (849, 900, 2000, 2000, 1248, None),
        (499, 900, 850, 850, 850, 0.0),
        (500, 900, 850, 850, 850, None),
        # +1000 is included if red and an infrared band are dark, or nir is
        (900, 900, 1300, 1600, 3000, SHIFT),
        (900, 900, 1300, 3000, 1600, SHIFT),
        (900, 900, 1301, 1600, 3000, None),
        (900, 900, 1300, 1601, 1601, None),
        (5000, 5000, 5000, 1200, 1500, SHIFT),
        (5000, 5000, 5000, 1201, 1100, None),
        # and no band is darker than water
        (899, 900, 1300, 1600, 3000, None),
        (900, 899, 1300, 1600, 3000, None),
        (900, 900, 899, 1600, 3000, None),
        (900, 900, 900, 850, 850, SHIFT),
        (900, 900, 900, 849, 900, None),
        (900, 900, 900, 900, 849, None),
    ],
)
def test_thresholds(blue: int, green: int, red: int, nir: int, swir: int, answer: float | None) -> None:
    tones = {"blue": blue, "green": green, "red": red, "nir": nir, "swir22": swir}
    assert estimate_offset(two_tones(tones, tones, 0, 1000)) == answer
    assert estimate_offset(two_tones(tones, dict.fromkeys(tones, 6000), 6, 1000)) == answer  # 0.6 % of the pixels


@pytest.mark.parametrize("added", [0, 1000])
def test_a_single_odd_pixel_changes_nothing(added: int) -> None:
    samples = scene({("water", 0): 0.1, ("vegetation", 3): 1.0}, added)
    expected = estimate_offset(samples)
    assert expected == (SHIFT if added else 0.0)
    for number in (1, 500, 65_535):
        assert estimate_offset({band: np.append(each, np.uint16(number)) for band, each in samples.items()}) == expected


def test_nodata_and_shape_do_not_matter() -> None:
    samples = scene({("water", 0): 0.1, ("vegetation", 3): 1.0}, 1000)
    padded = {band: np.append(each, np.zeros(10 * PIXELS, np.uint16)).reshape(1, -1) for band, each in samples.items()}
    assert estimate_offset(padded) == estimate_offset(samples) == SHIFT


def test_too_few_pixels_or_bands_decide_nothing() -> None:
    dark = scene({("water", 0): 1.0}, 0, pixels=MIN_PIXELS)
    assert estimate_offset(dark) == 0.0
    assert estimate_offset({band: numbers[1:] for band, numbers in dark.items()}) is None
    assert estimate_offset({band: np.zeros(PIXELS, np.uint16) for band in SAMPLED_BANDS}) is None
    assert estimate_offset({}) is None
    shifted = scene({("water", 0): 1.0}, 1000)
    assert estimate_offset({band: shifted[band] for band in ("blue", "red", "nir")}) == SHIFT
    for bands in (("red", "nir"), ("blue", "nir"), ("coastal", "blue", "green"), ("scl",)):
        assert estimate_offset({band: shifted.get(band, dark["red"]) for band in bands}) is None


# Two real scenes


@pytest.fixture(scope="module")
def real_scenes() -> dict[str, dict[str, dict[str, Any]]]:
    """Statistics by scene, band and overview. Skips if there are none."""
    root = Path(__file__).parents[2]
    data = Path(os.environ.get("SCOG_TEST_DATA") or root.parent / "shared" / "data")
    file = data / "offset" / "two-scenes.json"
    if not file.is_file():
        pytest.skip("no statistics of real scenes: set SCOG_TEST_DATA to their folder")
    scenes: dict[str, dict[str, dict[str, Any]]] = json.loads(file.read_bytes())
    return scenes


def rebuilt(statistics: Mapping[str, Any]) -> NDArray[np.uint16]:
    """Pixels that have these quantiles."""
    quantiles = statistics["quantiles"]
    ranks = (np.arange(statistics["pixels"]) + 0.5) / statistics["pixels"]
    values = np.interp(ranks, [float(share) for share in quantiles], list(quantiles.values()))
    return values.round().astype(np.uint16)


@pytest.mark.parametrize(("name", "offset", "added"), [("desert", 0.0, 1000), ("high Alps", SHIFT, -1000)])
def test_real_scenes_are_estimated_right(
    real_scenes: dict[str, dict[str, dict[str, Any]]], name: str, offset: float, added: int
) -> None:
    [bands] = [bands for title, bands in real_scenes.items() if title.startswith(name)]
    for level in {level for levels in bands.values() for level in levels}:
        samples = {band: rebuilt(levels.get(level) or [*levels.values()][-1]) for band, levels in bands.items()}
        assert estimate_offset(samples) == offset, level
        other = {band: np.maximum(numbers.astype(int) + added, 1) for band, numbers in samples.items()}
        assert estimate_offset(other) != offset, level


# Requested offsets


@pytest.mark.parametrize(
    ("text", "offset", "canonical"),
    [
        ("detect", DETECT, "detect"),
        ("applied", 0.0, "0"),
        ("missing", -0.1, "-0.1"),
        ("-0.1", -0.1, "-0.1"),
        ("0", 0.0, "0"),
        ("-0.0", 0.0, "0"),
        ("1e-3", 0.001, "0.001"),
        (-0.1, -0.1, "-0.1"),
        (0, 0.0, "0"),
        (-1, -1.0, "-1"),
    ],
)
def test_requested_offsets_are_words_or_numbers(text: str | float, offset: object, canonical: str) -> None:
    parsed = parse_offset(text)
    assert parsed == offset
    assert offset_text(parsed) == canonical
    assert parse_offset(canonical) == parsed


@pytest.mark.parametrize(
    "text", ["", "look", "nan", "inf", "-1000", "1.5", "0,1", True, None, 10**400, pytest.param(10**5000, id="huge")]
)
def test_other_offsets_are_errors(text: Any) -> None:
    with pytest.raises(InvalidInput) as error:
        parse_offset(text)
    assert error.value.parameter == "offset"
    assert "applied" in str(error.value.valid)
