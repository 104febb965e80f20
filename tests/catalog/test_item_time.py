"""Times of items, as items write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scog.catalog.item_time import item_time

NOON = datetime(2024, 6, 12, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-06-12T12:00:00Z", NOON),
        ("2024-06-12t12:00:00z", NOON),
        ("2024-06-12 12:00:00+00", NOON),
        ("2024-06-12T14:00:00+02:00", NOON),
        ("2024-06-12T14:00:00+0200", NOON),
        ("2024-06-12T12:00:00", NOON),
        ("2024-06-12T12:00", NOON),
        ("2024-06-12T12:00:00 UTC", NOON),
        ("2024-06-12T12:00:00.5Z", NOON + timedelta(seconds=0.5)),
        ("2024-06-12T12:00:00.000001999999999999999999999999999Z", NOON + TICK),
        (" 2024-06-12T12:00:00Z\n", NOON),
        ("2024-06-12T11:59:60Z", NOON - timedelta(seconds=1)),
    ],
)
def test_instants_are_parsed(text: str, moment: datetime) -> None:
    parsed = item_time({"datetime": text})
    assert (parsed.moment, parsed.start, parsed.end, parsed.remarks) == (moment, moment, moment, ())
    assert parsed.moment.tzinfo is UTC


def test_a_date_is_its_whole_day() -> None:
    parsed = item_time({"datetime": "2024-06-12"})
    midnight = NOON - timedelta(hours=12)
    assert (parsed.moment, parsed.start, parsed.end) == (midnight, midnight, midnight + timedelta(days=1) - TICK)


A, B, C = "2024-01-01T00:00:00Z", "2024-06-12T12:00:00Z", "2024-12-31T23:59:59Z"


@pytest.mark.parametrize(
    ("nominal", "first", "last", "moment", "start", "end", "remarks"),
    [
        (None, A, C, A, A, C, 0),
        (B, A, C, B, A, C, 0),
        (A, B, C, A, A, C, 0),
        (None, A, None, A, A, A, 0),
        (None, None, C, C, C, C, 0),
        ("", A, C, A, A, C, 0),
        ("soon", A, C, A, A, C, 1),
        (5, A, C, A, A, C, 1),
        (B, "soon", None, B, B, B, 1),
        (None, C, A, C, C, C, 1),
        (B, A, "9999-12-31T23:59:59Z", B, A, "9999-12-31T23:59:59Z", 0),
    ],
)
def test_a_range_has_a_start_and_an_end(
    nominal: Any, first: Any, last: Any, moment: str, start: str, end: str, remarks: int
) -> None:
    parsed = item_time({"datetime": nominal, "start_datetime": first, "end_datetime": last})
    assert tuple(parsed[:3]) == tuple(map(datetime.fromisoformat, (moment, start, end)))
    assert len(parsed.remarks) == remarks


@pytest.mark.parametrize(
    "properties",
    [
        {}, {"datetime": None}, {"datetime": "yesterday"}, {"datetime": 20240612}, {"datetime": ["2024-06-12"]},
        {"datetime": "2024-02-30"}, {"datetime": "2024-06-12T25:00:00Z"}, {"datetime": "0001-01-01T00:00:00Z"},
        {"datetime": "9999-12-31T23:59:59Z"}, {"datetime": "２０２４-06-12"}, {"start_datetime": "soon"},
        {"datetime": "9" * 100_000}, {"datetime": "2024-06-12T12:00:00." + "9" * 100_000 + "!"},
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_items_without_a_valid_time_are_refused(properties: Any) -> None:
    with pytest.raises(ValueError, match="datetime") as refused:
        item_time(properties)
    assert len(str(refused.value)) < 120
