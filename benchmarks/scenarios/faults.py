"""scog while upstream fails: responses that never begin, resets, 503s, and a link outage of 10 s.

An image that lacks a scene counts as failed, and is requested once more while responses still fail. After the link
outage there are two retries, 5 s apart.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.bench import OURS, Bench, Tile
from benchmarks.data import Scene
from benchmarks.measure import Failed, Row
from benchmarks.scenarios.line import SETTLE, WITH_LIBRARIES, screen_over
from benchmarks.scenarios.panning import CLIENTS, free_port, trace, wait_for
from benchmarks.screen import CONNECTIONS, draw_screen

FAILING = {"stall": 0.01, "refuse": 0.025, "reset": 0.025, "seed": 1}
"""Shares of all responses, and the seed."""
NO_FAULTS = {"stall": 0.0, "refuse": 0.0, "reset": 0.0}
MEDIANS, DATES = 100, 20
PAUSE, AFTER = 10.0, 1.0
"""Duration of the link outage, and its start, in seconds."""


def faults(bench: Bench) -> None:
    """A walk and medians while responses fail; a screen of tiles during a link outage."""
    if not bench.has(OURS):
        return
    scenes = bench.data.dates[:DATES]
    walk = [_tile(path) for path in trace(bench, 60 if bench.quick else 300)]
    places = {bench.tile_near(scenes[0], 12, seed): None for seed in range(4 * MEDIANS)}
    medians = list(places)[: 10 if bench.quick else MEDIANS]
    for case, tiles, dates, template, clients in (
        ("walk", walk, 1, "tile", CLIENTS),
        ("medians", medians, DATES, "median", 2),
    ):
        bench.origin.faults(**FAILING)
        try:
            _served(bench, case, tiles, scenes[:dates], template, clients)
        finally:
            bench.origin.faults(**NO_FAULTS)
    with bench.origin.shaped(**WITH_LIBRARIES.shape):
        tiles = screen_over(scenes[0], 11)
        _served(bench, "link gone", tiles, scenes[:1], "tile", CONNECTIONS, pause=PAUSE)


def _tile(path: str) -> Tile:
    z, x, y = map(int, path.split("/"))
    return z, x, y


def _served(
    bench: Bench, case: str, tiles: Sequence[Tile], scenes: Sequence[Scene], template: str, clients: int, *,
    pause: float = 0.0,
) -> None:  # fmt: skip
    """Start scog's server and request tiles."""
    row = Row("faults", case, OURS, 0, tiles=len(tiles))
    try:
        with bench.separate_process(OURS) as contender:
            server = contender.request({"op": "serve", "scenes": bench.fresh(scenes), "port": free_port()})
            wait_for(server["tile"])
            bench.origin.reset()
            outage = threading.Timer(AFTER, bench.origin.pause, [pause])
            if pause:
                outage.start()
            drawn = draw_screen(server[template], tiles, clients, waits=[5.0, 5.0] if pause else [0.0])
            outage.cancel()
            time.sleep(SETTLE)
            bench.record(replace(row, **drawn.fields(), **bench.origin.totals()))
    except (Failed, OSError) as fault:
        bench.record(Row("faults", case, OURS, 0, error=f"{fault}"[:300]))
