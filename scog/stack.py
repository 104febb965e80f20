"""A stack: all observations of a place on one grid, each masked by itself, for composites that look at all of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scog.ask import Ask
from scog.catalog.observation import Observation
from scog.catalog.scene import Scene
from scog.engine import Engine
from scog.pixels.composite import Canvas
from scog.pixels.reader import gather_all
from scog.pixels.reduce import reduce
from scog.report import Report
from scog.space.grid import Grid
from scog.view import Valued, View


class Stack:
    """Reads observations, all at once, and reduces them to one picture."""

    def __init__(self, engine: Engine, grid: Grid, ask: Ask, report: Report) -> None:
        self._cpu = engine.cpu
        self._grid = grid
        self._ask = ask
        self._view = View(engine, grid, ask, report)
        self._report = report
        self._layers: dict[int, Canvas] = {}
        self._under_way: set[str] = set()

    async def take(self, found: AsyncIterator[Observation]) -> None:
        """Read all observations: at once those that are in memory, then those that have to be read."""
        observations = [observation async for observation in found]
        since = time.perf_counter()
        left = await asyncio.get_running_loop().run_in_executor(self._cpu, self._take_known, observations)
        self._report.add_time("memory", since)
        since = time.perf_counter()
        self._under_way = {scene.id for place in left for scene in observations[place].scenes}
        await gather_all(self._take_read(place, observations[place].scenes) for place in left)
        self._report.add_time("read", since)

    async def composite(self) -> Valued:
        """One value for each pixel of those read so far."""
        since = time.perf_counter()
        reduced = await asyncio.get_running_loop().run_in_executor(self._cpu, self._reduced)
        self._report.add_time("composite", since)
        return reduced

    def give_up(self) -> None:
        """The deadline has come: what is still being read counts as skipped."""
        self._report.incomplete = "deadline"
        for scene in self._under_way:
            self._report.skipped.setdefault(scene, "deadline")

    @property
    def in_vain(self) -> bool:
        """Whether every scene that was looked at failed."""
        return bool(self._report.skipped) and not self._layers

    def _take_known(self, observations: Sequence[Observation]) -> list[int]:
        """Take the observations that are in memory; the places of the others."""
        left = []
        for place, observation in enumerate(observations):
            shown = []
            for scene in observation.scenes:
                usable = self._view.known_usable(scene)
                values = None if usable is None else self._view.known_values(scene)
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
        """Read the scenes of one observation, classification and bands at once: it is a round trip less."""

        async def read(scene: Scene) -> tuple[Scene, list[Any]]:
            return scene, await gather_all((self._view.usable(scene), self._view.values(scene)))

        for scene, (usable, values) in await gather_all(read(scene) for scene in scenes):
            if usable is not None and values is not None:
                await asyncio.get_running_loop().run_in_executor(self._cpu, self._lay, place, scene, usable, values)
            self._under_way.discard(scene.id)

    def _lay(self, place: int, scene: Scene, usable: NDArray[np.bool_], shown: Valued) -> None:
        """Lay a scene onto its observation's picture: what is usable of it and not there yet."""
        values, valid = shown
        canvas = self._layers.get(place)
        if canvas is None:
            canvas = self._layers[place] = Canvas(self._ask.expression.outputs, self._grid.shape)
        if canvas.paint(values, valid & usable):
            self._report.used.append(scene)

    def _reduced(self) -> Valued:
        values = np.full((self._ask.expression.outputs, *self._grid.shape), np.nan, np.float32)
        known = dict(self._layers)  # after a deadline a thread may still be laying one
        layers = [known[place].values for place in sorted(known) if known[place].valid.any()]
        if layers:
            values = reduce(np.stack(layers), self._ask.composite)
        return values, np.asarray(np.isfinite(values).all(axis=0))
