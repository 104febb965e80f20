"""One observation of a field as numbers: its scenes are read, masked, put together, and let go of."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from scog.bandmath.expression import Expression
from scog.catalog.observation import Observation
from scog.catalog.scene import Scene
from scog.composite.canvas import Canvas
from scog.errors import SourceError
from scog.imaging.image_cache import MAX_AGE
from scog.imaging.report import Report
from scog.imaging.request import ImageRequest
from scog.imaging.scene_view import SceneView
from scog.products.areas.sampling_grid import Part, SamplingGrid, asked_at, parts_of
from scog.products.areas.statistics import commonest, statistics
from scog.products.timeseries.model import MASKED, NO_DATA, Sample
from scog.products.timeseries.state import SeriesState
from scog.products.timeseries.variables import SeriesVariables
from scog.runtime.tasks import gather_all

SMALL = 16_384
"""Pixels whose numbers are put together at once, since another thread would take longer to hear of it."""
T = TypeVar("T")


class Sampler:
    """Takes the numbers of observations over one site."""

    def __init__(
        self, state: SeriesState, site: SamplingGrid, formula: SeriesVariables, request: ImageRequest, report: Report
    ) -> None:
        self._engine = state.engine
        self._state = state
        self._site = site
        self._formula = formula
        self._request = request
        self._report = report
        self._key = site.key, formula.expression, request.mask
        self._bands = tuple(dict.fromkeys((*formula.expression.bands, "scl")))
        self._making = asyncio.Lock()
        self._pieces: _Pieces | None = None

    async def look_ahead(self, observation: Observation) -> None:
        """Read the headers that it will most likely take: those of its first scene, unless its numbers are kept."""
        if self._kept(observation) is None:
            masked = self._request.mask.classes is not None
            await self._describe(observation.scenes[0], self._bands if masked else self._formula.expression.bands)

    def recalled(self, observation: Observation) -> Sample | None:
        """The numbers of an observation, if they are kept and of these very scenes."""
        measured = self._kept(observation)
        if measured is None:
            return None
        for scene in observation.scenes:
            if self._request.mask.classes is not None and "scl" not in scene.assets:
                self._report.unmasked.append(scene.id)
            if measured.values is not None and scene.id in measured.scenes:
                self._report.used.append(scene)
        return measured

    def let_go(self) -> None:
        """Let go of the parts, which take much more memory than what was measured."""
        self._pieces = None

    async def measure(self, observation: Observation) -> Sample:
        """The numbers of an observation. A scene that fails is noted in the report; without any they are kept.

        Raises InvalidInput where nothing of the field counts.
        """
        pieces = await self._ready()
        async with self._state.memory.hold(min(pieces.bytes, self._state.memory.limit)):
            measured = await self._measured(pieces, observation.scenes)
        if not any(scene.id in self._report.skipped for scene in observation.scenes):
            size = 600 + 400 * len(self._bands) * len(observation.scenes) + 600 * len(measured.statistics or ())
            self._state.measured.put(self._named(observation), (time.monotonic(), measured), size)
        return measured

    def _kept(self, observation: Observation) -> Sample | None:
        kept = self._state.measured.get(self._named(observation))
        return None if kept is None or time.monotonic() - kept[0] > MAX_AGE else kept[1]

    async def _ready(self) -> _Pieces:
        """The parts of the site, made when they are first needed: to recall numbers it takes none."""
        async with self._making:
            if self._pieces is None:
                parts = await asyncio.to_thread(parts_of, self._site)
                partial_rows = len(parts) == 1  # as many rows as it takes; parts below each other take all of them
                request = asked_at(self._site, self._request)
                views = [
                    SceneView(self._engine, part.grid, request, self._report, partial_rows=partial_rows)
                    for part in parts
                ]
                self._pieces = _Pieces(parts, views, self._formula.expression)
            return self._pieces

    async def _measured(self, pieces: _Pieces, scenes: Sequence[Scene]) -> Sample:
        both = zip(pieces.views, pieces.parts, strict=True)
        parts: list[_Mosaic] = await gather_all(self._mosaic(pieces, view, part, scenes) for view, part in both)
        laid = [scene for scene in scenes if any(scene.id in part.scenes for part in parts)]
        self._report.used += laid
        names = tuple(scene.id for scene in (laid or scenes))
        faults = (self._report.skipped.get(scene.id) for scene in scenes)
        fault = next((reason for reason in faults if reason is not None), None)
        return await self._here(pieces, self._put_together, parts, pieces.total, names, fault)

    async def _mosaic(self, pieces: _Pieces, view: SceneView, part: Part, scenes: Sequence[Scene]) -> _Mosaic:
        """What the scenes of an observation show of a part. The classification is read before the bands.

        That is a round trip more, of which many are under way at once, and where a part is below clouds its bands,
        which are most of the bytes, are not read at all; just where in their files they would be.
        """
        mosaic = _Mosaic(part, self._formula.expression.outputs)
        for scene in scenes:  # in their total order: the first usable one counts
            bands = self._formula.expression.bands
            classified, _ = await gather_all((view.classified(scene, mosaic.missing), self._describe(scene, bands)))
            if classified is not None and await self._here(pieces, mosaic.classify, *classified):
                shown = await view.values(scene, mosaic.wanted)
                if shown is not None:
                    await self._here(pieces, mosaic.lay, scene.id, *shown)
            if not mosaic.missing.any():
                break
        return mosaic

    async def _describe(self, scene: Scene, bands: Sequence[str]) -> None:
        """Read those headers of a scene's bands that are not known."""
        blocks = self._engine.blocks
        urls = {scene.assets[band].url for band in bands if band in scene.assets}

        async def one(url: str) -> None:
            with suppress(SourceError):  # what is wrong with a file is told when it is needed
                await blocks.describe(url, self._report.tally)

        await gather_all(one(url) for url in urls if blocks.known(url) is None)

    def _put_together(
        self, parts: Sequence[_Mosaic], total: float, names: tuple[str, ...], fault: str | None
    ) -> Sample:
        """What comes of all parts. Without any value, the reason is the fault, or that all was masked, or not seen."""
        masked = sum(part.masked for part in parts) / total
        known = [part.known for part in parts if part.scenes]
        if not known:
            return Sample(None, None, 0.0, masked, names, fault or (MASKED if masked else NO_DATA))
        values = np.concatenate([values for values, _ in known], axis=1)
        if self._site.is_point:
            return Sample(tuple(map(float, values[:, 0])), None, 1.0, 0.0, names)
        weights = np.concatenate([weights for _, weights in known])
        found = tuple(statistics(output, weights) for output in values)
        means = tuple(each.mean for each in found)
        if self._formula.classes:
            means = tuple(commonest(output, weights) for output in values)
        return Sample(means, found, float(weights.sum(dtype=np.float64)) / total, masked, names)

    def _named(self, observation: Observation) -> Hashable:
        """What the numbers follow from: the same for scenes that are the same after a new search."""
        scenes = tuple(
            (scene.id, scene.collection, scene.generated, tuple(scene.assets.get(band) for band in self._bands))
            for scene in observation.scenes
        )
        return *self._key, scenes

    async def _here(self, pieces: _Pieces, work: Callable[..., T], *args: object) -> T:
        """Do small work at once and large work beside the event loop."""
        if pieces.pixels <= SMALL:
            return work(*args)
        return await asyncio.get_running_loop().run_in_executor(self._engine.cpu, work, *args)


class _Pieces:
    """The parts of a site, who looks at each, and what that takes."""

    def __init__(self, parts: Sequence[Part], views: Sequence[SceneView], expression: Expression) -> None:
        self.parts = parts
        self.views = views
        self.pixels = sum(part.weights.size for part in parts)
        self.total = sum(float(part.weights.sum(dtype=np.float64)) for part in parts)
        """Of all weights."""
        # Each band as stored, which is decoded and placed, and as floats; the formula's steps and outputs; masks.
        self.bytes = self.pixels * (8 * len(expression.bands) + 8 * expression.outputs + 20)


class _Mosaic:
    """The scenes of one observation over a part, each where those before it left something missing."""

    def __init__(self, part: Part, outputs: int) -> None:
        self._part = part
        self._canvas = Canvas(outputs, part.inside.shape)
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
        if self._canvas.paint(values, valid & self.wanted):
            self.missing &= ~self._canvas.valid
            self.scenes.append(name)

    @property
    def masked(self) -> float:
        """The weight of what is masked and not seen otherwise."""
        return float(self._part.weights[self._masked & self.missing].sum(dtype=np.float64))

    @property
    def known(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Values `(output, n)` and weights `(n)` of the pixels that are known."""
        known = self._canvas.valid
        return self._canvas.values[:, known], self._part.weights[known]
