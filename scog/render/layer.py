"""Layers: from the parameters of a request to an expression and its style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np

from scog.bandmath import indices
from scog.bandmath.expression import Expression, parse
from scog.bandmath.indices import Index
from scog.bandmath.terrain import Surface
from scog.bandmath.transforms import Transforms, transforms_of, unit_of
from scog.collections.band import REFLECTANCE, Band
from scog.collections.presets import Preset, QuantityLayer
from scog.collections.profile import Profile
from scog.composite.change import Change
from scog.composite.methods import BEST, GEOMEDIAN, MODE, NEWEST, Composite, Unit
from scog.errors import InvalidInput
from scog.render.channels import Channels, parse_color_formula
from scog.render.classes import Class, Classes
from scog.render.color import parse_color
from scog.render.colormap import color_table, parse_colormap
from scog.render.derived_style import Coloring, change_coloring, composite_coloring
from scog.render.ramp import Ramp, Range
from scog.render.style import Style
from scog.render.thresholds import parse_classes
from scog.suggest import did_you_mean
from scog.temporal.intervals import Interval

EXTEND = "extend"
"""Value of `belowmincolor` and `abovemaxcolor` that extends the colour of the range's end."""
DEFAULT_DAYS = 90.0
"""Assumed length of the time range in days, if a request has none."""
OPEN_DAYS = 730.0
"""Assumed length of a time range with an open end, in days."""
DEFAULT_RANGE: Range = (-1.0, 1.0)
"""Default range of an expression."""
BAND_COLORMAP = "greys_r"
"""Default colormap of a single band."""


@dataclass(frozen=True)
class LayerOptions:
    """Parameters of a layer as in the request; None and empty mean the layer's default."""

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
    days: float = DEFAULT_DAYS
    """Length of the time range, which determines the display range of a count or a trend."""
    change: Change | None = None
    """How the layer is compared with another period; None without comparison."""


@dataclass(frozen=True, eq=False)
class Layer:
    """The expression for each observation, the composite of the observations, and the colours.

    mask        default mask
    unit        of the values; empty if they have none
    transform   what is applied to composited values before they are shown; empty for nothing
    surface     derived from the neighbourhood of each pixel; empty for the values themselves
    classified  whether output values are class numbers
    colormap    name of the layer's default colormap; None if it has none
    short       title for narrow spaces; None if there is none
    """

    title: str
    expression: Expression
    coloring: Coloring
    mask: str = "none"
    unit: str = ""
    transform: str = ""
    surface: str = ""
    classified: bool = False
    colormap: str | None = None
    short: str | None = None
    composite: Composite = NEWEST
    change: Change | None = None

    @property
    def transforms(self) -> Transforms:
        """The scale of each output's values; empty for those of the expression."""
        return transforms_of(self.transform, self.expression.outputs)

    @property
    def derived_surface(self) -> Surface | None:
        """What is derived from elevations; None for the values themselves."""
        return Surface(self.surface) if self.surface else None

    @cached_property
    def style(self) -> Style:
        """Colours of the values, and names of the outputs."""
        names = self._named(self._value_names)
        columns = self._named((self.short,)) if self.short else names
        count = 1 if self.classified else len(names)
        outputs = self.expression.outputs
        return Style(self.title, self.coloring, names[:count], columns, self.classified, outputs, self._unit)

    @property
    def _value_names(self) -> tuple[str, ...]:
        """Names of the values: their formulas, unless something else is derived from these."""
        if not (self.transform or self.surface):
            return self.expression.names
        derived = self.surface or self.transform
        return (self.short,) if self.short else tuple(f"{derived} of {name}" for name in self.expression.names)

    @property
    def _unit(self) -> str:
        """Unit of the values after composite and comparison; empty if they have none."""
        differences = (Unit.LAYER, Unit.SPREAD, Unit.TREND)
        if self.change is Change.RATIO or self.unit == REFLECTANCE or self.composite.unit not in differences:
            return ""
        return f"{self.unit} per year" if self.unit and self.composite.unit is Unit.TREND else self.unit

    def _named(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Names of the outputs after composite and comparison."""
        names = self.composite.outputs(names)
        if self.change is not None:
            names = tuple(f"{self.change.label} of {name}" for name in names[: self.expression.outputs])
        return names


def layer_of(profile: Profile, options: LayerOptions = LayerOptions()) -> Layer:
    """The layer for a request's options, of a collection with this profile.

    Raises InvalidInput if the options are invalid or contradict each other, or need a band that the collection does not
    have.
    """
    return _layer_of(profile, options)


@lru_cache(maxsize=256)
def _layer_of(profile: Profile, options: LayerOptions) -> Layer:
    if sum(choice is not None for choice in (options.index, options.expression, options.bands or None)) > 1:
        message = "index, expression and bands cannot be combined."
        raise InvalidInput(message, parameter="index", valid="one of the three")
    layer = _composite_of(_single_layer(profile, options), options, profile)
    if options.change is not None:
        layer = _change_of(layer, options.change, profile)
    coloring = layer.coloring
    return (
        _three_outputs(layer, coloring, options)
        if isinstance(coloring, Channels)
        else _one_output(layer, coloring, options)
    )


def _single_layer(profile: Profile, options: LayerOptions) -> Layer:
    """The layer of one observation with its default colours."""
    if options.bands:
        return _of_bands(profile, options.bands)
    if options.expression is not None:
        return _of_formula(profile, options.expression)
    return named_layer(profile, profile.default if options.index is None else options.index)


def find_named(profile: Profile, name: str) -> QuantityLayer | Preset | Band | Index:
    """What `index` names, in any case: a quantity, a band of classes, a preset, an index, or another band.

    An index precedes a band of the same name if the collection has the bands of the index.
    Raises InvalidInput if the name is none of these.
    """
    quantity = profile.layer(name)
    if quantity is not None:
        return quantity
    band = profile.find_band(profile.names.find(name) or "")
    if band is not None and band.classes:
        return band
    preset = profile.preset(name)
    if preset is not None:
        return preset
    index = indices.find(name)
    if band is not None and (index is None or not profile.has_bands(index.bands)):
        return band
    return indices.get(name) if index is None else index


def named_layer(profile: Profile, name: str) -> Layer:
    """The layer of what `find_named` finds. Raises InvalidInput if that is nothing, or an index without its bands."""
    found = find_named(profile, name)
    if isinstance(found, QuantityLayer):
        return _of_quantity(profile, found)
    if isinstance(found, Preset):
        return _of_preset(profile, found)
    if isinstance(found, Band):
        return _of_band(profile, found)
    return _of_index(profile, found)


def _of_index(profile: Profile, index: Index) -> Layer:
    missing = [each for each in index.bands if not profile.has_bands([each])]
    if missing and not profile.open:
        message = f"The index {index.name} needs {' and '.join(missing)}, which {profile.name} does not have"
        raise InvalidInput(
            f"{message}.", parameter="index", valid=f"an index of its bands: {', '.join(profile.by_name)}"
        )
    ramp = Ramp(index.rescale, color_table(index.colormap))
    # In a profile, an alias of a band may be the name in the formula. Other items are asked for the name itself.
    expression = index.expression if profile.open else parse(index.formula, profile.names)
    return Layer(
        index.title,
        expression,
        ramp,
        mask=profile.default_mask,
        colormap=index.colormap,
        short=index.name.upper(),
    )


def _of_formula(profile: Profile, text: str) -> Layer:
    formula = parse(text, profile.names)
    if formula.outputs == 3:
        red, green, blue = (
            DEFAULT_RANGE if (band := profile.find_band(name)) is None else band.display_range for name in formula.names
        )
        return Layer(formula.text, formula, Channels((red, green, blue)), mask=profile.default_mask)
    if formula.outputs != 1:
        message = f"An image has one output or three, not {formula.outputs}."
        raise InvalidInput(message, parameter="expression", valid="one or three outputs")
    return Layer(formula.text, formula, Ramp(DEFAULT_RANGE, color_table("viridis")), mask=profile.default_mask)


def _of_quantity(profile: Profile, quantity: QuantityLayer) -> Layer:
    return Layer(
        quantity.title,
        parse(quantity.expression, profile.names),
        Ramp(quantity.rescale, color_table(quantity.colormap)),
        mask=profile.default_mask,
        unit=quantity.unit or unit_of(quantity.transform),
        transform=quantity.transform,
        surface=quantity.surface,
        colormap=quantity.colormap,
        short=quantity.name,
    )


def _composite_of(layer: Layer, options: LayerOptions, profile: Profile) -> Layer:
    """The composite of a layer with its default colours. Raises InvalidInput if the layer has no such composite."""
    composite = options.composite
    if composite == NEWEST:
        return layer
    if layer.surface and composite.unit is not Unit.LAYER:
        message = f"composite={composite.name} is not elevation, from which {layer.surface} is derived."
        raise InvalidInput(message, parameter="composite", valid="a composite of elevations, such as newest or median")
    if composite == MODE and not layer.expression.is_integer:
        message = "composite=mode requires integer values, but this formula has others."
        valid = "a band of classes, a formula of comparisons such as (nir-red)/(nir+red) > 0.4, or composite=median"
        raise InvalidInput(message, parameter="composite", valid=valid)
    classes = next((band for band in layer.expression.bands if band in profile.names.discrete), None)
    if composite == GEOMEDIAN and classes is not None:
        message = f"composite=geomedian is not defined for the classes of {classes}."
        raise InvalidInput(message, parameter="composite", valid=f"mode, or a formula without {classes}")
    if composite == BEST and not profile.has_bands(["red", "nir"]):
        message = f"composite=best selects by NDVI, but {profile.name} has no red and nir."
        raise InvalidInput(message, parameter="composite", valid="another composite, such as max or median")
    coloring = composite_coloring(layer.coloring, composite, options.days, layer.colormap)
    title = f"{layer.short or layer.title}, {composite.title}"
    return replace(layer, title=title, coloring=coloring, composite=composite)


def _change_of(layer: Layer, change: Change, profile: Profile) -> Layer:
    """The change of a layer with its default colours. Raises InvalidInput if the layer has no such change."""
    if isinstance(layer.coloring, Channels):
        message = "compare requires one output; this layer has three outputs."
        raise InvalidInput(message, parameter="compare", valid="an index, a formula of one output, or one band")
    discrete = profile.names.discrete
    has_classes = layer.composite.unit is Unit.LAYER and any(name in discrete for name in layer.expression.names)
    if isinstance(layer.coloring, Classes) or has_classes:
        message = "compare is not defined for classes: they have no difference or ratio."
        valid = f"composite=count, or a formula of comparisons such as {layer.expression.names[0]} == 6"
        raise InvalidInput(message, parameter="compare", valid=valid)
    if layer.transform and layer.composite.unit is Unit.LAYER and change is Change.RATIO:
        message = f"The ratio of values in {layer.unit} has no meaning; their difference is the ratio of power in dB."
        valid = f"difference, or a ratio of power by expression={layer.expression.text}"
        raise InvalidInput(message, parameter="compare_as", valid=valid)
    title = f"{(layer.short if layer.composite == NEWEST else None) or layer.title}, {change.label}"
    coloring = change_coloring(layer.coloring, change, layer.composite, layer.colormap)
    return replace(layer, title=title, coloring=coloring, change=change)


def interval_days(interval: Interval | None) -> float:
    """Length of a time range in days; DEFAULT_DAYS without one, OPEN_DAYS if it is open."""
    if interval is None:
        return DEFAULT_DAYS
    return OPEN_DAYS if interval.days is None else interval.days


def _of_band(profile: Profile, band: Band) -> Layer:
    """A band in greys, or its classes."""
    if band.classes:
        return _of_classes(profile, band)
    return Layer(
        band.title,
        parse(band.name, profile.names),
        Ramp(band.display_range, color_table(BAND_COLORMAP)),
        mask=profile.default_mask,
        unit=band.unit,
    )


def _of_classes(profile: Profile, band: Band) -> Layer:
    """The layer of a band's classes, without a mask."""
    entries = (Class(each.value, each.name, (*each.color, 255), each.value, each.value) for each in band.classes)
    return Layer(band.title, parse(band.name, profile.names), Classes(tuple(entries)))


def _of_bands(profile: Profile, bands: Sequence[str]) -> Layer:
    """A preset by name, three bands as red, green and blue, or one band in greys."""
    names = profile.names
    if len(bands) == 1:
        preset = profile.preset(bands[0])
        if preset is not None:
            return _of_preset(profile, preset)
        found = names.find(bands[0])
        if found is None:
            known = (*(preset.name for preset in profile.presets), *names.suggestions)
            problem = names.problem(bands[0]).replace("no band", "no band or preset", 1).partition("; did you")[0]
            raise InvalidInput(
                f"{problem}{did_you_mean(bands[0], known)}", parameter="bands", valid=_valid_bands(profile)
            )
        return _of_band(profile, profile.band(found))
    canonical = tuple(names.canonical(band) for band in bands)
    if len(canonical) != 3:
        message = f"An image takes one band or three, not {len(canonical)}."
        raise InvalidInput(message, parameter="bands", valid=_valid_bands(profile))
    red, green, blue = (profile.band(name).display_range for name in canonical)
    channels = Channels((red, green, blue))
    return Layer(", ".join(canonical), parse(";".join(canonical), names), channels, mask=profile.default_mask)


def _valid_bands(profile: Profile) -> str:
    presets = f", or one of {', '.join(preset.name for preset in profile.presets)}" if profile.presets else ""
    return (
        f"one band or three, such as nir,red,green{presets}; "
        "bands of a file with several bands are named in its item's eo:bands or bands"
    )


def _of_preset(profile: Profile, preset: Preset) -> Layer:
    red, green, blue = profile.ranges(preset)
    return Layer(
        preset.title,
        parse(";".join(preset.bands), profile.names),
        Channels((red, green, blue)),
        mask=profile.default_mask,
        unit=unit_of(preset.transform),
        transform=preset.transform,
    )


def _three_outputs(layer: Layer, default: Channels, options: LayerOptions) -> Layer:
    """A layer of three outputs with the requested ranges and colour formula."""
    _reject(
        options, ("colormap_name", "colormap", "classes", "belowmincolor", "abovemaxcolor"), "an image of three outputs"
    )
    if options.color_formula is not None:
        parse_color_formula(options.color_formula)
    red, green, blue = _ranges(options.rescale, default.ranges)
    return replace(layer, coloring=Channels((red, green, blue), options.color_formula))


def _one_output(layer: Layer, default: Ramp | Classes, options: LayerOptions) -> Layer:
    """A layer of one output with the requested range and colours."""
    _reject(options, ("color_formula",), "an image of one output")
    ramp = default if isinstance(default, Ramp) else Ramp(default.value_range, color_table("viridis"))
    (rescale,) = _ranges(options.rescale, (ramp.rescale,))
    if options.classes is not None:
        _reject(options, ("colormap", "rescale", "belowmincolor", "abovemaxcolor"), "classes")
        colors = ramp.colors if options.colormap_name is None else color_table(options.colormap_name)
        return replace(layer, coloring=parse_classes(options.classes, colors), classified=True)
    coloring = default
    if options.colormap is not None:
        _reject(options, ("colormap_name",), "a custom colormap")
        coloring = parse_colormap(options.colormap, rescale, rescaled=bool(options.rescale))
        if isinstance(coloring, Classes) and isinstance(default, Classes):
            coloring = coloring.named_as(default)
    elif options.colormap_name is not None:
        coloring = Ramp(rescale, color_table(options.colormap_name))
    elif isinstance(default, Ramp) or options.rescale:
        coloring = Ramp(rescale, ramp.colors)
    if isinstance(coloring, Classes):
        _reject(options, ("belowmincolor", "abovemaxcolor"), "classes")
        return replace(layer, coloring=coloring)
    below, above = (
        None if color in (None, EXTEND) else parse_color(color, parameter)
        for parameter, color in (("belowmincolor", options.belowmincolor), ("abovemaxcolor", options.abovemaxcolor))
    )
    if options.belowmincolor is None and not options.rescale:
        below = ramp.below
    return replace(layer, coloring=replace(coloring, below=below, above=above))


def _ranges(requested: Sequence[Range], defaults: Sequence[Range]) -> Sequence[Range]:
    """A range for each output: the defaults, one requested range for all, or one for each."""
    if len(requested) not in (0, 1, len(defaults)):
        raise InvalidInput(
            f"rescale has {len(requested)} ranges for {len(defaults)} output{'s' * (len(defaults) > 1)}.",
            parameter="rescale",
            valid=f"{' or '.join(map(str, sorted({1, len(defaults)})))} range{'s' * (len(defaults) > 1)}",
        )
    with np.errstate(over="ignore"):
        ends = np.array(requested, np.float64).reshape(-1, 2).astype(np.float32)  # the dtype of the values
    if not (np.isfinite(ends).all() and (ends[:, 0] < ends[:, 1]).all()):
        message = "A range is empty or not finite in float32."
        raise InvalidInput(message, parameter="rescale", valid="two finite numbers, the lower first")
    return defaults if not requested else [requested[0]] * len(defaults) if len(requested) == 1 else requested


def _reject(options: LayerOptions, parameters: Sequence[str], subject: str) -> None:
    """Raise InvalidInput for parameters that do not apply to `subject`, rather than ignore them."""
    for parameter in parameters:
        if getattr(options, parameter) not in (None, ()):
            message = f"{parameter} does not apply to {subject}."
            raise InvalidInput(message, parameter=parameter, valid=f"omit {parameter}")
