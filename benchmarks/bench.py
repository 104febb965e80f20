"""One run of the benchmark: origin, scenes, contenders, and measured rows."""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import morecantile
import numpy as np
import pyproj
import rasterio

from benchmarks.contenders.work import COMPOSITES, Plot, Work
from benchmarks.data import Dataset, Scene
from benchmarks.exact import Exact, wrong_means
from benchmarks.floor import TLS_TRIPS, floor
from benchmarks.measure import Contender, Failed, Row, cpu_seconds
from benchmarks.origin_process import PLAIN, TLS, Origin

TMS = morecantile.tms.get("WebMercatorQuad")
MASK = (0, 1, 3, 8, 9, 10)
"""Masked classes: no data, saturated, cloud shadow, cloud (medium, high), thin cirrus."""
OURS, FLOOR = "scog", "floor"
ON_OPEN, ON_PLAIN = " open", " plain"
"""Suffixes of scenarios over open connections and over plain HTTP. Without one: TLS over new connections."""
TRIPS = {"": TLS_TRIPS, ON_OPEN: 0, ON_PLAIN: 1}
"""Round trips until a connection can be used, by suffix."""
PLAIN_HTTP_ONLY = {"bestpixel"}
"""Contenders that trust only built-in certificate authorities, and therefore read over plain HTTP."""
WORKERS = {OURS: 1, "titiler": 1, "terracotta": 2}
"""Number of server processes of contenders that serve tiles over HTTP. Except for scog, they support nothing else."""
MAX_FAILURES = 3
"""Failures after which a contender skips an operation."""
QUICK_LIMIT = 3.0
"""Seconds: in a quick run, slower cases are measured only once."""
Tile = tuple[int, int, int]
"""z, x, y."""


class Bench:
    """The state of one run. `roster` has the commands that start contenders, by name.

    The scenario `line` measures only cases whose names contain the text `cases`.
    """

    def __init__(
        self,
        origin: Origin,
        data: Dataset,
        roster: Mapping[str, Sequence[str]],
        *,
        quick: bool,
        cases: str = "",
        folder: Path,
        log: Path,
    ) -> None:
        self.origin = origin
        self.data = data
        self.quick, self.cases = quick, cases
        self.rows: list[Row] = []
        self.versions: dict[str, dict[str, str]] = {}
        self._roster = roster
        self._folder, self._log = folder, log
        self._started: dict[str, Contender] = {}
        self._unsupported: set[tuple[str, str]] = set()
        self._warm: set[tuple[str, str]] = set()
        self._slow: set[tuple[str, str, str]] = set()
        self._failures: Counter[tuple[str, str]] = Counter()
        self._exact: dict[tuple[object, ...], Exact] = {}

    # Contenders and places

    def has(self, name: str) -> bool:
        """Whether a contender takes part in this run."""
        return name in self._roster

    def contenders_for(self, operation: str, round_: int) -> list[str]:
        """Names of the contenders that support an operation, rotated by round."""
        supported = [name for name in self._roster if (name, operation) not in self._unsupported]
        serves = operation == "serve"
        names = [name for name in supported if name == OURS or (name in WORKERS) == serves]
        first = round_ % len(names) if names else 0
        return names[first:] + names[:first]

    def tile_near(self, scene: Scene, zoom: int, seed: int) -> Tile:
        """A tile whose centre is within a scene's MGRS tile, a different one for each seed."""
        rng = random.Random(f"{zoom}-{seed}")
        west, south, east, north = scene.bbox
        lon = west + (east - west) * rng.uniform(0.2, 0.8)
        lat = south + (north - south) * rng.uniform(0.2, 0.8)
        tile = TMS.tile(lon, lat, zoom)
        return tile.z, tile.x, tile.y

    def plot_near(self, scenes: Sequence[Scene], side: int, seed: int) -> Plot:
        """A plot of `side` x `side` pixels in the first scene's MGRS tile, a different one for each seed, at new URLs.

        It is within the MGRS tile's UTM zone (MGRS tiles extend beyond it), as scog samples in the zone of the field.
        """
        rng = random.Random(f"{side}-{seed}")
        zone = scenes[0].epsg % 100
        to_degrees = pyproj.Transformer.from_crs(scenes[0].epsg, 4326, always_xy=True).transform
        with rasterio.open(self.data.folder / scenes[0].assets["red"]) as dataset:
            lon = 180.0
            while abs(lon - (6 * zone - 183)) > 2.95:
                col, row = (rng.randrange(dataset.width - side) for _ in range(2))
                west, north = dataset.transform * (col, row)
                lon, _ = to_degrees(west, north)
        return Plot(west, north, side, scenes[0].epsg, tuple(self.fresh(scenes)), MASK)

    def fresh(self, scenes: Sequence[Scene], scheme: str = TLS) -> list[dict[str, Any]]:
        """Scenes at URLs that were never used before."""
        base = self.origin.fresh(scheme)
        return [scene.at(base) for scene in scenes]

    def start(self, name: str) -> Contender:
        """Start a process of a contender that trusts the origin's certificate. Raises Failed."""
        hosts = {"SCOG_HOSTS": f"{self.origin.tls_host},{self.origin.host}"}
        return Contender(name, self._roster[name], self._log, self.origin.trust | hosts)

    def scheme(self, name: str) -> str:
        """TLS, or plain HTTP for contenders that cannot trust the origin's certificate."""
        return PLAIN if name in PLAIN_HTTP_ONLY else TLS

    # Measuring

    def contender(self, name: str) -> Contender:
        """A contender's process, started at first use. Raises Failed."""
        if name not in self._started:
            self._started[name] = self.start(name)
            self.versions[name] = self._started[name].versions
        return self._started[name]

    def measure(
        self, name: str, scenario: str, case: str, round_: int, work: Work | Plot, scenes: Sequence[Scene],
        operation: str, *, reuse_connections: bool = False,
    ) -> Row | None:  # fmt: skip
        """Request values from a contender, compare them, and record the row. None if it does not support the operation.

        `work` has the scenes with their URLs, `scenes` the same scenes as files. Connections are new, or with
        `reuse_connections` those that the previous work left open.
        """
        if (name, operation) in self._unsupported or (name, scenario, case) in self._slow:
            return None
        out = self._folder / "values.npy"
        out.unlink(missing_ok=True)
        message = asdict(work) | {"op": operation, "out": str(out)}
        try:
            self.warm_up(name, operation)
            if not reuse_connections:
                self.origin.close_idle()
            self.origin.reset()
            origin_cpu = cpu_seconds(self.origin.process.pid)
            answer = self.contender(name).request(message)
        except Failed as fault:
            self._failed(name, scenario, case, round_, operation, str(fault))
            return None
        time.sleep(0.02)  # requests that it did not wait for are counted too
        row = Row(
            scenario, case, name, round_, wall=answer["wall"], cpu=answer["cpu"], rss=answer["rss"],
            **self.origin.totals(), wrong=self._wrong(name, operation, work, scenes, out),
            origin_cpu=cpu_seconds(self.origin.process.pid) - origin_cpu,
        )  # fmt: skip
        if self.quick and row.wall > QUICK_LIMIT:
            self._slow.add((name, scenario, case))
        return self.record(row)

    def compare(
        self, contender: Contender, scenario: str, case: str, round_: int, work: Work, scenes: Sequence[Scene]
    ) -> None:
        """Record the share of wrong pixels in a contender's values, without times."""
        out = self._folder / "values.npy"
        out.unlink(missing_ok=True)
        contender.request(asdict(work) | {"op": "tile", "out": str(out)})
        self.record(
            Row(scenario, case, contender.name, round_, wrong=self._wrong(contender.name, "tile", work, scenes, out))
        )

    def run_unmeasured(self, name: str, work: Work | Plot, operation: str) -> None:
        """Have a contender do work that is not measured."""
        if (name, operation) not in self._unsupported:
            with suppress(Failed):
                self.contender(name).request(asdict(work) | {"op": operation, "out": ""})

    def record(self, row: Row) -> Row:
        """Store a row and print it."""
        self.rows.append(row)
        details = f", {row.connections} connections" if row.connections else ""
        details += f", {row.twice / 1e6:.1f} MB twice" if row.twice else ""
        details += "" if row.first is None else f", first after {row.first:.2f} s, last after {row.wall:.2f} s"
        details += f", {row.failed} failed, {row.redrawn} drawn by a retry" if row.failed else ""
        wrong = "" if row.wrong is None else f", {row.wrong:.2%} wrong"
        text = row.error or (
            f"{1000 * row.wall / row.tiles:9.1f} ms, cpu {1000 * row.cpu / row.tiles:8.1f} ms, "
            f"{row.requests} requests, {row.bytes / 1e6:.1f} MB, {row.rss / 1e6:.0f} MB{details}{wrong}"
        )
        print(f"{row.scenario:14} {row.case:14} {row.round} {row.contender:16} {text}", flush=True)
        return row

    def floor(
        self, scenario: str, case: str, round_: int, tile: Tile, kind: str, scenes: Sequence[Scene], *,
        mask: tuple[int, ...] = (), header_known: bool = False, connecting: int = TLS_TRIPS,
    ) -> None:  # fmt: skip
        """Compute the floor of the same work, and record it as a contender's row.

        A connection takes `connecting` round trips; 0 if it is open.
        """
        work = Work(*tile, kind, tuple(asdict(scene) for scene in scenes), mask)
        trips = connecting * self.origin.round_trip
        least = floor(work, self.data.folder, **self.origin_shape, connecting=trips, header_known=header_known)
        self.record(
            Row(scenario, case, FLOOR, round_, least.wall, least.cpu, least.requests, 0, least.bytes, 0, wrong=None)
        )

    @property
    def origin_shape(self) -> dict[str, float]:
        """The origin's time to the first byte (s) and bandwidth (bytes/s)."""
        return {"first_byte": self.origin.first_byte, "bandwidth": self.origin.bandwidth}

    def warm_up(self, name: str, operation: str) -> None:
        """Do one unmeasured piece of work per operation, as libraries load modules lazily."""
        if (name, operation) in self._warm and name in self._started:
            return
        self._warm.add((name, operation))
        scenes = self.data.dates[-2:] if operation != "tile" else self.data.dates[-1:]
        scheme = self.scheme(name)
        if operation == "series":
            self.run_unmeasured(name, self.plot_near(scenes, 1, 99), operation)
        else:
            tile = self.tile_near(scenes[0], 11, 99)
            self.run_unmeasured(name, Work(*tile, "ndvi", tuple(self.fresh(scenes, scheme)), MASK), operation)

    def _failed(self, name: str, scenario: str, case: str, round_: int, operation: str, text: str) -> None:
        """Record a failure. An unsupported operation, or one that failed repeatedly, is skipped from then on."""
        if text == "unsupported":
            print(f"{scenario:14} {case:14} {round_} {name:16} unsupported", flush=True)
        else:
            self.record(Row(scenario, case, name, round_, error=text[:300]))
        self._failures[name, operation] += 1
        if text == "unsupported" or self._failures[name, operation] >= MAX_FAILURES:
            self._unsupported.add((name, operation))
        if name in self._started and self._started[name].ended:
            self._started.pop(name).close()

    def _wrong(self, name: str, operation: str, work: Work | Plot, scenes: Sequence[Scene], out: Path) -> float | None:
        """The share of wrong pixels (of a series, means) in a contender's values; None if there is no reference."""
        if isinstance(work, Plot):
            return wrong_means(work, [each.assets for each in scenes], self.data.folder, out)
        if operation == "best" or not out.exists() or work.composite not in COMPOSITES:
            return None
        key = (work.z, work.x, work.y, work.kind, work.mask, work.composite, *(scene.id for scene in scenes))
        if key not in self._exact:
            if len(self._exact) > 8:
                self._exact.clear()
            stored = replace(work, scenes=tuple(asdict(scene) for scene in scenes))
            self._exact[key] = Exact(stored, self.data.folder)
        values = np.load(out)
        return self._exact[key].wrong(values, masked=bool(work.mask), strict=name == OURS)

    @contextmanager
    def separate_process(self, name: str) -> Iterator[Contender]:
        """A contender in a separate process that ends afterwards. Raises Failed."""
        contender = self.start(name)
        self.versions.setdefault(name, contender.versions)
        try:
            yield contender
        finally:
            contender.close()

    def close(self) -> None:
        """Stop all contenders."""
        for contender in self._started.values():
            contender.close()


def scog_command() -> list[str]:
    """The command that starts scog as a contender, with this Python."""
    return [sys.executable, "-m", "benchmarks.contenders.scog_worker"]
