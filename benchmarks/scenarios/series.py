"""Time series: the mean NDVI of a point and of a field of 50 ha in each of 100 scenes, cold and repeated."""

from __future__ import annotations

from benchmarks.bench import Bench

POINT, FIELD = "a point", "50 ha"
SIDES = {POINT: 1, FIELD: 71}
"""Number of 10 m pixels a side."""


def series(bench: Bench) -> None:
    """One point and one field per round, at random places of the MGRS tile."""
    scenes = bench.data.dates[: 20 if bench.quick else 100]
    for round_ in range(2 if bench.quick else 3):
        for case, side in SIDES.items():
            for name in bench.contenders_for("series", round_):
                plot = bench.plot_near(scenes, side, round_)
                bench.measure(name, "series", case, round_, plot, scenes, "series")
                bench.measure(name, "series hot", case, round_, plot, scenes, "series", reuse_connections=True)
