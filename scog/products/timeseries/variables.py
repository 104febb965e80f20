"""Variables of a time series: one or several indices, an expression, or bands."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from scog.bandmath.expression import Expression, parse
from scog.bandmath.transforms import Transforms
from scog.collections.profile import Profile
from scog.errors import InvalidInput
from scog.render.classes import Classes
from scog.render.layer import LayerOptions, layer_of, named_layer

MAX_INDICES = 4
"""Maximum number of indices in one series."""


@dataclass(frozen=True)
class SeriesVariables:
    """The values that a time series computes for each pixel.

    title       of a chart
    names       display name of each output, such as `NDVI`
    mask        default mask, of a request without `mask`
    classes     whether the values are class numbers
    transforms  the scale of each output's values, such as decibels; empty for those of the expression
    units       unit of each output, None for those without one; empty if none has one
    """

    title: str
    names: tuple[str, ...]
    expression: Expression
    mask: str
    classes: bool = False
    transforms: Transforms = ()
    units: tuple[str | None, ...] = ()


@lru_cache(maxsize=256)
def variables_of(
    profile: Profile, index: str | None = None, expression: str | None = None, bands: tuple[str, ...] = ()
) -> SeriesVariables:
    """The variables of an index (or several, separated by commas), an expression, or bands.

    If none is given, those of the collection's default layer.

    Raises InvalidInput, also if more than one of the three is given.
    """
    if sum(parameter is not None for parameter in (index, expression, bands or None)) > 1:
        message = "index, expression and bands exclude each other."
        raise InvalidInput(message, parameter="index", valid="only one of the three")
    if bands:
        layer = layer_of(profile, LayerOptions(bands=bands))
        classes = isinstance(layer.coloring, Classes)
        return SeriesVariables(
            layer.title, layer.style.outputs, layer.expression, layer.mask, classes, layer.transforms, layer.style.units
        )
    if expression is not None:
        parsed = parse(expression, profile.names)
        return SeriesVariables(parsed.text, parsed.names, parsed, profile.default_mask)
    return _of_indices(profile, [name.strip() for name in (profile.default if index is None else index).split(",")])


def _of_indices(profile: Profile, names: list[str]) -> SeriesVariables:
    """The variables of indices by name. Raises InvalidInput."""
    if len(names) > MAX_INDICES:
        message = f"index has {len(names)} names."
        raise InvalidInput(message, parameter="index", valid=f"at most {MAX_INDICES}")
    if len(set(map(str.lower, names))) < len(names):
        message = f"index repeats a name: {', '.join(names)}."
        raise InvalidInput(message, parameter="index", valid="each index once")
    first, *others = selected = [named_layer(profile, name) for name in names]
    surface = next((layer for layer in selected if layer.surface), None)
    if surface is not None:
        message = f"There is no time series of {surface.title}: it is derived from the neighbours of each pixel."
        valid = f"elevations; /point and /statistics accept {surface.short}"
        raise InvalidInput(message, parameter="index", valid=valid)
    with_classes = [layer for layer in selected if isinstance(layer.coloring, Classes)]
    if with_classes and others:
        message = f"{with_classes[0].title} has classes, is not masked, and cannot be combined with others."
        raise InvalidInput(message, parameter="index", valid="the classes alone, or others without them")
    expression = first.expression
    for other in others:
        expression = expression.joined(other.expression)
    outputs = tuple(name for layer in selected for name in layer.style.columns)
    if with_classes:
        outputs = tuple(name.upper() for name in outputs)
    title = first.title if not others else ", ".join(outputs)
    transforms = tuple(each for layer in selected for each in layer.transforms or (None,) * layer.expression.outputs)
    scales = transforms if any(transforms) else ()
    units = tuple(unit for layer in selected for unit in layer.style.units)
    return SeriesVariables(title, outputs, expression, first.mask, bool(with_classes), scales, units)
