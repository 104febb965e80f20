"""Footings: on which source pixels each pixel of a picture rests, for the methods that look at more than one.

A footing is to resampling what an index map is to the nearest pixel: geometry alone, made once for every band and date
that shares a square and a level. Widths depend on the square and the target's resolution and never on the tile, so
that tiles meet.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from scog.geo.grid import Grid, Window, transformer
from scog.geo.index_map import ON_EDGE, reachable, source_coordinates
from scog.geo.world_width import columns_around, nearest_turn, turn

MAX_SHRINK = 8.0
"""Source pixels under a target pixel, in one direction, up to which each is weighed by itself. Where there are more,
which happens to files without overviews, squares of them are taken together first."""
ALIKE = 1 / 0.95
"""A shrinking that counts as none: so says GDAL."""
MAX_BOX = 8.0
"""How much larger than at the source's centre a pixel's box may be. Larger ones straddle a seam of the projection."""
SMALLEST_BOX = 1e-5
"""Sides of a box are not shorter than this, in source pixels, so that shares of it can be told."""

Floats = NDArray[np.float64]
Places = tuple[NDArray[np.float32], ...]
Pair = tuple[float, float]


@dataclass(frozen=True, eq=False)
class ResamplingSupport:
    """The rectangle of source pixels on which each target pixel rests.

    `rows` and `cols` say which rectangle of the target grid the source can reach; `first`, `inside`, `down` and
    `across` have its shape. `first` is the top left pixel that a target pixel rests on, counted row by row in `window`,
    which hangs over the source's edges where pixels do. `reach` is how many rows and columns the largest rectangle
    has. `inside` is False where a target pixel rests on nothing (there `first` is 0), or None when none does.

    `down` and `across` say where it rests, in source pixels. A point (one array each): how far it lies below and right
    of the centre of the pixel before which half of the `reach` ends, 0 to 1. A box (two arrays each): where it starts
    and stops, from the upper and left edges of `first`.

    `shrink` is how much wider than on the source's own grid a kernel has to be, down and across, 1 at least. The pixels
    meant are `step` x `step` pixels of the source of shape `source`, taken together: 1 but for files without overviews.
    """

    rows: slice
    cols: slice
    window: Window
    source: tuple[int, int]
    step: int
    shrink: Pair
    reach: tuple[int, int]
    first: NDArray[np.integer[Any]]
    down: Places
    across: Places
    inside: NDArray[np.bool_] | None
    _blocks: dict[tuple[int, int], frozenset[tuple[int, int]]] = field(default_factory=dict, repr=False)

    @property
    def nbytes(self) -> int:
        """What it takes in memory, in bytes."""
        arrays = (self.first, *self.down, *self.across, *(() if self.inside is None else (self.inside,)))
        return sum(array.nbytes for array in arrays)

    @property
    def bottom(self) -> int:
        """The source row before which all pixels lie that the target rests on."""
        return min(self.window.bottom * self.step, self.source[0])

    def blocks(
        self, block_shape: tuple[int, int], wanted: NDArray[np.bool_] | None = None
    ) -> frozenset[tuple[int, int]]:
        """The blocks `(row, column)` that hold the source pixels, no other.

        `wanted` (of `first`'s shape) leaves out target pixels that are not asked for.
        """
        if wanted is None and block_shape in self._blocks:
            return self._blocks[block_shape]
        shown = np.ones(self.first.shape, bool) if self.inside is None else self.inside
        shown = shown if wanted is None else shown & wanted
        row, col = np.divmod(self.first[shown], self.window.shape[1])
        spans = [
            self._span(start + origin, places, shown, self.reach[axis], self.source[axis], block_shape[axis])
            for axis, (start, origin, places) in enumerate(
                ((row, self.window.top, self.down), (col, self.window.left, self.across))
            )
        ]
        (above, below), (before, behind) = spans
        touched = np.zeros([-(-size // block) for size, block in zip(self.source, block_shape, strict=True)], bool)
        for down in range(int((below - above).max(initial=0)) + 1):
            for right in range(int((behind - before).max(initial=0)) + 1):
                touched[np.minimum(above + down, below), np.minimum(before + right, behind)] = True
        found = frozenset((int(r), int(c)) for r, c in zip(*touched.nonzero(), strict=True))
        if wanted is None:
            self._blocks[block_shape] = found
        return found

    def _span(
        self, start: NDArray[Any], places: Places, shown: NDArray[np.bool_], reach: int, size: int, block: int
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """The first and last block in one direction of each pixel that is `shown`."""
        length = np.ceil(places[1][shown]).astype(int) if len(places) == 2 else reach
        first = np.clip(start * self.step, 0, size - 1)
        last = np.clip((start + length) * self.step - 1, 0, size - 1)
        return first // block, last // block


def point_footing(target: Grid, source: Grid, radius: int) -> ResamplingSupport | None:
    """Where a kernel of a radius, in source pixels, rests when it stands on each target pixel's centre.

    Pixels whose centre lies beside the source rest on nothing. None when all do. Shrinking widens the kernel.
    """
    reach = reachable(target, source)
    if reach is None:
        return None
    col, row = source_coordinates(target, source, *reach)
    with np.errstate(invalid="ignore"):
        inside = (col >= -ON_EDGE) & (col < source.width - ON_EDGE)
        inside &= (row >= -ON_EDGE) & (row < source.height - ON_EDGE)
    if not inside.any():
        return None
    step, shrink, _ = _shrinking(target, source)
    starts, places, lengths = [], [], []
    for along, wider in ((row, shrink[0]), (col, shrink[1])):
        centre = np.where(inside, along, 0.0) / step - 0.5
        before = np.floor(centre + ON_EDGE)
        half = half_reach(radius, wider)
        starts.append(before.astype(np.int32) - (half - 1))
        places.append((np.maximum(centre - before, 0.0).astype(np.float32),))
        lengths.append(2 * half)
    return _footing(reach, source, step, shrink, starts, places, (lengths[0], lengths[1]), inside)


def half_reach(radius: int, wider: float) -> int:
    """How many pixels on either side a kernel reaches that is so much wider than its radius."""
    return math.ceil(radius * wider - ON_EDGE)


def box_footing(target: Grid, source: Grid) -> ResamplingSupport | None:
    """The box that each target pixel covers of the source.

    As in GDAL, its top left and bottom right corners span it; but on sources turned by more than 24 degrees, where that
    box would be far too slim or flat, all four corners. What lies beside the source is cut off; None when all does.
    """
    reach = reachable(target, source)
    if reach is None:
        return None
    step, shrink, expected = _shrinking(target, source)
    col, row = source_coordinates(*_corners(target, source, *reach))
    ends = [(slice(None, -1), slice(None, -1)), (slice(1, None), slice(1, None))]
    if not _upright(target, source):
        ends += [(slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None))]
    inside = np.ones([axis - 1 for axis in col.shape], bool)
    spans = []
    around = columns_around(source)
    with np.errstate(invalid="ignore"):
        for along, size, usual, whole in (
            (row, source.height, expected[0], None),
            (col, source.width, expected[1], around),
        ):
            corners = [along[end] for end in ends]
            corners = [corners[0], *(nearest_turn(corner, corners[0], whole) for corner in corners[1:])]
            low, high = np.minimum.reduce(corners), np.maximum.reduce(corners)
            inside &= high - low <= MAX_BOX * max(usual, 1.0)
            if whole is not None:  # a box over the source's first edge begins a turn further
                low, high = (np.where((low >= size) & (high > whole), each - whole, each) for each in (low, high))
            low, high = np.maximum(low, 0.0), np.minimum(high, size)
            inside &= high - low > ON_EDGE
            spans.append((low, high))
    if not inside.any():
        return None
    starts, places, lengths = [], [], []
    for low, high in spans:
        low, high = (np.where(inside, along, 0.0) / step for along in (low, high))
        before = np.floor(low + ON_EDGE)
        start = np.maximum(low - before, 0.0)
        stop = np.maximum(high - before, start + SMALLEST_BOX)
        starts.append(before.astype(np.int32))
        places.append((start.astype(np.float32), stop.astype(np.float32)))
        lengths.append(math.ceil(float(stop.max()) - ON_EDGE))
    return _footing(reach, source, step, shrink, starts, places, (lengths[0], lengths[1]), inside)


def _footing(
    target: tuple[slice, slice],
    source: Grid,
    step: int,
    shrink: Pair,
    starts: list[NDArray[np.int32]],
    places: list[Any],
    reach: tuple[int, int],
    inside: NDArray[np.bool_],
) -> ResamplingSupport:
    """A footing from first rows and columns."""
    row, col = starts
    whole = bool(inside.all())
    shown = (row, col) if whole else (row[inside], col[inside])
    (top, bottom), (left, right) = ((int(along.min()), int(along.max())) for along in shown)
    window = Window(top, left, bottom + reach[0], right + reach[1])
    first = (row - top) * np.int32(window.shape[1]) + (col - left)
    if not whole:
        first[~inside] = 0
    down, across = places
    return ResamplingSupport(
        *target, window, source.shape, step, shrink, reach, first, down, across, None if whole else inside
    )


def _corners(target: Grid, source: Grid, rows: slice, cols: slice) -> tuple[Grid, Grid, slice, slice]:
    """What to ask for so that corners of pixels are transformed: the centres of a grid half a pixel off."""
    a, b, _, d, e, _ = tuple(target.transform)[:6]
    x, y = target.at(-0.5, -0.5)
    shifted = Grid(target.crs, Affine(a, b, x, d, e, y), target.width + 1, target.height + 1)
    return shifted, source, slice(rows.start, rows.stop + 1), slice(cols.start, cols.stop + 1)


def _shrinking(target: Grid, source: Grid) -> tuple[int, Pair, Pair]:
    """How many pixels a side are taken together, how much wider than theirs a kernel is, and what a box should measure.

    The latter two down and across, at the source's centre.
    """
    expected = _extents(target.crs, tuple(target.transform)[:6], source)[0]
    step = 1 if max(expected) <= MAX_SHRINK else 2 ** math.ceil(math.log2(max(expected) / MAX_SHRINK))
    left = expected[0] / step, expected[1] / step
    shrink = (1.0, 1.0) if max(left) <= ALIKE else (max(1.0, left[0]), max(1.0, left[1]))
    return step, shrink, expected


def _upright(target: Grid, source: Grid) -> bool:
    """Whether the box between a pixel's top left and bottom right corners is about as large as the pixel."""
    extents, box = _extents(target.crs, tuple(target.transform)[:6], source)
    return all(diagonal >= 0.5 * extent for extent, diagonal in zip(extents, box, strict=True))


@lru_cache(maxsize=4096)
def _extents(crs: str, matrix: tuple[float, ...], source: Grid) -> tuple[Pair, Pair]:
    """What a target pixel and its diagonal measure at the source's centre, each down and across in source pixels.

    The former is the same however the source is turned. One by one where the centre has no place in the target's CRS.
    """
    a, b, _, d, e, _ = matrix
    x, y = transformer(source.crs, crs).transform(*source.centre)
    xs, ys = transformer(crs, source.crs).transform([x, x + a, x + b], [y, y + d, y + e])
    if not all(map(math.isfinite, (*xs, *ys))):
        return (1.0, 1.0), (1.0, 1.0)
    inverse, around = ~source.transform, turn(source.crs)
    (col, row), *steps = [
        (inverse.a * u + inverse.b * v, inverse.d * u + inverse.e * v)
        for u, v in zip((nearest_turn(each, xs[0], around) for each in xs), ys, strict=True)
    ]
    (right_col, right_row), (down_col, down_row) = ((u - col, v - row) for u, v in steps)
    extents = math.hypot(right_row, down_row), math.hypot(right_col, down_col)
    return extents, (abs(right_row + down_row), abs(right_col + down_col))
