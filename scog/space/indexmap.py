"""The index map: for each pixel of a picture, which source pixel it shows.

Exact to a ten-millionth of a pixel without transforming every pixel: the coordinates are transformed at Chebyshev
nodes and interpolated, which for projections as smooth as UTM and Mercator converges like nothing else does. One map
serves every band and date that shares a square and a level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from scog.space.grid import Grid, Window, transformer

TOLERANCE = 2e-7
"""Accepted error of the interpolation, in source pixels."""
NODES = (5, 9, 17)
"""Interpolation nodes a side, tried in turn; 5 suffice for tiles of 80 km."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class IndexMap:
    """Which source pixel each target pixel shows.

    `rows` and `cols` say which rectangle of the target grid the source can reach at all; `index` has that shape
    and points into `window` of the source level, read row by row. `inside` is False where a target pixel of the
    rectangle lies beside the source (there `index` is 0), or None when all lie inside.
    """

    rows: slice
    cols: slice
    window: Window
    index: NDArray[np.int32]
    inside: NDArray[np.bool_] | None

    def blocks(
        self, block_shape: tuple[int, int], wanted: NDArray[np.bool_] | None = None
    ) -> frozenset[tuple[int, int]]:
        """The blocks `(row, column)` that hold the shown source pixels, no other.

        `wanted` (of `index`'s shape) leaves out target pixels that are not asked for.
        """
        height, width = block_shape
        window = self.window
        first = window.top // height, window.left // width
        count = (window.bottom - 1) // height - first[0] + 1, (window.right - 1) // width - first[1] + 1
        if count == (1, 1) and wanted is None:
            return frozenset({first})
        shown = self.inside if wanted is None else wanted if self.inside is None else wanted & self.inside
        index = self.index if shown is None else self.index[shown]
        row, col = np.divmod(index.ravel(), window.shape[1])
        row, col = (row + window.top) // height - first[0], (col + window.left) // width - first[1]
        touched = np.zeros(count, bool)
        touched[row, col] = True
        return frozenset((int(r) + first[0], int(c) + first[1]) for r, c in zip(*touched.nonzero(), strict=True))


@lru_cache(maxsize=1024)
def index_map(target: Grid, source: Grid) -> IndexMap | None:
    """The index map from `target` to one level `source`; None when they do not touch.

    A target pixel shows the source pixel that its centre falls into; a centre on an edge belongs to the pixel right
    and below, as in GDAL.
    """
    reach = _reach(target, source)
    if reach is None:
        return None
    rows, cols = reach
    col, row = (np.floor(part).astype(np.int64) for part in source_coordinates(target, source, rows, cols))
    inside = (col >= 0) & (col < source.width) & (row >= 0) & (row < source.height)
    if not inside.any():
        return None
    whole = bool(inside.all())
    seen_row, seen_col = (row, col) if whole else (row[inside], col[inside])
    window = Window(int(seen_row.min()), int(seen_col.min()), int(seen_row.max()) + 1, int(seen_col.max()) + 1)
    index = (row - window.top) * window.shape[1] + (col - window.left)
    if not whole:
        index[~inside] = 0
    return IndexMap(rows, cols, window, index.astype(np.int32), None if whole else inside)


def source_coordinates(target: Grid, source: Grid, rows: slice, cols: slice) -> tuple[Floats, Floats]:
    """Column and row in `source`, as fractions, of the pixel centres in a rectangle of `target`.

    Both have the rectangle's shape; infinite or NaN where a place has no coordinates in the source's CRS.
    """
    for count in NODES:
        nodes_x = cols.start + (cols.stop - cols.start) * _nodes(count)
        nodes_y = rows.start + (rows.stop - rows.start) * _nodes(count)
        at_nodes = _exact(target, source, *np.meshgrid(nodes_x, nodes_y))
        if not all(np.isfinite(part).all() for part in at_nodes):
            break
        probe_x = cols.start + (cols.stop - cols.start) * _PROBES
        probe_y = rows.start + (rows.stop - rows.start) * _PROBES
        truth = _exact(target, source, *np.meshgrid(probe_x, probe_y))
        left, right = _lagrange(_PROBES, count), _lagrange(_PROBES, count).T
        error = max(np.abs(left @ part @ right - exact).max() for part, exact in zip(at_nodes, truth, strict=True))
        if error <= TOLERANCE:
            left, right = _centres(rows.stop - rows.start, count), _centres(cols.stop - cols.start, count).T
            col, row = (left @ part @ right for part in at_nodes)
            return col, row
    centres = np.meshgrid(np.arange(cols.start, cols.stop) + 0.5, np.arange(rows.start, rows.stop) + 0.5)
    return _exact(target, source, *centres)


def _exact(target: Grid, source: Grid, col: Floats, row: Floats) -> tuple[Floats, Floats]:
    """Source column and row of places given as target column and row, by the full transformation."""
    x, y = _applied(target.transform, col, row)
    if target.crs != source.crs:
        x, y = transformer(target.crs, source.crs).transform(x, y)
    with np.errstate(invalid="ignore"):
        return _applied(~source.transform, np.asarray(x), np.asarray(y))


def _applied(transform: Affine, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """An affine transform of many places."""
    a, b, c, d, e, f = tuple(transform)[:6]
    return a * x + b * y + c, d * x + e * y + f


_PROBES = np.array([0.003, 0.21, 0.43, 0.68, 0.91, 0.998])
"""Where the interpolation is checked, off the nodes and close to the ends, where it errs most."""


def _nodes(count: int) -> Floats:
    """Chebyshev nodes of the first kind on 0..1."""
    nodes: Floats = (1 - np.cos((2 * np.arange(count) + 1) * math.pi / (2 * count))) / 2
    return nodes


def _lagrange(at: Floats, count: int) -> Floats:
    """The matrix `(len(at), count)` that turns values at the nodes into values at `at`."""
    nodes = _nodes(count)
    matrix = np.ones((len(at), count))
    for i in range(count):
        for j in range(count):
            if i != j:
                matrix[:, i] *= (at - nodes[j]) / (nodes[i] - nodes[j])
    return matrix


@lru_cache(maxsize=512)
def _centres(length: int, count: int) -> Floats:
    """`_lagrange` at the centres of `length` pixels that fill 0..1."""
    return _lagrange((np.arange(length) + 0.5) / length, count)


def _reach(target: Grid, source: Grid) -> tuple[slice, slice] | None:
    """The rectangle of the target that the source can reach, a little wider than needed; None when there is none."""
    x, y = _applied(source.transform, *_edge(source.width, source.height))
    if target.crs != source.crs:
        x, y = (np.asarray(part) for part in transformer(source.crs, target.crs).transform(x, y))
    if not (np.isfinite(x).all() and np.isfinite(y).all()):  # parts have no place in the target's CRS: leave none out
        return slice(0, target.height), slice(0, target.width)
    col, row = _applied(~target.transform, x, y)
    rows = slice(max(0, math.floor(row.min()) - _MARGIN), min(target.height, math.ceil(row.max()) + _MARGIN))
    cols = slice(max(0, math.floor(col.min()) - _MARGIN), min(target.width, math.ceil(col.max()) + _MARGIN))
    return (rows, cols) if rows.start < rows.stop and cols.start < cols.stop else None


_MARGIN = 4
"""Target pixels added around the reach, for the outline's bend between two of its places (0.5 m for a square)."""


def _edge(width: int, height: int, steps: int = 32) -> tuple[Floats, Floats]:
    """Columns and rows of places along the outline of a raster."""
    along = np.arange(steps) / steps
    zero, one = np.zeros(steps), np.ones(steps)
    return (
        np.concatenate((along, one, 1 - along, zero)) * width,
        np.concatenate((zero, along, one, 1 - along)) * height,
    )
