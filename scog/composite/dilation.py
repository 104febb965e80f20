"""Growing a mask: whether something masked is near a pixel, so many metres on the ground, wherever a tile ends.

It is looked for around the picture too, on a grid of its own. That one's pixels are the picture's. Only where a
distance spans more than `REACH` of them, as on tiles of the highest zooms, they are squares of 2, 4, 8 ... of them,
counted from the origin of the CRS, so that neighbouring tiles look at the same ones; at 1000 m these measure 4 to 8 m,
and the pixels of a classification 10 or 20. How far it is depends on the row, since in Mercator and in degrees the
ground does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from scog.geo.grid import Grid
from scog.geo.ground_resolution import ground_units

MAX_METRES = 1000.0
REACH = 256.0
"""Pixels that a distance spans at the equator, at most; at least half of that, unless the picture's are larger."""
ROUNDING = 1e-9
"""Of a reach in pixels."""

Mask2D = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Where to look around a picture. `grid` is it, with a margin.

    rows, cols    for each row and column of the picture that of `grid` without its margin
    across, down  pixels of `grid` within reach of each of its rows, the margin's left out
    margin        rows and columns on each side
    """

    grid: Grid
    rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    across: NDArray[np.float64]
    down: NDArray[np.float64]
    margin: tuple[int, int]

    def near(self, masked: Mask2D) -> Mask2D:
        """For each pixel of the picture whether any of the `masked` pixels of `grid` is within reach of it.

        Distances are those between the centres of pixels. Exact, by columns and then by rows: of each column only the
        nearest masked pixel counts, and it covers the pixels of the row that lie between two places. It takes as long
        for any reach.
        """
        if not masked.any():
            return np.zeros((len(self.rows), len(self.cols)), bool)
        beside = self.margin[1]
        height, width = len(self.down), self.grid.width
        reach = np.take_along_axis(self._across, self._rows_off(masked), axis=1)
        row, col = np.nonzero(reach >= 0)
        reach = reach[row, col]
        line = width + 1
        first = row * line + np.maximum(col - reach, 0)
        last = row * line + np.minimum(col + reach, width - 1) + 1
        begun = np.bincount(first, minlength=height * line) - np.bincount(last, minlength=height * line)
        found = begun.reshape(height, line).cumsum(axis=1)[:, beside : width - beside] > 0
        return np.asarray(found[np.ix_(self.rows, self.cols)])

    def _rows_off(self, masked: Mask2D) -> NDArray[np.int32]:
        """How many rows off the nearest masked pixel of each column is, for the rows without the margin.

        One more than the margin's rows where none is as near.
        """
        above = self.margin[0]
        far = np.int32(2 * len(masked))
        columns = np.ascontiguousarray(masked.T)  # numpy accumulates along a contiguous axis ten times faster
        rows = np.arange(len(masked), dtype=np.int32)
        before = np.maximum.accumulate(np.where(columns, rows, -far), axis=1)
        behind = np.minimum.accumulate(np.where(columns, rows, far)[:, ::-1], axis=1)[:, ::-1]
        shown = slice(above, len(masked) - above)
        off = np.minimum(rows[shown] - before[:, shown], behind[:, shown] - rows[shown])
        return np.ascontiguousarray(np.minimum(off, np.int32(above + 1)).T)

    @cached_property
    def _across(self) -> NDArray[np.int32]:
        """Pixels to each side that are within reach of each row `(row, rows off)`; -1 where none is."""
        off = np.arange(self.margin[0] + 2)
        share = 1 - np.square(off / self.down[:, np.newaxis])
        share[:, -1] = -1
        with np.errstate(invalid="ignore"):
            reach = np.floor(self.across[:, np.newaxis] * np.sqrt(share) + ROUNDING)
        return np.where(share >= 0, reach, -1).astype(np.int32)


def surroundings(grid: Grid, metres: float) -> Surroundings:
    """Where to look for what is masked within so many metres of a picture, whose rows run from west to east."""
    a, _, left, _, e, top = tuple(grid.transform)[:6]
    unit = ground_units(grid.crs, np.zeros(1))[1][0]  # at the equator: the same for all tiles of a zoom
    factor = 1
    while metres / (unit * -e * factor) > REACH:
        factor *= 2
    if factor == 1:
        return _around(grid, metres)
    wide, high = a * factor, -e * factor
    cols = np.floor((left + a * (np.arange(grid.width) + 0.5)) / wide).astype(np.int64)
    rows = np.floor(-(top + e * (np.arange(grid.height) + 0.5)) / high).astype(np.int64)
    coarse = Affine(wide, 0.0, int(cols[0]) * wide, 0.0, -high, -int(rows[0]) * high)
    cols, rows = cols - cols[0], rows - rows[0]
    return _around(Grid(grid.crs, coarse, int(cols[-1]) + 1, int(rows[-1]) + 1), metres, rows, cols)


def _around(
    grid: Grid, metres: float, rows: NDArray[np.int64] | None = None, cols: NDArray[np.int64] | None = None
) -> Surroundings:
    """A grid with a margin. `rows` and `cols` are those of it that a picture's pixels lie in, by default one each."""
    a, _, left, _, e, top = tuple(grid.transform)[:6]
    middle = top + e * (np.arange(grid.height) + 0.5)
    across, down = ground_units(grid.crs, middle)
    across, down = metres / (across * a), metres / (down * -e)
    beside, above = (int(np.floor(reach.max() + ROUNDING)) for reach in (across, down))
    corner = Affine(a, 0.0, left - beside * a, 0.0, e, top - above * e)
    around = Grid(grid.crs, corner, grid.width + 2 * beside, grid.height + 2 * above)
    rows = np.arange(grid.height) if rows is None else rows
    cols = np.arange(grid.width) if cols is None else cols
    return Surroundings(around, rows, cols, across, down, (above, beside))
