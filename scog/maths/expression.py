"""A formula over bands, ready to be computed: `parse("(B08 - B04) / (B08 + B04)")`.

The language: band names and aliases in any case, numbers, `+ - * / **` and one comparison as in Python, parentheses,
the functions where, min, max, clip, abs, sqrt, log (natural) and exp, and `;` between at most four outputs.
A comparison is 1 where it holds and 0 where not, so a product of two asks for both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from scog.errors import InvalidExpression
from scog.maths import tree
from scog.maths.parser import MAX_CHARACTERS, parse_outputs


@dataclass(frozen=True, slots=True)
class Expression:
    """One or more outputs computed from the same bands. Made by `parse`; equal if their `text` is.

    names   the canonical text of each output
    bands   canonical names of the bands it needs, in the order of their first use
    """

    names: tuple[str, ...]
    bands: tuple[str, ...]
    _trees: tuple[tree.Node, ...] = field(repr=False, compare=False)

    @property
    def text(self) -> str:
        """The canonical text: the same for formulas that differ in blanks, aliases, needless parentheses or in how
        their constants are written. Parsing it gives this expression again.
        """
        return "; ".join(self.names)

    @property
    def outputs(self) -> int:
        """Number of outputs, 1 to 4."""
        return len(self.names)

    def evaluate(self, bands: Mapping[str, NDArray[np.float32]]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Compute `(values, valid)`: float32 `(outputs, *shape)` and bool `shape`, True where every output is finite.

        `bands` holds at least `self.bands`, by canonical name, float32 and all of one shape; they are only read.
        Where a band is not finite, and for x / 0, log(0) or an overflow, on the way or in the end, a value is inf or
        NaN; only what `where` does not pick does no harm. A constant output fills the shape.

        Raises KeyError for a band that is missing, ValueError for bands of different shapes.
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
                output = values[index, ...]  # an array even if the shape is ()
                tree.compute(node, inputs, output)
                if index == 0:
                    np.isfinite(output, out=valid)
                else:
                    np.logical_and(valid, np.isfinite(output), out=valid)
        return values, valid

    def joined(self, other: Expression) -> Expression:
        """The outputs of this expression, then those of another one."""
        bands = tuple(dict.fromkeys((*self.bands, *other.bands)))
        return Expression((*self.names, *other.names), bands, (*self._trees, *other._trees))

    @property
    def whole(self) -> bool:
        """Whether all outputs are whole numbers by their form: classes, comparisons, and what is counted of them."""
        return all(map(tree.is_whole, self._trees))

    def __reduce__(self) -> tuple[Callable[[str], Expression], tuple[str]]:
        return parse, (self.text,)


def parse(text: str) -> Expression:
    """The expression that a text stands for. Cheap when repeated.

    Raises InvalidExpression that says what is wrong, at which column of `text`, and what would be valid.
    """
    return _parse(text)


@lru_cache(maxsize=512)
def _parse(text: str) -> Expression:
    trees = parse_outputs(text)
    bands = tuple(dict.fromkeys(name for node in trees for name in tree.bands_of(node)))
    expression = Expression(tuple(map(tree.text_of, trees)), bands, trees)
    if len(expression.text) > MAX_CHARACTERS:
        message = f"the formula has {len(expression.text)} characters when its names are written out"
        raise InvalidExpression(message, position=0, valid=f"at most {MAX_CHARACTERS} characters")
    return expression
