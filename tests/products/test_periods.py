"""Periods: each observation belongs to one, and aggregates equal NumPy's."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scog.errors import InvalidInput
from scog.products.timeseries.model import NO_OBSERVATION
from scog.products.timeseries.options import SeriesOptions, table_of
from scog.products.timeseries.periods import Aggregate, by_period, check_periods, midpoint
from scog.temporal.intervals import Interval, parse_interval
from scog.temporal.steps import Step, parse_step
from tests.products.made_rows import BEGINNING, row
from tests.profiles import variables_of

YEAR = parse_interval("2024-01-01/2024-12-31")


@given(
    st.lists(st.tuples(st.integers(0, 365), st.none() | st.floats(-1, 1)), max_size=40),
    st.sampled_from(["P1D", "P10D", "P2W", "P1M", "P1Y"]),
    st.sampled_from(list(Aggregate)),
    st.booleans(),
)
def test_each_observation_counts_in_one_period(
    given_: list[tuple[int, float | None]], step: str, aggregate: Aggregate, open_: bool
) -> None:
    rows = [row(day, value, area=True) for day, value in sorted(given_, key=lambda each: each[0])]
    periods = by_period(rows, None if open_ else YEAR, parse_step(step), aggregate)
    assert sum(each.observations or 0 for each in periods) == sum(each.sample.values is not None for each in rows)
    names = [name for each in periods for name in each.sample.scenes]
    assert set(names) <= {name for each in rows for name in each.sample.scenes}
    numpy_function = {"median": np.median, "mean": np.mean, "min": np.min, "max": np.max}[aggregate.value]
    for each in periods:
        assert each.end is not None
        rows_within = [one for one in rows if each.time <= one.time <= each.end]
        samples = [one.sample for one in rows_within if one.sample.values is not None]
        assert each.observations == len(samples)
        if not rows_within:
            assert (each.sample.reason, each.sample.values) == (NO_OBSERVATION, None)
        elif not samples:
            assert each.sample.reason == "masked"
        else:
            assert each.sample.values == pytest.approx((numpy_function([one.values for one in samples]),))
            assert each.sample.statistics is not None
            statistics = asdict(each.sample.statistics[0])
            for name, value in statistics.items():
                parts = [asdict(one.statistics[0])[name] for one in samples if one.statistics is not None]
                assert value == pytest.approx(numpy_function(parts))
            for share in ("valid", "masked"):
                assert getattr(each.sample, share) == pytest.approx(
                    np.mean([getattr(one.sample, share) for one in rows_within])
                )
    for one, other in pairwise(periods):
        assert one.end is not None
        assert other.time - one.end == timedelta(microseconds=1)


def test_periods_of_an_open_range_begin_with_the_first_observation() -> None:
    rows = [row(40, 0.1), row(75, 0.2), row(100, None)]
    months = by_period(rows, None, parse_step("P1M"), Aggregate.MEAN)
    assert [str(each.time.date()) for each in months] == ["2024-02-01", "2024-03-01", "2024-04-01"]
    assert months[-1].end == rows[-1].time
    days = by_period(rows, Interval(None, None), parse_step("P30D"), Aggregate.MEAN)
    assert [str(each.time.date()) for each in days] == ["2024-02-10", "2024-03-11", "2024-04-10"]
    assert by_period([], None, parse_step("P1M"), Aggregate.MEAN) == []
    assert len(by_period([], YEAR, parse_step("P1M"), Aggregate.MEAN)) == 12


def test_the_reason_of_a_period_is_an_error_rather_than_masked() -> None:
    rows = [row(1, None), row(2, None, reason="http-404")]
    (period,) = by_period(rows, parse_interval("2024-01-01/2024-01-31"), parse_step("P1M"), Aggregate.MEAN)
    assert period.sample.reason == "http-404"
    assert period.sample.scenes == ("S1", "S2")
    assert midpoint(period) == datetime(2024, 1, 16, 12, tzinfo=UTC) - timedelta(microseconds=0.5)


@pytest.mark.parametrize("text", ["1900-01-01/2024-12-31", "0001-01-01/9999-12-31"])
def test_too_many_periods_are_refused(text: str) -> None:
    for call in (check_periods, lambda interval, step: by_period([], interval, step, Aggregate.MEAN)):
        with pytest.raises(InvalidInput, match="more than") as caught:
            call(parse_interval(text), Step(1))
        assert caught.value.parameter == "interval"
    check_periods(parse_interval(text), Step(1200, of_months=True))
    check_periods(Interval(None, None), Step(1))


# Options


def test_observations_below_min_valid_have_no_values() -> None:
    rows = [row(1, 0.5, valid=0.04), row(11, 0.6, valid=0.5), row(21, None)]
    table = table_of(rows, SeriesOptions(variables_of(), min_valid=0.3))
    assert [each.sample.values for each in table.rows] == [None, (0.6,), None]
    assert table.rows[0].sample.reason == "masked"
    assert table.rows[0].sample.valid == 0.04
    (month,) = table_of(rows, SeriesOptions(variables_of(), parse_step("P1M"), Aggregate.MAX, min_valid=0.3)).rows
    assert month.sample.values == (0.6,)


def test_the_curve_is_reported_at_observations_or_at_midpoints_of_periods() -> None:
    rows = [row(day, None if day == 20 else day / 100) for day in range(0, 100, 10)]
    plain = table_of(rows, SeriesOptions(variables_of(), smooth=1000.0))
    assert plain.curve is not None
    assert [None if each is None else round(each[0] or 0, 4) for each in plain.curve] == [
        None if each.sample.values is None else round(each.sample.values[0], 4) for each in rows
    ]
    interval = Interval(BEGINNING - timedelta(days=40), BEGINNING + timedelta(days=130))
    steps = table_of(rows, SeriesOptions(variables_of(), parse_step("P10D"), interval=interval, smooth=1000.0))
    assert steps.curve is not None
    for each, value in zip(steps.rows, steps.curve, strict=True):
        at = (midpoint(each) - BEGINNING) / timedelta(days=1)
        assert (value is not None) == (0 <= at <= 90)
        if value is not None:
            assert value[0] == pytest.approx(at / 100, abs=1e-4)
    assert table_of(rows, SeriesOptions(variables_of())).curve is None


@pytest.mark.parametrize(("options", "parameter"), [({"smooth": 1.0}, "smooth"), ({"step": Step(1)}, "interval")])
def test_classes_are_neither_aggregated_nor_smoothed(options: dict[str, object], parameter: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        SeriesOptions(variables_of("scl"), **options)  # type: ignore[arg-type]
    assert caught.value.parameter == parameter


def test_a_scene_that_begins_before_the_first_period_counts_in_it() -> None:
    """An annual scene intersects June, but is sorted by its start in January."""
    rows = [row(0, 1.0), row(160, 3.0), row(200, 5.0)]
    periods = by_period(rows, parse_interval("2024-06-01/2024-07-31"), parse_step("P1M"), Aggregate.MEAN)
    assert [each.sample.values for each in periods] == [(2.0,), (5.0,)]
