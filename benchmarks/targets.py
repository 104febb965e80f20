"""The project's performance targets, computed from rows: value, and whether the target is met."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from benchmarks.bench import FLOOR, ON_OPEN, ON_PLAIN, OURS
from benchmarks.measure import Row, Spread, paired, spread
from benchmarks.scenarios.line import MEGABIT
from benchmarks.scenarios.tiles import FAR, FARTHER, NEAR

SHARED = "async-geotiff-shared"
COARSE, FINE = [f"z{zoom}" for zoom in range(8, 14)], ["z14", "z15"]
TWENTY = ["20 z12"]
MOSTLY = 2 / 3
"""Share of a floor's time that transfer must take for bandwidth to count as the limit."""


@dataclass(frozen=True)
class Target:
    """A performance target: `at least` or `at most` the number `target`; `aim` is a more ambitious number.

    `value` is the median over TLS, the worst of several cases and of new and open connections; `low` and `high` are its
    10th and 90th percentile. `plain` is the median over plain HTTP. They and `met` are None if not measured.
    """

    name: str
    bound: str
    target: float
    aim: float | None
    value: float | None
    low: float | None = None
    high: float | None = None
    case: str = ""
    plain: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None if not measured."""
        if self.value is None:
            return None
        return self.value >= self.target if self.bound == "at least" else self.value <= self.target

    def as_json(self) -> dict[str, Any]:
        """All fields, and `met`; infinity as text, since JSON has no infinity."""
        fields = {name: str(each) if each == math.inf else each for name, each in asdict(self).items()}
        return fields | {"met": self.met}


def targets(rows: Sequence[Row]) -> list[Target]:
    """All targets, measured or not."""
    rows = [row for row in rows if row.error is None]
    parts = (_servers, _tiles, _composites, _line, _faults, _series, _process)
    return [*(target for part in parts for target in part(rows)), _pixels(rows)]


def _servers(rows: Sequence[Row]) -> list[Target]:
    faster = [
        ("trace first", "titiler", "pan and zoom, first pass, TiTiler / scog", 12, 20),
        ("trace second", "titiler", "pan and zoom, second pass, TiTiler / scog", 35, 80),
        ("trace other", "titiler", "pan and zoom, another index of the same blocks, TiTiler / scog", 12, 35),
        ("trace first", "terracotta", "pan and zoom, first pass, Terracotta / scog", 6, 9),
        ("trace second", "terracotta", "pan and zoom, second pass, Terracotta / scog", 12, 20),
    ]
    ours = [row for row in rows if row.contender == OURS]
    heads = max((float(row.heads) for row in ours), default=None)
    first = [row for row in ours if (row.scenario, row.case) == ("clients first", "8 clients")]
    many = paired_cases(ours, "clients first", "8 clients", "64 clients")
    hot = [1000 * row.cpu / row.tiles for row in ours if row.scenario == "hot http"]
    return [
        *(_ratio(name, rows, scenario, peer, OURS, None, target, aim) for scenario, peer, name, target, aim in faster),
        _median_target(
            "requests a tile, pan and zoom", "at most", 0.65, 0.5, [row.requests / row.tiles for row in first]
        ),
        Target("HEAD requests", "at most", 0, 0, heads),
        _median_target(
            "CPU of a tile, pan and zoom, first pass, ms",
            "at most",
            8,
            6,
            _cpu(ours, "trace first"),
            _cpu(ours, "trace first" + ON_PLAIN),
        ),
        _median_target("CPU of a hot tile through HTTP, ms", "at most", 5, 2, hot),
        _median_target("tiles a second, 64 clients / 8", "at least", 0.8, None, many),
    ]


def _tiles(rows: Sequence[Row]) -> list[Target]:
    return [
        _ratio("cold tile z8 to z13, rio-tiler / scog", rows, "cold", "rio-tiler", OURS, COARSE, 1.7, 2.2),
        _ratio("cold tile z14 and z15, rio-tiler / scog", rows, "cold", "rio-tiler", OURS, FINE, 1.5, 1.6),
        _ratio("cold tile, async-geotiff / scog", rows, "cold", "async-geotiff", OURS, None, 1.0, 1.3),
        _ratio("cold tile, scog / floor", rows, "cold", OURS, FLOOR, None, 1.35, 1.15, bound="at most"),
        _median_target(
            "round trips of a cold tile, header known", "at most", 1.2, 1.0, trips(rows, OURS, "header known")
        ),
    ]


def _composites(rows: Sequence[Row]) -> list[Target]:
    peers = [("odc-stac", 4, 6), ("rio-tiler", 5, 8), ("lazycogs", 2, 3), (SHARED, 1.5, 2)]
    hot = [
        _ratio("", rows, "median hot", peer, OURS, TWENTY, 30, 100)
        for peer in sorted({row.contender for row in rows if row.scenario == "median hot"} - {OURS})
    ]
    slowest = min((each for each in hot if each.value is not None), key=lambda each: each.value or 0, default=None)
    name = "median of 20 dates, hot, fastest peer / scog"
    growth = paired_cases([row for row in rows if row.contender == OURS], "median", "100 z12", "20 z12")
    return [
        *(
            _ratio(f"median of 20 dates, cold, {peer} / scog", rows, "median", peer, OURS, TWENTY, target, aim)
            for peer, target, aim in peers
        ),
        _ratio("median of 20 dates, cold, scog / floor", rows, "median", OURS, FLOOR, TWENTY, 2.3, 2, bound="at most"),
        Target(name, "at least", 30, 100, None)
        if slowest is None
        else Target(name, "at least", 30, 100, slowest.value, slowest.low, slowest.high, slowest.case),
        _ratio("clearest of 20 dates, bytes, scog / bestpixel", rows, "best", OURS, "bestpixel", None, 1, None,
               bound="at most", field="bytes"),
        _median_target("median, time of 100 dates / 20", "at most", 5, None, growth),
    ]  # fmt: skip


def _line(rows: Sequence[Row]) -> list[Target]:
    """Targets of screens over a slow line; tiles that were never drawn take infinite time."""
    screens = [_unfinished_as_inf(row) for row in rows if row.scenario == "line"]
    ours = [row for row in screens if row.contender == OURS]
    full = [row.case for row in screens if row.contender == FLOOR and _limited_by_bandwidth(row)]
    return [
        _maximum_target("line, tiles failed on first request", 0, ours, lambda row: row.failed),
        _maximum_target("line, tiles failed after a retry", 0, ours, lambda row: row.missing),
        _maximum_target("line, bytes sent twice, share", 0, ours, lambda row: row.twice / row.bytes),
        _ratio("line, screenful, scog / floor", screens, "line", OURS, FLOOR, None, 1.25, None, bound="at most"),
        _ratio("line, first tile, scog / floor", screens, "line", OURS, FLOOR, None, 1, None,
               bound="at most", field="first"),
        _ratio("line, bytes, scog / whole blocks", screens, "line", OURS, FLOOR, None, 1.12, 1,
               bound="at most", field="bytes"),
        _ratio("line, screenful, TiTiler / scog, where the line limits", screens, "line", "titiler", OURS, full,
               2.5, None),
        _ratio("line, median of 20 dates, odc-stac / scog", [_unfinished_as_inf(row) for row in rows], "line median",
               "odc-stac", OURS, None, 1, 1.3),
    ]  # fmt: skip


def _faults(rows: Sequence[Row]) -> list[Target]:
    """Targets while 1 % of the responses stall and 5 % fail, and during a link outage."""
    ours = [row for row in rows if row.scenario == "faults"]
    failing = [row for row in ours if row.case in ("walk", "medians")]
    return [
        _maximum_target("faults, partial or failed images, share", 0.01, failing, lambda row: row.failed / row.tiles),
        _maximum_target("faults, images never drawn", 0, ours, lambda row: row.missing),
    ]


def _unfinished_as_inf(row: Row) -> Row:
    if not row.missing:
        return row
    return replace(row, wall=math.inf, first=row.first if row.missing < row.tiles else math.inf)


def _limited_by_bandwidth(floor: Row) -> bool:
    """Whether transfer takes most of a floor's time."""
    return floor.bytes / (float(floor.case.split()[0]) * MEGABIT) > MOSTLY * floor.wall


def _maximum_target(name: str, most: float, rows: Sequence[Row], value: Callable[[Row], float]) -> Target:
    worst = max(rows, key=value, default=None)
    if worst is None:
        return Target(name, "at most", most, None, None)
    return Target(name, "at most", most, None, value(worst), case=worst.case if value(worst) else "")


def _cpu(rows: Sequence[Row], scenario: str) -> list[float]:
    """CPU milliseconds per tile."""
    return [1000 * row.cpu / row.tiles for row in rows if row.scenario == scenario]


def _series(rows: Sequence[Row]) -> list[Target]:
    """Targets of time series: bytes and time against each peer, cold and repeated; the worse of point and field."""
    peers = ("odc-stac", "rio-tiler")
    return [
        *(_ratio(f"series, bytes, scog / {peer}", rows, "series", OURS, peer, None, 1, None,
                 bound="at most", field="bytes") for peer in peers),
        *(_ratio(f"series, cold, {peer} / scog", rows, "series", peer, OURS, None, 3, None) for peer in peers),
        *(_ratio(f"series, hot, {peer} / scog", rows, "series hot", peer, OURS, None, 30, None) for peer in peers),
    ]  # fmt: skip


def _process(rows: Sequence[Row]) -> list[Target]:
    memory = {case: [row.rss / 1e6 for row in rows if (row.scenario, row.case) == ("memory", case)] for case in
              ("after", "ten more")}  # fmt: skip
    grown = [later / before for before, later in zip(memory["after"], memory["ten more"], strict=False)]
    server = paired_cases([_renamed(row) for row in rows], "start", "server", "base")
    return [
        _median_target("memory after the trace, MB", "at most", 1000, 800, memory["after"]),
        _median_target("memory after ten more passes / before", "at most", 1.05, 1.0, grown),
        _ratio("import scog / import numpy", rows, "start", OURS, "numpy", ["import"], 1.2, None, bound="at most"),
        _median_target("server's start / import of fastapi and rasterio", "at most", 1.5, None, server),
    ]


def _pixels(rows: Sequence[Row]) -> Target:
    wrong = [row.wrong for row in rows if row.contender == OURS and row.wrong is not None]
    value = max(wrong, default=None)
    return Target("pixels unlike the exact transform, share", "at most", 0, 0, value, case=f"{len(wrong)} images")


def trips(rows: Iterable[Row], contender: str, case: str) -> list[float]:
    """Sequential round trips of a tile: its additional time at the far origin, divided by the additional latency."""
    walls: dict[int, dict[str, float]] = {}
    for row in rows:
        if row.contender == contender and row.case == case and row.scenario in (NEAR, FAR):
            walls.setdefault(row.round, {})[row.scenario] = row.wall
    return [(each[FAR] - each[NEAR]) / FARTHER for each in walls.values() if len(each) == 2]


def paired_cases(rows: Iterable[Row], scenario: str, above: str, below: str) -> list[float]:
    """Ratios of wall time per tile between two cases, one per round."""
    walls: dict[int, dict[str, float]] = {}
    for row in rows:
        if row.scenario == scenario and row.case in (above, below):
            walls.setdefault(row.round, {})[row.case] = row.wall / row.tiles
    return [each[above] / each[below] for each in walls.values() if len(each) == 2]


def _renamed(row: Row) -> Row:
    """The row; the import that a server's start is compared with becomes the case `base`."""
    return Row("start", "base", OURS, row.round, wall=row.wall) if row.contender == "fastapi + rasterio" else row


def _ratio(
    name: str, rows: Sequence[Row], scenario: str, above: str, below: str, cases: Sequence[str] | None,
    target: float, aim: float | None, *, bound: str = "at least", field: str = "wall",
) -> Target:  # fmt: skip
    """The worst case's median ratio of two contenders, over new and open connections."""

    def spreads(ending: str) -> dict[str, Spread]:
        ratios = paired(rows, scenario + ending, above, below, field)
        return {case + ending: spread(values) for case, values in ratios.items() if cases is None or case in cases}

    worst = min if bound == "at least" else max
    plain = worst((each.median for each in spreads(ON_PLAIN).values()), default=None)
    by_case = spreads("") | spreads(ON_OPEN)
    if not by_case:
        return Target(name, bound, target, aim, None, plain=plain)
    case, ratio = worst(by_case.items(), key=lambda each: each[1].median)
    return Target(name, bound, target, aim, ratio.median, ratio.low, ratio.high, case, plain)


def _median_target(
    name: str, bound: str, target: float, aim: float | None, values: Sequence[float], plain: Sequence[float] = ()
) -> Target:
    summary: Spread | None = spread(values) if values else None
    over_plain = statistics.median(plain) if plain else None
    if summary is None:
        return Target(name, bound, target, aim, None, plain=over_plain)
    return Target(name, bound, target, aim, summary.median, summary.low, summary.high, plain=over_plain)
