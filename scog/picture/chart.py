"""Charts: numbers over time, as SVG or as a PNG of the same layout."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from scog.picture.image import Color
from scog.picture.legend import ticks
from scog.picture.shapes import INK, TEXT, TITLE, Area, Disc, Shape, Stroke, Text, png, svg

WIDTH, HEIGHT = 800, 360
MOST_LINES = 8
"""Lines that can still be told from one another."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 18, 52, 46
_LETTER = 0.58
"""Mean width of a letter, as a share of the text's size."""
_PALE: Color = (51, 51, 51, 150)
_GRID: Color = (128, 128, 128, 60)
_AXIS: Color = (128, 128, 128, 190)
COLORS: tuple[Color, ...] = (
    (34, 120, 60, 255), (31, 119, 180, 255), (214, 96, 10, 255), (117, 80, 170, 255),
    (200, 40, 90, 255), (110, 85, 40, 255), (0, 150, 150, 255), (120, 120, 120, 255),
)  # fmt: skip
"""Of the lines, in their order: dark enough on white, bright enough on black."""
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)
_DAYS = (1, 2, 5, 10, 20)
_TICK_ROOM = 55
"""Pixels between two dates, at least."""
GAP = 75.0
"""Days without an observation over which no line is drawn."""


@dataclass(frozen=True)
class Dot:
    """A value at a time, if there is one; how much of it is known, 0 to 1; and from where to where most values lie."""

    time: datetime
    value: float | None
    share: float = 1.0
    spread: tuple[float, float] | None = None


@dataclass(frozen=True)
class Line:
    """What belongs together: dots in the order of time, and a curve through them, if there is one."""

    name: str
    dots: tuple[Dot, ...]
    curve: tuple[tuple[datetime, float], ...] | None = None


@dataclass(frozen=True)
class Chart:
    """A title, what is said beside it, and lines from a first to a last moment."""

    title: str
    note: str
    lines: tuple[Line, ...]
    start: datetime
    end: datetime

    def svg(self) -> str:
        """An SVG without background; its text is light where the reader's screen is dark."""
        return svg(self._shapes(), (WIDTH, HEIGHT), f"Chart: {self.title}")

    def png(self, scale: int = 1) -> bytes:
        """A PNG on white, `scale` times WIDTH x HEIGHT pixels."""
        return png(list(self._shapes()), (WIDTH, HEIGHT), scale)

    def _shapes(self) -> Iterator[Shape]:
        """What is drawn, from the back to the front."""
        axes = _axes(self)
        yield from _frame(axes)
        yield from _heading(self)
        for color, line in zip(COLORS, self.lines, strict=False):
            yield from _spread(line, axes, color)
        for color, line in zip(COLORS, self.lines, strict=False):
            yield from _drawn(line, axes, color)
        if not any(dot.value is not None for line in self.lines for dot in line.dots):
            yield Text((_LEFT + WIDTH - _RIGHT) / 2, HEIGHT / 2, "No usable observation", "m", _PALE)


@dataclass(frozen=True)
class _Axes:
    """From times and values to places."""

    start: datetime
    end: datetime
    low: float
    high: float

    def x(self, time: datetime) -> float:
        return _LEFT + (time - self.start) / (self.end - self.start) * (WIDTH - _RIGHT - _LEFT)

    def y(self, value: float) -> float:
        return HEIGHT - _BOTTOM - (value - self.low) / (self.high - self.low) * (HEIGHT - _BOTTOM - _TOP)


def _axes(chart: Chart) -> _Axes:
    """The axes that hold everything, with some room."""
    start, end = chart.start.astimezone(UTC), chart.end.astimezone(UTC)
    room = max((end - start) * 0.015, timedelta(days=1))
    values = [value for line in chart.lines for value in _values(line)]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    more = (high - low) * 0.06 or max(abs(high) * 0.1, 0.1)
    return _Axes(start - room, end + room, low - more, high + more)


def _values(line: Line) -> Iterator[float]:
    for dot in line.dots:
        if dot.value is not None:
            yield dot.value
            yield from dot.spread or ()
    yield from (value for _, value in line.curve or ())


def _frame(axes: _Axes) -> Iterator[Stroke | Text]:
    """The axes, with values and dates at round places."""
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
    """Round dates with what stands below them: the month or the day, and the year where it is a new one."""
    most = (WIDTH - _RIGHT - _LEFT) / _TICK_ROOM
    days = (axes.end - axes.start) / timedelta(days=1)
    months = next((each for each in _MONTHS if days / (30.44 * each) <= most), _MONTHS[-1])
    if days / 30.44 >= 3:
        moments, written = _each_month(axes.start, axes.end, months), months < 12
    else:
        step = next((each for each in _DAYS if days / each <= most), _DAYS[-1])
        moments, written = _each_day(axes.start, axes.end, step), True
    known = 0
    for moment in moments:
        name = _NAMES[moment.month - 1]
        text = (name if days / 30.44 >= 3 else f"{moment.day} {name}") if written else str(moment.year)
        yield moment, text, str(moment.year) if written and moment.year != known else ""
        known = moment.year


_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _each_month(start: datetime, end: datetime, step: int) -> Iterator[datetime]:
    """The first moments of every so many months, counted from a January."""
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


def _each_day(start: datetime, end: datetime, step: int) -> Iterator[datetime]:
    """Every so many days."""
    moment = start.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    while moment <= end:
        yield moment
        moment += timedelta(days=step)


def _heading(chart: Chart) -> Iterator[Text | Disc]:
    """The title, the note at the right, and the names of the lines, where there are several."""
    note = len(chart.note) * TEXT * _LETTER
    yield Text(_LEFT, 22, _cut(chart.title, WIDTH - _LEFT - _RIGHT - note - 20, TITLE), "l", INK, TITLE)
    yield Text(WIDTH - _RIGHT, 22, chart.note, "r", _PALE)
    if len(chart.lines) > 1:
        x, room = float(_LEFT), (WIDTH - _LEFT - _RIGHT) / min(len(chart.lines), MOST_LINES)
        for color, line in zip(COLORS, chart.lines, strict=False):
            name = _cut(line.name, room - 30, TEXT)
            yield Disc(x + 4, 38, 4, color, full=True)
            yield Text(x + 13, 42, name, "l", INK)
            x += min(room, 30 + len(name) * TEXT * _LETTER)


def _spread(line: Line, axes: _Axes, color: Color) -> Iterator[Area | Stroke]:
    """Where most values lie: an area along the dots, a stroke where a dot has no neighbour."""
    light = (*color[:3], 42)
    for run in _runs(line):
        known = [(axes.x(dot.time), *map(axes.y, dot.spread)) for dot in run if dot.spread is not None]
        if len(known) == 1:
            x, low, high = known[0]
            yield Stroke(((x, low), (x, high)), light, 5)
        elif known:
            over = [(x, high) for x, _, high in known]
            yield Area((*((x, low) for x, low, _ in known), *reversed(over)), light)


def _drawn(line: Line, axes: _Axes, color: Color) -> Iterator[Stroke | Disc]:
    """The curve, or else thin lines from dot to dot; and the dots, hollow where less than half is known."""
    if line.curve is None:
        for run in _runs(line):
            places = tuple((axes.x(dot.time), axes.y(dot.value or 0.0)) for dot in run)
            if len(places) > 1:
                yield Stroke(places, (*color[:3], 120), 1.2)
    else:
        for part in _parts(line.curve):
            if len(part) > 1:
                yield Stroke(tuple((axes.x(time), axes.y(value)) for time, value in part), color, 2.2)
    radius = 3.6 if len(line.dots) < 150 else 2.4
    for dot in line.dots:
        if dot.value is not None:
            yield Disc(axes.x(dot.time), axes.y(dot.value), radius, color, full=dot.share >= 0.5)


def _runs(line: Line) -> Iterator[list[Dot]]:
    """Dots with values, as long as there is no gap between two."""
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


def _parts(curve: Sequence[tuple[datetime, float]]) -> Iterator[list[tuple[datetime, float]]]:
    """A curve as long as there is no gap between two of its places."""
    part = list(curve[:1])
    for one, other in pairwise(curve):
        if (other[0] - one[0]) / timedelta(days=1) > GAP:
            yield part
            part = []
        part.append(other)
    yield part


def _cut(text: str, width: float, size: int) -> str:
    """The text, cut off where it has no room."""
    most = max(1, int(width / (size * _LETTER)))
    return text if len(text) <= most else text[: most - 1] + "…"
