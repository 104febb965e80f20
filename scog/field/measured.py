"""One observation of a field as numbers: its scenes are read, masked, put together, and let go of."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from scog.ask import Ask
from scog.catalog.observation import Observation
from scog.catalog.scene import Scene
from scog.engine import Engine
from scog.field.formula import Formula
from scog.field.numbers import MASKED, NO_DATA, Measured
from scog.field.site import Part, Site
from scog.field.statistics import commonest, statistics
from scog.kept import MAX_AGE
from scog.pixels.reader import gather_all
from scog.report import Report
from scog.view import View

SMALL = 16_384
"""Pixels whose numbers are put together at once, since another thread would take longer to hear of it."""
T = TypeVar("T")


class Measuring:
    """Takes the numbers of observations over one site."""

    def __init__(self, engine: Engine, site: Site, formula: Formula, ask: Ask, report: Report) -> None:
        self._engine = engine
        self._site = site
        self._formula = formula
        self._report = report
        thrifty = len(site.parts) == 1  # the rows of one part, and no more; parts below each other need all of them
        self._views = [View(engine, part.grid, ask, report, thrifty=thrifty) for part in site.parts]
        pixels = sum(part.weights.size for part in site.parts)
        # Each band as stored, which is decoded and placed, and as floats; the formula's steps and outputs; masks.
        self._bytes = pixels * (8 * len(formula.expression.bands) + 8 * formula.expression.outputs + 20)
        self._key = site.key, formula.expression, ask.mask
        self._bands = tuple(dict.fromkeys((*formula.expression.bands, "scl")))

    def recalled(self, observation: Observation) -> Measured | None:
        """The numbers of an observation, if they are kept and of these very scenes."""
        kept = self._engine.measured.get(self._named(observation))
        if kept is None or time.monotonic() - kept[0] > MAX_AGE:
            return None
        measured = kept[1]
        for scene in observation.scenes:
            self._views[0].needs_no_mask(scene)  # which notes those that have nothing to mask by
            if measured.values is not None and scene.id in measured.scenes:
                self._report.used.append(scene)
        return measured

    async def measure(self, observation: Observation) -> Measured:
        """The numbers of an observation. A scene that fails is noted in the report; without any they are kept."""
        async with self._engine.measuring.hold(min(self._bytes, self._engine.measuring.limit)):
            measured = await self._measured(observation)
        if not any(scene.id in self._report.skipped for scene in observation.scenes):
            size = 1000 + 600 * len(measured.statistics or ())
            self._engine.measured.put(self._named(observation), (time.monotonic(), measured), size)
        return measured

    async def _measured(self, observation: Observation) -> Measured:
        scenes = observation.scenes
        parts: list[_Mosaic] = await gather_all(
            self._mosaic(view, part, scenes) for view, part in zip(self._views, self._site.parts, strict=True)
        )
        laid = [scene for scene in scenes if any(scene.id in part.scenes for part in parts)]
        self._report.used += laid
        names = tuple(scene.id for scene in (laid or scenes))
        faults = (self._report.skipped.get(scene.id) for scene in scenes)
        fault = next((reason for reason in faults if reason is not None), None)
        return await self._here(self._put_together, parts, names, fault)

    async def _mosaic(self, view: View, part: Part, scenes: Sequence[Scene]) -> _Mosaic:
        """What the scenes of an observation show of a part. The classification is read before the bands.

        That is a round trip more, of which many are under way at once, and where a part is below clouds its bands,
        which are most of the bytes, are not read at all.
        """
        mosaic = _Mosaic(part)
        for scene in scenes:  # in their total order: the first usable one counts
            classified = await view.classified(scene, mosaic.missing)
            if classified is not None and await self._here(mosaic.classify, *classified):
                shown = await view.values(scene, mosaic.wanted)
                if shown is not None:
                    await self._here(mosaic.lay, scene.id, *shown)
            if not mosaic.missing.any():
                break
        return mosaic

    def _put_together(self, parts: Sequence[_Mosaic], names: tuple[str, ...], fault: str | None) -> Measured:
        """What comes of all parts. Without any value, the reason is the fault, or that all was masked, or not seen."""
        total = self._site.total
        cloud = sum(part.cloud for part in parts) / total
        known = [part.known for part in parts if part.scenes]
        if not known:
            return Measured(None, None, 0.0, cloud, names, fault or (MASKED if cloud else NO_DATA))
        values = np.concatenate([values for values, _ in known], axis=1)
        if self._site.is_point:
            return Measured(tuple(map(float, values[:, 0])), None, 1.0, 0.0, names)
        weights = np.concatenate([weights for _, weights in known])
        found = tuple(statistics(output, weights) for output in values)
        means = tuple(each.mean for each in found)
        if self._formula.classes:
            means = tuple(commonest(output, weights) for output in values)
        return Measured(means, found, float(weights.sum(dtype=np.float64)) / total, cloud, names)

    def _named(self, observation: Observation) -> Hashable:
        """What the numbers follow from: the same for scenes that are the same after a new search."""
        scenes = tuple(
            (scene.id, scene.collection, scene.generated, tuple(scene.assets.get(band) for band in self._bands))
            for scene in observation.scenes
        )
        return *self._key, scenes

    async def _here(self, work: Callable[..., T], *args: object) -> T:
        """Do small work at once and large work beside the event loop."""
        if len(self._site.parts) == 1 and self._site.parts[0].weights.size <= SMALL:
            return work(*args)
        return await asyncio.get_running_loop().run_in_executor(self._engine.cpu, work, *args)


class _Mosaic:
    """The scenes of one observation over a part, each where those before it left something missing."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._values: NDArray[np.float32] | None = None
        self._masked = np.zeros(part.inside.shape, bool)
        self.missing = part.inside.copy()
        """Pixels of which nothing is known yet."""
        self.wanted = self.missing
        """Those of them that the next scene may be used for."""
        self.scenes: list[str] = []

    def classify(self, usable: NDArray[np.bool_], masked: NDArray[np.bool_]) -> bool:
        """Take in where a scene may be used and where it is masked; whether it may be used anywhere."""
        self.wanted = usable & self.missing
        self._masked |= masked & self.missing
        return bool(self.wanted.any())

    def lay(self, name: str, values: NDArray[np.float32], valid: NDArray[np.bool_]) -> None:
        """Take in the values `(output, y, x)` of a scene."""
        new = valid & self.wanted
        if not new.any():
            return
        if self._values is None:
            self._values = values
        else:
            np.copyto(self._values, values, where=new)
        self.missing &= ~new
        self.scenes.append(name)

    @property
    def cloud(self) -> float:
        """The weight of what is masked and not seen otherwise."""
        return float(self._part.weights[self._masked & self.missing].sum(dtype=np.float64))

    @property
    def known(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Values `(output, n)` and weights `(n)` of the pixels that are known."""
        assert self._values is not None
        known = self._part.inside & ~self.missing
        return self._values[:, known], self._part.weights[known]
