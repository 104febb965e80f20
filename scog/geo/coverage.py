"""Shares: how much of each pixel lies inside polygons, exactly.

Each edge of the polygons is cut where it crosses a line between pixels. A piece lies within one pixel then: it says how
much of that pixel lies to its right, and that of every pixel further right in its row it adds its whole height. With
edges that go up counting against those that go down, sums along the rows are the shares: inside of outlines, not in
their holes. So only pixels on an outline cost work, and nothing is too small or too far away.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from scog.geo.grid import Grid

NOTHING = 1e-9
"""Of a pixel: what rounding leaves. Less is nothing, and as near to all of it is all."""
CROSSINGS = 1_000_000
"""Pieces of edges that are looked at together; they take 100 bytes each."""

Floats = NDArray[np.float64]


def share(grid: Grid, polygons: BaseGeometry) -> NDArray[np.float32]:
    """How much of each pixel of a grid, 0 to 1, lies inside polygons given in its CRS: float32 `(y, x)`.

    `polygons` is a valid Polygon or MultiPolygon, be it smaller than a pixel or larger than the grid.
    """
    height, width = grid.shape
    sums = np.zeros(height * (width + 1))
    start, end = _edges(grid, polygons)
    for some in _portions(start, end, grid.shape):
        _add(sums, start[some], end[some], grid.shape)
    found = np.cumsum(sums.reshape(height, width + 1)[:, :width], axis=1)
    found[found < NOTHING] = 0.0
    found[found > 1 - NOTHING] = 1.0
    return found.astype(np.float32)


def _edges(grid: Grid, polygons: BaseGeometry) -> tuple[Floats, Floats]:
    """Where each edge starts and ends `(edge, 2)`, in columns and rows; what is inside lies to the right of those that
    go down.
    """
    a, b, c, d, e, f = tuple(grid.transform)[:6]
    determinant = a * e - b * d
    starts, ends = [np.zeros((0, 2))], [np.zeros((0, 2))]
    for polygon in shapely.get_parts(polygons):
        for place, ring in enumerate((polygon.exterior, *polygon.interiors)):
            x, y = (shapely.get_coordinates(ring) - (c, f)).T
            corners = np.stack(((e * x - b * y) / determinant, (a * y - d * x) / determinant), axis=1)
            if (_area(corners) > 0) == (place == 0):
                corners = corners[::-1]
            starts.append(corners[:-1])
            ends.append(corners[1:])
    return np.concatenate(starts), np.concatenate(ends)


def _area(corners: Floats) -> float:
    """Of a closed ring `(corner, 2)`, signed by its direction."""
    x, y = (corners - corners[:1].sum(axis=0)).T  # near 0, where there are more digits
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum()) / 2


def _portions(start: Floats, end: Floats, shape: tuple[int, int]) -> Iterator[slice]:
    """Edges in portions of bounded work."""
    height, width = shape
    work = sum(_lines(start[:, axis], end[:, axis], size)[1] for axis, size in ((0, width), (1, height)))
    total = np.cumsum(work + 2)
    first = 0
    while first < len(total):
        before = total[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(total, before + CROSSINGS, "right")))
        yield slice(first, last)
        first = last


def _add(sums: Floats, start: Floats, end: Floats, shape: tuple[int, int]) -> None:
    """Add what edges say of pixels to sums, `width + 1` for each row."""
    height, width = shape
    x, y, same = _pieces(start, end, shape)
    tall = np.diff(y)
    row = np.floor((y[1:] + y[:-1]) / 2)
    across = np.clip((x[1:] + x[:-1]) / 2, 0, width)
    used = same & (tall != 0) & (row >= 0) & (row < height) & (across < width)
    tall, row, across = tall[used], row[used].astype(np.int64), across[used]
    col = across.astype(np.int64)
    here = row * (width + 1) + col
    beside = tall * (across - col)  # of the pixel, what lies to the left of the piece
    for places, amount in ((here, tall - beside), (here + 1, beside)):
        np.add.at(sums, places, amount)


def _pieces(start: Floats, end: Floats, shape: tuple[int, int]) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Columns and rows of the places where edges start, end, and cross a line between pixels, one edge after the other
    and along each; and for each but the last whether the next is of the same edge.
    """
    count, step = len(start), end - start
    edges = [np.arange(count), np.arange(count)]
    along = [np.zeros(count), np.ones(count)]
    places = [start, end]
    for axis, size in ((0, shape[1]), (1, shape[0])):
        first, lines = _lines(start[:, axis], end[:, axis], size)
        edge = np.repeat(np.arange(count), lines)
        line = np.arange(len(edge)) - np.repeat(np.cumsum(lines) - lines, lines) + np.repeat(first, lines)
        share = (line - start[edge, axis]) / step[edge, axis]
        place = start[edge] + share[:, np.newaxis] * step[edge]
        place[:, axis] = line  # without what rounding does
        edges.append(edge)
        along.append(share)
        places.append(place)
    edge, place = np.concatenate(edges), np.concatenate(places)
    order = np.lexsort((np.concatenate(along), edge))
    x, y = place[order].T
    return x, y, np.diff(edge[order]) == 0


def _lines(start: Floats, end: Floats, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first line between `size` pixels that each edge crosses, and how many it does, the outermost included."""
    low, high = np.minimum(start, end), np.maximum(start, end)
    first = np.ceil(np.clip(low, 0, size + 1))
    last = np.floor(np.clip(high, -1, size))
    lines = np.where(low < high, np.maximum(last - first + 1, 0), 0)
    return first.astype(np.int64), lines.astype(np.int64)
