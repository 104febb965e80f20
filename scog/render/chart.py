"""Time series charts, as SVG or as PNG with the same layout."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from scog.render.image import Color
from scog.render.legend import ticks
from scog.render.shapes import INK, TEXT, TITLE, Area, Disc, Shape, Stroke, Text, png, svg

WIDTH, HEIGHT = 800, 360
MAX_LINES = 8
"""Maximum number of lines. More would not be distinguishable."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 18, 52, 46
_LETTER = 0.58
"""Mean character width as a fraction of the font size."""
_PALE: Color = (51, 51, 51, 150)
_GRID: Color = (128, 128, 128, 60)
_AXIS: Color = (128, 128, 128, 190)
COLORS: tuple[Color, ...] = (
    (34, 120, 60, 255), (31, 119, 180, 255), (214, 96, 10, 255), (117, 80, 170, 255),
    (200, 40, 90, 255), (110, 85, 40, 255), (0, 150, 150, 255), (120, 120, 120, 255),
)  # fmt: skip
"""Line colours in order of use; each has enough contrast on white and on black."""
_MONTH_STEPS = (1, 2, 3, 6, 12, 24, 60, 120)
_DAY_STEPS = (1, 2, 5, 10, 20)
_MIN_TICK_SPACING = 55
"""Minimum distance between two date labels, in pixels."""
GAP = 75.0
"""Lines are interrupted where two observations are further apart than this, in days."""


@dataclass(frozen=True)
class Dot:
    """One observation.

    value   None if there is none
    share   valid share of the pixels, 0 to 1
    spread  10th and 90th percentile of the pixels; None without them
    """

    time: datetime
    value: float | None
    share: float = 1.0
    spread: tuple[float, float] | None = None


@dataclass(frozen=True)
class Line:
    """A named series: dots in time order, and an optional smoothed curve of `(time, value)`."""

    name: str
    dots: tuple[Dot, ...]
    curve: tuple[tuple[datetime, float], ...] | None = None


@dataclass(frozen=True)
class Chart:
    """A chart of several lines between `start` and `end`; `note` is printed beside the title."""

    title: str
    note: str
    lines: tuple[Line, ...]
    start: datetime
    end: datetime

    def svg(self) -> str:
        """SVG document with a transparent background; the text colour follows `prefers-color-scheme`."""
        return svg(self._shapes(), (WIDTH, HEIGHT), f"Chart: {self.title}")

    def png(self, scale: int = 1) -> bytes:
        """PNG on white, `scale` times WIDTH x HEIGHT pixels."""
        return png(list(self._shapes()), (WIDTH, HEIGHT), scale)

    def _shapes(self) -> Iterator[Shape]:
        """All shapes, back to front."""
        axes = _axes(self)
        yield from _frame(axes)
        yield from _heading(self)
        for color, line in zip(COLORS, self.lines, strict=False):
            yield from _spread_band(line, axes, color)
        for color, line in zip(COLORS, self.lines, strict=False):
            yield from _series(line, axes, color)
        if not any(dot.value is not None for line in self.lines for dot in line.dots):
            yield Text((_LEFT + WIDTH - _RIGHT) / 2, HEIGHT / 2, "No usable observation", "m", _PALE)


@dataclass(frozen=True)
class _Axes:
    """Map times and values to pixel coordinates (y down)."""

    start: datetime
    end: datetime
    low: float
    high: float

    def x(self, time: datetime) -> float:
        return _LEFT + (time - self.start) / (self.end - self.start) * (WIDTH - _RIGHT - _LEFT)

    def y(self, value: float) -> float:
        return HEIGHT - _BOTTOM - (value - self.low) / (self.high - self.low) * (HEIGHT - _BOTTOM - _TOP)


def _axes(chart: Chart) -> _Axes:
    """Axes that contain every value of the chart, with a margin."""
    start, end = chart.start.astimezone(UTC), chart.end.astimezone(UTC)
    margin = max((end - start) * 0.015, timedelta(days=1))
    values = [value for line in chart.lines for value in _values(line)]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    padding = (high - low) * 0.06 or max(abs(high) * 0.1, 0.1)
    return _Axes(start - margin, end + margin, low - padding, high + padding)


def _values(line: Line) -> Iterator[float]:
    for dot in line.dots:
        if dot.value is not None:
            yield dot.value
            yield from dot.spread or ()
    yield from (value for _, value in line.curve or ())


def _frame(axes: _Axes) -> Iterator[Stroke | Text]:
    """Axis lines, grid lines and tick labels at round values and dates."""
    left, right, top, bottom = float(_LEFT), float(WIDTH - _RIGHT), float(_TOP), float(HEIGHT - _BOTTOM)
    for value in ticks(axes.low, axes.high):
        y = axes.y(value)
        yield Stroke(((left, y), (right, y)), _GRID, 1)
        yield Text(left - 8, y + 4, f"{value:.6g}", "r", INK)
    for time, text, year in _dates(axes):
        x = axes.x(time)
        yield Stroke(((x, top), (x, bottom)), _GRID, 1)
        yield Stroke(((x, bottom), (x, bottom + 5)), _AXIS, 1)
        yield Text(x, bottom + 18, text, "m", INK)
        if year:
            yield Text(x, bottom + 33, year, "m", _PALE)
    yield Stroke(((left, bottom), (right, bottom)), _AXIS, 1)


def _dates(axes: _Axes) -> Iterator[tuple[datetime, str, str]]:
    """Date ticks as `(time, label, year)`; `year` is empty if it equals the previous tick's."""
    max_ticks = (WIDTH - _RIGHT - _LEFT) / _MIN_TICK_SPACING
    days = (axes.end - axes.start) / timedelta(days=1)
    months = next((each for each in _MONTH_STEPS if days / (30.44 * each) <= max_ticks), _MONTH_STEPS[-1])
    if days / 30.44 >= 3:
        moments, below_year = _month_ticks(axes.start, axes.end, months), months < 12
    else:
        step = next((each for each in _DAY_STEPS if days / each <= max_ticks), _DAY_STEPS[-1])
        moments, below_year = _day_ticks(axes.start, axes.end, step), True
    last_year = 0
    for moment in moments:
        name = _NAMES[moment.month - 1]
        text = (name if days / 30.44 >= 3 else f"{moment.day} {name}") if below_year else str(moment.year)
        yield moment, text, str(moment.year) if below_year and moment.year != last_year else ""
        last_year = moment.year


_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _month_ticks(start: datetime, end: datetime, step: int) -> Iterator[datetime]:
    """First moment of every `step`th month between two times, counted from January of year 0."""
    count = math.ceil((start.year * 12 + start.month - 1) / step) * step
    while True:
        year, month = divmod(count, 12)
        if not 1 <= year <= 9999:
            return
        moment = datetime(year, month + 1, 1, tzinfo=UTC)
        if moment > end:
            return
        if moment >= start:
            yield moment
        count += step


def _day_ticks(start: datetime, end: datetime, step: int) -> Iterator[datetime]:
    """Midnight of every `step`th day, starting the day after `start`."""
    moment = start.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    while moment <= end:
        yield moment
        moment += timedelta(days=step)


def _heading(chart: Chart) -> Iterator[Text | Disc]:
    """Title on the left, note on the right, and a line legend below if there are several lines."""
    note = len(chart.note) * TEXT * _LETTER
    yield Text(_LEFT, 22, _truncate(chart.title, WIDTH - _LEFT - _RIGHT - note - 20, TITLE), "l", INK, TITLE)
    yield Text(WIDTH - _RIGHT, 22, chart.note, "r", _PALE)
    if len(chart.lines) > 1:
        x, room = float(_LEFT), (WIDTH - _LEFT - _RIGHT) / min(len(chart.lines), MAX_LINES)
        for color, line in zip(COLORS, chart.lines, strict=False):
            name = _truncate(line.name, room - 30, TEXT)
            yield Disc(x + 4, 38, 4, color, full=True)
            yield Text(x + 13, 42, name, "l", INK)
            x += min(room, 30 + len(name) * TEXT * _LETTER)


def _spread_band(line: Line, axes: _Axes, color: Color) -> Iterator[Area | Stroke]:
    """The spread of each run of dots as a translucent area; as a bar where a run has a single dot."""
    light = (*color[:3], 42)
    for run in _runs(line):
        spreads = [(axes.x(dot.time), *map(axes.y, dot.spread)) for dot in run if dot.spread is not None]
        if len(spreads) == 1:
            x, low, high = spreads[0]
            yield Stroke(((x, low), (x, high)), light, 5)
        elif spreads:
            upper = [(x, high) for x, _, high in spreads]
            yield Area((*((x, low) for x, low, _ in spreads), *reversed(upper)), light)


def _series(line: Line, axes: _Axes, color: Color) -> Iterator[Stroke | Disc]:
    """The curve, or thin lines between dots if there is none; then the dots, hollow where `share` is below one half."""
    if line.curve is None:
        for run in _runs(line):
            points = tuple((axes.x(dot.time), axes.y(dot.value or 0.0)) for dot in run)
            if len(points) > 1:
                yield Stroke(points, (*color[:3], 120), 1.2)
    else:
        for segment in _segments(line.curve):
            if len(segment) > 1:
                yield Stroke(tuple((axes.x(time), axes.y(value)) for time, value in segment), color, 2.2)
    radius = 3.6 if len(line.dots) < 150 else 2.4
    for dot in line.dots:
        if dot.value is not None:
            yield Disc(axes.x(dot.time), axes.y(dot.value), radius, color, full=dot.share >= 0.5)


def _runs(line: Line) -> Iterator[list[Dot]]:
    """Split the dots that have a value into runs without a gap longer than GAP."""
    run: list[Dot] = []
    for dot in line.dots:
        if dot.value is None:
            continue
        if run and (dot.time - run[-1].time) / timedelta(days=1) > GAP:
            yield run
            run = []
        run.append(dot)
    if run:
        yield run


def _segments(curve: Sequence[tuple[datetime, float]]) -> Iterator[list[tuple[datetime, float]]]:
    """Split a curve into segments without a gap longer than GAP."""
    segment = list(curve[:1])
    for previous, current in pairwise(curve):
        if (current[0] - previous[0]) / timedelta(days=1) > GAP:
            yield segment
            segment = []
        segment.append(current)
    yield segment


def _truncate(text: str, width: float, size: int) -> str:
    """The text, truncated with an ellipsis to `width` pixels at font size `size`."""
    max_length = max(1, int(width / (size * _LETTER)))
    return text if len(text) <= max_length else text[: max_length - 1] + "…"
