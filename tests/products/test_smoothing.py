"""Whittaker smoothing against its linear equations and its limits."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scog.errors import InvalidInput
from scog.products.timeseries.model import Row
from scog.products.timeseries.smoothing import DEFAULT_LAMBDA, MAX_LAMBDA, MIN_LAMBDA, parse_smooth, smoothed
from tests.products.made_rows import BEGINNING, row

DAY = timedelta(days=1)


def curve(rows: list[Row], smoothing: float) -> list[float | None]:
    return [None if point is None else point[0] for point in smoothed(rows, [each.time for each in rows], smoothing)]


def solved(days: np.ndarray, values: np.ndarray, weights: np.ndarray, smoothing: float) -> np.ndarray:
    """Solve (W + lambda D'D) z = W y, one value per day, with NumPy."""
    count = days[-1] + 1
    heavy, level = np.zeros(count), np.zeros(count)
    np.add.at(heavy, days, weights)
    np.add.at(level, days, weights * values)
    differences = np.diff(np.eye(count), 2, axis=0)
    return np.linalg.solve(np.diag(heavy) + smoothing * differences.T @ differences, level)


@given(
    st.lists(
        st.tuples(st.integers(0, 120), st.floats(-1, 1), st.floats(0.01, 1)),
        min_size=3,
        max_size=30,
        unique_by=lambda e: e[0],
    ),
    st.sampled_from([0.1, 10.0, DEFAULT_LAMBDA, 1e5]),
)
@settings(max_examples=30)
def test_the_curve_solves_the_linear_equations(given_: list[tuple[int, float, float]], smoothing: float) -> None:
    days, values, weights = (np.array(part) for part in zip(*sorted(given_), strict=True))
    days -= days[0]
    rows = [row(int(d), v, valid=w) for d, v, w in zip(days, values, weights, strict=True)]
    expected = solved(days, values, weights, smoothing)
    assert curve(rows, smoothing) == pytest.approx(list(expected[days]), abs=1e-5)
    between = smoothed(rows, [BEGINNING + 0.5 * DAY], smoothing)[0]
    assert between == pytest.approx((expected[:2].mean(),), abs=1e-5)


def test_weak_smoothing_preserves_values_and_strong_smoothing_gives_a_line() -> None:
    rng = np.random.default_rng(1)
    days = np.cumsum(rng.integers(1, 12, 60))
    days -= days[0]
    values, weights = np.sin(days / 60) + rng.normal(0, 0.1, 60), rng.uniform(0.2, 1, 60)
    rows = [row(int(d), v, valid=w) for d, v, w in zip(days, values, weights, strict=True)]
    assert curve(rows, MIN_LAMBDA) == pytest.approx(list(values), abs=0.01)
    slope, level = np.polyfit(days, values, 1, w=np.sqrt(weights))
    assert curve(rows, 1e9) == pytest.approx(list(level + slope * days), abs=0.01)


@given(st.floats(-1, 1), st.floats(-0.01, 0.01), st.sampled_from([1.0, DEFAULT_LAMBDA, 1e6]))
def test_a_line_stays_a_line(level: float, slope: float, smoothing: float) -> None:
    rows = [row(day, level + slope * day) for day in (0, 3, 20, 21, 60, 61, 100)]
    assert curve(rows, smoothing) == pytest.approx(
        [level + slope * day for day in (0, 3, 20, 21, 60, 61, 100)], abs=1e-4
    )


def test_the_default_preserves_seasons_and_reduces_noise() -> None:
    days = np.arange(0, 730, 5)
    seasons = 0.5 + 0.3 * np.sin(2 * np.pi * days / 365)
    noise = np.random.default_rng(3).normal(0, 0.05, len(days))
    point = np.array(curve([row(int(d), v) for d, v in zip(days, seasons + noise, strict=True)], DEFAULT_LAMBDA), float)
    assert np.abs(point - seasons).std() < 0.5 * np.abs(noise).std()
    assert point.max() - point.min() > 0.58
    wave = np.array(curve([row(int(d), np.sin(2 * np.pi * d / 53)) for d in days], DEFAULT_LAMBDA), float)
    assert wave[20:-20].max() == pytest.approx(0.5, abs=0.05)


def test_no_values_outside_of_the_observations_or_with_too_few_days() -> None:
    rows = [row(0, None), row(10, 0.2), row(20, None), row(30, 0.4), row(40, 0.3), row(50, None)]
    at = [BEGINNING + day * DAY for day in (0, 9.9, 10, 20, 40, 40.1, 50)]
    assert [point is None for point in smoothed(rows, at, 10.0)] == [True, True, False, False, False, True, True]
    assert smoothed([], at, 10.0) == [None] * 7
    assert smoothed(rows[:4], at, 10.0) == [None] * 7, "two observations are too few"
    assert smoothed([row(0, 0.1), row(0.1, 0.2), row(0.2, 0.3)], at[:1], 10.0) == [None], "one day is too short"
    assert smoothed([row(0, 0.1), row(9, 0.2), row(90_000, 0.3)], at[:1], 10.0) == [None], "centuries are too long"


def test_the_curve_does_not_depend_on_the_times_of_evaluation() -> None:
    rows = [row(day, value) for day, value in ((0, 0.1), (7, 0.5), (30, 0.2), (33, 0.6), (80, 0.3))]
    few = smoothed(rows, [BEGINNING + 7 * DAY], DEFAULT_LAMBDA)
    many = smoothed(rows, [BEGINNING + day * DAY for day in range(81)], DEFAULT_LAMBDA)
    assert many[7] == few[0]


def test_outputs_are_smoothed_independently() -> None:
    rows = [row(day, 0.1 * day, 5.0, valid=0.5) for day in range(6)]
    for number, point in enumerate(smoothed(rows, [each.time for each in rows], 100.0)):
        assert point == pytest.approx((0.1 * number, 5.0), abs=1e-6)


@pytest.mark.parametrize(
    ("text", "smoothing"), [("whittaker", DEFAULT_LAMBDA), ("Whittaker:50", 50), ("whittaker:1e5", 1e5)]
)
def test_smoothing_methods_are_parsed(text: str, smoothing: float) -> None:
    assert parse_smooth(text) == smoothing


@pytest.mark.parametrize(
    "text",
    ["", "savgol", "whittaker:", "whittaker:0", "whittaker:-3", "whittaker:nan", "whittaker:inf", "whittaker:1e400",
     "whittaker:1:2", "whittaker:1e99", f"whittaker:{MAX_LAMBDA * 10:g}", "whittaker:" + "9" * 400, "whittaker:１０"],
)  # fmt: skip
def test_other_smoothing_methods_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_smooth(text)
    assert caught.value.parameter == "smooth"
