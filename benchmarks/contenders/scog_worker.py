"""scog as a contender: values of single tiles in this process, or scog's server with uvicorn.

Reads one JSON object per line and answers each with one. Each list of scenes becomes a local archive, whose items are
written and indexed before timing starts; the search within it is timed. Settings have their defaults, except for the
paths; the benchmark sets `SCOG_HOSTS` to the origin's hosts.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely
import uvloop

import scog
from benchmarks.contenders.exchange import forget_peak, peak
from benchmarks.contenders.work import Plot
from benchmarks.data import write_archive
from scog.catalog.archive.archive import Archive
from scog.catalog.catalogs import Catalogs
from scog.catalog.search import Searches
from scog.catalog.search_store import SearchStore
from scog.composite.methods import METHODS
from scog.geo.grid import tile_grid, transformer
from scog.imaging.draw import draw
from scog.imaging.engine import Engine, open_engine
from scog.products.areas.area_of_interest import AreaOfInterest, point
from scog.products.timeseries.series import sample_series
from scog.products.timeseries.state import SeriesState
from scog.render.layer import LayerOptions
from scog.settings import Settings
from scog.temporal.intervals import parse_interval
from tests.profiles import image_request, layer_of, variables_of

Json = dict[str, Any]
ROOT = Path(__file__).parents[2]
EVER = "../.."
MASK = "0,1,3,8,9,10"
"""As `benchmarks.bench.MASK`."""
LAYERS = {
    "ndvi": LayerOptions(index="ndvi"),
    "evi": LayerOptions(index="evi"),
    "rgb": LayerOptions(bands=("red", "green", "blue")),
}


class Worker:
    """One engine for all requests; its catalogue is replaced for each new list of scenes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = AsyncExitStack()
        self._engines: dict[str, Engine] = {}
        self._series_states: dict[int, SeriesState] = {}
        """By the engine's id; a server has one for all its series."""
        self._server: subprocess.Popen[bytes] | None = None

    async def answer(self, message: Json) -> Json:
        """The answer to one message."""
        match message["op"]:
            case "start":
                return {"ok": True, "versions": {"scog": scog.__version__, "python": sys.version.split()[0]}}
            case "tile":
                return await self._drawn(message, "none", "newest")
            case "median":
                return await self._drawn(message, ",".join(map(str, message["mask"])), message["composite"])
            case "best":
                return await self._drawn(message, ",".join(map(str, message["mask"])), "clearest")
            case "series":
                return await self._series(message)
            case "serve":
                return self._serve(message)
        return {"error": "unsupported"}

    async def _drawn(self, message: Json, mask: str, composite: str) -> Json:
        if composite not in METHODS:
            return {"error": "unsupported"}
        engine = await self._engine(message["scenes"])
        expression = layer_of(LAYERS[message["kind"]]).expression
        forget_peak()
        wall, cpu = time.perf_counter(), time.process_time()
        scenes = {"cloud_cover": 100.0, "interval": parse_interval(EVER)}
        request = image_request(expression, mask, composite=METHODS[composite], **scenes)
        drawing = await draw(engine, tile_grid(message["z"], message["x"], message["y"]), request)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        if drawing.report.skipped:
            return {"error": f"skipped {drawing.report.skipped}"}
        if message.get("out"):
            np.save(message["out"], drawing.values)
        return {"wall": wall, "cpu": cpu, "rss": peak()}

    async def _series(self, message: Json) -> Json:
        """The series that `POST /timeseries` computes, of the centre of a point's pixel or of a field's outline."""
        engine, plot = await self._engine(message["scenes"]), Plot.of(message)
        field, formula = _field_of(plot), variables_of("ndvi")
        forget_peak()
        wall, cpu = time.perf_counter(), time.process_time()
        mask = ",".join(map(str, plot.mask))
        [series] = await sample_series(
            self._series_states.setdefault(id(engine), SeriesState(engine)),
            [field],
            formula,
            image_request(formula.expression, mask, interval=parse_interval(EVER), cloud_cover=100.0),
        )
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        if series.report.skipped:
            return {"error": f"skipped {series.report.skipped}"}
        if message.get("out"):
            values = [row.sample.values[0] if row.sample.values else np.nan for row in reversed(series.rows)]
            np.save(message["out"], np.array(values, np.float32))
        return {"wall": wall, "cpu": cpu, "rss": peak()}

    async def _engine(self, scenes: list[Json]) -> Engine:
        """The engine with these scenes as its catalogue, cached by the scenes' URLs."""
        key = json.dumps(scenes)
        if key in self._engines:
            return self._engines[key]
        archive = write_archive(Path(tempfile.mkdtemp(dir=self._folder)), scenes)
        if not self._engines:
            engine = await self._stack.enter_async_context(open_engine(Settings(catalog=str(archive))))
        else:
            first = next(iter(self._engines.values()))
            searches = Searches(Archive.open(archive), SearchStore(None, ""), None, 90)
            engine = replace(first, catalogs=Catalogs([searches]))
        self._engines[key] = engine
        return engine

    def _serve(self, message: Json) -> Json:
        """Start `uvicorn main:app`, one process, with an empty cache folder."""
        archive = write_archive(Path(tempfile.mkdtemp(dir=self._folder)), message["scenes"])
        port = message["port"]
        environment = os.environ | {
            "SCOG_CATALOG": str(archive),
            "SCOG_CACHE_DIR": tempfile.mkdtemp(dir=self._folder),
        }
        command = [sys.executable, "-m", "uvicorn", "main:app", "--port", str(port), "--log-level", "warning"]
        self._server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        tile = f"http://127.0.0.1:{port}/tiles/{{z}}/{{x}}/{{y}}?mask=none&cloud_cover=100&datetime={EVER}"
        composite = tile.replace("mask=none", f"mask={MASK}") + "&index=ndvi&composite=median"
        named = {"tile": f"{tile}&index=ndvi", "other": f"{tile}&index=evi2", "median": composite}
        return named | {"pid": self._server.pid}

    async def close(self) -> None:
        """Stop the server and close the engines."""
        if self._server is not None:
            self._server.terminate()
            self._server.wait()
        await self._stack.aclose()


def _field_of(plot: Plot) -> AreaOfInterest:
    to_degrees = transformer(f"EPSG:{plot.epsg}", "EPSG:4326").transform
    if plot.side == 1:
        return point(*to_degrees(*plot.middle))
    inset = 1e-4  # metres, so that rounding adds no weight of neighbouring pixels
    west, south, east, north = plot.bounds
    outline = shapely.box(west + inset, south + inset, east - inset, north - inset)
    shape = shapely.transform(shapely.segmentize(outline, 50.0), to_degrees, interleaved=False)
    return AreaOfInterest(shape, shapely.geometry.mapping(shape))


def main() -> None:
    """Answer requests until `quit`."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries' output must not mix with the answers
    with (
        tempfile.TemporaryDirectory(prefix="scog-bench-") as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        worker = Worker(Path(folder))
        gc.freeze()  # as in main.py
        gc.set_threshold(10_000, 20, 20)
        for line in sys.stdin:
            message = json.loads(line)
            if message["op"] == "quit":
                break
            try:
                answer = runner.run(worker.answer(message))
            except Exception as fault:  # any error is reported, and the benchmark continues
                answer = {"error": f"{type(fault).__name__}: {fault}"}
            print(json.dumps(answer), file=answers, flush=True)
        runner.run(worker.close())


if __name__ == "__main__":
    main()
