"""Formulas of which a series is asked: one or several indices, an expression, or bands; columns have their names."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from scog.bandmath import indices
from scog.bandmath.expression import Expression, parse
from scog.errors import InvalidInput
from scog.render.layer import DEFAULT_INDEX, SCENE_CLASSIFICATION, LayerOptions, layer_of

MOST = 4
"""Indices at once, as many as an expression may have outputs."""


@dataclass(frozen=True)
class SeriesVariables:
    """What is computed of each pixel.

    names    of the outputs, for people: `NDVI`
    mask     what is masked unless something else is asked for
    classes  whether the values are names of classes rather than quantities
    """

    title: str
    names: tuple[str, ...]
    expression: Expression
    mask: str = "clouds"
    classes: bool = False


@lru_cache(maxsize=256)
def formula_of(index: str | None = None, expression: str | None = None, bands: tuple[str, ...] = ()) -> SeriesVariables:
    """The formula that is asked for by one of the three, NDVI if by none; an index may be several with commas between.

    Raises InvalidInput.
    """
    if sum(choice is not None for choice in (index, expression, bands or None)) > 1:
        raise InvalidInput("Give one of index, expression and bands.", parameter="index", valid="one of the three")
    if bands:
        layer = layer_of(LayerOptions(bands=bands))
        return SeriesVariables(layer.title, layer.style.outputs, layer.expression, layer.mask, layer.mask == "none")
    if expression is not None:
        formula = parse(expression)
        return SeriesVariables(formula.text, formula.names, formula)
    return _of_indices([name.strip() for name in (index if index is not None else DEFAULT_INDEX).split(",")])


def _of_indices(names: list[str]) -> SeriesVariables:
    if len(names) > MOST:
        raise InvalidInput(f"{len(names)} indices are too many at once.", parameter="index", valid=f"up to {MOST}")
    if len(set(map(str.lower, names))) < len(names):
        raise InvalidInput("An index is given twice.", parameter="index", valid="each once")
    if [name.lower() for name in names] == [SCENE_CLASSIFICATION]:
        layer = layer_of(LayerOptions(index=SCENE_CLASSIFICATION))
        return SeriesVariables(layer.title, ("SCL",), layer.expression, layer.mask, classes=True)
    if SCENE_CLASSIFICATION in map(str.lower, names):
        what = "The scene classification is masked by nothing, and stands alone."
        raise InvalidInput(what, parameter="index", valid="scl alone, or indices without it")
    first, *others = found = [indices.get(name) for name in names]
    joined = first.expression
    for other in others:
        joined = joined.joined(other.expression)
    title = first.title if not others else ", ".join(each.name.upper() for each in found)
    return SeriesVariables(title, tuple(each.name.upper() for each in found), joined)
