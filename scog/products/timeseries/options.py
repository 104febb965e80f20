"""Options of a time series, and the table of its observations: periods, smoothing, minimum valid fraction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from scog.errors import InvalidInput
from scog.products.timeseries.model import MASKED, Row
from scog.products.timeseries.periods import Aggregate, by_period, midpoint
from scog.products.timeseries.smoothing import CurveValues, smoothed
from scog.products.timeseries.variables import SeriesVariables
from scog.temporal.intervals import Interval
from scog.temporal.steps import Step


@dataclass(frozen=True)
class SeriesOptions:
    """The variables of a time series, and how its observations are aggregated and smoothed.

    variables  values to compute
    step       length of the periods whose observations `aggregate` reduces; None for one row per observation
    interval   time range; periods are counted from its start
    smooth     lambda of the smoothed curve; None for no curve
    min_valid  minimum valid fraction of the area; an observation with less has no values

    Raises InvalidInput if a classification has periods or a curve.
    """

    variables: SeriesVariables
    step: Step | None = None
    aggregate: Aggregate = Aggregate.MEDIAN
    interval: Interval | None = None
    smooth: float | None = None
    min_valid: float = 0.0

    def __post_init__(self) -> None:
        if self.variables.classes and (self.step is not None or self.smooth is not None):
            action, parameter = ("smoothed", "smooth") if self.step is None else ("aggregated over time", "interval")
            message = f"Class numbers cannot be {action}: they are categories, not quantities."
            raise InvalidInput(message, parameter=parameter, valid="an expression such as scl == 6")


@dataclass(frozen=True)
class Table:
    """Rows, oldest first, and the smoothed values of each row; `curve` is None without smoothing."""

    rows: tuple[Row, ...]
    curve: tuple[CurveValues | None, ...] | None


def table_of(rows: Sequence[Row], options: SeriesOptions) -> Table:
    """The table of a time series. `rows` are its observations, oldest first. Raises InvalidInput.

    The curve is fitted to the observations, not to the aggregates of periods. It is reported for observations that have
    values, or at the midpoint of each period between the first and the last observation with values.
    """
    observed = [with_min_valid(row, options.min_valid) for row in rows]
    if options.step is None:
        reported = observed
    else:
        transforms = options.variables.transforms
        reported = by_period(observed, options.interval, options.step, options.aggregate, transforms)
    if options.smooth is None:
        return Table(tuple(reported), None)
    curve = smoothed(observed, [midpoint(row) for row in reported], options.smooth)
    if options.step is None:
        curve = [None if row.sample.values is None else values for row, values in zip(reported, curve, strict=True)]
    return Table(tuple(reported), tuple(curve))


def with_min_valid(row: Row, min_valid: float) -> Row:
    """The row; without values if the valid fraction of the area is below `min_valid`."""
    sample = row.sample
    if sample.values is None or sample.valid >= min_valid:
        return row
    return replace(row, sample=replace(sample, values=None, statistics=None, reason=MASKED))
