"""The index map: for each pixel of a picture, which source pixel it shows.

Exact to a ten-millionth of a pixel without transforming every pixel: the coordinates are transformed at Chebyshev
nodes and interpolated, which for projections as smooth as UTM and Mercator converges like nothing else does. One map
serves every band and date that shares a square and a level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scog.geo.bounds import shows_places_once
from scog.geo.grid import Grid, Window, applied, transformer
from scog.geo.world_width import columns_around, nearest_turn, turn, wrapped

TOLERANCE = 2e-7
"""Accepted error of the interpolation, in source pixels."""
NODES = (5, 9, 17)
"""Interpolation nodes a side, tried in turn; 5 suffice for tiles of 80 km."""

ON_EDGE = 1e-8
"""How far before a pixel's edge, in source pixels, a centre counts as on it: grids that share a CRS have centres on
edges, and rounding must not scatter them. Far below the tolerance, far above what rounding does."""

BESIDE = 0.25
"""How far beside a raster a polynomial still says where its places lie, of the raster's width and height."""

SAMPLED = 8
"""Of so many rows and columns one is looked at first, to see which blocks are needed."""

Floats = NDArray[np.float64]
Indices = NDArray[np.integer[Any]]


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
    index: Indices
    inside: NDArray[np.bool_] | None
    _blocks: dict[tuple[int, int], frozenset[tuple[int, int]]] = field(default_factory=dict, repr=False)

    @property
    def nbytes(self) -> int:
        """What it takes in memory, in bytes."""
        return self.index.nbytes + (self.inside.nbytes if self.inside is not None else 0)

    @property
    def bottom(self) -> int:
        """The source row before which all shown pixels lie."""
        return self.window.bottom

    def blocks(
        self, block_shape: tuple[int, int], wanted: NDArray[np.bool_] | None = None
    ) -> frozenset[tuple[int, int]]:
        """The blocks `(row, column)` that hold the shown source pixels, no other.

        `wanted` (of `index`'s shape) leaves out target pixels that are not asked for.
        """
        height, width = block_shape
        if wanted is None and block_shape in self._blocks:
            return self._blocks[block_shape]
        window = self.window
        first = window.top // height, window.left // width
        count = (window.bottom - 1) // height - first[0] + 1, (window.right - 1) // width - first[1] + 1
        shown = self.inside if wanted is None else wanted if self.inside is None else wanted & self.inside
        if count == (1, 1):
            return frozenset({first} if wanted is None or shown is None or shown.any() else ())
        touched = np.zeros(count, bool)
        for step in (SAMPLED, 1):  # mostly the window's blocks are all needed, and few pixels prove it
            index = self.index[::step, ::step]
            index = index.ravel() if shown is None else index[shown[::step, ::step]]
            index = index.astype(_index_type(window), copy=False)
            row = index // window.shape[1]  # not divmod, which is ten times slower
            col = index - row * window.shape[1]
            touched[(row + window.top % height) // height, (col + window.left % width) // width] = True
            if touched.all():
                break
        found = frozenset((int(r) + first[0], int(c) + first[1]) for r, c in zip(*touched.nonzero(), strict=True))
        if wanted is None:
            self._blocks[block_shape] = found
        return found


def index_map(target: Grid, source: Grid) -> IndexMap | None:
    """The index map from `target` to one level `source`; None when they do not touch.

    A target pixel shows the source pixel that its centre falls into; a centre on an edge belongs to the pixel right
    and below, as in GDAL.
    """
    reach = reachable(target, source)
    if reach is None:
        return None
    rows, cols = reach
    col, row = source_coordinates(target, source, rows, cols)
    col += ON_EDGE
    row += ON_EDGE
    top, left, bottom, right = row.min(), col.min(), row.max(), col.max()
    if top >= 0 and left >= 0 and bottom < source.height and right < source.width:  # no NaN gets here
        window = Window(int(top), int(left), int(bottom) + 1, int(right) + 1)
        return IndexMap(rows, cols, window, _packed(_index(row, col, window)), None)
    inside = (col >= 0) & (col < source.width) & (row >= 0) & (row < source.height)
    if not inside.any():
        return None
    row, col = row[inside], col[inside]
    window = Window(int(row.min()), int(col.min()), int(row.max()) + 1, int(col.max()) + 1)
    index = np.zeros(inside.shape, _index_type(window))
    index[inside] = _index(row, col, window)
    return IndexMap(rows, cols, window, _packed(index), inside)


def _index(row: Floats, col: Floats, window: Window) -> Indices:
    """Where in a window, read row by row, the pixels lie that hold these places; none of them is negative."""
    dtype = _index_type(window)
    index = row.astype(dtype)  # cuts off the fraction, which is floor where nothing is negative
    index -= window.top
    index *= window.shape[1]
    index += col.astype(dtype)
    index -= window.left
    return index


def _packed(index: Indices) -> Indices:
    """Two bytes where they suffice, as they do for tiles finer than the source: twice as many maps can be kept."""
    return index.astype(np.uint16) if index.max() < 2**16 else index


def _index_type(window: Window) -> np.dtype[np.signedinteger[Any]]:
    """Four bytes where they suffice, as they do for all but a huge level without overviews."""
    return np.dtype(np.int32 if window.shape[0] * window.shape[1] < 2**31 else np.int64)


def source_coordinates(target: Grid, source: Grid, rows: slice, cols: slice) -> tuple[Floats, Floats]:
    """Column and row in `source`, as fractions, of the pixel centres in a rectangle of `target`.

    Both have the rectangle's shape; infinite or NaN where a place has no coordinates in the source's CRS. A place that
    lies beside the source, but whole turns around the Earth further lies in it, has its column there.
    """
    around = columns_around(source)
    col, row = natural_coordinates(target, source, rows, cols, around)
    return (col if around is None else wrapped(col, source.width, around, ON_EDGE)), row


def natural_coordinates(
    target: Grid, source: Grid, rows: slice, cols: slice, around: float | None = None
) -> tuple[Floats, Floats]:
    """The same for places as PROJ gives them; with `around`, the columns of a turn, perhaps whole turns further."""
    height, width = rows.stop - rows.start, cols.stop - cols.start
    for count in NODES:
        across, down = _samples(count)
        sampled = _exact(target, source, cols.start + width * across, rows.start + height * down)
        if not all(np.isfinite(part).all() for part in sampled):
            break
        at_nodes = [part[: count**2].reshape(count, count) for part in sampled]
        at_probes = [part[count**2 :].reshape(len(_PROBES), len(_PROBES)) for part in sampled]
        left = _probing(count)
        if around is not None:  # PROJ's longitudes jump at a meridian, places do not
            at_nodes[0] = np.unwrap(np.unwrap(at_nodes[0], period=around, axis=0), period=around, axis=1)
            at_probes[0] = nearest_turn(at_probes[0], left @ at_nodes[0] @ left.T, around)
        error = max(np.abs(left @ part @ left.T - exact).max() for part, exact in zip(at_nodes, at_probes, strict=True))
        if error <= TOLERANCE:
            left, right = lagrange_at_centres(height, count), lagrange_at_centres(width, count).T
            col, row = (left @ (part @ right) for part in at_nodes)
            return col, row
    centres = np.meshgrid(np.arange(cols.start, cols.stop) + 0.5, np.arange(rows.start, rows.stop) + 0.5)
    return _exact(target, source, *centres)


def _exact(target: Grid, source: Grid, col: Floats, row: Floats) -> tuple[Floats, Floats]:
    """Source column and row of places given as target column and row, by the full transformation."""
    x, y = target.places(col, row)
    if target.crs != source.crs:
        x, y = map(np.asarray, transformer(target.crs, source.crs).transform(x, y))
    with np.errstate(invalid="ignore"):
        if source.transform.d or source.curve is not None:  # others' columns are moved later
            x = nearest_turn(x, source.centre[0], turn(source.crs))
        if source.curve is not None:
            x = np.where(_is_near(source, x, y), x, math.nan)
        return source.pixels(x, y)


def _is_near(source: Grid, x: Floats, y: Floats) -> NDArray[np.bool_]:
    """Whether places lie in a raster or not far from it; beyond, its curve may come back."""
    west, south, east, north = source.bounds
    wide, high = BESIDE * (east - west), BESIDE * (north - south)
    return np.asarray((x > west - wide) & (x < east + wide) & (y > south - high) & (y < north + high))


_PROBES = np.array([0.003, 0.21, 0.43, 0.68, 0.91, 0.998])
"""Where the interpolation is checked, off the nodes and close to the ends, where it errs most."""


def lagrange_nodes(count: int) -> Floats:
    """Chebyshev nodes of the first kind on 0..1."""
    nodes: Floats = (1 - np.cos((2 * np.arange(count) + 1) * math.pi / (2 * count))) / 2
    return nodes


def _lagrange(at: Floats, count: int) -> Floats:
    """The matrix `(len(at), count)` that turns values at the nodes into values at `at`."""
    nodes = lagrange_nodes(count)
    matrix = np.ones((len(at), count))
    for i in range(count):
        for j in range(count):
            if i != j:
                matrix[:, i] *= (at - nodes[j]) / (nodes[i] - nodes[j])
    return matrix


@lru_cache(maxsize=512)
def lagrange_at_centres(length: int, count: int) -> Floats:
    """The matrix `(length, count)` that turns values at nodes into values at the centres of pixels that fill 0..1."""
    return _lagrange((np.arange(length) + 0.5) / length, count)


@lru_cache(maxsize=8)
def _probing(count: int) -> Floats:
    """`_lagrange` at the probes."""
    return _lagrange(_PROBES, count)


@lru_cache(maxsize=8)
def _samples(count: int) -> tuple[Floats, Floats]:
    """Where the full transformation is asked, across and down on 0..1: all nodes, then all probes."""
    nodes, probes = np.meshgrid(lagrange_nodes(count), lagrange_nodes(count)), np.meshgrid(_PROBES, _PROBES)
    across, down = (np.concatenate((a.ravel(), b.ravel())) for a, b in zip(nodes, probes, strict=True))
    return across, down


def reachable(target: Grid, source: Grid) -> tuple[slice, slice] | None:
    """The rectangle of the target that the source can reach, a little wider than needed; None when there is none."""
    whole = slice(0, target.height), slice(0, target.width)
    if source.curve is not None:
        return whole
    if _meets_further_round(target, source) if target.crs == source.crs else _goes_round(source):
        return whole
    x, y, bend_x, bend_y = _outline(source, target.crs)
    # Parts have no place in the target's CRS, or not only one: leave nothing out.
    if not math.isfinite(bend_x + bend_y) or (target.crs != source.crs and not shows_places_once(target)):
        return whole
    inverse = ~target.transform
    col, row = applied(inverse, x, y)
    rows = _span(row, target.height, abs(inverse.d) * bend_x + abs(inverse.e) * bend_y)
    cols = _span(col, target.width, abs(inverse.a) * bend_x + abs(inverse.b) * bend_y)
    return (rows, cols) if rows.start < rows.stop and cols.start < cols.stop else None


@lru_cache(maxsize=1024)
def _goes_round(source: Grid) -> bool:
    """Whether a raster covers more than half the way around the Earth, or goes on beyond 180 degrees.

    Then its outline in another CRS may not be around it.
    """
    around = turn(source.crs)
    west, _, east, _ = source.bounds
    return around is not None and (east - west > around / 2 or max(-west, east) > around / 2)


def _meets_further_round(target: Grid, source: Grid) -> bool:
    """Whether two grids of one CRS meet, or would, if one of them were moved around the Earth."""
    around = turn(target.crs)
    west, _, east, _ = source.bounds
    left, _, right, _ = target.bounds
    if around is None:
        return False
    first, last = math.ceil((west - right) / around), math.floor((east - left) / around)
    return first <= last and (first, last) != (0, 0)


def _span(along: Floats, length: int, bend: float) -> slice:
    """What of `length` pixels lies between the extremes of an outline that bends between its known places."""
    first, last = math.floor(along.min() - bend) - 1, math.ceil(along.max() + bend) + 1
    return slice(max(0, first), min(length, last))


_STEPS = 32
"""Places along each side of an outline."""


@lru_cache(maxsize=1024)
def _outline(source: Grid, crs: str) -> tuple[Floats, Floats, float, float]:
    """Places along the outline of a raster, as x and y of another CRS, and how far in x and y it may bend between two.

    The bend taken is that over two steps, how far a place lies off the middle of its neighbours: four times that over
    one step. It is infinite or NaN where a place is.
    """
    along = np.arange(_STEPS) / _STEPS
    zero, one = np.zeros(_STEPS), np.ones(_STEPS)
    x, y = source.places(
        np.concatenate((along, one, 1 - along, zero)) * source.width,
        np.concatenate((zero, along, one, 1 - along)) * source.height,
    )
    if crs == source.crs:
        return x, y, 0.0, 0.0
    x, y = (np.asarray(part) for part in transformer(source.crs, crs).transform(x, y))
    with np.errstate(invalid="ignore"):
        bend_x, bend_y = (_bend(part) for part in (x, y))
    return x, y, bend_x, bend_y


def _bend(along: Floats) -> float:
    """How far places lie off the middle of their neighbours at most, not counting the four corners."""
    off = along - (np.roll(along, 1) + np.roll(along, -1)) / 2
    return float(np.abs(off.reshape(4, _STEPS)[:, 1:]).max())
