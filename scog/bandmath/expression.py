"""Band math expressions: `parse("(nir - red) / (nir + red)", names)`.

Syntax: band names and aliases in any case, decimal numbers, `+ - * / **` and single comparisons with Python's
precedence, parentheses, the functions where, min, max, clip, bit, abs, sqrt, log (natural) and exp, and `;` between at
most four outputs. A comparison yields 1 or 0; the product of two comparisons is their logical and.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from scog.bandmath import tree
from scog.bandmath.parser import MAX_CHARACTERS, parse_outputs
from scog.collections.band_names import ANY_NAMES, BandNames
from scog.errors import InvalidExpression


@dataclass(frozen=True, slots=True)
class Expression:
    """One or more outputs computed from the same bands; created by `parse`. Equal if the canonical `text` is equal.

    names   canonical text of each output
    bands   canonical names of the required bands, in order of first use
    """

    names: tuple[str, ...]
    bands: tuple[str, ...]
    _trees: tuple[tree.Node, ...] = field(repr=False, compare=False)

    @property
    def text(self) -> str:
        """Canonical text: independent of whitespace, band aliases, redundant parentheses and the notation of constants.

        Parsing it returns an equal expression.
        """
        return "; ".join(self.names)

    @property
    def outputs(self) -> int:
        """Number of outputs, 1 to 4."""
        return len(self.names)

    def evaluate(self, bands: Mapping[str, NDArray[np.float32]]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Compute `(values, valid)`: float32 `(outputs, *shape)` and bool `shape`, True where every output is finite.

        bands   canonical name to float32 array, all of one shape; must include `self.bands`; never modified

        A value is inf or NaN where an operand is, and after x / 0, log(0) or an overflow, also in an intermediate
        result; `where` ignores the branch it does not select. Constant outputs are broadcast to the shape.
        Raises KeyError for a missing band, ValueError for bands of different shapes.
        """
        inputs = {name: np.asarray(bands[name], dtype=np.float32) for name in self.bands}
        shape = inputs[self.bands[0]].shape
        if any(values.shape != shape for values in inputs.values()):
            shapes = ", ".join(f"{name} {values.shape}" for name, values in inputs.items())
            raise ValueError(f"bands of different shapes: {shapes}")
        values = np.empty((self.outputs, *shape), np.float32)
        valid = np.empty(shape, np.bool_)
        with np.errstate(all="ignore"):
            for index, node in enumerate(self._trees):
                output = values[index, ...]  # an array, even for shape ()
                tree.compute(node, inputs, output)
                if index == 0:
                    np.isfinite(output, out=valid)
                else:
                    np.logical_and(valid, np.isfinite(output), out=valid)
        return values, valid

    def joined(self, other: Expression) -> Expression:
        """Concatenate the outputs of this expression and another one."""
        bands = tuple(dict.fromkeys((*self.bands, *other.bands)))
        return Expression((*self.names, *other.names), bands, (*self._trees, *other._trees))

    @property
    def is_integer(self) -> bool:
        """Whether all outputs are integers for any input: classes, comparisons, bits, and sums or products of these."""
        return all(map(tree.is_integer, self._trees))

    def __reduce__(self) -> tuple[Callable[..., Expression], tuple[str, tuple[str, ...]]]:
        return _parse_canonical, (self.text, tuple(tree.discrete_bands_of(self._trees)))


def parse(text: str, names: BandNames) -> Expression:
    """Parse an expression over the bands that `names` knows; results are cached.

    Raises InvalidExpression with the reason, the column in `text`, and what would be valid.
    """
    return _parse(text, names)


def _parse_canonical(text: str, discrete: tuple[str, ...]) -> Expression:
    """An expression from its canonical text, and the names of its bands that hold integers."""
    return parse(text, _names_with(discrete))


@lru_cache(maxsize=64)
def _names_with(discrete: tuple[str, ...]) -> BandNames:
    return replace(ANY_NAMES, discrete=frozenset(discrete))


@lru_cache(maxsize=512)
def _parse(text: str, names: BandNames) -> Expression:
    trees = parse_outputs(text, names)
    bands = tuple(dict.fromkeys(name for node in trees for name in tree.bands_of(node)))
    expression = Expression(tuple(map(tree.text_of, trees)), bands, trees)
    if len(expression.text) > MAX_CHARACTERS:
        message = f"the formula has {len(expression.text)} characters when its names are written out"
        raise InvalidExpression(message, position=0, valid=f"at most {MAX_CHARACTERS} characters")
    return expression
