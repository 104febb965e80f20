"""Default colours of composites and changes, derived from the layer's range and colormap.

The range of a composite also depends on the length of its time range.
"""

from __future__ import annotations

import math

from scog.composite.change import Change
from scog.composite.methods import STD, Composite, Unit
from scog.render.channels import Channels
from scog.render.classes import Classes
from scog.render.colormap import color_table
from scog.render.image import CLEAR
from scog.render.ramp import Ramp, Range

Coloring = Ramp | Classes | Channels

YEAR_DAYS = 365.25
CLEAR_DAYS = 10.0
"""Approximate days between clear observations of a pixel: overpasses are 2.5 to 5 days apart, half of them cloudy."""
MIN_COUNT, MAX_COUNT = 5, 100
"""Minimum and maximum of the upper end of a count's range, in observations."""
MAX_TREND = 1 / 3
"""Change of the last colour of a trend over the whole time range, as a fraction of the layer's range."""
COUNT_COLORMAP = "viridis"
SPREAD_COLORMAP = "magma"
"""Colormap of measures of dispersion."""
DAY_COLORMAP = "romao"
"""Colormap of days of the year, which is cyclic."""
TREND_COLORMAP = "brbg"
DIVERGING = ("rdylgn", "rdylbu", "rdbu", "brbg")
"""Diverging colormaps. A layer with one of them uses it for its changes too, so that the direction stays the same."""


def composite_coloring(layer: Coloring, composite: Composite, days: float, colormap: str | None) -> Coloring:
    """Colours of a composite of a layer.

    days      length of the time range
    colormap  name of the layer's own colormap, if any

    Composites in the layer's unit keep its colours. A count of 0 is transparent.
    """
    if composite.unit is Unit.LAYER:
        return layer
    if composite.unit is Unit.NUMBER:
        max_count = min(max(MIN_COUNT * math.ceil(days / CLEAR_DAYS / MIN_COUNT), MIN_COUNT), MAX_COUNT)
        return Ramp((1, max_count), color_table(COUNT_COLORMAP), below=CLEAR)
    colors = SPREAD_COLORMAP
    if composite.unit is Unit.DAY:
        colors = DAY_COLORMAP
    elif composite.unit is Unit.TREND:
        colors = _diverging(colormap)
    if isinstance(layer, Channels):
        red, green, blue = (_range(rescale, composite, days) for rescale in layer.ranges)
        return Ramp(red, color_table(colors)) if composite.single else Channels((red, green, blue))
    rescale = layer.rescale if isinstance(layer, Ramp) else layer.value_range
    return Ramp(_range(rescale, composite, days), color_table(colors))


def change_coloring(layer: Ramp, kind: Change, composite: Composite, colormap: str | None) -> Ramp:
    """Colours of a change of a layer or of its composite, centred on no change.

    The range of a difference extends on either side by half of the layer's range, rounded down. The range of a ratio is
    0 to 2.
    """
    same_direction = composite.unit in (Unit.LAYER, Unit.TREND)
    half_width = 1.0 if kind is Change.RATIO else _round_down((layer.rescale[1] - layer.rescale[0]) / 2)
    colors = color_table(_diverging(colormap if same_direction else None))
    return Ramp((kind.neutral - half_width, kind.neutral + half_width), colors)


def _diverging(colormap: str | None) -> str:
    """The layer's own colormap if it is diverging, else TREND_COLORMAP."""
    return colormap if colormap and colormap.removesuffix("_r") in DIVERGING else TREND_COLORMAP


def _range(rescale: Range, composite: Composite, days: float) -> Range:
    """Range of a composite that does not have the layer's unit. Trends are per year."""
    width = rescale[1] - rescale[0]
    if composite.unit is Unit.DAY:
        return (1.0, 366.0)
    if composite.unit is Unit.TREND:
        change = _round(width * MAX_TREND / (max(days, 1.0) / YEAR_DAYS))
        return (-change, change)
    return (0.0, _round(width / 5 if composite == STD else width / 2))


def _round_down(number: float) -> float:
    """The largest round number not above `number`; at least two thirds of it."""
    exponent = math.floor(math.log10(number) + 1e-9)
    power = 10.0 ** abs(exponent)
    candidates = (nice * power if exponent >= 0 else nice / power for nice in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8))
    return max(each for each in candidates if each <= number * (1 + 1e-9))


def _round(number: float) -> float:
    """The nearest number that is 1, 2 or 5 times a power of ten."""
    scale = 10.0 ** math.floor(math.log10(number))
    return min((scale * nice for nice in (1, 2, 5, 10)), key=lambda nice: abs(math.log(nice / number)))
