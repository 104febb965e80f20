"""What is asked of a series beside where and when: how observations are taken together, smoothed, and left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from scog.errors import InvalidInput
from scog.products.timeseries.model import MASKED, Row
from scog.products.timeseries.periods import Aggregate, by_period, middle
from scog.products.timeseries.smoothing import Column, smoothed
from scog.products.timeseries.variables import SeriesVariables
from scog.temporal.intervals import Interval
from scog.temporal.steps import Step


@dataclass(frozen=True)
class SeriesOptions:
    """The formula, and what becomes of its observations.

    step         of time, whose observations are taken together by `aggregate`
    interval     the time range that steps are counted from
    smooth       lambda of a further column, if one is wanted
    min_valid    share of a field that has to be usable, or an observation has no values
    """

    formula: SeriesVariables
    step: Step | None = None
    aggregate: Aggregate = Aggregate.MEDIAN
    interval: Interval | None = None
    smooth: float | None = None
    min_valid: float = 0.0

    def __post_init__(self) -> None:
        if self.formula.classes and (self.step is not None or self.smooth is not None):
            what = "Numbers of classes are names, which have no median and no curve."
            parameter = "smooth" if self.step is None else "interval"
            raise InvalidInput(what, parameter=parameter, valid="a formula of comparisons such as scl == 6")


@dataclass(frozen=True)
class Table:
    """Rows in the order of time, and beside each the numbers of the curve, if one was asked for."""

    rows: tuple[Row, ...]
    curve: tuple[Column | None, ...] | None


def table_of(rows: Sequence[Row], asked: SeriesOptions) -> Table:
    """What is asked for of the observations of a series, which are in the order of time. Raises InvalidInput.

    The curve goes through the observations, not through what they are taken together to. It is told where an
    observation has values, or at the middle of each step between the first and the last of them.
    """
    seen = [enough(row, asked.min_valid) for row in rows]
    shown = seen if asked.step is None else by_period(seen, asked.interval, asked.step, asked.aggregate)
    if asked.smooth is None:
        return Table(tuple(shown), None)
    curve = smoothed(seen, [middle(row) for row in shown], asked.smooth)
    if asked.step is None:
        curve = [None if row.measured.values is None else each for row, each in zip(shown, curve, strict=True)]
    return Table(tuple(shown), tuple(curve))


def enough(row: Row, least: float) -> Row:
    """The row, without values where too little is usable."""
    measured = row.measured
    if measured.values is None or measured.valid >= least:
        return row
    return replace(row, measured=replace(measured, values=None, statistics=None, reason=MASKED))
