"""How composites and changes look by themselves: range and colours follow from the layer's.

Those of composites follow also from the time that they are made of.
"""

from __future__ import annotations

import math

from scog.bands import BY_NAME
from scog.picture.channels import Channels
from scog.picture.classes import Classes
from scog.picture.colormap import color_table
from scog.picture.image import CLEAR
from scog.picture.ramp import Ramp, Range
from scog.pixels.change import Change
from scog.pixels.composite import STD, Composite, Unit

Coloring = Ramp | Classes | Channels

YEAR_DAYS = 365.25
CLEAR_DAYS = 10.0
"""Days from one clear observation of a place to the next, roughly: passes are 2.5 to 5 days apart, half are cloudy."""
FEWEST, MOST = 5, 100
"""Observations that the colours of a count reach to."""
MOST_SHARE = 1 / 3
"""Of the layer's range: as much as a value may change over the whole time before its colour ends."""
NUMBERS, SPREADS, DAYS, TRENDS = "viridis", "magma", "romao", "brbg"
TWO_SIDED = ("rdylgn", "rdylbu", "rdbu", "brbg")
"""Colormaps with a middle: a layer's own says which way is up also of its changes."""


def composed(layer: Coloring, composite: Composite, days: float, colormap: str | None) -> Coloring:
    """The colours of a composite of a layer, over so many days; `colormap` is the name of the layer's own, if any.

    What keeps the layer's unit keeps its colours. A count of 0 is transparent.
    """
    if composite.unit is Unit.LAYER:
        return layer
    if composite.unit is Unit.NUMBER:
        most = min(max(FEWEST * math.ceil(days / CLEAR_DAYS / FEWEST), FEWEST), MOST)
        return Ramp((1, most), color_table(NUMBERS), below=CLEAR)
    colors = SPREADS
    if composite.unit is Unit.DAY:
        colors = DAYS
    elif composite.unit is Unit.TREND:
        colors = _two_sided(colormap)
    if isinstance(layer, Channels):
        red, green, blue = (_range(shown, composite, days) for shown in layer.ranges)
        return Ramp(red, color_table(colors)) if composite.single else Channels((red, green, blue))
    shown = layer.shown if isinstance(layer, Ramp) else BY_NAME["scl"].shown
    return Ramp(_range(shown, composite, days), color_table(colors))


def changed(layer: Ramp, how: Change, composite: Composite, colormap: str | None) -> Ramp:
    """The colours of a change of a layer, or of its composite: their middle is where nothing has changed.

    A difference is shown up to half of the layer's range to either side, or a little less; a ratio from 0 to 2.
    """
    keeps = composite.unit in (Unit.LAYER, Unit.TREND)
    reach = 1.0 if how is Change.RATIO else _round_down((layer.shown[1] - layer.shown[0]) / 2)
    return Ramp((how.none - reach, how.none + reach), color_table(_two_sided(colormap if keeps else None)))


def _two_sided(colormap: str | None) -> str:
    """A colormap with a middle: the layer's own if it is one."""
    return colormap if colormap and colormap.removesuffix("_r") in TWO_SIDED else TRENDS


def _range(shown: Range, composite: Composite, days: float) -> Range:
    width = shown[1] - shown[0]
    if composite.unit is Unit.DAY:
        return (1.0, 366.0)
    if composite.unit is Unit.TREND:
        change = _round(width * MOST_SHARE / (max(days, 1.0) / YEAR_DAYS))
        return (-change, change)
    return (0.0, _round(width / 5 if composite == STD else width / 2))


def _round_down(number: float) -> float:
    """The largest round number that is not larger, never by more than a third."""
    exponent = math.floor(math.log10(number) + 1e-9)
    power = 10.0 ** abs(exponent)
    rounds = (nice * power if exponent >= 0 else nice / power for nice in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8))
    return max(each for each in rounds if each <= number * (1 + 1e-9))


def _round(number: float) -> float:
    """The nearest of 1, 2, 5, 10 ... and their tenths."""
    scale = 10.0 ** math.floor(math.log10(number))
    return min((scale * nice for nice in (1, 2, 5, 10)), key=lambda nice: abs(math.log(nice / number)))
