"""Variables of a time series: one or several indices, an expression, or bands."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from scog.bandmath import indices
from scog.bandmath.expression import Expression, parse
from scog.errors import InvalidInput
from scog.render.layer import DEFAULT_INDEX, SCENE_CLASSIFICATION, LayerOptions, layer_of

MAX_INDICES = 4
"""Maximum number of indices in one series."""


@dataclass(frozen=True)
class SeriesVariables:
    """The values that a time series computes for each pixel.

    title    of a chart
    names    display name of each output, such as `NDVI`
    mask     default mask, of a request without `mask`
    classes  whether the values are class numbers
    """

    title: str
    names: tuple[str, ...]
    expression: Expression
    mask: str = "clouds"
    classes: bool = False


@lru_cache(maxsize=256)
def variables_of(
    index: str | None = None, expression: str | None = None, bands: tuple[str, ...] = ()
) -> SeriesVariables:
    """The variables of an index (or several, separated by commas), an expression, or bands; NDVI if none is given.

    Raises InvalidInput, also if more than one of the three is given.
    """
    if sum(parameter is not None for parameter in (index, expression, bands or None)) > 1:
        message = "index, expression and bands exclude each other."
        raise InvalidInput(message, parameter="index", valid="only one of the three")
    if bands:
        layer = layer_of(LayerOptions(bands=bands))
        classes = layer.mask == "none"  # only the scene classification is not masked by default
        return SeriesVariables(layer.title, layer.style.outputs, layer.expression, layer.mask, classes)
    if expression is not None:
        parsed = parse(expression)
        return SeriesVariables(parsed.text, parsed.names, parsed)
    return _of_indices([name.strip() for name in (index if index is not None else DEFAULT_INDEX).split(",")])


def _of_indices(names: list[str]) -> SeriesVariables:
    """The variables of indices by name. Raises InvalidInput."""
    if len(names) > MAX_INDICES:
        message = f"index has {len(names)} names."
        raise InvalidInput(message, parameter="index", valid=f"at most {MAX_INDICES}")
    if len(set(map(str.lower, names))) < len(names):
        message = f"index repeats a name: {', '.join(names)}."
        raise InvalidInput(message, parameter="index", valid="each index once")
    if [name.lower() for name in names] == [SCENE_CLASSIFICATION]:
        layer = layer_of(LayerOptions(index=SCENE_CLASSIFICATION))
        return SeriesVariables(layer.title, ("SCL",), layer.expression, layer.mask, classes=True)
    if SCENE_CLASSIFICATION in map(str.lower, names):
        message = "The scene classification is not masked and cannot be combined with indices."
        raise InvalidInput(message, parameter="index", valid="scl alone, or indices without it")
    first, *others = selected = [indices.get(name) for name in names]
    expression = first.expression
    for other in others:
        expression = expression.joined(other.expression)
    title = first.title if not others else ", ".join(each.name.upper() for each in selected)
    return SeriesVariables(title, tuple(each.name.upper() for each in selected), expression)
