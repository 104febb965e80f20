"""Presets and layers of a collection: named images, each with the same display range everywhere."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Preset:
    """A named RGB combination: the bands or formulas shown as red, green and blue, and what they reveal.

    ranges     display range `(low, high)` of each; empty for those of the bands
    transform  what is applied to composited values before they are shown, such as `decibel`; empty for nothing
    """

    name: str
    title: str
    bands: tuple[str, str, str]
    description: str
    ranges: tuple[tuple[float, float], ...] = ()
    transform: str = ""


@dataclass(frozen=True, slots=True)
class QuantityLayer:
    """A named quantity of a collection, used like an index: its formula, unit, range and colours.

    expression  formula over the collection's bands
    transform   what is applied to composited values before they are shown, such as `decibel`; empty for nothing
    surface     derived from the neighbourhood of each pixel: `hillshade` or `slope`; empty for the values themselves
    """

    name: str
    title: str
    expression: str
    rescale: tuple[float, float]
    colormap: str
    unit: str = ""
    description: str = ""
    transform: str = ""
    surface: str = ""


def normalized(name: str) -> str:
    """A preset's name without case, separators and the spelling of colour: `True_Colour` is `true-color`."""
    name = name.lower().replace("colour", "color")
    return name.replace("-", "").replace("_", "").replace(" ", "")
