"""A stack: all observations of a place on one grid, each masked by itself, for composites that look at all of them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import reduce as fold

import numpy as np
from numpy.typing import NDArray

from scog.bandmath.expression import Expression, parse
from scog.catalog.observation import Observation
from scog.catalog.scene import Scene
from scog.composite.canvas import Canvas
from scog.composite.day_of_year import days_since_1970
from scog.composite.methods import BEST, COUNT, GEOMEDIAN, Unit
from scog.composite.reduce import reduce
from scog.geo.grid import Grid
from scog.imaging.engine import Engine
from scog.imaging.report import Report
from scog.imaging.request import ImageRequest
from scog.imaging.scene_view import SceneView, Valued
from scog.runtime.tasks import gather_all
from scog.warp.workbench import effort

AT_ONCE_BYTES = 256 * 2**20
"""Of layers held at once; what is more than that is worked on some rows after the other."""
CHOSEN_BY = "(nir - red) / (nir + red)"
"""NDVI, of which the best observation has most."""


class Stack:
    """Reads observations, all at once, and reduces them to one picture; a large one some rows after the other."""

    def __init__(self, engine: Engine, grid: Grid, request: ImageRequest, report: Report) -> None:
        self._engine = engine
        self._grid = grid
        self._request = request
        self._report = report
        self._values, self._valid = _nothing(request, grid)
        self._rows: _Rows | None = None
        self._any = False

    async def take(self, found: AsyncIterator[Observation]) -> None:
        """Read all observations, of as many rows at once as there is memory for."""
        observations = [observation async for observation in found]
        row_bytes = 4 * self._grid.width * len(observations) * _computed(self._request).outputs
        step = max(1, AT_ONCE_BYTES // max(1, row_bytes))
        for top in range(0, self._grid.height, step):
            await self._reduce()
            self._rows = _Rows(self._engine, self._grid.rows(top, top + step), top, self._request, self._report)
            await self._rows.take(observations)

    async def composite(self) -> Valued:
        """One value for each pixel of those read so far."""
        await self._reduce()
        return self._values, self._valid

    def give_up(self) -> None:
        """The deadline has come: what is still being read counts as skipped."""
        self._report.incomplete = "deadline"
        for scene in self._rows.under_way if self._rows is not None else ():
            self._report.skipped.setdefault(scene, "deadline")

    @property
    def in_vain(self) -> bool:
        """Whether every scene that was looked at failed."""
        return bool(self._report.skipped) and not self._any and (self._rows is None or not self._rows.any)

    async def _reduce(self) -> None:
        """Keep what comes of the rows read last, and let go of them."""
        rows = self._rows
        if rows is not None and rows.any:
            since = time.perf_counter()
            values, valid = await self._engine.workbench.work(rows.effort, rows.reduced)
            self._values[:, rows.top : rows.top + len(valid)] = values
            self._valid[rows.top : rows.top + len(valid)] = valid
            self._any = True
            self._report.add_time("composite", since)
        self._rows = None


class _Rows:
    """All observations of some rows of a picture."""

    def __init__(self, engine: Engine, grid: Grid, top: int, request: ImageRequest, report: Report) -> None:
        self.top = top
        self._workbench = engine.workbench
        self._grid = grid
        self._request = request
        self._computed = _computed(request)
        self._view = SceneView(engine, grid, replace(request, expression=self._computed), report, partial_rows=True)
        self._report = report
        self._layers: dict[int, Canvas] = {}
        self._days: dict[int, float | NDArray[np.float64]] = {}
        self.under_way: set[str] = set()

    @property
    def any(self) -> bool:
        """Whether any observation could be read."""
        return bool(self._layers)

    @property
    def effort(self) -> int:
        """What it takes to reduce them."""
        return effort(self._grid.shape, 4 * len(self._layers) * self._computed.outputs)

    async def take(self, observations: Sequence[Observation]) -> None:
        """Read all observations: at once those that are in memory, then those that have to be read."""
        since = time.perf_counter()
        size = effort(self._grid.shape, len(observations) * len(self._computed.bands), self._request.resampling)
        left = await self._workbench.work(size, self._take_known, observations)
        self._report.add_time("memory", since)
        since = time.perf_counter()
        left = self._few(left, len(observations))
        self.under_way = {scene.id for place in left for scene in observations[place].scenes}
        self._report.wanted |= self.under_way
        await gather_all(self._take_read(place, observations[place].scenes) for place in left)
        self._report.add_time("read", since)

    def _few(self, left: list[int], count: int) -> list[int]:
        """Which of `count` observations to read of those not in memory: all, but for previews of composites whose
        values a few tell roughly.
        """
        preview = self._report.preview
        if preview is None or self._request.composite.unit is not Unit.LAYER:
            return left
        in_memory = count - len(left)
        few = left[: self._request.preview]
        if len(few) < len(left):
            preview.observations = in_memory + len(few)
        return few

    def _take_known(self, observations: Sequence[Observation]) -> list[int]:
        """Take the observations that are in memory; the places of the others."""
        left = []
        for place, observation in enumerate(observations):
            shown = []
            for scene in observation.scenes:
                usable = self._view.cached_usable(scene)
                values = None if usable is None else self._view.cached_values(scene)
                if usable is None or values is None:
                    break
                shown.append((scene, usable, values))
            if len(shown) == len(observation.scenes):
                for scene, usable, values in shown:
                    self._lay(place, scene, usable, values)
            else:
                left.append(place)
        return left

    async def _take_read(self, place: int, scenes: Sequence[Scene]) -> None:
        """Read the scenes of one observation."""

        shown = await gather_all(self._view.masked(scene) for scene in scenes)
        for scene, both in zip(scenes, shown, strict=True):
            if both is not None:
                size = effort(self._grid.shape, self._computed.outputs)
                await self._workbench.work(size, self._lay, place, scene, *both)
                self._report.read.add(scene.id)
            self.under_way.discard(scene.id)

    def _lay(self, place: int, scene: Scene, usable: NDArray[np.bool_], shown: Valued) -> None:
        """Lay a scene onto its observation's picture: what is usable of it and not there yet."""
        values, valid = shown
        valid = valid & usable
        canvas = self._layers.get(place)
        if canvas is None:
            canvas = self._layers[place] = Canvas(self._computed.outputs, self._grid.shape)
        if self._request.composite.dated:
            self._date(place, scene, valid & ~canvas.valid)
        if canvas.paint(values, valid) and scene not in self._report.used:
            self._report.used.append(scene)

    def _date(self, place: int, scene: Scene, new: NDArray[np.bool_]) -> None:
        """Note when the new pixels of an observation were seen: each scene has its own time, wherever a tile ends."""
        day, known = days_since_1970(scene.time), self._days.get(place)
        if known is None or not self._layers[place].valid.any():
            self._days[place] = day
        elif isinstance(known, float):
            if known != day:
                self._days[place] = np.where(new, day, known)
        else:
            known[new] = day

    def reduced(self) -> Valued:
        """One value for each pixel of those read so far."""
        request = self._request
        known = dict(self._layers)  # after a deadline a thread may still be laying one
        places = [place for place in sorted(known) if known[place].valid.any()]
        if not places:
            return _nothing(request, self._grid)
        days = [self._days.get(place, 0.0) for place in places]
        values = reduce([known[place].values for place in places], request.composite, days)
        if request.composite == GEOMEDIAN:
            bands = values
            values, _ = request.expression.evaluate(dict(zip(request.expression.bands, bands, strict=True)))
            values[:, np.isnan(bands[0])] = np.nan  # a formula may have values where no band is looked at
        shown = values[: request.expression.outputs]  # what follows are their p-values
        return values, np.asarray(np.isfinite(shown).all(axis=0))


def _nothing(request: ImageRequest, grid: Grid) -> Valued:
    """What is known where no observation is: that there are 0."""
    counted = request.composite == COUNT
    outputs = request.composite.outputs(request.expression.names)
    values = np.full((len(outputs), *grid.shape), 0 if counted else np.nan, np.float32)
    return values, np.full(grid.shape, counted)


def _computed(request: ImageRequest) -> Expression:
    """What is computed of each observation: the formula, with what to choose by; or just the bands it needs."""
    if request.composite == BEST:
        return request.expression.joined(parse(CHOSEN_BY))
    if request.composite == GEOMEDIAN:
        return fold(Expression.joined, map(parse, request.expression.bands))
    return request.expression
