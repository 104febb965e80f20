"""Series as a chart: a line for each output of each field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from scog.errors import InvalidInput
from scog.products.areas.columns import title_of
from scog.products.timeseries.model import Row
from scog.products.timeseries.options import SeriesOptions, Table, enough
from scog.products.timeseries.periods import middle
from scog.products.timeseries.series import Series
from scog.products.timeseries.smoothing import smoothed
from scog.render.chart import GAP, MOST_LINES, Chart, Dot, Line


def check_lines(fields: int, asked: SeriesOptions) -> None:
    """Raise InvalidInput where there would be more lines than can be told from one another."""
    lines = fields * asked.formula.expression.outputs
    if lines > MOST_LINES:
        what = f"A chart of {lines} lines could not be read."
        raise InvalidInput(what, parameter="format", valid=f"csv or json, or {MOST_LINES} lines at most")


def chart_of(several: Sequence[Series], tables: Sequence[Table], asked: SeriesOptions) -> Chart:
    """The chart of series and of what is asked of them."""
    lines = [
        Line(_name(series, place, output, asked, len(several)), *_line(series, table, output, asked))
        for place, (series, table) in enumerate(zip(several, tables, strict=True))
        for output in range(asked.formula.expression.outputs)
    ]
    rows = [row for table in tables for row in table.rows]
    start, end = _range(rows, asked)
    return Chart(_title(several, asked), _note(rows, asked), tuple(lines), start, end)


def _line(
    series: Series, table: Table, output: int, asked: SeriesOptions
) -> tuple[tuple[Dot, ...], tuple[tuple[datetime, float], ...] | None]:
    """The dots of an output, and its curve from day to day."""
    dots = tuple(_dot(row, output) for row in table.rows)
    if asked.smooth is None:
        return dots, None
    known = [row for row in (enough(row, asked.min_valid) for row in series.rows) if row.measured.values is not None]
    times = sorted({moment for one, other in pairwise(known) for moment in _between(one.time, other.time)})
    curve = zip(times, smoothed(known, times, asked.smooth), strict=True)
    return dots, tuple((time, value) for time, column in curve if column and (value := column[output]) is not None)


def _between(one: datetime, other: datetime) -> Iterator[datetime]:
    """Times of a curve from one observation to another, a day apart; just the two over a gap."""
    yield from (one, other)
    days = (other - one) // timedelta(days=1)
    if days <= GAP:
        yield from (one + timedelta(days=day) for day in range(1, days + 1))


def _dot(row: Row, output: int) -> Dot:
    measured = row.measured
    if measured.values is None:
        return Dot(middle(row), None)
    spread = None
    if measured.statistics is not None:
        spread = measured.statistics[output].p10, measured.statistics[output].p90
    return Dot(middle(row), measured.values[output], measured.valid, spread)


def _range(rows: Sequence[Row], asked: SeriesOptions) -> tuple[datetime, datetime]:
    """From the beginning to the end of what was asked for, or of what there is."""
    times = [middle(row) for row in rows]
    start, end = (None, None) if asked.interval is None else (asked.interval.start, asked.interval.end)
    first = start or min(times, default=None) or (end or datetime.now(UTC)) - timedelta(days=30)
    last = end or max(times, default=None) or first + timedelta(days=30)
    return first, max(first, last)


def _name(series: Series, place: int, output: int, asked: SeriesOptions, count: int) -> str:
    name = asked.formula.names[output]
    if count == 1:
        return name
    called = title_of(series.field.feature, place)
    return called if asked.formula.expression.outputs == 1 else f"{name} {called}"


def _title(several: Sequence[Series], asked: SeriesOptions) -> str:
    what = ", ".join(asked.formula.names)
    if len(several) > 1:
        return f"{what} of {len(several)} fields"
    lon, lat = several[0].field.shape.centroid.coords[0][:2]
    where = f"at {lon:.4f}, {lat:.4f}"
    if several[0].site.is_point:
        return f"{what} {where}"
    hectares = several[0].site.hectares
    return f"{what} of {hectares:,.{0 if hectares >= 100 else 1}f} ha {where}"


def _note(rows: Sequence[Row], asked: SeriesOptions) -> str:
    clear = sum(row.measured.values is not None for row in rows)
    if asked.step is not None:
        return f"{asked.aggregate.value} of each {asked.step}"
    return f"{clear} of {len(rows)} observations"
