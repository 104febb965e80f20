"""Reducers against numpy, scipy and plain Python, pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from scog.composite import reduce as reducing
from scog.composite.methods import BEST, COMPOSITES, GEOMEDIAN, METHODS, percentile
from scog.composite.percentiles import _network, _pruned
from scog.composite.reduce import reduce
from scog.composite.trend import p_value
from tests.doubles.composites import composite_of, stats, weiszfeld

ALIKE = [each.name for each in COMPOSITES if not each.painted and each not in (BEST, GEOMEDIAN)]
NAMES = [*ALIKE, "p1", "p90"]
numbers = st.floats(-1000, 1000, width=32) | st.just(np.nan) | st.integers(-2, 2).map(float)
TIGHT = {"rtol": 1e-6, "atol": 1e-5}
"""Float32 rounding error of values up to 1000."""
NEW_YEAR = 18262.0
"""2020-01-01, in days since 1970."""


def days_for(count: int) -> list[float]:
    """Newest first, across a leap day and two ends of the year, some a moment before midnight."""
    return [NEW_YEAR + 800 - 37.25 * number - (0.25 - 1e-6) * (number % 3 == 0) for number in range(count)]


def expected(name: str, stack: NDArray[np.float32], days: list[float]) -> NDArray[np.float64]:
    """Expected values of each output of a stack `(observation, output, y, x)`; p-values come last."""
    flat = stack.reshape(*stack.shape[:2], -1)
    when = np.repeat(np.array(days)[:, np.newaxis], flat.shape[2], axis=1)
    outputs = flat[:, :1] if METHODS[name].single else flat
    result = np.stack([composite_of(name, outputs[:, number], when) for number in range(outputs.shape[1])], axis=1)
    return result.reshape(-1, *stack.shape[2:])


def jointly(stack: NDArray[np.float32]) -> NDArray[np.float32]:
    """Invalid in all outputs where invalid in one."""
    return np.where(np.isnan(stack).any(axis=1, keepdims=True), np.float32(np.nan), stack)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15)
@given(stack=hnp.array_shapes(min_dims=4, max_dims=4, max_side=6).flatmap(
    lambda shape: hnp.arrays(np.float32, shape, elements=numbers)
))  # fmt: skip
def test_any_stack_is_reduced_as_by_the_oracle(name: str, stack: NDArray[np.float32]) -> None:
    stack = jointly(stack)
    before, days = stack.copy(), days_for(len(stack))
    reduced = reduce(stack, METHODS[name], days)
    assert reduced.dtype == np.float32
    tolerance = {"rtol": 1e-4, "atol": 1e-4} if name == "slope" else TIGHT  # scipy's own sums cancel
    np.testing.assert_allclose(reduced, expected(name, stack, days), **tolerance)
    assert np.array_equal(stack, before, equal_nan=True)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [1, 5, 100])
def test_many_observations_with_gaps_and_ties_are_reduced_as_by_the_oracle(
    name: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reducing, "STRIP", 64)  # several strips
    rng = np.random.default_rng(count)
    stack = rng.integers(0, 50, (count, 1, 13, 17)).astype(np.float32) / 8
    stack[rng.random(stack.shape) < rng.random(stack.shape[1:])] = np.nan
    stack[:, :, 0, :4] = np.nan
    stack[:, :, 1] = 3  # nothing ever changes
    days = days_for(count)
    np.testing.assert_allclose(reduce(stack, METHODS[name], days), expected(name, stack, days), rtol=2e-6, atol=1e-6)


def test_pixels_of_one_observation_may_have_different_times() -> None:
    rng = np.random.default_rng(7)
    stack = rng.random((9, 1, 8, 9)).astype(np.float32)
    days = days_for(9)
    planes: list[float | NDArray[np.float64]] = list(days)
    planes[3] = np.where(np.arange(9) < 4, days[3], days[3] + 1.5) * np.ones((8, 1))
    for name in ("slope", "first_doy", "max_doy"):
        drawn = reduce(stack, METHODS[name], planes)
        left, right = (reduce(stack, METHODS[name], [*days[:3], day, *days[4:]]) for day in (days[3], days[3] + 1.5))
        assert np.array_equal(drawn[..., :4], left[..., :4])
        assert np.array_equal(drawn[..., 4:], right[..., 4:])


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 17, 18, 97, 98])
def test_p_values_are_those_of_students_distribution(freedom: int) -> None:
    explained = np.concatenate(([0.0], np.linspace(0.01, 0.99, 99), [1 - 1e-9, 1.0]))
    with np.errstate(divide="ignore"):
        t = np.sqrt(explained * freedom / (1 - explained))
    result = p_value(explained, np.full(explained.shape, freedom))
    np.testing.assert_allclose(result, 2 * stats.t.sf(t, freedom), atol=1e-12)


# Vectors of bands


@pytest.mark.parametrize("bands", [1, 2, 5])
def test_best_takes_all_bands_of_one_observation(bands: int) -> None:
    rng = np.random.default_rng(bands)
    stack = rng.integers(0, 5, (12, bands + 1, 30, 31)).astype(np.float32)
    stack[np.broadcast_to(rng.random((12, 1, 30, 31)) < rng.random((30, 31)), stack.shape)] = np.nan
    result = reduce(stack, BEST)
    for row, col in np.ndindex(30, 31):
        observations = [pixel for pixel in stack[:, :, row, col] if np.isfinite(pixel).all()]
        first = max(observations, key=lambda pixel: pixel[-1])[:-1] if observations else np.full(bands, np.nan)
        assert np.array_equal(result[:, row, col], first, equal_nan=True)


@pytest.mark.parametrize(("bands", "count"), [(1, 4), (2, 1), (2, 2), (2, 3), (3, 9), (6, 20)])
def test_the_geometric_median_minimises_the_sum_of_distances(bands: int, count: int) -> None:
    rng = np.random.default_rng(10 * bands + count)
    stack = rng.normal(0.3, 0.1, (count, bands, 6, 5)).astype(np.float32)
    stack[:, :, 0] = np.round(stack[:, :, 0], 1)  # ties, and observations that are the median
    stack[:, :, 1, 0] = 0.25
    stack[np.broadcast_to(rng.random((count, 1, 6, 5)) < 0.3, stack.shape)] = np.nan
    result = reduce(stack, GEOMEDIAN)
    errors = []
    for row, col in np.ndindex(6, 5):
        observations = stack[:, :, row, col].astype(float)
        observations = observations[np.isfinite(observations).all(axis=1)]
        if not len(observations):
            assert np.isnan(result[:, row, col]).all()
            continue
        place, truth = result[:, row, col], weiszfeld(observations)
        least, sum_of_distances = (np.sqrt(((observations - at) ** 2).sum(axis=1)).sum() for at in (truth, place))
        assert sum_of_distances <= least + 1e-5
        if (
            np.linalg.matrix_rank(observations - observations[0], tol=1e-3) > 1
        ):  # on a line, several points may have the same distance
            errors.append(np.abs(place - truth).max())
    if bands > 1 and count > 2:
        assert len(errors) > 10
        assert np.median(errors) < 1e-6
        assert np.quantile(errors, 0.9) < 1e-4


def test_the_geometric_median_leaves_an_observation_that_is_not_the_median() -> None:
    """The mean is the fourth observation, where plain Weiszfeld would stop."""
    stack = np.array([0, 0, 0, 0.3, 1.2], np.float32).reshape(5, 1, 1, 1)
    assert reduce(stack, GEOMEDIAN)[0, 0, 0] == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("bound", ["STRIP", "MAX_VALUES"])
@pytest.mark.parametrize("name", ["slope", "geomedian", "mean", "p37"])
def test_a_pixel_does_not_depend_on_its_strip(name: str, bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also beside observations that are invalid there, as in a smaller tile."""
    rng = np.random.default_rng(3)
    stack = rng.normal(0.3, 0.1, (15, 2, 40, 41)).astype(np.float32)
    stack[np.broadcast_to(rng.random((15, 1, 40, 41)) < 0.4, stack.shape)] = np.nan
    stack[4, :, :20] = np.nan
    days = days_for(15)
    whole = reduce(stack, METHODS[name], days)
    monkeypatch.setattr(reducing, bound, 33)
    assert np.array_equal(reduce(stack, METHODS[name], days), whole, equal_nan=True)
    observations = [number for number in range(15) if number != 4]
    part = reduce(stack[observations][:, :, :20, 3:9], METHODS[name], [days[number] for number in observations])
    assert np.array_equal(part, whole[:, :20, 3:9], equal_nan=True)


# Orders


@pytest.mark.parametrize("count", range(1, 17))
def test_the_network_sorts(count: int) -> None:
    """By the 0-1 principle: a network that sorts all sequences of zeros and ones sorts all sequences."""
    rows = (np.arange(2**count)[np.newaxis] >> np.arange(count)[:, np.newaxis]) & 1
    whole, middle = rows.copy(), rows.copy()
    first, last = (count - 1) // 2, count // 2
    for network, sorted_rows in ((_network(count), whole), (_pruned(count, first, last), middle)):
        for low, high in network:
            assert low < high
            pair = sorted_rows[low], sorted_rows[high]
            sorted_rows[low], sorted_rows[high] = np.minimum(*pair), np.maximum(*pair)
    assert (np.diff(whole, axis=0) >= 0).all()
    assert np.array_equal(middle[first : last + 1], whole[first : last + 1])


def test_percentiles_have_names() -> None:
    titles = {percent: percentile(percent).title.split()[0] for percent in (1, 2, 3, 4, 11, 12, 13, 21, 22, 93, 99)}
    assert titles == {
        1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 11: "11th", 12: "12th", 13: "13th", 21: "21st", 22: "22nd",
        93: "93rd", 99: "99th",
    }  # fmt: skip
