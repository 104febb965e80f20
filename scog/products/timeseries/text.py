"""Time series as a text table for terminals: one line per observation, with a bar of the first output's value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scog.products.timeseries.model import Row
from scog.products.timeseries.options import SeriesOptions, Table
from scog.products.timeseries.smoothing import CurveValues

BAR_WIDTH = 30
"""Number of characters of the longest bar."""
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def text_of(table: Table, options: SeriesOptions, *, plain: bool = False) -> str:
    """The table as aligned text; with `plain`, bars are ASCII. The bars are those of the first output."""
    lines = [["DATE", *_columns(options), "", "VALID", "MASKED", ""]]
    value_range = _value_range(table)
    for index, row in enumerate(table.rows):
        curve = None if table.curve is None else table.curve[index]
        lines.append(_line(row, curve, options, value_range, plain))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    right = {*range(1, len(widths) - 4), len(widths) - 3, len(widths) - 2}  # numbers; not date, bar and reason
    return "\n".join(
        "  ".join(
            text.rjust(width) if column in right else text.ljust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _columns(options: SeriesOptions) -> Iterator[str]:
    for name in options.variables.names:
        yield name
        if options.smooth is not None:
            yield "SMOOTHED"


def _line(
    row: Row, curve: CurveValues | None, options: SeriesOptions, value_range: tuple[float, float], plain: bool
) -> list[str]:
    sample, line = row.sample, [f"{row.time:%Y-%m-%d}" if row.end else f"{row.time:%Y-%m-%d %H:%M}"]
    for output in range(options.variables.expression.outputs):
        line.append("-" if sample.values is None else _number(sample.values[output]))
        if options.smooth is not None:
            value = None if curve is None else curve[output]
            line.append("-" if value is None else _number(value))
    bar = "" if sample.values is None else _bar(sample.values[0], *value_range, plain)
    return [*line, bar, f"{sample.valid:.0%}", f"{sample.masked:.0%}", sample.reason or ""]


def _value_range(table: Table) -> tuple[float, float]:
    """Values of an empty and of a full bar; the range includes 0."""
    values: Sequence[float] = [row.sample.values[0] for row in table.rows if row.sample.values is not None]
    low, high = min(values, default=0.0), max(values, default=1.0)
    return min(low, 0.0), max(high, 0.0)


def _bar(value: float, low: float, high: float, plain: bool) -> str:
    fraction = (value - low) / (high - low) if high > low else 0.0
    if plain:
        return "#" * round(fraction * BAR_WIDTH)
    eighths = round(fraction * BAR_WIDTH * 8)
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip() or _EIGHTHS[1]


def _number(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 100 else f"{value:.6g}"
