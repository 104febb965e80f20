"""Layers: from the names and options of a request to a formula and its style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np

from scog.bandmath import indices
from scog.bandmath.expression import Expression, parse
from scog.collections.bands import BY_NAME, CANONICAL, SPELLINGS, canonical
from scog.collections.presets import PRESETS, preset_of
from scog.collections.scene_classification import SCENE_CLASSES
from scog.composite.change import Change
from scog.composite.methods import GEOMEDIAN, MODE, NEWEST, Composite, Unit
from scog.errors import InvalidInput
from scog.render.channels import Channels, parse_color_formula
from scog.render.classes import Class, Classes
from scog.render.color import parse_color
from scog.render.colormap import color_table, parse_colormap
from scog.render.derived_style import Coloring, changed, composed
from scog.render.ramp import Ramp, Range
from scog.render.style import Style
from scog.render.thresholds import parse_classes
from scog.suggest import did_you_mean, quoted
from scog.temporal.intervals import Interval

DEFAULT_INDEX = "ndvi"
SCENE_CLASSIFICATION = "scl"
"""The layer that shows the scene classification, asked for like an index."""
EXTEND = "extend"
"""As the colour of what lies beyond a range: that of the range's end."""
USUAL_DAYS, OPEN_DAYS = 90.0, 730.0
"""How much time a picture is taken to be made of, where no time range is asked for, or one with an open side."""
UNKNOWN: Range = (-1.0, 1.0)
"""Default range of a formula, of which nothing is known."""

_SCENE_CLASSES = Classes(
    tuple(Class(each.number, each.name, (*each.color, 255), each.number, each.number) for each in SCENE_CLASSES)
)


@dataclass(frozen=True)
class LayerOptions:
    """What somebody asks of a layer, as it was written; what is None or empty is left to the layer."""

    index: str | None = None
    expression: str | None = None
    bands: tuple[str, ...] = ()
    rescale: tuple[Range, ...] = ()
    colormap_name: str | None = None
    colormap: str | None = None
    color_formula: str | None = None
    classes: str | None = None
    belowmincolor: str | None = None
    abovemaxcolor: str | None = None
    composite: Composite = NEWEST
    days: float = USUAL_DAYS
    """How much time it is made of, for the range of a count or a trend."""
    change: Change | None = None
    """How it is compared with another period, if it is."""


@dataclass(frozen=True, eq=False)
class Layer:
    """What is shown of each observation and how observations become one image, and its colours.

    `mask` is the default mask. `classified`: values go out as class numbers. `colormap` is the name of the layer's own
    colormap, if it has one, and `short` a title for where there is little room.
    """

    title: str
    expression: Expression
    coloring: Coloring
    mask: str = "clouds"
    classified: bool = False
    colormap: str | None = None
    short: str | None = None
    composite: Composite = NEWEST
    change: Change | None = None

    @cached_property
    def style(self) -> Style:
        """How its values become colours, and what its outputs are called."""
        names = self._named(self.expression.names)
        columns = self._named((self.short,)) if self.short else names
        count = 1 if self.classified else len(names)
        return Style(self.title, self.coloring, names[:count], columns, self.classified, self.expression.outputs)

    def _named(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The names of what the composite and the comparison make of outputs."""
        names = self.composite.outputs(names)
        if self.change is not None:
            names = tuple(f"{self.change.label} of {name}" for name in names[: self.expression.outputs])
        return names


def layer_of(wish: LayerOptions = LayerOptions()) -> Layer:
    """The layer that is wished for. Raises InvalidInput that says what would be valid."""
    return _layer_of(wish)


@lru_cache(maxsize=256)
def _layer_of(wish: LayerOptions) -> Layer:
    if sum(choice is not None for choice in (wish.index, wish.expression, wish.bands or None)) > 1:
        raise InvalidInput("Give one of index, expression and bands.", parameter="index", valid="one of the three")
    layer = _composed(_layer(wish), wish)
    if wish.change is not None:
        layer = _changed(layer, wish.change)
    own = layer.coloring
    return _three(layer, own, wish) if isinstance(own, Channels) else _one(layer, own, wish)


def _layer(wish: LayerOptions) -> Layer:
    """What is shown, in the colours it has by itself."""
    if wish.bands:
        return _of_bands(wish.bands)
    if wish.expression is not None:
        formula = parse(wish.expression)
        if formula.outputs == 3:
            red, green, blue = (BY_NAME[name].shown if name in BY_NAME else UNKNOWN for name in formula.names)
            return Layer(formula.text, formula, Channels((red, green, blue)))
        if formula.outputs != 1:
            what = f"A picture shows one output or three, not {formula.outputs}."
            raise InvalidInput(what, parameter="expression", valid="one or three")
        return Layer(formula.text, formula, Ramp(UNKNOWN, color_table("viridis")))
    name = wish.index if wish.index is not None else DEFAULT_INDEX
    if name.lower() == SCENE_CLASSIFICATION:
        return _scene_classification()
    known = indices.get(name)
    ramp = Ramp(known.rescale, color_table(known.colormap))
    return Layer(known.title, known.expression, ramp, colormap=known.colormap, short=known.name.upper())


def _composed(layer: Layer, wish: LayerOptions) -> Layer:
    """The layer's composite, in the colours it has by itself. Raises InvalidInput where it makes no sense."""
    composite = wish.composite
    if composite == NEWEST:
        return layer
    if composite == MODE and not layer.expression.whole:
        what = "Of a formula whose values are not whole numbers hardly two are equal, so none is the most frequent."
        valid = "index=scl, a formula of comparisons such as ndvi's (nir-red)/(nir+red) > 0.4, or composite=median"
        raise InvalidInput(what, parameter="composite", valid=valid)
    if composite == GEOMEDIAN and SCENE_CLASSIFICATION in layer.expression.bands:
        what = "Numbers of classes have no geometric median."
        raise InvalidInput(what, parameter="composite", valid="mode, or a formula without scl")
    coloring = composed(layer.coloring, composite, wish.days, layer.colormap)
    title = f"{layer.short or layer.title}, {composite.title}"
    return replace(layer, title=title, coloring=coloring, composite=composite)


def _changed(layer: Layer, how: Change) -> Layer:
    """The change of a layer, in the colours it has by itself. Raises InvalidInput where it makes no sense."""
    if isinstance(layer.coloring, Channels):
        what = "Of three outputs the changes make no picture."
        raise InvalidInput(what, parameter="compare", valid="an index, a formula of one output, or one band")
    numbers = layer.composite.unit is Unit.LAYER and SCENE_CLASSIFICATION in layer.expression.names
    if isinstance(layer.coloring, Classes) or numbers:
        what = "Numbers of classes have no difference and no ratio."
        valid = "composite=count, or a formula of comparisons such as scl == 6, which is water"
        raise InvalidInput(what, parameter="compare", valid=valid)
    title = f"{(layer.short if layer.composite == NEWEST else None) or layer.title}, {how.label}"
    coloring = changed(layer.coloring, how, layer.composite, layer.colormap)
    return replace(layer, title=title, coloring=coloring, change=how)


def days_of(interval: Interval | None) -> float:
    """How much time a picture is made of, as far as its time range tells."""
    if interval is None:
        return USUAL_DAYS
    return OPEN_DAYS if interval.days is None else interval.days


def _scene_classification() -> Layer:
    """The classes that masks are made of, clouds and all."""
    return Layer("Scene classification", parse("scl"), _SCENE_CLASSES, mask="none")


def _of_bands(bands: Sequence[str]) -> Layer:
    """A preset by name, three bands as red, green and blue, or one in greys."""
    if len(bands) == 1:
        preset = preset_of(bands[0])
        if preset is not None:
            return _channels(preset.title, preset.bands)
        if bands[0].lower() not in CANONICAL:
            near = did_you_mean(bands[0], (*(preset.name for preset in PRESETS), *SPELLINGS))
            what = f"there is no band or preset {quoted(bands[0])}{near}"
            raise InvalidInput(what, parameter="bands", valid=_VALID_BANDS)
        band = BY_NAME[canonical(bands[0])]
        if band.name == SCENE_CLASSIFICATION:
            return _scene_classification()
        return Layer(band.title, parse(band.name), Ramp(band.shown, color_table("greys_r")))
    names = tuple(canonical(band) for band in bands)
    if len(names) != 3:
        raise InvalidInput("A picture takes one band or three.", parameter="bands", valid=_VALID_BANDS)
    return _channels(", ".join(names), names)


_VALID_BANDS = (
    f"one band or three, such as nir,red,green, or one of {', '.join(preset.name for preset in PRESETS)}; "
    "the bands of a file that holds several are those that its item names in eo:bands or bands"
)


def _channels(title: str, bands: Sequence[str]) -> Layer:
    red, green, blue = (BY_NAME[band].shown for band in bands)
    return Layer(title, parse(";".join(bands)), Channels((red, green, blue)))


def _three(layer: Layer, own: Channels, wish: LayerOptions) -> Layer:
    """A picture of three outputs in the ranges and colours wished for."""
    _refuse(
        wish, ("colormap_name", "colormap", "classes", "belowmincolor", "abovemaxcolor"), "a picture of three outputs"
    )
    if wish.color_formula is not None:
        parse_color_formula(wish.color_formula)
    red, green, blue = _ranges(wish.rescale, own.ranges)
    return replace(layer, coloring=Channels((red, green, blue), wish.color_formula))


def _one(layer: Layer, own: Ramp | Classes, wish: LayerOptions) -> Layer:
    """A picture of one output in the range and colours wished for."""
    _refuse(wish, ("color_formula",), "a picture of one output")
    ramp = own if isinstance(own, Ramp) else Ramp(BY_NAME[SCENE_CLASSIFICATION].shown, color_table("viridis"))
    (shown,) = _ranges(wish.rescale, (ramp.shown,))
    if wish.classes is not None:
        _refuse(wish, ("colormap", "rescale", "belowmincolor", "abovemaxcolor"), "classes")
        colors = ramp.colors if wish.colormap_name is None else color_table(wish.colormap_name)
        return replace(layer, coloring=parse_classes(wish.classes, colors), classified=True)
    coloring = own
    if wish.colormap is not None:
        _refuse(wish, ("colormap_name",), "a colormap that is written out")
        coloring = parse_colormap(wish.colormap, shown, rescaled=bool(wish.rescale))
    elif wish.colormap_name is not None:
        coloring = Ramp(shown, color_table(wish.colormap_name))
    elif isinstance(own, Ramp) or wish.rescale:
        coloring = Ramp(shown, ramp.colors)
    if isinstance(coloring, Classes):
        _refuse(wish, ("belowmincolor", "abovemaxcolor"), "classes")
        return replace(layer, coloring=coloring)
    below, above = (
        None if color in (None, EXTEND) else parse_color(color, parameter)
        for parameter, color in (("belowmincolor", wish.belowmincolor), ("abovemaxcolor", wish.abovemaxcolor))
    )
    if wish.belowmincolor is None and not wish.rescale:
        below = ramp.below
    return replace(layer, coloring=replace(coloring, below=below, above=above))


def _ranges(wished: Sequence[Range], own: Sequence[Range]) -> Sequence[Range]:
    """A range for each output: its own, the one wished for all, or one wished for each."""
    if len(wished) not in (0, 1, len(own)):
        raise InvalidInput(
            f"{len(wished)} ranges for {len(own)} output{'s' * (len(own) > 1)}.",
            parameter="rescale",
            valid=" or ".join(map(str, sorted({1, len(own)}))),
        )
    with np.errstate(over="ignore"):
        ends = np.array(wished, np.float64).reshape(-1, 2).astype(np.float32)  # as the values are
    if not (np.isfinite(ends).all() and (ends[:, 0] < ends[:, 1]).all()):
        what = "A range does not ascend, or not for numbers of 32 bits."
        raise InvalidInput(what, parameter="rescale", valid="two finite numbers, the lower first")
    return own if not wished else [wished[0]] * len(own) if len(wished) == 1 else wished


def _refuse(wish: LayerOptions, parameters: Sequence[str], what: str) -> None:
    """Refuse parameters that mean nothing here, rather than pass them over in silence."""
    for parameter in parameters:
        if getattr(wish, parameter) not in (None, ()):
            raise InvalidInput(f"{parameter} has no meaning for {what}.", parameter=parameter, valid="leave it out")
