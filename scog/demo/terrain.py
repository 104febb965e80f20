"""The terrain of the island: coast, elevation, sea floor, lake and rivers.

All arrays are float32 `(y, x)` of one tile; lengths are in metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scog.demo.mgrs import PIXEL
from scog.demo.noise import Floats, fractal, ridges, smoothstep
from scog.demo.polylines import Line, distance, meandering, smooth

LAKE = (150.0, 900.0)
RIVERS: tuple[tuple[Line, float], ...] = (  # line, half width
    (meandering(smooth([(-3900, -350), (-2900, 100), (-1900, 900), (-950, 700), (-200, 850)]), 120, 900), 9),
    (meandering(smooth([(400, 800), (1200, 250), (1500, -700), (2000, -1500), (2250, -2900)]), 230, 1250), 20),
)
_BODY = (
    ((-6400, 500), (-2600, -100), 2800),
    ((-2600, 100), (3300, 750), 2700),
    ((3400, 900), (7400, -400), 1650),
    ((-1900, 2500), (-1300, 4100), 350),
    ((4600, 1800), (5300, 3900), 300),
    ((-7300, -800), (-8250, -2050), 250),
    ((4900, -1600), (5700, -3200), 420),
)
_BAY = ((3000, -3300), (3150, -2300), 1150)
_COVE = ((-3000, 4300), (-2700, 3100), 500)


@dataclass(frozen=True)
class Terrain:
    """Elevation and water of one tile."""

    inland: Floats  # approximate distance from the coast, negative at sea
    height: Floats  # above the sea, 0 at sea
    depth: Floats  # of the sea, 0 on land
    gentle: Floats  # 0 at cliffs, 1 at beaches
    lake: Floats  # approximate distance from the lake's shore, positive inside
    river: Floats  # distance from the banks of the nearest river, negative in the water
    slope_east: Floats  # rise over run
    slope_north: Floats
    relief: Floats  # relative brightness, around 1; ravines are darker than crests


def terrain(x: Floats, y: Floats) -> Terrain:
    """Terrain `(y, x)` at frame coordinates `(y, x)` in metres."""
    gentle = smoothstep(x + 4200 * fractal(x, y, 2600, 2, 11), -3000, 500)
    inland = _inland(x, y, gentle)
    lake = _lake(x, y)
    river = np.minimum.reduce([distance(x, y, line, 900) - half for line, half in RIVERS])
    height = _height(x, y, inland, np.minimum(river, np.maximum(-lake, 0)))
    rise_south, rise_east = (np.asarray(rise, np.float32) for rise in np.gradient(height, PIXEL))
    return Terrain(inland, height, _depth(x, y, inland, gentle), gentle, lake, river, rise_east, -rise_south,
                   _relief(height))  # fmt: skip


def _capsule(x: Floats, y: Floats, a: tuple[float, float], b: tuple[float, float], radius: float) -> Floats:
    """Signed distance from a line segment thickened to `radius`, negative inside."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    along = np.clip(((x - a[0]) * dx + (y - a[1]) * dy) / (dx * dx + dy * dy), 0, 1).astype(np.float32)
    return np.asarray(np.hypot(x - a[0] - along * dx, y - a[1] - along * dy) - radius, np.float32)


def _inland(x: Floats, y: Floats, gentle: Floats) -> Floats:
    """Distance from the coast: a smooth union of capsules with noise, which is stronger at cliffs."""
    bodies = [np.exp(-_capsule(x, y, *body) / 500) for body in _BODY]
    inland = 500 * np.log(sum(bodies))
    torn = 700 * fractal(x, y, 2300, 4, 21) + (250 - 170 * gentle) * fractal(x, y, 480, 4, 22, 0.62)
    inland = inland + torn
    for dent in (_BAY, _COVE):
        inland = np.minimum(inland, _capsule(x, y, *dent) + 0.5 * torn)
    return np.asarray(inland, np.float32)


def _lake(x: Floats, y: Floats) -> Floats:
    """Approximate distance from the lake's shore, positive inside."""
    along, across = (x - LAKE[0]) * 0.8 + (y - LAKE[1]) * 0.6, (y - LAKE[1]) * 0.8 - (x - LAKE[0]) * 0.6
    shore = 430 - np.hypot(along * 0.62, across) + 130 * fractal(x, y, 700, 3, 31)
    return np.asarray(shore, np.float32)


def _height(x: Floats, y: Floats, inland: Floats, water: Floats) -> Floats:
    """Elevation: plains, hills, a ridge in the east, a mountain in the west, and valleys along water."""
    shift_x, shift_y = 420 * fractal(x, y, 2000, 2, 41), 420 * fractal(x, y, 2000, 2, 42)
    crests = ridges(x + shift_x, y + shift_y, 2300, 6, 43)
    mountain = np.exp(-(((x + 5500) / 2300) ** 2) - ((y - 450) / 1750) ** 2)
    east = np.exp(-(((x - 5000) / 1900) ** 2) - ((y - 1350 + 0.25 * (x - 5000)) / 800) ** 2)
    north = np.exp(-(((x + 1200) / 1500) ** 2) - ((y - 2500) / 700) ** 2)
    high = 1150 * mountain * (0.25 + crests) + 330 * east * (0.3 + crests) + 260 * north * (0.3 + crests)
    rolling = 26 * (fractal(x, y, 1500, 3, 44) + 0.7)
    land = smoothstep(inland, 0, 700)
    valley = 0.25 + 0.75 * smoothstep(water, 0, 600)
    height = (6 + rolling + high) * (0.12 + 0.88 * land) * valley
    return np.asarray(np.where(inland > 0, np.maximum(height, 1), 0), np.float32)


def _relief(height: Floats) -> Floats:
    """Relative brightness, from the elevation relative to the mean of the points 60 m away."""
    padded = np.pad(height, 6, mode="edge")
    around = (padded[:-12, 6:-6] + padded[12:, 6:-6] + padded[6:-6, :-12] + padded[6:-6, 12:]) / 4
    return np.asarray(1 + np.clip((height - around) / 28, -0.45, 0.5), np.float32)


def _depth(x: Floats, y: Floats, inland: Floats, gentle: Floats) -> Floats:
    """Depth of the sea: shallow off beaches, steep off cliffs, with banks and channels."""
    off = np.maximum(-inland, 0)
    steep = 0.065 - 0.052 * gentle
    banks = 1 + 0.55 * fractal(x, y, 900, 4, 51)
    return np.asarray(off * steep * banks + (off / 900) ** 2 * 9, np.float32)
