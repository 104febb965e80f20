"""Dilation of masks: whether a masked pixel is within a distance in metres on the ground, independent of tile edges.

Masked pixels around the image count too, so the dilation grid is larger than the image. It normally has the image's
pixels. If the distance spans more than `REACH` of them, as in tiles of the highest zooms, its pixels are squares of 2,
4, 8 ... of them, counted from the CRS's origin, so that neighbouring tiles use the same squares. For 1000 m these
measure 4 to 8 m; pixels of a classification measure 10 or 20 m. The distance in pixels depends on the row, because
metres on the ground do in Mercator and in degrees.
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
"""Maximum distance in pixels of the dilation grid at the equator; at least half, if the image has smaller pixels."""
ROUNDING = 1e-9
"""Tolerance in pixels."""

Mask2D = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class DilationGrid:
    """The dilation grid of an image: `grid` contains the image, with a margin.

    rows, cols    row and column of `grid` without its margin for each row and column of the image
    across, down  distance in pixels of `grid` for each of its rows, without the margin
    margin        rows and columns of the margin on each side
    """

    grid: Grid
    rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    across: NDArray[np.float64]
    down: NDArray[np.float64]
    margin: tuple[int, int]

    def dilated(self, masked: Mask2D) -> Mask2D:
        """Whether any pixel of `masked` is within the distance of each image pixel: bool `(y, x)`.

        `masked` is bool, of `grid`'s shape. Distances are between pixel centres. The result is exact: in each column
        only the nearest masked pixel counts, and it covers an interval of the pixel's row. The time does not depend on
        the distance.
        """
        if not masked.any():
            return np.zeros((len(self.rows), len(self.cols)), bool)
        margin = self.margin[1]
        height, width = len(self.down), self.grid.width
        reach = np.take_along_axis(self._across, self._rows_off(masked), axis=1)
        row, col = np.nonzero(reach >= 0)
        reach = reach[row, col]
        line_length = width + 1
        first = row * line_length + np.maximum(col - reach, 0)
        stop = row * line_length + np.minimum(col + reach, width - 1) + 1
        starts = np.bincount(first, minlength=height * line_length) - np.bincount(stop, minlength=height * line_length)
        covered = starts.reshape(height, line_length).cumsum(axis=1)[:, margin : width - margin] > 0
        return np.asarray(covered[np.ix_(self.rows, self.cols)])

    def _rows_off(self, masked: Mask2D) -> NDArray[np.int32]:
        """Rows to the nearest masked pixel of each column, for the rows without the margin: int32 `(row, column)`.

        One more than the margin's rows if none is within the margin.
        """
        margin = self.margin[0]
        far = np.int32(2 * len(masked))
        columns = np.ascontiguousarray(masked.T)  # numpy accumulates along a contiguous axis ten times faster
        rows = np.arange(len(masked), dtype=np.int32)
        last_masked = np.maximum.accumulate(np.where(columns, rows, -far), axis=1)
        next_masked = np.minimum.accumulate(np.where(columns, rows, far)[:, ::-1], axis=1)[:, ::-1]
        inner = slice(margin, len(masked) - margin)
        off = np.minimum(rows[inner] - last_masked[:, inner], next_masked[:, inner] - rows[inner])
        return np.ascontiguousarray(np.minimum(off, np.int32(margin + 1)).T)

    @cached_property
    def _across(self) -> NDArray[np.int32]:
        """Pixels to each side that are within the distance: int32 `(row, rows off)`, -1 if none."""
        rows_off = np.arange(self.margin[0] + 2)
        share = 1 - np.square(rows_off / self.down[:, np.newaxis])
        share[:, -1] = -1
        with np.errstate(invalid="ignore"):
            reach = np.floor(self.across[:, np.newaxis] * np.sqrt(share) + ROUNDING)
        return np.where(share >= 0, reach, -1).astype(np.int32)


def dilation_grid(grid: Grid, metres: float) -> DilationGrid:
    """The dilation grid for masked pixels within a distance of an image whose rows run from west to east."""
    a, _, left, _, e, top = tuple(grid.transform)[:6]
    unit = ground_units(grid.crs, np.zeros(1))[1][0]  # at the equator, so that it is the same for all tiles of a zoom
    factor = 1
    while metres / (unit * -e * factor) > REACH:
        factor *= 2
    if factor == 1:
        return _with_margin(grid, metres)
    pixel_width, pixel_height = a * factor, -e * factor
    cols = np.floor((left + a * (np.arange(grid.width) + 0.5)) / pixel_width).astype(np.int64)
    rows = np.floor(-(top + e * (np.arange(grid.height) + 0.5)) / pixel_height).astype(np.int64)
    coarse = Affine(pixel_width, 0.0, int(cols[0]) * pixel_width, 0.0, -pixel_height, -int(rows[0]) * pixel_height)
    cols, rows = cols - cols[0], rows - rows[0]
    return _with_margin(Grid(grid.crs, coarse, int(cols[-1]) + 1, int(rows[-1]) + 1), metres, rows, cols)


def _with_margin(
    grid: Grid, metres: float, rows: NDArray[np.int64] | None = None, cols: NDArray[np.int64] | None = None
) -> DilationGrid:
    """A grid with a margin. `rows` and `cols` map the image's pixels to it, by default one to one."""
    a, _, left, _, e, top = tuple(grid.transform)[:6]
    y = top + e * (np.arange(grid.height) + 0.5)
    across, down = ground_units(grid.crs, y)
    across, down = metres / (across * a), metres / (down * -e)
    margin_cols, margin_rows = (int(np.floor(reach.max() + ROUNDING)) for reach in (across, down))
    corner = Affine(a, 0.0, left - margin_cols * a, 0.0, e, top - margin_rows * e)
    enlarged = Grid(grid.crs, corner, grid.width + 2 * margin_cols, grid.height + 2 * margin_rows)
    rows = np.arange(grid.height) if rows is None else rows
    cols = np.arange(grid.width) if cols is None else cols
    return DilationGrid(enlarged, rows, cols, across, down, (margin_rows, margin_cols))
