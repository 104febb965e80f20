"""Single tiles, asked of each contender's library in its own process: cold, header known, hot; formulas; mosaics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import morecantile

from benchmarks.bench import ON_OPEN, ON_PLAIN, OURS, TMS, TRIPS, Bench, Tile
from benchmarks.contenders.work import Work
from benchmarks.data import Scene
from benchmarks.origin_process import PLAIN

ZOOMS = range(8, 16)
RIVALS = (OURS, "rio-tiler", "async-geotiff", "async-geotiff-shared")
"""Whose cold tiles are measured over open connections and over plain HTTP too."""
NEAR, FAR = "near origin", "far origin"
FARTHER = 0.10
"""Seconds by which the far origin's first byte comes later."""
CORNER = (12.7, 45.98)
"""A place, in degrees, that all four squares cover."""


def cold_and_hot(bench: Bench) -> None:
    """One NDVI tile of a scene nobody has seen, at each zoom, and the same tile again.

    Rivals also draw such a tile over open connections and over plain HTTP.
    """
    scenes = bench.data.dates[:1]
    for round_ in range(2 if bench.quick else 5):
        for zoom in ZOOMS:
            tile = bench.tile_near(scenes[0], zoom, round_)
            for name in bench.contenders_for("tile", round_):
                work = Work(*tile, "ndvi", tuple(bench.fresh(scenes)))
                bench.measure(name, "cold", f"z{zoom}", round_, work, scenes, "tile")
                if name in RIVALS:
                    reused = replace(work, scenes=tuple(bench.fresh(scenes)))
                    bench.measure(
                        name, "cold" + ON_OPEN, f"z{zoom}", round_, reused, scenes, "tile", reuse_connections=True
                    )
                    plain = replace(work, scenes=tuple(bench.fresh(scenes, PLAIN)))
                    bench.measure(name, "cold" + ON_PLAIN, f"z{zoom}", round_, plain, scenes, "tile")
                bench.measure(name, "hot", f"z{zoom}", round_, work, scenes, "tile", reuse_connections=True)
            for ending, trips in TRIPS.items():
                bench.floor("cold" + ending, f"z{zoom}", round_, tile, "ndvi", scenes, connecting=trips)


def header_known(bench: Bench) -> None:
    """A tile of a scene of which another tile, far away at the finest level, was drawn before."""
    scenes = bench.data.dates[:1]
    for round_ in range(3 if bench.quick else 5):
        for zoom in (12,) if bench.quick else (10, 12, 14):
            tile = bench.tile_near(scenes[0], zoom, 50 + round_)
            for name in bench.contenders_for("tile", round_):
                work = _known(bench, name, tile, scenes)
                bench.measure(name, "header known", f"z{zoom}", round_, work, scenes, "tile")
            bench.floor("header known", f"z{zoom}", round_, tile, "ndvi", scenes, header_known=True)


def round_trips(bench: Bench) -> None:
    """How often each waits for the origin in turn: what a tile costs more when the first byte takes longer."""
    scenes, near = bench.data.dates[:1], bench.origin.first_byte
    for round_ in range(2 if bench.quick else 5):
        tile = bench.tile_near(scenes[0], 12, 80 + round_)
        for name in bench.contenders_for("tile", round_):
            for first_byte, distance in ((near, NEAR), (near + FARTHER, FAR)):
                bench.origin.shape(first_byte=first_byte)
                cold = Work(*tile, "ndvi", tuple(bench.fresh(scenes)))
                bench.measure(name, distance, "cold", round_, cold, scenes, "tile")
                known = _known(bench, name, tile, scenes)
                bench.measure(name, distance, "header known", round_, known, scenes, "tile")
            bench.origin.shape(first_byte=near)


def _known(bench: Bench, name: str, tile: Tile, scenes: Sequence[Scene]) -> Work:
    """The work of a tile, once the contender has drawn another one on the scene's other side."""
    asked = tuple(bench.fresh(scenes))
    bench.run_unmeasured(name, Work(*_far_from(tile, scenes[0]), "ndvi", asked), "tile")
    return Work(*tile, "ndvi", asked)


def formulas(bench: Bench) -> None:
    """A cold tile of two, three bands and of a formula over three, at a middle zoom and a fine one."""
    scenes = bench.data.dates[:1]
    for round_ in range(2 if bench.quick else 5):
        for zoom in (12, 14):
            tile = bench.tile_near(scenes[0], zoom, 20 + round_)
            for kind in ("ndvi", "rgb", "evi"):
                _each(bench, "formulas", f"{kind} z{zoom}", round_, tile, kind, scenes)


def mosaic(bench: Bench) -> None:
    """A cold tile where four squares of two UTM zones meet, each seen on another day."""
    scenes = (bench.data.dates[0], *bench.data.neighbours)
    for round_ in range(2 if bench.quick else 3):
        for zoom in (8, 10, 12):
            found = TMS.tile(*CORNER, zoom)
            _each(bench, "mosaic", f"z{zoom}", round_, (found.z, found.x, found.y), "ndvi", scenes)


def _each(bench: Bench, scenario: str, case: str, round_: int, tile: Tile, kind: str, scenes: Sequence[Scene]) -> None:
    for name in bench.contenders_for("tile", round_):
        work = Work(*tile, kind, tuple(bench.fresh(scenes)))
        bench.measure(name, scenario, case, round_, work, scenes, "tile")
    bench.floor(scenario, case, round_, tile, kind, scenes)


def _far_from(tile: Tile, scene: Scene) -> Tile:
    """A tile of zoom 15 on the other side of the scene."""
    west, south, east, north = scene.bbox
    bounds = TMS.bounds(morecantile.Tile(tile[1], tile[2], tile[0]))
    is_west = (bounds.left + bounds.right) / 2 < (west + east) / 2
    is_south = (bounds.bottom + bounds.top) / 2 < (south + north) / 2
    lon = west + (east - west) * (0.85 if is_west else 0.15)
    lat = south + (north - south) * (0.85 if is_south else 0.15)
    far = TMS.tile(lon, lat, 15)
    return far.z, far.x, far.y
