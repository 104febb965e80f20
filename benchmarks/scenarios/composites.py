"""Composites of many dates: the median of NDVI and others, clouds masked scene by scene, and the best pixel."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.bench import MASK, ON_OPEN, ON_PLAIN, OURS, TRIPS, Bench
from benchmarks.contenders.work import COMPOSITES, Work
from benchmarks.origin_process import PLAIN

CASES = {(5, 12): 3, (20, 12): 5, (20, 13): 2, (100, 12): 2}
"""Rounds by dates and zoom."""
MAIN = (20, 12)
"""Dates and zoom that are also measured over open connections and over plain HTTP, ..."""
RIVALS = (OURS, "odc-stac", "rio-tiler", "lazycogs", "async-geotiff-shared")
"""... for these contenders."""
QUICK = {(5, 12): 1, (20, 12): 2, (100, 12): 1}


def median(bench: Bench) -> None:
    """The median over 5, 20 and 100 dates, cold and repeated."""
    for (dates, zoom), rounds in (QUICK if bench.quick else CASES).items():
        scenes = bench.data.dates[:dates]
        case = f"{dates} z{zoom}"
        for round_ in range(rounds):
            tile = bench.tile_near(scenes[0], zoom, 30 + round_)
            for name in [OURS] if bench.quick and dates == 100 else bench.contenders_for("median", round_):
                work = Work(*tile, "ndvi", tuple(bench.fresh(scenes)), MASK)
                bench.measure(name, "median", case, round_, work, scenes, "median")
                bench.measure(name, "median hot", case, round_, work, scenes, "median", reuse_connections=True)
                if (dates, zoom) == MAIN and name in RIVALS:
                    reused = replace(work, scenes=tuple(bench.fresh(scenes)))
                    bench.measure(
                        name, "median" + ON_OPEN, case, round_, reused, scenes, "median", reuse_connections=True
                    )
                    plain = replace(work, scenes=tuple(bench.fresh(scenes, PLAIN)))
                    bench.measure(name, "median" + ON_PLAIN, case, round_, plain, scenes, "median")
            for ending in TRIPS if (dates, zoom) == MAIN else ("",):
                bench.floor("median" + ending, case, round_, tile, "ndvi", scenes, mask=MASK, connecting=TRIPS[ending])


def others(bench: Bench) -> None:
    """Other composites of 20 and 100 dates, cold, once. Peers have neither trend nor geometric median."""
    for dates, zoom in ((20, 12), (100, 12)):
        scenes = bench.data.dates[:dates]
        tile = bench.tile_near(scenes[0], zoom, 50)
        for composite in ("p90", "slope", "geomedian"):
            scog_only = composite not in COMPOSITES or dates == 100 or bench.quick
            for name in [OURS] if scog_only else bench.contenders_for("median", 0):
                work = Work(*tile, "ndvi", tuple(bench.fresh(scenes)), MASK, composite)
                bench.measure(name, composite, f"{dates} z{zoom}", 0, work, scenes, "median")


def best(bench: Bench) -> None:
    """The best pixel of 20 dates by each contender's rule; compared are the bytes."""
    scenes = bench.data.dates[:20]
    for round_ in range(1 if bench.quick else 3):
        tile = bench.tile_near(scenes[0], 12, 40 + round_)
        for name in bench.contenders_for("best", round_):
            work = Work(*tile, "ndvi", tuple(bench.fresh(scenes, bench.scheme(name))), MASK)
            bench.measure(name, "best", "20 z12", round_, work, scenes, "best")
