"""Which of many footprints touch a rectangle: by arrays, all at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Bounds = tuple[float, float, float, float]
"""West, south, east, north in degrees; west may be greater than east across the antimeridian."""


class Footprints:
    """The outlines of `count` scenes, each of one closed ring or several, ready to be asked.

    Longitudes of a ring have no jumps, and may go on beyond 180 (see `scog.geo.outline`).
    """

    def __init__(self, rings: Sequence[Sequence[Sequence[tuple[float, float]]]]) -> None:
        self.count = len(rings)
        flat = [(owner, tuple(ring)) for owner, group in enumerate(rings) for ring in group]
        longest = max((len(ring) for _, ring in flat), default=1)
        self._owner = np.array([owner for owner, _ in flat], np.int64)
        # Shorter rings repeat their last corner: edges without length change nothing.
        self._corners = np.zeros((len(flat), longest, 2))
        for row, (_, ring) in enumerate(flat):
            self._corners[row, : len(ring)] = ring
            self._corners[row, len(ring) :] = ring[-1]
        self._low = self._corners.min(axis=1) if flat else np.zeros((0, 2))
        self._high = self._corners.max(axis=1) if flat else np.zeros((0, 2))
        self._west, self._east = (float(self._low[:, 0].min()), float(self._high[:, 0].max())) if flat else (0.0, 0.0)
        self._edges = _Edges(self._corners)

    def touching(self, bounds: Bounds) -> NDArray[np.bool_]:
        """For each scene, whether its footprint and the rectangle have a place in common."""
        west, south, east, north = bounds
        if east < west:
            east += 360.0
        hit = np.zeros(self.count, bool)
        for turn in (-360.0, 0.0, 360.0):
            if east - turn < self._west or west - turn > self._east:
                continue
            rectangle = (west - turn, south, east - turn, north)
            near = self._near(rectangle)
            if near.size:
                hit[self._owner[near[self._edges.meet(near, rectangle)]]] = True
        return hit

    def cells(self, bounds: Bounds, count: int) -> NDArray[np.bool_]:
        """For each scene, the cells of bounds whose middle its footprint holds: bool `(scenes, count x count)`.

        A footprint that lies between the middles holds the cell of its own, so that small ones are not lost.
        """
        west, south, east, north = bounds
        if east < west:
            east += 360.0
        steps = (np.arange(count) + 0.5) / count
        x, y = (part.ravel() for part in np.meshgrid(west + steps * (east - west), south + steps * (north - south)))
        held = np.zeros((self.count, count * count), bool)
        for turn in (-360.0, 0.0, 360.0):
            for row in self._near((west - turn, south, east - turn, north)):
                holds = _holds(self._corners[row], x - turn, y)
                if not holds.any():
                    middle = (self._low[row] + self._high[row]) / 2 + (turn, 0.0)
                    share = (middle - (west, south)) / (east - west, north - south)
                    column, line = np.clip(share * count, 0, count - 1).astype(int)
                    holds[line * count + column] = True
                held[self._owner[row]] |= holds
        return held

    def _near(self, rectangle: Bounds) -> NDArray[np.int64]:
        """Rows of the rings whose own bounds touch a rectangle."""
        west, south, east, north = rectangle
        return (
            (self._low[:, 0] <= east)
            & (self._high[:, 0] >= west)
            & (self._low[:, 1] <= north)
            & (self._high[:, 1] >= south)
        ).nonzero()[0]


def _holds(ring: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    """For each place, whether a closed ring `(corners, 2)` holds it."""
    start, end = ring[:-1, :, None], ring[1:, :, None]
    above = (start[:, 1] > y) != (end[:, 1] > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = start[:, 0] + (y - start[:, 1]) / (end[:, 1] - start[:, 1]) * (end[:, 0] - start[:, 0])
    held: NDArray[np.bool_] = (np.count_nonzero(above & (x < at), axis=0) % 2).astype(bool)
    return held


class _Edges:
    """The edges of closed rings `(n, corners, 2)`, taken apart beforehand: every tile is held against them."""

    def __init__(self, rings: NDArray[np.float64]) -> None:
        self._x, self._y, self._end = (
            np.ascontiguousarray(part) for part in (rings[:, :-1, 0], rings[:, :-1, 1], rings[:, 1:, 1])
        )
        self._step_x, self._step_y = rings[:, 1:, 0] - self._x, self._end - self._y

    def meet(self, rows: NDArray[np.int64], rectangle: Bounds) -> NDArray[np.bool_]:
        """Which of these rings share a place with a rectangle: edges cross, or one holds the other.

        An edge meets the rectangle when clipping it leaves something (Liang and Barsky, 1984).
        """
        west, south, east, north = rectangle
        parts = self._x, self._y, self._end, self._step_x, self._step_y
        x, y, end, step_x, step_y = parts if len(rows) == len(self._x) else (part[rows] for part in parts)
        with np.errstate(divide="ignore", invalid="ignore"):
            # Edges that run along an axis are entered and left infinitely far away; on a side of the rectangle that
            # is NaN, which stands for within.
            left, right = np.fmax((west - x) / step_x, -np.inf), np.fmin((east - x) / step_x, np.inf)
            lower, upper = np.fmax((south - y) / step_y, -np.inf), np.fmin((north - y) / step_y, np.inf)
            enter = np.maximum(np.minimum(left, right), np.minimum(lower, upper))
            leave = np.minimum(np.maximum(left, right), np.maximum(lower, upper))
            crossing = (enter <= leave) & (enter <= 1.0) & (leave >= 0.0)
            # No edge crosses: then the rectangle lies wholly inside the ring or wholly outside; any place of it tells.
            over = ((y > south) != (end > south)) & (west < x + (south - y) / step_y * step_x)
        holds: NDArray[np.bool_] = np.count_nonzero(over, axis=1) % 2 == 1
        return crossing.any(axis=1) | holds
