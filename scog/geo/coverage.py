"""Coverage fractions: the exact share of each pixel that is inside polygons.

Each edge of the polygons is cut where it crosses a line between pixels, so that each piece is within one pixel. A piece
determines the area of its pixel to its right, and adds its full height to every pixel further right in its row. Edges
that go up and edges that go down count with opposite signs, so cumulative sums along the rows are the fractions: inside
the exterior rings, outside the holes. Only pixels on an outline cost time, and polygons may be of any size and at any
distance.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from scog.geo.grid import Grid

ROUNDING = 1e-9
"""Rounding error as a share of a pixel. Fractions below it become 0, and fractions above 1 minus it become 1."""
MAX_PIECES = 1_000_000
"""Maximum number of pieces of edges processed at a time. Each takes 100 bytes."""

Floats = NDArray[np.float64]


def coverage_fractions(grid: Grid, polygons: BaseGeometry) -> NDArray[np.float32]:
    """Fraction of each pixel, 0 to 1, that is inside polygons given in the grid's CRS: float32 `(y, x)`.

    `polygons` is a valid Polygon or MultiPolygon. It may be smaller than a pixel or larger than the grid.
    """
    height, width = grid.shape
    sums = np.zeros(height * (width + 1))
    start, end = _edges(grid, polygons)
    for part in _batches(start, end, grid.shape):
        _accumulate(sums, start[part], end[part], grid.shape)
    fractions = np.cumsum(sums.reshape(height, width + 1)[:, :width], axis=1)
    fractions[fractions < ROUNDING] = 0.0
    fractions[fractions > 1 - ROUNDING] = 1.0
    return fractions.astype(np.float32)


def _edges(grid: Grid, polygons: BaseGeometry) -> tuple[Floats, Floats]:
    """Start and end of each edge, `(edge, 2)` each, in columns and rows.

    Rings are oriented so that the interior is to the right of edges that go down.
    """
    a, b, c, d, e, f = tuple(grid.transform)[:6]
    determinant = a * e - b * d
    starts, ends = [np.zeros((0, 2))], [np.zeros((0, 2))]
    for polygon in shapely.get_parts(polygons):
        for number, ring in enumerate((polygon.exterior, *polygon.interiors)):
            x, y = (shapely.get_coordinates(ring) - (c, f)).T
            corners = np.stack(((e * x - b * y) / determinant, (a * y - d * x) / determinant), axis=1)
            if (_signed_area(corners) > 0) == (number == 0):
                corners = corners[::-1]
            starts.append(corners[:-1])
            ends.append(corners[1:])
    return np.concatenate(starts), np.concatenate(ends)


def _signed_area(corners: Floats) -> float:
    """Area of a closed ring `(corner, 2)`, signed by its orientation."""
    x, y = (corners - corners[:1].sum(axis=0)).T  # near 0, where floats are more precise
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum()) / 2


def _batches(start: Floats, end: Floats, shape: tuple[int, int]) -> Iterator[slice]:
    """Slices of the edges, each with at most MAX_PIECES pieces unless it is a single edge."""
    height, width = shape
    crossed = sum(_crossed_lines(start[:, axis], end[:, axis], size)[1] for axis, size in ((0, width), (1, height)))
    points = np.cumsum(crossed + 2)
    start_edge = 0
    while start_edge < len(points):
        before = points[start_edge - 1] if start_edge else 0
        stop_edge = max(start_edge + 1, int(np.searchsorted(points, before + MAX_PIECES, "right")))
        yield slice(start_edge, stop_edge)
        start_edge = stop_edge


def _accumulate(sums: Floats, start: Floats, end: Floats, shape: tuple[int, int]) -> None:
    """Add the contributions of edges to `sums`, which has `width + 1` values per row."""
    height, width = shape
    x, y, same = _cut_at_lines(start, end, shape)
    heights = np.diff(y)
    row = np.floor((y[1:] + y[:-1]) / 2)
    x_mid = np.clip((x[1:] + x[:-1]) / 2, 0, width)
    used = same & (heights != 0) & (row >= 0) & (row < height) & (x_mid < width)
    heights, row, x_mid = heights[used], row[used].astype(np.int64), x_mid[used]
    col = x_mid.astype(np.int64)
    index = row * (width + 1) + col
    left_area = heights * (x_mid - col)  # area of the pixel to the left of the piece
    for target, amount in ((index, heights - left_area), (index + 1, left_area)):
        np.add.at(sums, target, amount)


def _cut_at_lines(start: Floats, end: Floats, shape: tuple[int, int]) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Columns and rows of the points where edges start, end, and cross a line between pixels.

    Points are sorted by edge, then along the edge. The third array is True for each point (except the last) if the next
    point is on the same edge.
    """
    count, step = len(start), end - start
    edges = [np.arange(count), np.arange(count)]
    fractions = [np.zeros(count), np.ones(count)]
    points = [start, end]
    for axis, size in ((0, shape[1]), (1, shape[0])):
        first, lines = _crossed_lines(start[:, axis], end[:, axis], size)
        edge = np.repeat(np.arange(count), lines)
        line = np.arange(len(edge)) - np.repeat(np.cumsum(lines) - lines, lines) + np.repeat(first, lines)
        fraction = (line - start[edge, axis]) / step[edge, axis]
        point = start[edge] + fraction[:, np.newaxis] * step[edge]
        point[:, axis] = line  # exact, without rounding
        edges.append(edge)
        fractions.append(fraction)
        points.append(point)
    edge, point = np.concatenate(edges), np.concatenate(points)
    order = np.lexsort((np.concatenate(fractions), edge))
    x, y = point[order].T
    return x, y, np.diff(edge[order]) == 0


def _crossed_lines(start: Floats, end: Floats, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First line between `size` pixels that each edge crosses, and how many it crosses, outer lines included."""
    low, high = np.minimum(start, end), np.maximum(start, end)
    first = np.ceil(np.clip(low, 0, size + 1))
    last = np.floor(np.clip(high, -1, size))
    lines = np.where(low < high, np.maximum(last - first + 1, 0), 0)
    return first.astype(np.int64), lines.astype(np.int64)
