"""Time series as a chart: one line per output of each area."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from scog.errors import InvalidInput
from scog.products.areas.columns import feature_title
from scog.products.timeseries.model import Row
from scog.products.timeseries.options import SeriesOptions, Table, with_min_valid
from scog.products.timeseries.periods import midpoint
from scog.products.timeseries.series import Series
from scog.products.timeseries.smoothing import smoothed
from scog.render.chart import GAP, MAX_LINES, Chart, Dot, Line


def check_lines(areas: int, options: SeriesOptions) -> None:
    """Raise InvalidInput if a chart of `areas` areas would have more lines than can be distinguished."""
    lines = areas * options.variables.expression.outputs
    if lines > MAX_LINES:
        message = f"The chart would have {lines} lines."
        raise InvalidInput(message, parameter="format", valid=f"at most {MAX_LINES} lines, or format=csv or json")


def chart_of(all_series: Sequence[Series], tables: Sequence[Table], options: SeriesOptions) -> Chart:
    """The chart of time series and their tables."""
    lines = [
        Line(_name(series, index, output, options, len(all_series)), *_line(series, table, output, options))
        for index, (series, table) in enumerate(zip(all_series, tables, strict=True))
        for output in range(options.variables.expression.outputs)
    ]
    rows = [row for table in tables for row in table.rows]
    start, end = _time_range(rows, options)
    return Chart(_title(all_series, options), _note(rows, options), tuple(lines), start, end)


def _line(
    series: Series, table: Table, output: int, options: SeriesOptions
) -> tuple[tuple[Dot, ...], tuple[tuple[datetime, float], ...] | None]:
    """The dots of an output, and its curve with one value per day; None without smoothing."""
    dots = tuple(_dot(row, output) for row in table.rows)
    if options.smooth is None:
        return dots, None
    with_values = [
        row for row in (with_min_valid(row, options.min_valid) for row in series.rows) if row.sample.values is not None
    ]
    times = sorted({time for first, second in pairwise(with_values) for time in _between(first.time, second.time)})
    curve = zip(times, smoothed(with_values, times, options.smooth), strict=True)
    return dots, tuple((time, value) for time, values in curve if values and (value := values[output]) is not None)


def _between(first: datetime, second: datetime) -> Iterator[datetime]:
    """Times of a curve from one observation to the next, one per day; only both ends if they are the ends of a gap."""
    yield from (first, second)
    days = (second - first) // timedelta(days=1)
    if days <= GAP:
        yield from (first + timedelta(days=day) for day in range(1, days + 1))


def _dot(row: Row, output: int) -> Dot:
    """The value of an output at a row, with the range from the 10th to the 90th percentile of polygons."""
    sample = row.sample
    if sample.values is None:
        return Dot(midpoint(row), None)
    spread = None
    if sample.statistics is not None:
        spread = sample.statistics[output].p10, sample.statistics[output].p90
    return Dot(midpoint(row), sample.values[output], sample.valid, spread)


def _time_range(rows: Sequence[Row], options: SeriesOptions) -> tuple[datetime, datetime]:
    """The requested time range. An open end is that of the rows; without rows, 30 days from the other end."""
    times = [midpoint(row) for row in rows]
    start, end = (None, None) if options.interval is None else (options.interval.start, options.interval.end)
    first = start or min(times, default=None) or (end or datetime.now(UTC)) - timedelta(days=30)
    last = end or max(times, default=None) or first + timedelta(days=30)
    return first, max(first, last)


def _name(series: Series, index: int, output: int, options: SeriesOptions, count: int) -> str:
    """The name of a line: the name of the output, the area, or both if there are several of each."""
    name = options.variables.names[output]
    if count == 1:
        return name
    title = feature_title(series.area.feature, index)
    return title if options.variables.expression.outputs == 1 else f"{name} {title}"


def _title(all_series: Sequence[Series], options: SeriesOptions) -> str:
    units = options.variables.units or (None,) * len(options.variables.names)
    names = ", ".join(
        f"{name} ({unit})" if unit else name for name, unit in zip(options.variables.names, units, strict=True)
    )
    if len(all_series) > 1:
        return f"{names} of {len(all_series)} areas"
    lon, lat = all_series[0].area.shape.centroid.coords[0][:2]
    location = f"at {lon:.4f}, {lat:.4f}"
    if all_series[0].sampling_grid.is_point:
        return f"{names} {location}"
    hectares = all_series[0].sampling_grid.hectares
    return f"{names} of {hectares:,.{0 if hectares >= 100 else 1}f} ha {location}"


def _note(rows: Sequence[Row], options: SeriesOptions) -> str:
    """How rows are aggregated, or how many observations have values."""
    if options.step is not None:
        return f"{options.aggregate.value} of each {options.step}"
    clear = sum(row.sample.values is not None for row in rows)
    return f"{clear} of {len(rows)} observations"
