"""Resampling supports: the source pixels that each target pixel is computed from, for methods other than nearest.

Like an index map for nearest, a support is geometry only. It is computed once for all bands and dates of an MGRS tile
and overview level. Kernel widths depend on the source grid and the target resolution, never on the tile, so that tiles
meet.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from scog.geo.grid import Grid, Window, transformer
from scog.geo.index_map import ON_EDGE, source_coordinates
from scog.geo.reach import reachable
from scog.geo.world_width import columns_per_turn, full_circle, nearest_turn

MAX_SCALE = 8.0
"""Maximum number of source pixels per target pixel, in one direction, that are weighted separately. If there are more,
as in files without overviews, squares of `step` x `step` pixels are combined first."""
EQUAL_RATIO = 1 / 0.95
"""Kernels are not widened if the ratio of the pixel sizes is at most this, as in GDAL."""
MAX_BOX = 8.0
"""Maximum size of a box relative to the box at the source's centre. Larger boxes cross a discontinuity of the
projection."""
MIN_BOX = 1e-5
"""Minimum side of a box in source pixels, because weights are shares of the side."""

Floats = NDArray[np.float64]
Positions = tuple[NDArray[np.float32], ...]
"""One or two float32 arrays: see `ResamplingSupport`."""
Pair = tuple[float, float]


@dataclass(frozen=True, eq=False)
class ResamplingSupport:
    """The rectangle of source pixels that each target pixel is computed from.

    rows, cols    part of the target grid that the source can reach; the arrays have its shape `(y, x)`
    window        window of source pixels that contains all rectangles; it may exceed the source's edges
    source        shape of the source
    step          side of the squares of source pixels that are combined first: the unit of `window` and
                  `kernel_shape`. 1 except for files without overviews
    scale         `(rows, columns)`: factors, at least 1, by which kernels are wider than on the source's own grid
    kernel_shape  rows and columns of the largest rectangle
    upper_left    row-major index into `window` of each rectangle's upper left pixel
    row_positions, col_positions  position in source pixels, see below
    inside        False where a target pixel has no source pixels (`upper_left` is then 0); None if all have some

    For kernels, `row_positions` and `col_positions` are one array each: the distance, 0 to 1, of the target pixel's
    centre from the centre of the last pixel in the first half of `kernel_shape`. For boxes they are two arrays each:
    start and stop of the box, from the edges of the upper left pixel.
    """

    rows: slice
    cols: slice
    window: Window
    source: tuple[int, int]
    step: int
    scale: Pair
    kernel_shape: tuple[int, int]
    upper_left: NDArray[np.integer[Any]]
    row_positions: Positions
    col_positions: Positions
    inside: NDArray[np.bool_] | None
    _blocks: dict[tuple[int, int], frozenset[tuple[int, int]]] = field(default_factory=dict, repr=False)

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        arrays = (
            self.upper_left,
            *self.row_positions,
            *self.col_positions,
            *(() if self.inside is None else (self.inside,)),
        )
        return sum(array.nbytes for array in arrays)

    @property
    def bottom(self) -> int:
        """Source row after the last used row."""
        return min(self.window.bottom * self.step, self.source[0])

    def blocks(
        self, block_shape: tuple[int, int], selected: NDArray[np.bool_] | None = None
    ) -> frozenset[tuple[int, int]]:
        """Blocks `(row, column)` that contain the source pixels, and no others.

        `selected` is a mask of target pixels in the shape of `upper_left`; None selects all.
        """
        if selected is None and block_shape in self._blocks:
            return self._blocks[block_shape]
        shown = np.ones(self.upper_left.shape, bool) if self.inside is None else self.inside
        shown = shown if selected is None else shown & selected
        row, col = np.divmod(self.upper_left[shown], self.window.shape[1])
        spans = [
            self._span(start + origin, positions, shown, self.kernel_shape[axis], self.source[axis], block_shape[axis])
            for axis, (start, origin, positions) in enumerate(
                ((row, self.window.top, self.row_positions), (col, self.window.left, self.col_positions))
            )
        ]
        (first_row, last_row), (first_col, last_col) = spans
        touched = np.zeros([-(-size // block) for size, block in zip(self.source, block_shape, strict=True)], bool)
        for row_offset in range(int((last_row - first_row).max(initial=0)) + 1):
            for col_offset in range(int((last_col - first_col).max(initial=0)) + 1):
                touched[np.minimum(first_row + row_offset, last_row), np.minimum(first_col + col_offset, last_col)] = (
                    True
                )
        blocks = frozenset((int(r), int(c)) for r, c in zip(*touched.nonzero(), strict=True))
        if selected is None:
            self._blocks[block_shape] = blocks
        return blocks

    def _span(
        self,
        start: NDArray[Any],
        positions: Positions,
        shown: NDArray[np.bool_],
        max_length: int,
        size: int,
        block: int,
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """First and last block of each pixel in `shown`, in one direction."""
        length = np.ceil(positions[1][shown]).astype(int) if len(positions) == 2 else max_length
        first = np.clip(start * self.step, 0, size - 1)
        last = np.clip((start + length) * self.step - 1, 0, size - 1)
        return first // block, last // block


def kernel_support(target: Grid, source: Grid, radius: int) -> ResamplingSupport | None:
    """The support of a kernel of `radius` source pixels around each target pixel's centre; None if all are outside.

    A target pixel whose centre is outside the source has no support. Kernels are wider if the target is coarser.
    """
    reachable_part = reachable(target, source)
    if reachable_part is None:
        return None
    col, row = source_coordinates(target, source, *reachable_part)
    with np.errstate(invalid="ignore"):
        inside = (col >= -ON_EDGE) & (col < source.width - ON_EDGE)
        inside &= (row >= -ON_EDGE) & (row < source.height - ON_EDGE)
    if not inside.any():
        return None
    step, scale, _ = _scales(target, source)
    axes = []
    for coordinate, widening in ((row, scale[0]), (col, scale[1])):
        centre = np.where(inside, coordinate, 0.0) / step - 0.5
        pixel = np.floor(centre + ON_EDGE)
        half_width = kernel_half_width(radius, widening)
        position = np.maximum(centre - pixel, 0.0).astype(np.float32)
        axes.append(_Axis(pixel.astype(np.int32) - (half_width - 1), (position,), 2 * half_width))
    return _support(reachable_part, source, step, scale, axes, inside)


def kernel_half_width(radius: int, widening: float) -> int:
    """Number of pixels on either side of the centre of a kernel widened by a factor."""
    return math.ceil(radius * widening - ON_EDGE)


def box_support(target: Grid, source: Grid) -> ResamplingSupport | None:
    """The support of the box of source pixels that each target pixel covers; None if all are outside the source.

    As in GDAL, the box spans the pixel's upper left and lower right corners. For sources rotated by more than 24
    degrees, where that box would be far too narrow, it spans all four corners. It is clipped to the source.
    """
    reachable_part = reachable(target, source)
    if reachable_part is None:
        return None
    step, scale, expected = _scales(target, source)
    extents, inside = _box_extents(target, source, reachable_part, expected)
    if not inside.any():
        return None
    axes = []
    for low, high in extents:
        low, high = (np.where(inside, coordinate, 0.0) / step for coordinate in (low, high))
        pixel = np.floor(low + ON_EDGE)
        start = np.maximum(low - pixel, 0.0)
        stop = np.maximum(high - pixel, start + MIN_BOX)
        positions = start.astype(np.float32), stop.astype(np.float32)
        axes.append(_Axis(pixel.astype(np.int32), positions, math.ceil(float(stop.max()) - ON_EDGE)))
    return _support(reachable_part, source, step, scale, axes, inside)


def _box_extents(
    target: Grid, source: Grid, part: tuple[slice, slice], expected: Pair
) -> tuple[list[tuple[Floats, Floats]], NDArray[np.bool_]]:
    """Low and high end of each target pixel's box in source rows and columns, and whether it is in the source."""
    col, row = source_coordinates(*_corner_centres(target, source, *part))
    ends = [(slice(None, -1), slice(None, -1)), (slice(1, None), slice(1, None))]
    if not _diagonal_is_representative(target, source):
        ends += [(slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None))]
    inside = np.ones([axis - 1 for axis in col.shape], bool)
    extents = []
    columns = columns_per_turn(source)
    with np.errstate(invalid="ignore"):
        for coordinate, size, expected_size, full_turn in (
            (row, source.height, expected[0], None),
            (col, source.width, expected[1], columns),
        ):
            corners = [coordinate[end] for end in ends]
            corners = [corners[0], *(nearest_turn(corner, corners[0], full_turn) for corner in corners[1:])]
            low, high = np.minimum.reduce(corners), np.maximum.reduce(corners)
            inside &= high - low <= MAX_BOX * max(expected_size, 1.0)
            if full_turn is not None:  # a box across the source's left edge starts a full turn further
                low, high = (
                    np.where((low >= size) & (high > full_turn), each - full_turn, each) for each in (low, high)
                )
            low, high = np.maximum(low, 0.0), np.minimum(high, size)
            inside &= high - low > ON_EDGE
            extents.append((low, high))
    return extents, inside


class _Axis(NamedTuple):
    """The support along one axis: start pixels `(y, x)`, positions, and the largest number of pixels."""

    start: NDArray[np.int32]
    positions: Positions
    length: int


def _support(
    target: tuple[slice, slice],
    source: Grid,
    step: int,
    scale: Pair,
    axes: Sequence[_Axis],
    inside: NDArray[np.bool_],
) -> ResamplingSupport:
    """The support from its two axes, rows and columns."""
    (row, row_positions, rows), (col, col_positions, cols) = axes
    complete = bool(inside.all())
    used = (row, col) if complete else (row[inside], col[inside])
    (top, bottom), (left, right) = ((int(values.min()), int(values.max())) for values in used)
    window = Window(top, left, bottom + rows, right + cols)
    upper_left = (row - top) * np.int32(window.shape[1]) + (col - left)
    if not complete:
        upper_left[~inside] = 0
    return ResamplingSupport(
        *target,
        window,
        source.shape,
        step,
        scale,
        (rows, cols),
        upper_left,
        row_positions,
        col_positions,
        None if complete else inside,
    )


def _corner_centres(target: Grid, source: Grid, rows: slice, cols: slice) -> tuple[Grid, Grid, slice, slice]:
    """Arguments for `source_coordinates` that give pixel corners: pixel centres of a grid shifted by half a pixel."""
    a, b, _, d, e, _ = tuple(target.transform)[:6]
    x, y = target.at(-0.5, -0.5)
    shifted = Grid(target.crs, Affine(a, b, x, d, e, y), target.width + 1, target.height + 1)
    return shifted, source, slice(rows.start, rows.stop + 1), slice(cols.start, cols.stop + 1)


def _scales(target: Grid, source: Grid) -> tuple[int, Pair, Pair]:
    """Pixels per side that are combined first, factors by which kernels are widened, and the expected size of a box.

    Factors and size are `(rows, columns)` at the source's centre.
    """
    expected = _extents(target.crs, tuple(target.transform)[:6], source)[0]
    step = 1 if max(expected) <= MAX_SCALE else 2 ** math.ceil(math.log2(max(expected) / MAX_SCALE))
    per_step = expected[0] / step, expected[1] / step
    scale = (1.0, 1.0) if max(per_step) <= EQUAL_RATIO else (max(1.0, per_step[0]), max(1.0, per_step[1]))
    return step, scale, expected


def _diagonal_is_representative(target: Grid, source: Grid) -> bool:
    """Whether the box between a pixel's upper left and lower right corners is about as large as the pixel."""
    extents, box = _extents(target.crs, tuple(target.transform)[:6], source)
    return all(diagonal >= 0.5 * extent for extent, diagonal in zip(extents, box, strict=True))


@lru_cache(maxsize=4096)
def _extents(crs: str, matrix: tuple[float, ...], source: Grid) -> tuple[Pair, Pair]:
    """Size of a target pixel and extent of its diagonal, in source rows and columns at the source's centre.

    The pixel's size does not depend on the source's rotation. Both are 1 x 1 if the centre has no position in the
    target's CRS.
    """
    a, b, _, d, e, _ = matrix
    x, y = transformer(source.crs, crs).transform(*source.centre)
    xs, ys = transformer(crs, source.crs).transform([x, x + a, x + b], [y, y + d, y + e])
    if not all(map(math.isfinite, (*xs, *ys))):
        return (1.0, 1.0), (1.0, 1.0)
    inverse, full_turn = ~source.transform, full_circle(source.crs)
    (col, row), *steps = [
        (inverse.a * u + inverse.b * v, inverse.d * u + inverse.e * v)
        for u, v in zip((nearest_turn(each, xs[0], full_turn) for each in xs), ys, strict=True)
    ]
    (right_col, right_row), (down_col, down_row) = ((u - col, v - row) for u, v in steps)
    extents = math.hypot(right_row, down_row), math.hypot(right_col, down_col)
    return extents, (abs(right_row + down_row), abs(right_col + down_col))
