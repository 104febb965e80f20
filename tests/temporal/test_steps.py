"""Calendar steps: laws of the division of a range."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import given
from hypothesis import strategies as st

from scog.errors import InvalidInput
from scog.temporal.intervals import parse_interval
from scog.temporal.steps import NAMED_STEPS, TICK, Step, parse_step, split

MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))
LENGTHS = st.builds(timedelta, days=st.integers(0, 2000), seconds=st.integers(0, 86399))
STEPS = st.builds(Step, st.integers(1, 400), st.booleans())


@given(MOMENTS, LENGTHS, STEPS)
def test_steps_cover_a_range_without_gap_or_overlap(start: datetime, length: timedelta, step: Step) -> None:
    parts = list(split(start, start + length, step))
    assert parts[0].start == start
    assert parts[-1].end == start + length
    for one, after in pairwise(parts):
        assert one.end is not None
        assert one.end + TICK == after.start
    assert all(part.start <= part.end for part in parts if part.start and part.end)


@given(MOMENTS, LENGTHS, STEPS)
def test_each_step_begins_whole_steps_after_the_start(start: datetime, length: timedelta, step: Step) -> None:
    for count, part in enumerate(split(start, start + length, step)):
        whole = relativedelta(months=count * step.number) if step.of_months else timedelta(count * step.number)
        assert part.start == start + whole


@given(MOMENTS, st.timedeltas(timedelta(microseconds=1), timedelta(9999)), STEPS)
def test_a_reversed_range_has_no_steps(start: datetime, length: timedelta, step: Step) -> None:
    assert not list(split(start, start - length, step))


def test_steps_end_with_the_calendar() -> None:
    start, end = datetime(9999, 11, 30, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    for step in (Step(1, of_months=True), Step(20), Step(9999), Step(9999 * 12, of_months=True)):
        parts = list(split(start, end, step))
        assert (parts[0].start, parts[-1].end) == (start, end)


def test_a_month_ends_with_its_last_day() -> None:
    year = parse_interval("2024-01-31/2024-05-01")
    assert year.start is not None
    assert year.end is not None
    assert [str(part)[:10] for part in split(year.start, year.end, parse_step("P1M"))] == [
        "2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30",
    ]  # fmt: skip
    february = next(split(datetime(2023, 2, 1, tzinfo=UTC), year.end, parse_step("monthly")))
    assert february == parse_interval("2023-02-01/2023-02-28"), "equal to the parsed interval"


@pytest.mark.parametrize("text", NAMED_STEPS)
def test_names_of_steps_are_parsed(text: str) -> None:
    assert parse_step(text) == parse_step(NAMED_STEPS[text]) == parse_step(NAMED_STEPS[text].lower())


@pytest.mark.parametrize("text", ["", "P", "P0D", "1M", "PT1H", "P1.5D", "P-1D", "P1Y6M", "P12345D", "P１D", "x"])
def test_invalid_steps_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_step(text)
    assert refused.value.parameter == "step"
