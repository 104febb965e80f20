"""Growing a mask: whether something masked is near a pixel, so many metres on the ground, wherever a tile ends.

It is looked for around the picture too, on a grid of its own. That one's pixels are the picture's or, where those are
small against the distance, squares of 2, 4, 8 ... of them, counted from the origin of the CRS: so neighbouring tiles
look at the same ones. How far it is depends on the row, since in Mercator and in degrees the ground does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from scog.space.grid import Grid
from scog.space.ground import ground_units

MAX_METRES = 1000.0
REACH = 32.0
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
        """For each pixel of the picture whether any of the `masked` pixels of `grid` is within reach of it."""
        above, beside = self.margin
        height, width = len(self.down), self.grid.width - 2 * beside
        found = np.zeros((height, width), bool)
        if masked.any():
            sums = np.zeros((masked.shape[0], masked.shape[1] + 1), np.int32)
            np.cumsum(masked, axis=1, out=sums[:, 1:])
            for off in range(-above, above + 1):
                for rows, reach in self._runs(off):
                    line = sums[above + off + rows.start : above + off + rows.stop]
                    first = beside - reach
                    last = beside + reach + 1
                    found[rows] |= line[:, last : last + width] != line[:, first : first + width]
        return found[np.ix_(self.rows, self.cols)]

    def _runs(self, off: int) -> Iterator[tuple[slice, int]]:
        """Rows from which, so many rows off, an equal number of pixels to each side is within reach; and the number."""
        with np.errstate(invalid="ignore", divide="ignore"):
            share = 1 - np.square(off / self.down) if off else np.ones_like(self.down)
            reach = np.where(share >= 0, np.floor(self.across * np.sqrt(share) + ROUNDING), -1).astype(int)
        ends = [0, *(np.flatnonzero(np.diff(reach)) + 1).tolist(), len(reach)]
        for start, stop in pairwise(ends):
            if reach[start] >= 0:
                yield slice(start, stop), int(reach[start])


def surroundings(grid: Grid, metres: float) -> Surroundings:
    """Where to look for what is masked within so many metres of a picture, whose rows run from west to east."""
    a, _, left, _, e, top = tuple(grid.transform)[:6]
    unit = ground_units(grid.crs, np.zeros(1))[1][0]  # at the equator: the same for all tiles of a zoom
    factor = 1
    while metres / (unit * -e * factor) > REACH:
        factor *= 2
    wide, high = a * factor, -e * factor
    cols = np.floor((left + a * (np.arange(grid.width) + 0.5)) / wide).astype(np.int64)
    rows = np.floor(-(top + e * (np.arange(grid.height) + 0.5)) / high).astype(np.int64)
    middle = -(np.arange(rows[0], rows[-1] + 1) + 0.5) * high
    across, down = ground_units(grid.crs, middle)
    across, down = metres / (across * wide), metres / (down * high)
    beside, above = (int(np.floor(reach.max() + ROUNDING)) for reach in (across, down))
    first_col, first_row = int(cols[0]) - beside, int(rows[0]) - above
    around = Grid(
        grid.crs,
        Affine(wide, 0.0, first_col * wide, 0.0, -high, -first_row * high),
        int(cols[-1]) - int(cols[0]) + 1 + 2 * beside,
        len(middle) + 2 * above,
    )
    return Surroundings(around, rows - rows[0], cols - cols[0], across, down, (above, beside))
