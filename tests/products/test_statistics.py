"""Weighted statistics against exactextract, and against NumPy for equal weights."""

from __future__ import annotations

from dataclasses import asdict
from itertools import pairwise

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from scog.geo.coverage import coverage_fractions
from scog.geo.grid import Grid
from scog.products.areas.statistics import majority, statistics
from tests.doubles.zonal import zonal

GRID = Grid("EPSG:32632", Affine(10, 0, 676_000, 0, -10, 5_152_000), 19, 13)


@given(st.integers(0, 2**32 - 1), st.floats(5, 90), st.floats(0, 0.8))
def test_statistics_equal_exactextract(seed: int, radius: float, gaps: float) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=GRID.shape).astype(np.float32)
    values[rng.random(GRID.shape) < gaps] = np.nan
    field = shapely.Point(GRID.at(*rng.uniform((3, 3), (16, 10)))).buffer(radius, quad_segs=3)
    shares = coverage_fractions(GRID, field)
    valid = (shares > 0) & np.isfinite(values)
    if not valid.any():
        return
    result = asdict(statistics(values[valid], shares[valid]))
    expected = zonal(values, GRID, field)
    assert result.keys() == expected.keys()
    for name, value in result.items():
        assert value == pytest.approx(expected[name], rel=1e-4, abs=2e-4), name


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=50), st.floats(0.015625, 1, width=32))
def test_statistics_with_equal_weights_equal_numpy(values: list[float], weight: float) -> None:
    numbers = np.array(values, np.float32)
    result = statistics(numbers, np.full(len(numbers), weight, np.float32))
    exact = numbers.astype(np.float64)
    expected = [exact.mean(), np.median(exact), exact.std(), exact.min(), exact.max(),
                *np.percentile(exact, [10, 25, 75, 90]), weight * len(exact)]  # fmt: skip
    assert list(asdict(result).values()) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_equal_values_are_not_merged() -> None:
    values = np.array([0.8] * 9 + [0.2], np.float32)
    result = statistics(values, np.ones(10, np.float32))
    assert (result.median, result.p10) == pytest.approx((0.8, np.percentile(values, 10)))
    shuffled = np.array([1, 2, 2, 1, 2, 3], np.float32), np.array([0.1, 0.9, 0.3, 0.5, 1.0, 0.7], np.float32)
    for order in ([5, 4, 3, 2, 1, 0], [2, 0, 5, 1, 3, 4]):
        assert statistics(*(part[order] for part in shuffled)) == statistics(*shuffled)


@given(st.lists(st.tuples(st.floats(-9, 9, width=32), st.floats(0.015625, 1, width=32)), min_size=1, max_size=40))
def test_percentiles_are_ascending_and_the_mean_is_within_the_range(pairs: list[tuple[float, float]]) -> None:
    values, weights = np.array(pairs, np.float32).T
    result = statistics(values, weights)
    ordered = [result.min, result.p10, result.p25, result.median, result.p75, result.p90, result.max]
    assert all(a <= b + 1e-9 for a, b in pairwise(ordered))
    assert result.min - 1e-9 <= result.mean <= result.max + 1e-9
    assert result.std >= 0


def test_the_majority_has_the_greatest_weight() -> None:
    values = np.array([4, 5, 5, 4, 9], np.float32)
    assert majority(values, np.array([0.2, 0.3, 0.3, 0.2, 0.5], np.float32)) == 5
    assert majority(values, np.ones(5, np.float32)) == 4
