"""Reduction of the observations of each pixel to one value. The median is `percentiles.percentile` at 50."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from scog.composite.day_of_year import day_of_maximum, first_day
from scog.composite.geomedian import geometric_median
from scog.composite.methods import (
    BEST,
    COUNT,
    FIRST_DOY,
    GEOMEDIAN,
    MAX,
    MAX_DOY,
    MEAN,
    MEDIAN,
    METHODS,
    MIN,
    MODE,
    RANGE,
    SLOPE,
    STD,
    Composite,
)  # fmt: skip
from scog.composite.moments import count, mean, standard_deviation, value_range
from scog.composite.percentiles import most_frequent, percentile
from scog.composite.trend import trend

STRIP = 1 << 14
"""Maximum number of pixels per strip. Larger ones exceed the processor's cache, smaller ones add overhead."""
MAX_VALUES = 1 << 22
"""Maximum number of values per strip, over all observations and outputs; some reducers copy them."""

Values = NDArray[np.float32]
Days = NDArray[np.float64]
Reducer = Callable[[Values, Days], Values]
"""Reduces values `(output, observation, pixel)`, NaN where invalid, to `(output, pixel)`. The second argument has days
`(observation, pixel or 1)`."""


def reduce(layers: Sequence[Values], composite: Composite, days: Sequence[float | Days] = ()) -> Values:
    """One value per pixel and output from the observations that are valid there: float32 `(output, y, x)`.

    `layers` are one or more observations, float32 `(output, y, x)`, newest first, NaN in all outputs where invalid.
    `days` are their times in days since 1970, each a number or `(y, x)`, for `dated` composites. Pixels without a valid
    observation are NaN; their count is 0. The outputs are those of `composite`. GEOMEDIAN reduces bands; BEST selects
    by the last output.
    """
    reducer = _REDUCERS[composite.name]
    shape = layers[0].shape[1:]
    flat = [layer.reshape(len(layer), -1) for layer in layers]
    times = [np.asarray(day, np.float64).reshape(-1) for day in days] if composite.dated else [np.zeros(1)]
    pixels = flat[0].shape[1]
    strips = []
    for part in _strips(pixels, len(flat) * len(flat[0])):
        strip = np.stack([layer[:, part] for layer in flat], axis=1)
        strips.append(reducer(strip, _stacked(times, part)))
    return np.concatenate(strips, axis=1).reshape(-1, *shape)


def _strips(pixels: int, values: int) -> Iterator[slice]:
    """Slices of about equal numbers of pixels, each with `values` values.

    A slice never has a single pixel unless there is only one: numpy would sum its observations in another order, and
    round differently.
    """
    strip = min(STRIP, max(1, MAX_VALUES // values))
    ends = np.linspace(0, pixels, max(1, min(-(-pixels // strip), pixels // 2)) + 1).astype(int)
    return (slice(start, end) for start, end in pairwise(ends.tolist()))


def _stacked(times: Sequence[Days], part: slice) -> Days:
    """Days `(observation, pixel)` of a strip, or `(observation, 1)` if no observation has more than one."""
    if all(len(day) == 1 for day in times):
        return np.stack(times)
    return np.stack(np.broadcast_arrays(*(day if len(day) == 1 else day[part] for day in times)))


def _per_output(function: Callable[[Values], Values]) -> Reducer:
    """A reducer that applies `function` to each output separately."""
    return lambda values, days: np.stack([function(output) for output in values])


def _trends(values: Values, days: Days) -> Values:
    """Slopes of all outputs, then their p-values."""
    by_output = np.stack([trend(output, days) for output in values], axis=1)
    return np.concatenate(by_output)


def _at_best(values: Values, days: Days) -> Values:
    """All outputs but the last, at the observation where the last is highest; on a tie at the first."""
    criterion = values[-1]
    index = np.where(np.isnan(criterion), -np.inf, criterion).argmax(axis=0)
    return np.take_along_axis(values[:-1], index[np.newaxis, np.newaxis], axis=1)[:, 0]


_REDUCERS: Mapping[str, Reducer] = {
    BEST.name: _at_best,
    MEDIAN.name: _per_output(partial(percentile, percent=50)),
    GEOMEDIAN.name: lambda values, days: geometric_median(values),
    MEAN.name: _per_output(mean),
    MIN.name: _per_output(np.fmin.reduce),
    MAX.name: _per_output(np.fmax.reduce),
    RANGE.name: _per_output(value_range),
    STD.name: _per_output(standard_deviation),
    COUNT.name: lambda values, days: count(values[0])[np.newaxis],  # observations are valid in all outputs or none
    MODE.name: _per_output(most_frequent),
    SLOPE.name: _trends,
    FIRST_DOY.name: lambda values, days: first_day(values[0], days)[np.newaxis],
    MAX_DOY.name: lambda values, days: np.stack([day_of_maximum(output, days) for output in values]),
    **{
        name: _per_output(partial(percentile, percent=each.percent))
        for name, each in METHODS.items()
        if each.percent is not None
    },
}
