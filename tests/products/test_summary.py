"""Summaries of weighted pixels equal exactextract and NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from scog.errors import InvalidInput
from scog.geo.coverage import coverage_fractions
from scog.geo.grid import Grid
from scog.products.zonal.summary import DEFAULT_PERCENTILES, StatisticsOptions, parse_statistics_options, summarise
from tests.doubles.zonal import exact_statistics

GRID = Grid("EPSG:32632", Affine(10, 0, 676_000, 0, -10, 5_152_000), 23, 17)
OPERATIONS = {
    "min": "min", "max": "max", "mean": "mean", "count": "count", "sum": "sum", "std": "stdev", "unique": "variety",
    "majority": "majority", "minority": "minority",
}  # fmt: skip
"""Names of statistics in scog and in exactextract."""


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(8, 90), st.floats(0, 0.8), st.booleans())
def test_summaries_equal_exactextract(seed: int, radius: float, gaps: float, whole: bool) -> None:
    rng = np.random.default_rng(seed)
    values = (rng.integers(0, 5, GRID.shape) if whole else rng.normal(size=GRID.shape)).astype(np.float32)
    values[rng.random(GRID.shape) < gaps] = np.nan
    field = shapely.Point(GRID.at(*rng.uniform((4, 4), (19, 13)))).buffer(radius, quad_segs=3)
    shares = coverage_fractions(GRID, field)
    if any(((coverage_fractions(GRID, field.buffer(by)) > 0) != (shares > 0)).any() for by in (-1e-3, 1e-3)):
        return  # exactextract may count a pixel that is less than a millimetre away
    valid = (shares > 0) & np.isfinite(values)
    if not valid.any():
        return
    masked = float(shares[~valid].sum())
    summary = summarise(values[valid], shares[valid], masked, StatisticsOptions((5, 50, 97.5)))
    expected = exact_statistics(
        values, GRID, field, [*OPERATIONS.values(), "median", "quantile(q=0.05)", "quantile(q=0.975)"]
    )
    weights = {value: shares[valid & (values == value)].sum() for value in np.unique(values[valid])}
    for name, operation in OPERATIONS.items():
        value = getattr(summary, name)
        if name in ("majority", "minority"):  # of equal weights, up to rounding, either value is correct
            assert weights[np.float32(value)] == pytest.approx(weights[np.float32(expected[operation])], rel=1e-5), name
        else:
            assert value == pytest.approx(expected[operation], rel=1e-5, abs=1e-5), name
    if not whole:  # exactextract merges equal values
        assert summary.median == pytest.approx(expected["median"], rel=1e-4, abs=2e-4)
        assert summary.percentiles[5] == pytest.approx(expected["quantile_5"], rel=1e-4, abs=2e-4)
        assert summary.percentiles[97.5] == pytest.approx(expected["quantile_97"], rel=1e-4, abs=2e-4)
    assert summary.percentiles[50] == summary.median
    assert summary.valid_percent == pytest.approx(100 * summary.count / (summary.count + masked))
    assert summary.count + masked == pytest.approx(shares.sum(), rel=1e-5)


@settings(deadline=None)
@given(st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=60), st.integers(1, 20))
def test_summaries_with_equal_weights_equal_numpy(values: list[float], bins: int) -> None:
    numbers, ones = np.array(values, np.float32), np.ones(len(values), np.float32)
    summary, exact = summarise(numbers, ones, 0.0, StatisticsOptions((2, 98), bins)), numbers.astype(np.float64)
    assert summary.histogram is not None
    counts, edges = np.histogram(exact, bins)
    assert np.array_equal(summary.histogram[0], counts)
    assert np.array_equal(summary.histogram[1], edges)
    kinds, weights = np.unique(exact, return_counts=True)
    assert (summary.majority, summary.minority) == (kinds[weights.argmax()], kinds[weights.argmin()])
    assert (summary.unique, summary.count, summary.valid_percent) == (len(kinds), len(values), 100)
    assert summary.sum == pytest.approx(exact.sum(), rel=1e-9, abs=1e-6)
    assert list(summary.percentiles.values()) == pytest.approx(np.percentile(exact, [2, 98]), rel=1e-9, abs=1e-9)


def test_majority_and_minority_are_the_lowest_of_equally_frequent_values() -> None:
    values = np.array([[4, 4, 7, 7, 2, 9]], np.float32)
    summary = summarise(values[0], np.ones(6, np.float32), 0.0)
    assert (summary.majority, summary.minority) == (4, 2)
    grid = Grid(GRID.crs, GRID.transform, 6, 1)
    west, south, east, north = grid.bounds
    other = exact_statistics(values, grid, shapely.box(west, south, east, north), ["majority", "minority"])
    assert other == {"majority": 7, "minority": 2}, "exactextract returns the highest"


def test_bins_add_up_weights() -> None:
    values = np.array([0.1, 0.1, 0.5, 0.9, 2.0], np.float32)
    weights = np.array([0.25, 1, 0.5, 1, 1], np.float32)
    edged = summarise(values, weights, 1.0, StatisticsOptions((), (0.0, 0.4, 0.6, 1.0))).histogram
    assert edged == ((1.25, 0.5, 1.0), (0.0, 0.4, 0.6, 1.0))
    ranged = summarise(values, weights, 1.0, StatisticsOptions((), 2, (0.0, 1.0))).histogram
    assert ranged == ((1.25, 1.5), (0.0, 0.5, 1.0))


def test_a_summary_without_pixels_has_no_values() -> None:
    summary = summarise(np.zeros(0, np.float32), np.zeros(0, np.float32), 12.5)
    assert (summary.count, summary.sum, summary.unique, summary.valid_percent, summary.masked_pixels) == (
        0,
        0,
        0,
        0,
        12.5,
    )
    assert (summary.min, summary.mean, summary.std, summary.median, summary.majority, summary.histogram) == (None,) * 6
    assert summary.percentiles == dict.fromkeys(DEFAULT_PERCENTILES)


@pytest.mark.parametrize(
    ("percentiles", "bins", "bin_range", "options"),
    [
        ([], None, None, StatisticsOptions()),
        ([5, 50.5, 5], "8", None, StatisticsOptions((5, 50.5), 8)),
        ([0, 100], " 20 ", "-1,1", StatisticsOptions((0, 100), 20, (-1, 1))),
        ([], "20\x1c", None, StatisticsOptions(bins=20)),  # white space to str.strip(), but not to int()
        ([], "0,0.5, 1e0", None, StatisticsOptions(bins=(0, 0.5, 1))),
    ],
)
def test_parameters_are_parsed(
    percentiles: list[float], bins: str | None, bin_range: str | None, options: StatisticsOptions
) -> None:
    assert parse_statistics_options(percentiles, bins, bin_range) == options


@pytest.mark.parametrize(
    ("percentiles", "bins", "bin_range", "parameter"),
    [
        ([-1], None, None, "p"), ([100.1], None, None, "p"), ([float("nan")], None, None, "p"),
        ([float("inf")], None, None, "p"), ([], "0", None, "histogram_bins"), ([], "1001", None, "histogram_bins"),
        ([], "999999999", None, "histogram_bins"), ([], "-5", None, "histogram_bins"), ([], "", None, "histogram_bins"),
        ([], "1.5", None, "histogram_bins"), ([], "1,1", None, "histogram_bins"), ([], "2,1", None, "histogram_bins"),
        ([], "0,nan", None, "histogram_bins"), ([], "0,inf", None, "histogram_bins"),
        ([], "auto", None, "histogram_bins"), ([], ",".join(map(str, range(1001))), None, "histogram_bins"),
        ([], "0,1", "0,1", "histogram_range"), ([], None, "1,0", "histogram_range"),
        ([], None, "1,1", "histogram_range"), ([], None, "0", "histogram_range"), ([], None, "", "histogram_range"),
        ([], None, "0,1,2", "histogram_range"), ([], None, "0,nan", "histogram_range"),
        ([], None, "0,1e999", "histogram_range"),
    ],
)  # fmt: skip
def test_invalid_parameters_are_refused(
    percentiles: list[float], bins: str | None, bin_range: str | None, parameter: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_statistics_options(percentiles, bins, bin_range)
    assert caught.value.parameter == parameter
    assert caught.value.valid
