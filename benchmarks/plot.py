"""Line plots as SVG with logarithmic axes, without a plotting library."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

from benchmarks.measure import Spread

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 170, 36, 44
COLORS = ("#d1495b", "#00798c", "#edae49", "#30638e", "#5b8e7d", "#8f6593", "#6c757d", "#bc6c25", "#003d5b", "#a1c181")


class Point(NamedTuple):
    """A position on the horizontal axis, and the measurements there."""

    x: float
    y: Spread


def plot(title: str, x_name: str, y_name: str, lines: Mapping[str, Sequence[Point]], *, log_x: bool) -> str:
    """An SVG with one line per name, and a bar from the 10th to the 90th percentile at each point."""
    points = [point for line in lines.values() for point in line]
    if not points:
        raise ValueError("there is nothing to plot")
    xs = _Axis([point.x for point in points], LEFT, WIDTH - RIGHT, log=log_x)
    ys = _Axis([value for point in points for value in point.y], HEIGHT - BOTTOM, TOP, log=True)
    middle = HEIGHT / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="20">{escape(title)}</text>',
        '<g font-size="12">',
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x_name)}</text>',
        f'<text x="14" y="{middle}" transform="rotate(-90 14 {middle})">{escape(y_name)}</text>',
    ]
    for value in ys.ticks():
        y = ys.at(value)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
    for value in sorted({point.x for point in points}):
        parts.append(f'<text x="{xs.at(value):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{value:g}</text>')
    for number, (name, line) in enumerate(lines.items()):
        color = COLORS[number % len(COLORS)]
        ordered = sorted(line)
        path = " ".join(f"{xs.at(point.x):.1f},{ys.at(point.y.median):.1f}" for point in ordered)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        for point in ordered:
            x, low, middle, high = xs.at(point.x), *(ys.at(value) for value in point.y)
            parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}" stroke="{color}"/>')
            parts.append(f'<circle cx="{x:.1f}" cy="{middle:.1f}" r="3" fill="{color}"/>')
        y = TOP + 10 + 18 * number
        parts.append(f'<rect x="{WIDTH - RIGHT + 14}" y="{y - 9}" width="12" height="12" fill="{color}"/>')
        parts.append(f'<text x="{WIDTH - RIGHT + 32}" y="{y + 1}">{escape(name)}</text>')
    return "\n".join([*parts, "</g></svg>", ""])


class _Axis:
    """Maps numbers to positions along an axis."""

    def __init__(self, values: Sequence[float], start: float, stop: float, *, log: bool) -> None:
        self._log, self._start, self._stop = log, start, stop
        low, high = self._scaled(min(values)), self._scaled(max(values))
        margin = 0.05 * (high - low) or 0.5
        self._low, self._high = low - margin, high + margin

    def at(self, value: float) -> float:
        """The position of a number."""
        return self._start + (self._scaled(value) - self._low) / (self._high - self._low) * (self._stop - self._start)

    def ticks(self) -> list[float]:
        """1, 2 and 5 times each power of ten within the axis."""
        powers = range(math.floor(self._low), math.ceil(self._high) + 1)
        every = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
        return [value for value in every if self._low <= math.log10(value) <= self._high]

    def _scaled(self, value: float) -> float:
        return math.log10(max(value, 1e-6)) if self._log else value
