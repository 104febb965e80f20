"""The chart of the documents: an SVG with bars of each peer's time relative to scog."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import NamedTuple

from benchmarks.targets import SHARED, Target

WIDTH, LABELS, RIGHT = 760, 236, 64
TOP, HEADING, BAR, GAP, SPACE, NOTES_HEIGHT = 66, 24, 16, 6, 22, 62
OURS, PEERS, PHYSICS = "#1f6f8b", "#d98032", "#a3adb5"
INK, MUTED, LINES = "#1f2933", "#59636e", "#e3e7ea"
TITLE = "Time relative to scog (shorter is faster)"
SUBTITLE = "Nothing cached. Median ratio; the thin line spans the 10th to the 90th percentile."
NOTES = (
    "2 cores; files over TLS 1.3, 30 ms to the first byte, 50 MB/s for each connection. Of several zooms the worst",
    "counts, and of new and open connections the worse. Floor: round trips, the largest block, and decoding.",
)
GROUPS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "One NDVI tile, worst zoom": {
        "rio-tiler": ("cold tile z8 to z13, rio-tiler / scog", "cold tile z14 and z15, rio-tiler / scog"),
        "async-geotiff": ("cold tile, async-geotiff / scog",),
        "physical floor": ("cold tile, scog / floor",),
    },
    "Pan and zoom: 300 tiles, 8 clients": {
        "TiTiler": ("pan and zoom, first pass, TiTiler / scog",),
        "Terracotta": ("pan and zoom, first pass, Terracotta / scog",),
    },
    "Median of 20 dates, clouds masked": {
        "rio-tiler": ("median of 20 dates, cold, rio-tiler / scog",),
        "odc-stac": ("median of 20 dates, cold, odc-stac / scog",),
        "lazycogs": ("median of 20 dates, cold, lazycogs / scog",),
        "async-geotiff + scog's index map": (f"median of 20 dates, cold, {SHARED} / scog",),
        "physical floor": ("median of 20 dates, cold, scog / floor",),
    },
    "Time series of 100 scenes": {
        "odc-stac": ("series, cold, odc-stac / scog",),
        "rio-tiler": ("series, cold, rio-tiler / scog",),
    },
}
"""The targets that a bar shows, by group and label; the worst of several. Ratios `scog / ...` are inverted."""


class Bar(NamedTuple):
    """A bar: time relative to scog, and its 10th and 90th percentile."""

    label: str
    value: float
    low: float
    high: float


def speed_chart(targets: Iterable[Target]) -> str:
    """The chart as an SVG, without bars for targets not measured. Raises ValueError if none was measured."""
    by_name = {target.name: target for target in targets}
    groups = {title: _bars(labels, by_name) for title, labels in GROUPS.items()}
    groups = {title: bars for title, bars in groups.items() if bars}
    if not groups:
        raise ValueError("none of the targets of the chart was measured")
    most = max(max(bar.value, bar.high) for bars in groups.values() for bar in bars)
    scale = (WIDTH - LABELS - RIGHT) / most
    parts, y = [], TOP
    for title, bars in groups.items():
        parts.append(f'<text x="16" y="{y + 14}" font-weight="600">{escape(title)}</text>')
        y += HEADING
        for bar in sorted([*bars, Bar("scog", 1, 1, 1)], key=lambda each: each.value):
            parts += _drawn(bar, y, scale)
            y += BAR + GAP
        y += SPACE
    return _framed([*_grid(y - SPACE, scale, most), *parts], y - SPACE)


def _framed(parts: Iterable[str], bottom: int) -> str:
    """The SVG document: title, parts down to `bottom`, and notes."""
    height = bottom + NOTES_HEIGHT
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    font = f'font-family="system-ui, sans-serif" font-size="13" fill="{INK}"'
    notes = [
        f'<text x="16" y="{bottom + 36 + 15 * number}" font-size="11" fill="{MUTED}">{escape(line)}</text>'
        for number, line in enumerate(NOTES)
    ]
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font} role="img">',
        f"<title>{escape(TITLE)}</title>",
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8" fill="white" stroke="{LINES}"/>',
        f'<text x="16" y="28" font-size="16" font-weight="600">{escape(TITLE)}</text>',
        f'<text x="16" y="48" fill="{MUTED}">{escape(SUBTITLE)}</text>',
        *parts,
        *notes,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _grid(bottom: int, scale: float, most: float) -> Iterator[str]:
    """A vertical line and a label at each even multiple."""
    for tick in range(0, int(most) + 1, 2):
        x = LABELS + scale * tick
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}" stroke="{LINES}"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle" fill="{MUTED}">{tick} ×</text>'


def _bars(labels: Mapping[str, tuple[str, ...]], by_name: Mapping[str, Target]) -> list[Bar]:
    bars = []
    for label, names in labels.items():
        measured = [_bar(label, by_name[name]) for name in names if by_name[name].value]
        bars += [min(measured, key=lambda bar: bar.value)] if measured else []
    return bars


def _bar(label: str, target: Target) -> Bar:
    """The bar of a measured target; ratios `scog / floor` are inverted."""
    value = target.value or 0.0
    low, high = target.low or value, target.high or value
    if target.bound == "at least":
        return Bar(label, value, low, high)
    return Bar(label, 1 / value, 1 / high, 1 / low)


def _short(value: float) -> str:
    return "1" if value == 1 else f"{value:.1f}"


def _drawn(bar: Bar, y: int, scale: float) -> list[str]:
    color = {"scog": OURS, "physical floor": PHYSICS}.get(bar.label, PEERS)
    weight = ' font-weight="600"' if bar.label == "scog" else ""
    end, middle = LABELS + scale * max(bar.value, bar.high), y + BAR / 2
    parts = [
        f'<text x="{LABELS - 8}" y="{y + 12.5}" text-anchor="end"{weight}>{escape(bar.label)}</text>',
        f'<rect x="{LABELS}" y="{y}" width="{scale * bar.value:.1f}" height="{BAR}" rx="2" fill="{color}"/>',
        f'<text x="{end + 6:.1f}" y="{y + 12.5}"{weight}>{_short(bar.value)} ×</text>',
    ]
    if bar.high > bar.low:
        low, high = LABELS + scale * bar.low, LABELS + scale * bar.high
        parts.append(f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}" stroke="{INK}"/>')
    return parts
