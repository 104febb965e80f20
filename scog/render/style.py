"""Styles: colours and names of an image's values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scog.render.classes import Classes
from scog.render.derived_style import Coloring
from scog.render.image import Image
from scog.render.legend import Legend


@dataclass(frozen=True, eq=False)
class Style:
    """How the values of an image become colours.

    outputs       names of the output values
    columns       names of the computed values; short names for an index
    classified    whether output values are class numbers
    legend_count  number of outputs in the legend; the others are p-values
    unit          of those outputs; empty if they have none
    """

    title: str
    coloring: Coloring
    outputs: tuple[str, ...]
    columns: tuple[str, ...]
    classified: bool = False
    legend_count: int = 1
    unit: str = ""

    def image(self, values: NDArray[np.float32], valid: NDArray[np.bool_]) -> Image:
        """Image of values float32 `(output, y, x)`, transparent where not `valid` `(y, x)`."""
        return self.coloring.paint(values, valid)

    def values(self, values: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Output values float32 `(output, y, x)`, NaN where not valid: as computed, or class numbers."""
        if self.classified and isinstance(self.coloring, Classes):
            return self.coloring.class_numbers(values[0], valid)[np.newaxis]
        return values

    @property
    def legend(self) -> Legend:
        """The legend of the colours."""
        return Legend(self.title, self.coloring, self.outputs[: self.legend_count], self._legend_unit)

    @property
    def units(self) -> tuple[str | None, ...]:
        """Unit of each output; None for those without one, such as p-values."""
        return tuple(
            (self.unit or None) if number < self.legend_count and not self.classified else None
            for number in range(len(self.outputs))
        )

    @property
    def _legend_unit(self) -> str:
        """The unit of the legend's numbers; classes have names."""
        return "" if isinstance(self.coloring, Classes) else self.unit
