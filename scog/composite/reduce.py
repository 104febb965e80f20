"""Reducing: from many observations of a pixel to one value, each observation as valid as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from scog.composite.day_of_year import first_seen, highest_seen
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
    MIN,
    MODE,
    NAMED,
    RANGE,
    SLOPE,
    STD,
    Composite,
)  # fmt: skip
from scog.composite.moments import count, deviation, mean, spread
from scog.composite.percentiles import most_frequent, percentile
from scog.composite.trend import trend

AT_ONCE = 1 << 14
"""Pixels worked on at once: numpy's calls take as long as the work for fewer, and more leave the processor's cache."""
MOST_VALUES = 1 << 22
"""Of their observations in all outputs at most, of which some copies are made."""

Values = NDArray[np.float32]
Days = NDArray[np.float64]
Reducer = Callable[[Values, Days], Values]
"""Values `(output, observation, pixel)`, NaN where invalid, and days `(observation, pixel or 1)`; `(output, pixel)`."""


def reduce(layers: Sequence[Values], composite: Composite, days: Sequence[float | Days] = ()) -> Values:
    """One value for each pixel, of those observations that are valid there; NaN where none is, but for a count.

    `layers` are observations float32 `(output, y, x)`, newest first, NaN in all outputs where invalid; at least one.
    `days` are their times in days since 1970, each one number or `(y, x)`, for composites that are `dated`. What
    comes out has the outputs that the composite says; that of the geometric median are bands, and BEST takes the last
    output for the one to choose by.
    """
    reducer = _REDUCERS[composite.name]
    shape = layers[0].shape[1:]
    flat = [layer.reshape(len(layer), -1) for layer in layers]
    when = [np.asarray(day, np.float64).reshape(-1) for day in days] if composite.dated else [np.zeros(1)]
    pixels = flat[0].shape[1]
    strips = []
    for part in _strips(pixels, len(flat) * len(flat[0])):
        strip = np.stack([layer[:, part] for layer in flat], axis=1)
        strips.append(reducer(strip, _stacked(when, part)))
    return np.concatenate(strips, axis=1).reshape(-1, *shape)


def _strips(pixels: int, values: int) -> Iterator[slice]:
    """Parts of so many pixels, all about as large, of so many values a pixel.

    Never a single pixel out of many: numpy would add its observations up in another order, and round otherwise.
    """
    at_once = min(AT_ONCE, max(1, MOST_VALUES // values))
    ends = np.linspace(0, pixels, max(1, min(-(-pixels // at_once), pixels // 2)) + 1).astype(int)
    return (slice(start, end) for start, end in pairwise(ends.tolist()))


def _stacked(when: Sequence[Days], part: slice) -> Days:
    """Days `(observation, pixel)` of a strip, or `(observation, 1)` where no observation has more than one."""
    if all(len(day) == 1 for day in when):
        return np.stack(when)
    return np.stack(np.broadcast_arrays(*(day if len(day) == 1 else day[part] for day in when)))


def _each(work: Callable[[Values], Values]) -> Reducer:
    """Reduces each output by itself."""
    return lambda values, days: np.stack([work(output) for output in values])


def _trends(values: Values, days: Days) -> Values:
    """The changes of all outputs, then their p-values."""
    found = np.stack([trend(output, days) for output in values], axis=1)
    return np.concatenate(found)


def _at_best(values: Values, days: Days) -> Values:
    """All outputs but the last, where that is highest; of equals the first."""
    chosen = values[-1]
    place = np.where(np.isnan(chosen), -np.inf, chosen).argmax(axis=0)
    return np.take_along_axis(values[:-1], place[np.newaxis, np.newaxis], axis=1)[:, 0]


_REDUCERS: Mapping[str, Reducer] = {
    BEST.name: _at_best,
    MEDIAN.name: _each(partial(percentile, percent=50)),
    GEOMEDIAN.name: lambda values, days: geometric_median(values),
    MEAN.name: _each(mean),
    MIN.name: _each(np.fmin.reduce),
    MAX.name: _each(np.fmax.reduce),
    RANGE.name: _each(spread),
    STD.name: _each(deviation),
    COUNT.name: lambda values, days: count(values[0])[np.newaxis],  # an observation is valid in all outputs or none
    MODE.name: _each(most_frequent),
    SLOPE.name: _trends,
    FIRST_DOY.name: lambda values, days: first_seen(values[0], days)[np.newaxis],
    MAX_DOY.name: lambda values, days: np.stack([highest_seen(output, days) for output in values]),
    **{
        name: _each(partial(percentile, percent=each.percent))
        for name, each in NAMED.items()
        if each.percent is not None
    },
}
