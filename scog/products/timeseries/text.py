"""Series for people at a prompt: a line for each observation, with a bar as long as its value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scog.products.timeseries.model import Row
from scog.products.timeseries.options import SeriesOptions, Table
from scog.products.timeseries.smoothing import Column

BAR = 30
"""Letters of the longest bar."""
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def text_of(table: Table, asked: SeriesOptions, *, plain: bool = False) -> str:
    """A table of rows; `plain` has bars of letters that every terminal knows. The bars are of the first output."""
    lines = [["DATE", *_columns(asked), "", "VALID", "CLOUD", ""]]
    low, high = _range(table)
    for place, row in enumerate(table.rows):
        curve = None if table.curve is None else table.curve[place]
        lines.append(_line(row, curve, asked, (low, high), plain))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    right = {*range(1, len(widths) - 4), len(widths) - 3, len(widths) - 2}  # numbers; not date, bar and reason
    return "\n".join(
        "  ".join(
            text.rjust(width) if column in right else text.ljust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _columns(asked: SeriesOptions) -> Iterator[str]:
    for name in asked.formula.names:
        yield name
        if asked.smooth is not None:
            yield "SMOOTHED"


def _line(row: Row, curve: Column | None, asked: SeriesOptions, shown: tuple[float, float], plain: bool) -> list[str]:
    measured, line = row.measured, [f"{row.time:%Y-%m-%d}" if row.end else f"{row.time:%Y-%m-%d %H:%M}"]
    for output in range(asked.formula.expression.outputs):
        line.append("-" if measured.values is None else _number(measured.values[output]))
        if asked.smooth is not None:
            value = None if curve is None else curve[output]
            line.append("-" if value is None else _number(value))
    bar = "" if measured.values is None else _bar(measured.values[0], *shown, plain)
    return [*line, bar, f"{measured.valid:.0%}", f"{measured.masked:.0%}", measured.reason or ""]


def _range(table: Table) -> tuple[float, float]:
    """The values of an empty and a full bar: from 0 where nothing is below it."""
    values: Sequence[float] = [row.measured.values[0] for row in table.rows if row.measured.values is not None]
    low, high = min(values, default=0.0), max(values, default=1.0)
    return (min(low, 0.0) if low >= 0 or high <= 0 else low), max(high, 0.0)


def _bar(value: float, low: float, high: float, plain: bool) -> str:
    share = (value - low) / (high - low) if high > low else 0.0
    if plain:
        return "#" * round(share * BAR)
    eighths = round(share * BAR * 8)
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip() or _EIGHTHS[1]


def _number(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 100 else f"{value:.6g}"
