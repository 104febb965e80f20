"""Index maps: the source pixel that each target pixel shows.

Coordinates are transformed at Chebyshev nodes only, and interpolated to 2e-7 of a source pixel. For projections as
smooth as UTM and Mercator this converges very fast. One map serves every band and date of an MGRS tile and overview
level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scog.geo.grid import Grid, Window, transformer
from scog.geo.interpolation import PROBES, lagrange_at_centres, lagrange_at_probes, sample_points
from scog.geo.reach import reachable
from scog.geo.world_width import columns_per_turn, full_circle, nearest_turn, wrap_columns

TOLERANCE = 2e-7
"""Maximum interpolation error, in source pixels."""
NODES = (5, 9, 17)
"""Interpolation nodes per side, tried in turn. 5 are enough for tiles of 80 km."""

ON_EDGE = 1e-8
"""Added to source coordinates, in pixels, before they are truncated: a centre exactly on an edge may be rounded to just
before it, and then belongs to the pixel after the edge. Far below TOLERANCE, far above rounding errors."""

CURVE_MARGIN = 0.25
"""Share of the width and height of a raster with ground control points around it in which its polynomial (`Grid.curve`)
is used. Further away it may map distant points into the raster."""

SAMPLE_STEP = 8
"""`blocks` first looks at every eighth row and column: if these touch every block of the window, that suffices."""

Floats = NDArray[np.float64]
Indices = NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class IndexMap:
    """The source pixel that each target pixel shows.

    rows, cols  part of the target grid that the source can reach
    window      window of the source level that contains all source pixels
    index       row-major index into `window` for each pixel `(y, x)` of that part
    inside      False where a target pixel is outside the source (`index` is then 0); None if all are inside
    """

    rows: slice
    cols: slice
    window: Window
    index: Indices
    inside: NDArray[np.bool_] | None
    _blocks: dict[tuple[int, int], frozenset[tuple[int, int]]] = field(default_factory=dict, repr=False)

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return self.index.nbytes + (self.inside.nbytes if self.inside is not None else 0)

    @property
    def bottom(self) -> int:
        """Source row after the last row that is shown."""
        return self.window.bottom

    def blocks(
        self, block_shape: tuple[int, int], selected: NDArray[np.bool_] | None = None
    ) -> frozenset[tuple[int, int]]:
        """Blocks `(row, column)` that contain the source pixels, and no others.

        `selected` is a mask of target pixels in the shape of `index`; None selects all.
        """
        height, width = block_shape
        if selected is None and block_shape in self._blocks:
            return self._blocks[block_shape]
        window = self.window
        top, left = window.top // height, window.left // width
        count = (window.bottom - 1) // height - top + 1, (window.right - 1) // width - left + 1
        shown = self.inside if selected is None else selected if self.inside is None else selected & self.inside
        if count == (1, 1):
            return frozenset({(top, left)} if selected is None or shown is None or shown.any() else ())
        touched = np.zeros(count, bool)
        for step in (SAMPLE_STEP, 1):  # a sample suffices if all blocks of the window are needed, as is usual
            index = self.index[::step, ::step]
            index = index.ravel() if shown is None else index[shown[::step, ::step]]
            index = index.astype(_index_type(window), copy=False)
            row = index // window.shape[1]  # divmod is ten times slower
            col = index - row * window.shape[1]
            touched[(row + window.top % height) // height, (col + window.left % width) // width] = True
            if touched.all():
                break
        blocks = frozenset((int(r) + top, int(c) + left) for r, c in zip(*touched.nonzero(), strict=True))
        if selected is None:
            self._blocks[block_shape] = blocks
        return blocks


def index_map(target: Grid, source: Grid) -> IndexMap | None:
    """The index map from `target` to the level `source`; None if they do not intersect.

    A target pixel shows the source pixel that contains its centre. A centre on an edge belongs to the pixel right and
    below, as in GDAL.
    """
    reachable_part = reachable(target, source)
    if reachable_part is None:
        return None
    rows, cols = reachable_part
    col, row = source_coordinates(target, source, rows, cols)
    col += ON_EDGE
    row += ON_EDGE
    top, left, bottom, right = row.min(), col.min(), row.max(), col.max()
    if top >= 0 and left >= 0 and bottom < source.height and right < source.width:  # False for NaN
        window = Window(int(top), int(left), int(bottom) + 1, int(right) + 1)
        return IndexMap(rows, cols, window, _compact(_index(row, col, window)), None)
    inside = (col >= 0) & (col < source.width) & (row >= 0) & (row < source.height)
    if not inside.any():
        return None
    row, col = row[inside], col[inside]
    window = Window(int(row.min()), int(col.min()), int(row.max()) + 1, int(col.max()) + 1)
    index = np.zeros(inside.shape, _index_type(window))
    index[inside] = _index(row, col, window)
    return IndexMap(rows, cols, window, _compact(index), inside)


def _index(row: Floats, col: Floats, window: Window) -> Indices:
    """Row-major indices in a window of the pixels that contain the given non-negative positions."""
    dtype = _index_type(window)
    index = row.astype(dtype)  # truncation, which equals floor for non-negative values
    index -= window.top
    index *= window.shape[1]
    index += col.astype(dtype)
    index -= window.left
    return index


def _compact(index: Indices) -> Indices:
    """The index as uint16 if it fits, as for tiles finer than the source: the cache holds twice as many maps then."""
    return index.astype(np.uint16) if index.max() < 2**16 else index


def _index_type(window: Window) -> np.dtype[np.signedinteger[Any]]:
    """int32 if it can index the window, as for all but huge levels without overviews; otherwise int64."""
    return np.dtype(np.int32 if window.shape[0] * window.shape[1] < 2**31 else np.int64)


def source_coordinates(target: Grid, source: Grid, rows: slice, cols: slice) -> tuple[Floats, Floats]:
    """Fractional column and row in `source` of the pixel centres of a rectangle of `target`, float64 `(y, x)` each.

    They are infinite or NaN where a point has no coordinates in the source's CRS. A point outside the source is moved
    by whole turns around the Earth if that brings it inside.
    """
    turn = columns_per_turn(source)
    col, row = unwrapped_coordinates(target, source, rows, cols, turn)
    return (col if turn is None else wrap_columns(col, source.width, turn, ON_EDGE)), row


def unwrapped_coordinates(
    target: Grid, source: Grid, rows: slice, cols: slice, turn: float | None = None
) -> tuple[Floats, Floats]:
    """As `source_coordinates`, but without moving points by whole turns into the source.

    `turn` is the number of columns of a full turn, or None. The returned columns may be off by multiples of it.
    """
    height, width = rows.stop - rows.start, cols.stop - cols.start
    for count in NODES:
        x, y = sample_points(count)
        sampled = _exact(target, source, cols.start + width * x, rows.start + height * y)
        if not all(np.isfinite(values).all() for values in sampled):
            break
        at_nodes = [values[: count**2].reshape(count, count) for values in sampled]
        at_probes = [values[count**2 :].reshape(len(PROBES), len(PROBES)) for values in sampled]
        to_probes = lagrange_at_probes(count)
        if turn is not None:  # PROJ's longitudes jump at the antimeridian
            at_nodes[0] = np.unwrap(np.unwrap(at_nodes[0], period=turn, axis=0), period=turn, axis=1)
            at_probes[0] = nearest_turn(at_probes[0], to_probes @ at_nodes[0] @ to_probes.T, turn)
        error = max(
            np.abs(to_probes @ values @ to_probes.T - exact).max()
            for values, exact in zip(at_nodes, at_probes, strict=True)
        )
        if error <= TOLERANCE:
            row_weights, col_weights = lagrange_at_centres(height, count), lagrange_at_centres(width, count).T
            col, row = (row_weights @ (values @ col_weights) for values in at_nodes)
            return col, row
    centres = np.meshgrid(np.arange(cols.start, cols.stop) + 0.5, np.arange(rows.start, rows.stop) + 0.5)
    return _exact(target, source, *centres)


def _exact(target: Grid, source: Grid, col: Floats, row: Floats) -> tuple[Floats, Floats]:
    """Source column and row of target columns and rows, by the exact transformation."""
    x, y = target.xy(col, row)
    if target.crs != source.crs:
        x, y = map(np.asarray, transformer(target.crs, source.crs).transform(x, y))
    with np.errstate(invalid="ignore"):
        if source.transform.d or source.curve is not None:  # rotated or curved; for all others `wrap_columns` does this
            x = nearest_turn(x, source.centre[0], full_circle(source.crs))
        if source.curve is not None:
            x = np.where(_is_near(source, x, y), x, math.nan)
        return source.colrow(x, y)


def _is_near(source: Grid, x: Floats, y: Floats) -> NDArray[np.bool_]:
    """Whether points are in a raster, or so near it that its polynomial can be trusted."""
    west, south, east, north = source.bounds
    x_margin, y_margin = CURVE_MARGIN * (east - west), CURVE_MARGIN * (north - south)
    return np.asarray((x > west - x_margin) & (x < east + x_margin) & (y > south - y_margin) & (y < north + y_margin))
