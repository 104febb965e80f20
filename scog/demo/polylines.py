"""Polylines of rivers, roads and moles: smooth curves through points, and distances to them.

Lines are float64 `(points, 2)` in frame coordinates, metres.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from scog.demo.noise import Floats

Line = NDArray[np.float64]
_CHUNK = 61  # side length in pixels of the chunks for which distances are computed: 1098 = 18 x 61


def smooth(points: list[tuple[float, float]], step: float = 60) -> Line:
    """Catmull-Rom spline through the points, with a vertex about every `step` metres."""
    p = np.asarray([points[0], *points, points[-1]], float)
    segments = []
    for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False):
        count = max(2, round(float(np.hypot(*(c - b))) / step))
        t = (np.arange(count) / count)[:, None]
        segments.append(
            0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        )
    return np.vstack([*segments, p[-1:]])


def meandering(line: Line, swing: float, length: float) -> Line:
    """Add meanders with an amplitude of `swing` metres and a wavelength of about `length` metres."""
    tangent = np.gradient(line, axis=0)
    tangent /= np.hypot(tangent[:, :1], tangent[:, 1:])
    run = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    damping = np.minimum(1, np.minimum(run, run[-1] - run) / 500)  # both ends stay in place
    offset = swing * damping * (np.sin(run * 2 * np.pi / length) + 0.5 * np.sin(run * 3.7 / length + 1.3))
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    return np.asarray(line + offset[:, None] * normal, float)


def distance(x: Floats, y: Floats, line: Line, reach: float) -> Floats:
    """Distance in metres from each position `(y, x)` to the line, at most `reach`; float32 `(y, x)`."""
    result = np.full(x.shape, reach, np.float32)
    start, stop = line[:-1], line[1:]
    for chunk in _chunks(x.shape):
        px, py = x[chunk], y[chunk]
        centre = np.array([px.mean(), py.mean()])
        radius = float(np.hypot(px - centre[0], py - centre[1]).max())
        near = _to_segments(np.full((1, 1), centre[0]), np.full((1, 1), centre[1]), start, stop)[:, 0, 0]
        for k in np.flatnonzero(near < reach + radius):
            away = _to_segments(px, py, start[k : k + 1], stop[k : k + 1])[0]
            np.minimum(result[chunk], away, out=result[chunk])
    return result


def _chunks(shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    for row in range(0, shape[0], _CHUNK):
        for column in range(0, shape[1], _CHUNK):
            yield slice(row, row + _CHUNK), slice(column, column + _CHUNK)


def _to_segments(x: NDArray[np.floating], y: NDArray[np.floating], start: Line, stop: Line) -> Floats:
    """Distance of each position to each segment, `(segments, y, x)`."""
    ax, ay = (start[:, i, None, None].astype(np.float32) for i in (0, 1))
    dx, dy = ((stop - start)[:, i, None, None].astype(np.float32) for i in (0, 1))
    along = ((x - ax) * dx + (y - ay) * dy) / np.maximum(dx * dx + dy * dy, np.float32(1e-6))
    along = np.clip(along, 0, 1)
    return np.asarray(np.hypot(x - ax - along * dx, y - ay - along * dy), np.float32)
