"""Footprints that intersect bounds, computed for all scenes at once with arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Bounds = tuple[float, float, float, float]
"""West, south, east, north in degrees; west may be greater than east across the antimeridian."""


class Footprints:
    """Footprints of `count` scenes, each of one or several closed rings, prepared for queries.

    The longitudes of a ring have no jumps and may exceed 180 (see `scog.geo.outline`).
    """

    def __init__(self, rings: Sequence[Sequence[Sequence[tuple[float, float]]]]) -> None:
        self.count = len(rings)
        flat = [(scene, tuple(ring)) for scene, scene_rings in enumerate(rings) for ring in scene_rings]
        longest = max((len(ring) for _, ring in flat), default=1)
        self._scene = np.array([scene for scene, _ in flat], np.int64)
        # Shorter rings repeat their last corner: edges of length 0 change nothing.
        self._corners = np.zeros((len(flat), longest, 2))
        for number, (_, ring) in enumerate(flat):
            self._corners[number, : len(ring)] = ring
            self._corners[number, len(ring) :] = ring[-1]
        self._low = self._corners.min(axis=1) if flat else np.zeros((0, 2))
        self._high = self._corners.max(axis=1) if flat else np.zeros((0, 2))
        self._west, self._east = (float(self._low[:, 0].min()), float(self._high[:, 0].max())) if flat else (0.0, 0.0)
        self._edges = _Edges(self._corners)

    def touching(self, bounds: Bounds) -> NDArray[np.bool_]:
        """Whether each scene's footprint intersects bounds: bool `(scenes,)`."""
        west, south, east, north = bounds
        if east < west:
            east += 360.0
        touched = np.zeros(self.count, bool)
        for turn in (-360.0, 0.0, 360.0):
            if east - turn < self._west or west - turn > self._east:
                continue
            rectangle = (west - turn, south, east - turn, north)
            candidates = self._candidates(rectangle)
            if candidates.size:
                touched[self._scene[candidates[self._edges.intersect(candidates, rectangle)]]] = True
        return touched

    def cells(self, bounds: Bounds, count: int) -> NDArray[np.bool_]:
        """Whether the centre of each cell of bounds is within each scene's footprint: bool `(scenes, count x count)`.

        A footprint without any cell's centre gets the cell that contains its own centre.
        """
        west, south, east, north = bounds
        if east < west:
            east += 360.0
        steps = (np.arange(count) + 0.5) / count
        x, y = (part.ravel() for part in np.meshgrid(west + steps * (east - west), south + steps * (north - south)))
        covered = np.zeros((self.count, count * count), bool)
        for turn in (-360.0, 0.0, 360.0):
            for row in self._candidates((west - turn, south, east - turn, north)):
                inside = _contains(self._corners[row], x - turn, y)
                if not inside.any():
                    centre = (self._low[row] + self._high[row]) / 2 + (turn, 0.0)
                    position = (centre - (west, south)) / (east - west, north - south)
                    col, row_number = np.clip(position * count, 0, count - 1).astype(int)
                    inside[row_number * count + col] = True
                covered[self._scene[row]] |= inside
        return covered

    def _candidates(self, rectangle: Bounds) -> NDArray[np.int64]:
        """Indices of the rings whose bounding boxes intersect a rectangle."""
        west, south, east, north = rectangle
        return (
            (self._low[:, 0] <= east)
            & (self._high[:, 0] >= west)
            & (self._low[:, 1] <= north)
            & (self._high[:, 1] >= south)
        ).nonzero()[0]


def _contains(ring: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether a closed ring `(corners, 2)` contains each point."""
    start, end = ring[:-1, :, None], ring[1:, :, None]
    above = (start[:, 1] > y) != (end[:, 1] > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = start[:, 0] + (y - start[:, 1]) / (end[:, 1] - start[:, 1]) * (end[:, 0] - start[:, 0])
    inside: NDArray[np.bool_] = (np.count_nonzero(above & (x < crossing), axis=0) % 2).astype(bool)
    return inside


class _Edges:
    """Edges of closed rings `(n, corners, 2)`, precomputed since every tile is tested against them."""

    def __init__(self, rings: NDArray[np.float64]) -> None:
        self._x, self._y, self._end = (
            np.ascontiguousarray(part) for part in (rings[:, :-1, 0], rings[:, :-1, 1], rings[:, 1:, 1])
        )
        self._step_x, self._step_y = rings[:, 1:, 0] - self._x, self._end - self._y

    def intersect(self, rows: NDArray[np.int64], rectangle: Bounds) -> NDArray[np.bool_]:
        """Whether each of the given rings intersects a rectangle: edges cross, or one contains the other.

        An edge intersects the rectangle if clipping leaves a part of it (Y.-D. Liang and B. A. Barsky, 1984).
        """
        west, south, east, north = rectangle
        parts = self._x, self._y, self._end, self._step_x, self._step_y
        x, y, end, step_x, step_y = parts if len(rows) == len(self._x) else (part[rows] for part in parts)
        with np.errstate(divide="ignore", invalid="ignore"):
            # An edge parallel to an axis is entered and left at infinity. On a side of the rectangle that is NaN, which
            # counts as within.
            left, right = np.fmax((west - x) / step_x, -np.inf), np.fmin((east - x) / step_x, np.inf)
            lower, upper = np.fmax((south - y) / step_y, -np.inf), np.fmin((north - y) / step_y, np.inf)
            enter = np.maximum(np.minimum(left, right), np.minimum(lower, upper))
            leave = np.minimum(np.maximum(left, right), np.maximum(lower, upper))
            crossing = (enter <= leave) & (enter <= 1.0) & (leave >= 0.0)
            # If no edge crosses, the rectangle is entirely inside or outside the ring, so one point of it decides.
            crossed_east = ((y > south) != (end > south)) & (west < x + (south - y) / step_y * step_x)
        contains: NDArray[np.bool_] = np.count_nonzero(crossed_east, axis=1) % 2 == 1
        return crossing.any(axis=1) | contains
