"""How a picture looks: which formula it shows, and in which colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

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
from scog.render.image import Image
from scog.render.legend import Legend
from scog.render.ramp import Ramp, Range
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
class Wish:
    """What somebody asks of a look, as it was written; what is None or empty is left to the layer."""

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
class Look:
    """A formula, and how its values become colours.

    `mask` is what is masked unless something else is asked for. `classified`: values go out as numbers of classes.
    `colormap` is the name of its own colours, where they have one, and `short` a title that leaves room for more.
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

    def image(self, values: NDArray[np.float32], valid: NDArray[np.bool_]) -> Image:
        """The colours of values `(band, y, x)`, transparent where they are not `valid` `(y, x)`."""
        return self.coloring.paint(values, valid)

    def values(self, values: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
        """The values `(band, y, x)` as they go out, NaN where not valid: as drawn, or as numbers of classes."""
        if self.classified and isinstance(self.coloring, Classes):
            return self.coloring.numbers(values[0], valid)[np.newaxis]
        return values

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the values that go out."""
        return self._named(self.expression.names)[: 1 if self.classified else None]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the values that are drawn, that of an index in short."""
        return self._named((self.short,) if self.short else self.expression.names)

    def _named(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The names of what the composite and the comparison make of outputs."""
        names = self.composite.outputs(names)
        if self.change is not None:
            names = tuple(f"{self.change.label} of {name}" for name in names[: self.expression.outputs])
        return names

    @property
    def legend(self) -> Legend:
        """What the colours mean."""
        return Legend(self.title, self.coloring, self.outputs[: self.expression.outputs])


def look_of(wish: Wish = Wish()) -> Look:
    """The look that is wished for. Raises InvalidInput that says what would be valid."""
    return _look_of(wish)


@lru_cache(maxsize=256)
def _look_of(wish: Wish) -> Look:
    if sum(choice is not None for choice in (wish.index, wish.expression, wish.bands or None)) > 1:
        raise InvalidInput("Give one of index, expression and bands.", parameter="index", valid="one of the three")
    look = _composed(_layer(wish), wish)
    if wish.change is not None:
        look = _changed(look, wish.change)
    own = look.coloring
    return _three(look, own, wish) if isinstance(own, Channels) else _one(look, own, wish)


def _layer(wish: Wish) -> Look:
    """What is shown, in the colours it has by itself."""
    if wish.bands:
        return _of_bands(wish.bands)
    if wish.expression is not None:
        formula = parse(wish.expression)
        if formula.outputs == 3:
            red, green, blue = (BY_NAME[name].shown if name in BY_NAME else UNKNOWN for name in formula.names)
            return Look(formula.text, formula, Channels((red, green, blue)))
        if formula.outputs != 1:
            what = f"A picture shows one output or three, not {formula.outputs}."
            raise InvalidInput(what, parameter="expression", valid="one or three")
        return Look(formula.text, formula, Ramp(UNKNOWN, color_table("viridis")))
    name = wish.index if wish.index is not None else DEFAULT_INDEX
    if name.lower() == SCENE_CLASSIFICATION:
        return _scene_classification()
    known = indices.get(name)
    ramp = Ramp(known.rescale, color_table(known.colormap))
    return Look(known.title, known.expression, ramp, colormap=known.colormap, short=known.name.upper())


def _composed(look: Look, wish: Wish) -> Look:
    """The layer's composite, in the colours it has by itself. Raises InvalidInput where it makes no sense."""
    composite = wish.composite
    if composite == NEWEST:
        return look
    if composite == MODE and not look.expression.whole:
        what = "Of a formula whose values are not whole numbers hardly two are equal, so none is the most frequent."
        valid = "index=scl, a formula of comparisons such as ndvi's (nir-red)/(nir+red) > 0.4, or composite=median"
        raise InvalidInput(what, parameter="composite", valid=valid)
    if composite == GEOMEDIAN and SCENE_CLASSIFICATION in look.expression.bands:
        what = "Numbers of classes have no geometric median."
        raise InvalidInput(what, parameter="composite", valid="mode, or a formula without scl")
    coloring = composed(look.coloring, composite, wish.days, look.colormap)
    title = f"{look.short or look.title}, {composite.title}"
    return replace(look, title=title, coloring=coloring, composite=composite)


def _changed(look: Look, how: Change) -> Look:
    """The change of a layer, in the colours it has by itself. Raises InvalidInput where it makes no sense."""
    if isinstance(look.coloring, Channels):
        what = "Of three outputs the changes make no picture."
        raise InvalidInput(what, parameter="compare", valid="an index, a formula of one output, or one band")
    numbers = look.composite.unit is Unit.LAYER and SCENE_CLASSIFICATION in look.expression.names
    if isinstance(look.coloring, Classes) or numbers:
        what = "Numbers of classes have no difference and no ratio."
        valid = "composite=count, or a formula of comparisons such as scl == 6, which is water"
        raise InvalidInput(what, parameter="compare", valid=valid)
    title = f"{(look.short if look.composite == NEWEST else None) or look.title}, {how.label}"
    coloring = changed(look.coloring, how, look.composite, look.colormap)
    return replace(look, title=title, coloring=coloring, change=how)


def days_of(interval: Interval | None) -> float:
    """How much time a picture is made of, as far as its time range tells."""
    if interval is None:
        return USUAL_DAYS
    return OPEN_DAYS if interval.days is None else interval.days


def _scene_classification() -> Look:
    """The classes that masks are made of, clouds and all."""
    return Look("Scene classification", parse("scl"), _SCENE_CLASSES, mask="none")


def _of_bands(bands: Sequence[str]) -> Look:
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
        return Look(band.title, parse(band.name), Ramp(band.shown, color_table("greys_r")))
    names = tuple(canonical(band) for band in bands)
    if len(names) != 3:
        raise InvalidInput("A picture takes one band or three.", parameter="bands", valid=_VALID_BANDS)
    return _channels(", ".join(names), names)


_VALID_BANDS = (
    f"one band or three, such as nir,red,green, or one of {', '.join(preset.name for preset in PRESETS)}; "
    "the bands of a file that holds several are those that its item names in eo:bands or bands"
)


def _channels(title: str, bands: Sequence[str]) -> Look:
    red, green, blue = (BY_NAME[band].shown for band in bands)
    return Look(title, parse(";".join(bands)), Channels((red, green, blue)))


def _three(look: Look, own: Channels, wish: Wish) -> Look:
    """A picture of three outputs in the ranges and colours wished for."""
    _refuse(
        wish, ("colormap_name", "colormap", "classes", "belowmincolor", "abovemaxcolor"), "a picture of three outputs"
    )
    if wish.color_formula is not None:
        parse_color_formula(wish.color_formula)
    red, green, blue = _ranges(wish.rescale, own.ranges)
    return replace(look, coloring=Channels((red, green, blue), wish.color_formula))


def _one(look: Look, own: Ramp | Classes, wish: Wish) -> Look:
    """A picture of one output in the range and colours wished for."""
    _refuse(wish, ("color_formula",), "a picture of one output")
    ramp = own if isinstance(own, Ramp) else Ramp(BY_NAME[SCENE_CLASSIFICATION].shown, color_table("viridis"))
    (shown,) = _ranges(wish.rescale, (ramp.shown,))
    if wish.classes is not None:
        _refuse(wish, ("colormap", "rescale", "belowmincolor", "abovemaxcolor"), "classes")
        colors = ramp.colors if wish.colormap_name is None else color_table(wish.colormap_name)
        return replace(look, coloring=parse_classes(wish.classes, colors), classified=True)
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
        return replace(look, coloring=coloring)
    below, above = (
        None if color in (None, EXTEND) else parse_color(color, parameter)
        for parameter, color in (("belowmincolor", wish.belowmincolor), ("abovemaxcolor", wish.abovemaxcolor))
    )
    if wish.belowmincolor is None and not wish.rescale:
        below = ramp.below
    return replace(look, coloring=replace(coloring, below=below, above=above))


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


def _refuse(wish: Wish, parameters: Sequence[str], what: str) -> None:
    """Refuse parameters that mean nothing here, rather than pass them over in silence."""
    for parameter in parameters:
        if getattr(wish, parameter) not in (None, ()):
            raise InvalidInput(f"{parameter} has no meaning for {what}.", parameter=parameter, valid="leave it out")
