"""RFC 3339 instants, dates and intervals: their meaning, and invalid ones."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scog.errors import InvalidInput
from scog.temporal.intervals import VALID, Interval, parse_instant, parse_interval, rfc3339


def at(*numbers: int) -> datetime:
    return datetime(*numbers, tzinfo=UTC)  # type: ignore[misc,arg-type]


JUNE_12 = at(2022, 6, 12), at(2022, 6, 12, 23, 59, 59, 999999)
TEN = at(2022, 6, 12, 10)
MEANT = [
    ("2022-06-12", *JUNE_12),
    (" 2022-06-12\n", *JUNE_12),
    ("2022-06-12/2022-06-12", *JUNE_12),
    ("2022-06-12/..", JUNE_12[0], None),
    ("2022-06-12/", JUNE_12[0], None),
    ("../2022-06-12", None, JUNE_12[1]),
    ("/2022-06-12", None, JUNE_12[1]),
    ("../..", None, None),
    ("/", None, None),
    ("2022-05-01/2022-06-12", at(2022, 5, 1), JUNE_12[1]),
    ("2022-06-12T10:00:00Z", TEN, TEN),
    ("2022-06-12t10:00:00z", TEN, TEN),
    ("2022-06-12 10:00:00Z", TEN, TEN),
    ("2022-06-12T10:00:00+00:00", TEN, TEN),
    ("2022-06-12T10:00:00-00:00", TEN, TEN),
    ("2022-06-12T12:00:00+02:00", TEN, TEN),
    ("2022-06-11T23:30:00-10:30", TEN, TEN),
    ("2022-06-12T10:00:00.5Z", TEN + timedelta(milliseconds=500), TEN + timedelta(milliseconds=500)),
    ("2022-06-12T10:00:00.123456789Z", TEN + timedelta(microseconds=123456), TEN + timedelta(microseconds=123456)),
    ("2022-06-12T10:00:00Z/2022-06-12", TEN, JUNE_12[1]),
    ("2022-06-12/2022-06-12T10:00:00Z", JUNE_12[0], TEN),
    ("2024-02-29", at(2024, 2, 29), at(2024, 2, 29, 23, 59, 59, 999999)),
    ("0001-01-01", at(1, 1, 1), at(1, 1, 1, 23, 59, 59, 999999)),
    ("9999-12-31", at(9999, 12, 31), at(9999, 12, 31, 23, 59, 59, 999999)),
]


@pytest.mark.parametrize(("text", "start", "end"), MEANT, ids=[repr(row[0]) for row in MEANT])
def test_intervals_have_the_expected_start_and_end(text: str, start: datetime | None, end: datetime | None) -> None:
    assert parse_interval(text) == Interval(start, end)


REFUSED = [
    "",
    " ",
    "..",
    "today",
    "2022",
    "2022-06",
    "2022-6-12",
    "20220612",
    "2022-06-31",
    "2023-02-29",
    "2022-13-01",
    "2022-00-01",
    "0000-01-01",
    "10000-01-01",
    "-2022-06-12",
    "2022-06-12T10:00:00",
    "2022-06-12T10:00Z",
    "2022-06-12T10Z",
    "2022-06-12T25:00:00Z",
    "2022-06-12T10:60:00Z",
    "2022-06-12T10:00:61Z",
    "2022-06-12T10:00:00.Z",
    "2022-06-12T10:00:00.12345678901234567890123456789012345Z",
    "2022-06-12T10:00:00+2:00",
    "2022-06-12T10:00:00+99:00",
    "2022-06-12T10:00:00 02:00",
    "2022-06-12T10:00:00ZZ",
    "2022-06-12Z",
    "2022-W24-7",
    "2022-163",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "２０２２-06-12",
    "2022‐06‐12",
    "2022-06-12/2022-06-13/2022-06-14",
    "2022-06-12//2022-06-13",
    ".../..",
    "../../..",
    "2022-06-13/2022-06-12",
    "2022-06-12T10:00:01Z/2022-06-12T10:00:00Z",
    "1655028000",
    "<script>",
    "2022-06-12\x00",
    "9" * 500_000,
    "/" * 500_000,
    "2022-06-12" * 50_000,
]


@pytest.mark.parametrize("text", REFUSED, ids=[repr(text[:30]) for text in REFUSED])
def test_invalid_intervals_are_refused_quickly(text: str) -> None:
    seconds = []
    for _ in range(3):
        since = time.perf_counter()
        with pytest.raises(InvalidInput) as refused:
            parse_interval(text)
        seconds.append(time.perf_counter() - since)
    assert min(seconds) < 0.05
    assert refused.value.parameter == "datetime"
    assert refused.value.valid == VALID
    assert len(str(refused.value)) < 250


@pytest.mark.parametrize("text", ["2022-06-12", "..", "2022-06-12T10:00:00Z/..", "", "2022-06-12T10:00:00"])
def test_other_text_is_not_an_instant(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_instant(text)


def test_an_open_interval_is_unbounded() -> None:
    tick = timedelta(microseconds=1)
    day = parse_interval("2022-06-12")
    assert [moment in day for moment in (JUNE_12[0] - tick, *JUNE_12, JUNE_12[1] + tick)] == [False, True, True, False]
    assert at(9999, 1, 1) in parse_interval("2022-06-12/..")
    assert JUNE_12[0] - tick not in parse_interval("2022-06-12/..")
    assert at(1, 1, 1) in parse_interval("../2022-06-12")
    assert JUNE_12[1] + tick not in parse_interval("../2022-06-12")
    assert at(1, 1, 1) in parse_interval("../..")


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (TEN, "2022-06-12T10:00:00Z"),
        (TEN + timedelta(microseconds=1), "2022-06-12T10:00:00.000001Z"),
        (TEN.astimezone(timezone(timedelta(hours=5, minutes=45))), "2022-06-12T10:00:00Z"),
    ],
)
def test_instants_are_formatted_as_rfc_3339(moment: datetime, text: str) -> None:
    assert rfc3339(moment) == text


moments = st.datetimes(timezones=st.just(UTC))
sides = st.one_of(st.none(), moments)


@given(moments)
def test_instants_round_trip(moment: datetime) -> None:
    assert parse_instant(rfc3339(moment)) == moment


@given(sides, sides)
def test_intervals_round_trip(one: datetime | None, other: datetime | None) -> None:
    if one is not None and other is not None and one > other:
        one, other = other, one
    interval = Interval(one, other)
    assert parse_interval(str(interval)) == interval


@given(st.one_of(st.text(max_size=80), st.text("0123456789-:./TZ+ ", max_size=60)))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        interval = parse_interval(text)
    except InvalidInput:
        return
    assert parse_interval(str(interval)) == interval


@given(st.dates(), moments)
def test_a_date_is_the_whole_utc_day(day: object, moment: datetime) -> None:
    assert (moment in parse_interval(str(day))) == (moment.date() == day)
