"""A screen of tiles over a home connection: slow, distant, shared by all connections, over TLS.

15 NDVI tiles, 5 x 3, are requested from real servers over 6 connections; libraries draw them in 6 threads. Each run
starts a new server with empty caches. Peers skip runs that would take more than a minute, estimated from their bytes
over a faster line.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmarks.bench import FLOOR, MASK, OURS, TMS, WORKERS, Bench
from benchmarks.contenders.work import Work
from benchmarks.data import Scene
from benchmarks.floor import line_floor
from benchmarks.measure import Failed, Row, cpu_seconds, peak_memory
from benchmarks.scenarios.panning import free_port, wait_for
from benchmarks.screen import CONNECTIONS, Tile, draw_screen, screen

MEGABIT = 125_000
"""Bytes per second in one Mbit/s."""
ZOOMS = (9, 11, 13)
SERVER, LIBRARIES = "titiler", ("rio-tiler", "odc-stac")
MAX_SECONDS = 60.0
"""Maximum seconds of a peer's run, estimated from its bytes."""
COMPOSED = (OURS, "odc-stac", "rio-tiler", "async-geotiff-shared")
"""Contenders of the median of 20 dates over a line: the fastest peers."""
SETTLE = 0.3
"""Seconds after a run during which bytes still being read are counted."""
FAR_AWAY = (4, 0, 8)


@dataclass(frozen=True)
class Line:
    """Bandwidth shared by all connections in Mbit/s, and round trip in milliseconds."""

    mbit: float
    trip: float

    def __str__(self) -> str:
        return f"{self.mbit:g} Mbit/s {self.trip:g} ms"

    @property
    def rate(self) -> float:
        """Bytes per second."""
        return self.mbit * MEGABIT

    @property
    def shape(self) -> dict[str, float]:
        """The origin's parameters."""
        return {"link": self.rate, "first_byte": self.trip / 1000, "round_trip": self.trip / 1000}


BOTH = [Line(mbit, trip) for mbit in (200, 20, 5) for trip in (40, 150)]
"""Fastest first, so that a peer's bytes are known before slow runs."""
WITH_LIBRARIES = Line(20, 40)
ALONE = [Line(10, 40), Line(2, 40)]
COMPOSITE = Line(50, 40)


def line(bench: Bench) -> None:
    """A screen of tiles over each line and at each zoom, then a median of 20 dates."""
    known: dict[tuple[str, int], int] = {}
    for each in [WITH_LIBRARIES] if bench.quick else [*BOTH, *ALONE]:
        for zoom in [zoom for zoom in ZOOMS if bench.cases in f"{each} z{zoom}"]:
            names = [SERVER, OURS, *(LIBRARIES if each == WITH_LIBRARIES and not bench.quick else ())]
            for name in [OURS] if each in ALONE else [name for name in names if bench.has(name)]:
                _screenful(bench, name, each, zoom, known)
            _floor(bench, each, zoom)
    for round_ in range(1 if bench.quick else 2) if bench.cases in f"20 dates {COMPOSITE}" else ():
        _median(bench, COMPOSITE, round_)


def screen_over(scene: Scene, zoom: int) -> list[Tile]:
    """The tiles of a screen at the centre of a scene, without tiles outside the scene."""
    west, south, east, north = scene.bbox
    middle = TMS.tile((west + east) / 2, (south + north) / 2, zoom)
    inside = []
    for z, x, y in screen((middle.z, middle.x, middle.y)):
        bounds = TMS.bounds((x, y, z))
        if bounds.left < east and bounds.right > west and bounds.bottom < north and bounds.top > south:
            inside.append((z, x, y))
    return inside


def _screenful(bench: Bench, name: str, each: Line, zoom: int, known: dict[tuple[str, int], int]) -> None:
    case, scenes = f"{each} z{zoom}", bench.data.dates[:1]
    expected = known.get((name, zoom), 0) / each.rate
    if name != OURS and expected > MAX_SECONDS:
        bench.record(Row("line", case, name, 0, error=f"skipped: its bytes take {expected:.0f} s over this line"))
        return
    tiles = screen_over(scenes[0], zoom)
    if name in WORKERS:
        row = _served(bench, name, each, Row("line", case, name, 0, tiles=len(tiles)), tiles, scenes, "tile")
    else:
        row = _drawn(bench, name, each, Row("line", case, name, 0, tiles=len(tiles)), tiles, scenes)
    known[name, zoom] = row.bytes


def _served(
    bench: Bench, name: str, each: Line, row: Row, tiles: Sequence[Tile], scenes: Sequence[Scene], template: str
) -> Row:
    """Start a server and request tiles over a line."""
    try:
        with bench.separate_process(name) as contender:
            message = {"op": "serve", "scenes": bench.fresh(scenes), "port": free_port(), "workers": WORKERS[name]}
            server = contender.request(message)
            wait_for(server["tile"])
            draw_screen(server[template], [FAR_AWAY])  # loads lazy modules; no data is read
            with bench.origin.shaped(**each.shape):
                bench.origin.close_idle()
                bench.origin.reset()
                cpu = cpu_seconds(server["pid"])
                drawn = draw_screen(server[template], tiles)
                time.sleep(SETTLE)
                cost = {"cpu": cpu_seconds(server["pid"]) - cpu, "rss": peak_memory(server["pid"])}
                cost |= bench.origin.totals()
    except (Failed, OSError) as fault:
        return bench.record(replace(row, error=f"{fault}"[:300]))
    for text in drawn.faults[:2]:
        print(f"    {text}", flush=True)
    return bench.record(replace(row, **cost, **drawn.fields()))


def _drawn(bench: Bench, name: str, each: Line, row: Row, tiles: Sequence[Tile], scenes: Sequence[Scene]) -> Row:
    """Have a library draw tiles over a line, in a new process."""
    try:
        with bench.separate_process(name) as contender, bench.origin.shaped(**each.shape):
            bench.origin.reset()
            message = {"op": "screen", "tiles": tiles, "kind": "ndvi", "scenes": bench.fresh(scenes)}
            answer = contender.request(message | {"threads": CONNECTIONS}) | bench.origin.totals()
    except Failed as fault:
        return bench.record(replace(row, error=f"{fault}"[:300]))
    return bench.record(replace(row, **answer))


def _floor(bench: Bench, each: Line, zoom: int) -> None:
    """The floor of a screen of tiles, as a contender's row.

    `first` is the limit for the first tile: a third of the floor, or 1.25 x the floor of the middle tile if that is
    later. At z9 that tile needs nearly all blocks, and with long round trips these take most of the time.
    """
    scene = bench.data.dates[0]
    tiles = screen_over(scene, zoom)
    files = [bench.data.folder / scene.assets[band] for band in ("red", "nir")]
    least, middle = (
        line_floor(files, drawn, link=each.rate, round_trip=each.trip / 1000) for drawn in (tiles, tiles[:1])
    )
    bench.record(
        Row("line", f"{each} z{zoom}", FLOOR, 0, least.wall, least.cpu, least.requests, 0, least.bytes,
            tiles=len(tiles), first=max(least.wall / 3, 1.25 * middle.wall))
    )  # fmt: skip


def _median(bench: Bench, each: Line, round_: int) -> None:
    """The median of 20 dates for one tile: libraries as in other scenarios, scog through its server."""
    scenes = bench.data.dates[:20]
    tile = bench.tile_near(scenes[0], 12, 30 + round_)
    for name in [name for name in bench.contenders_for("median", round_) if name in COMPOSED]:
        if name == OURS:
            row = Row("line median", f"20 dates {each}", name, round_)
            _served(bench, name, each, row, [tile], scenes, "median")
            continue
        bench.warm_up(name, "median")
        with bench.origin.shaped(**each.shape):
            work = Work(*tile, "ndvi", tuple(bench.fresh(scenes)), MASK)
            bench.measure(name, "line median", f"20 dates {each}", round_, work, scenes, "median")
    files = [bench.data.folder / scene.assets[band] for scene in scenes for band in ("red", "nir", "scl")]
    least = line_floor(files, [tile], link=each.rate, round_trip=each.trip / 1000)
    bench.record(
        Row("line median", f"20 dates {each}", FLOOR, round_, least.wall, least.cpu, least.requests, 0, least.bytes)
    )
