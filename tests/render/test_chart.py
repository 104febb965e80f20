"""Charts: positions of dots in SVG and PNG, date ticks, and robustness against any input."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from scog.render.chart import COLORS, HEIGHT, MAX_LINES, WIDTH, Chart, Dot, Line

START, END = datetime(2022, 1, 1, tzinfo=UTC), datetime(2022, 12, 31, tzinfo=UTC)
NAME = "{http://www.w3.org/2000/svg}"


def dots(*values: float | None, every: int = 20, **more: object) -> tuple[Dot, ...]:
    return tuple(
        Dot(START + timedelta(days=every * place), value, **more)  # type: ignore[arg-type]
        for place, value in enumerate(values)
    )


def chart(*lines: Line, start: datetime = START, end: datetime = END, title: str = "NDVI") -> Chart:
    return Chart(title, "3 of 4 observations", lines, start, end)


def drawn(rendered: Chart) -> ElementTree.Element:
    return ElementTree.fromstring(rendered.svg())


def texts(rendered: Chart) -> list[str]:
    return [each.text or "" for each in drawn(rendered).iter(f"{NAME}text")]


def image(rendered: Chart, scale: int = 1) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(rendered.png(scale))))


def test_dots_are_at_their_times_and_values() -> None:
    rendered = chart(Line("NDVI", dots(0.0, 0.5, 1.0)))
    circles = list(drawn(rendered).iter(f"{NAME}circle"))
    x, y = ([float(each.get(axis, "nan")) for each in circles] for axis in ("cx", "cy"))
    assert np.diff(x) == pytest.approx([np.diff(x)[0]] * 2, abs=0.15)
    assert np.diff(y) == pytest.approx([np.diff(y)[0]] * 2, abs=0.15)
    assert np.diff(y)[0] < 0 < np.diff(x)[0]
    pixels = image(rendered)
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    for place in zip(x, y, strict=True):
        across, down = round(place[0]), round(place[1])
        assert tuple(pixels[down, across]) == COLORS[0][:3]
    assert image(rendered, 2).shape == (2 * HEIGHT, 2 * WIDTH, 3)


def test_dots_with_low_coverage_are_hollow_and_missing_ones_not_drawn() -> None:
    circles = list(
        drawn(chart(Line("NDVI", (*dots(0.2, None), *dots(0.3, share=0.2, every=99))))).iter(f"{NAME}circle")
    )
    assert [each.get("fill") == "none" for each in circles] == [False, True]


def test_lines_stop_at_gaps() -> None:
    near, far = dots(0.1, 0.2, 0.3, every=30), dots(0.1, 0.2, 0.3, every=100)
    paths = list(drawn(chart(Line("NDVI", near))).iter(f"{NAME}polyline"))
    gaps = list(drawn(chart(Line("NDVI", far))).iter(f"{NAME}polyline"))
    assert len(paths) - len(gaps) == 1
    curve = tuple((dot.time, dot.value or 0.0) for dot in far)
    assert len(list(drawn(chart(Line("NDVI", far, curve))).iter(f"{NAME}polyline"))) == len(gaps)


def test_spreads_are_drawn_as_a_band() -> None:
    rendered = chart(Line("NDVI", dots(0.1, 0.2, 0.3, spread=(0.05, 0.4))))
    (band,) = drawn(rendered).iter(f"{NAME}polygon")
    assert len((band.get("points") or "").split()) == 6
    single = chart(Line("NDVI", dots(0.1, spread=(0.05, 0.4))))
    assert not list(drawn(single).iter(f"{NAME}polygon"))


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (5, ["2 Jan", "2022", "3 Jan"]), (40, ["1 Jan", "2022", "6 Jan"]), (100, ["Jan", "2022", "Feb"]),
        (365, ["Jan", "2022", "Feb", "Mar"]), (1100, ["Apr", "Jul", "Oct", "2023", "2024"]),
        (4000, ["2022", "2024", "2026"]), (40_000, ["2030", "2040"]), (0, ["2 Jan"]),
    ],
)  # fmt: skip
def test_date_ticks_are_few_and_round(days: int, expected: list[str]) -> None:
    rendered = chart(Line("NDVI", dots(0.1, 0.2)), end=START + timedelta(days=days))
    result = texts(rendered)
    assert set(expected) <= set(result), result
    assert len([text for text in result if re.fullmatch(r"(\d+ )?[A-Z][a-z]{2}|\d{4}", text)]) <= 26
    assert rendered.png()


def test_a_chart_without_values_has_a_message() -> None:
    for lines in ((), (Line("NDVI", ()),), (Line("NDVI", dots(None, None)),)):
        assert "No usable observation" in texts(chart(*lines))


def test_several_lines_get_a_legend_and_distinct_colours() -> None:
    rendered = chart(*(Line(f"line {number}", dots(number, number + 1)) for number in range(MAX_LINES)))
    assert {f"line {number}" for number in range(MAX_LINES)} <= set(texts(rendered))
    fills = {each.get("fill") for each in drawn(rendered).iter(f"{NAME}circle")}
    assert len(fills) == MAX_LINES
    assert len(set(COLORS)) == MAX_LINES


def test_markup_is_escaped() -> None:
    rendered = chart(Line("<b>", dots(1.0)), Line("&amp;", dots(2.0)), title='<script>alert("1")</script>')
    assert not list(drawn(rendered).iter(f"{NAME}script"))
    assert '<script>alert("1")</script>' in texts(rendered)
    assert "<b>" in texts(rendered)
    long = chart(Line("NDVI", dots(1.0)), title="x" * 500)
    assert max(map(len, texts(long))) < 100


@given(
    st.lists(st.none() | st.floats(-1e30, 1e30), max_size=6),
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),
    st.integers(0, 100_000),
)
@settings(max_examples=40)
def test_any_values_and_times_render(values: list[float | None], start: datetime, days: int) -> None:
    begin = start.replace(tzinfo=UTC)
    last = min(begin + timedelta(days=days), datetime(9999, 12, 30, tzinfo=UTC)) if start.year < 9000 else begin
    rendered = Chart("t", "n", (Line("a", tuple(Dot(begin, value) for value in values)),), begin, last)
    assert drawn(rendered) is not None
