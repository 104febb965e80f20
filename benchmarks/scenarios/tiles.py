"""Single tiles, drawn by each contender's library in its process: cold, header known, hot; formulas; mosaics."""

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
"""Contenders whose cold tiles are also measured over open connections and over plain HTTP."""
NEAR, FAR = "near origin", "far origin"
FARTHER = 0.10
"""Additional seconds to the far origin's first byte."""
CORNER = (12.7, 45.98)
"""Longitude and latitude of a point that all four MGRS tiles cover."""


def cold_and_hot(bench: Bench) -> None:
    """One NDVI tile of a scene that is not cached, at each zoom, and the same tile again.

    Rivals also draw a cold tile over open connections and over plain HTTP.
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
    """A tile of a scene of which a distant tile at full resolution was drawn before."""
    scenes = bench.data.dates[:1]
    for round_ in range(3 if bench.quick else 5):
        for zoom in (12,) if bench.quick else (10, 12, 14):
            tile = bench.tile_near(scenes[0], zoom, 50 + round_)
            for name in bench.contenders_for("tile", round_):
                work = _known(bench, name, tile, scenes)
                bench.measure(name, "header known", f"z{zoom}", round_, work, scenes, "tile")
            bench.floor("header known", f"z{zoom}", round_, tile, "ndvi", scenes, header_known=True)


def round_trips(bench: Bench) -> None:
    """Sequential round trips of a tile: its additional time when the first byte takes longer."""
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
    """The work of a tile, after the contender has drawn a tile on the scene's other side."""
    served = tuple(bench.fresh(scenes))
    bench.run_unmeasured(name, Work(*_far_from(tile, scenes[0]), "ndvi", served), "tile")
    return Work(*tile, "ndvi", served)


def formulas(bench: Bench) -> None:
    """Cold tiles of NDVI, RGB and EVI at two zooms."""
    scenes = bench.data.dates[:1]
    for round_ in range(2 if bench.quick else 5):
        for zoom in (12, 14):
            tile = bench.tile_near(scenes[0], zoom, 20 + round_)
            for kind in ("ndvi", "rgb", "evi"):
                _each(bench, "formulas", f"{kind} z{zoom}", round_, tile, kind, scenes)


def mosaic(bench: Bench) -> None:
    """A cold tile where four MGRS tiles of two UTM zones meet, each acquired on another day."""
    scenes = (bench.data.dates[0], *bench.data.neighbours)
    for round_ in range(2 if bench.quick else 3):
        for zoom in (8, 10, 12):
            tile = TMS.tile(*CORNER, zoom)
            _each(bench, "mosaic", f"z{zoom}", round_, (tile.z, tile.x, tile.y), "ndvi", scenes)


def _each(bench: Bench, scenario: str, case: str, round_: int, tile: Tile, kind: str, scenes: Sequence[Scene]) -> None:
    for name in bench.contenders_for("tile", round_):
        work = Work(*tile, kind, tuple(bench.fresh(scenes)))
        bench.measure(name, scenario, case, round_, work, scenes, "tile")
    bench.floor(scenario, case, round_, tile, kind, scenes)


def _far_from(tile: Tile, scene: Scene) -> Tile:
    """A tile at zoom 15 on the other side of the scene."""
    west, south, east, north = scene.bbox
    bounds = TMS.bounds(morecantile.Tile(tile[1], tile[2], tile[0]))
    is_west = (bounds.left + bounds.right) / 2 < (west + east) / 2
    is_south = (bounds.bottom + bounds.top) / 2 < (south + north) / 2
    lon = west + (east - west) * (0.85 if is_west else 0.15)
    lat = south + (north - south) * (0.85 if is_south else 0.15)
    far = TMS.tile(lon, lat, 15)
    return far.z, far.x, far.y
