"""Scenes laid over each other in an order, such as newest first: of each is read only what shows."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Sequence

import numpy as np
from numpy.typing import NDArray

from scog.catalog.observation import Observation
from scog.catalog.scene import Scene
from scog.composite.canvas import Canvas, share_out
from scog.composite.methods import CLEAREST
from scog.geo.grid import Grid
from scog.imaging.engine import Engine
from scog.imaging.report import Report
from scog.imaging.request import ImageRequest
from scog.imaging.scene_view import SceneView, Valued
from scog.runtime.tasks import gather_all
from scog.warp.workbench import effort

FIRST_BATCH = 2
"""Observations, or scenes, whose SCL is read at once at first; doubled while pixels are missing."""

Mask2D = NDArray[np.bool_]


class Mosaic:
    """Paints scenes onto a canvas, in the order of their composite, until it is full."""

    def __init__(self, engine: Engine, grid: Grid, request: ImageRequest, report: Report) -> None:
        self._workbench = engine.workbench
        self._effort = effort(grid.shape, len(request.expression.bands) + 1, request.resampling)
        """What one scene takes."""
        self._composite = request.composite
        self._most = request.preview
        self._canvas = Canvas(request.expression.outputs, grid.shape)
        self._view = SceneView(engine, grid, request, report)
        self._report = report
        self._looked_at: set[str] = set()
        self._under_way: set[str] = set()

    async def take(self, found: AsyncIterator[Observation]) -> None:
        """Paint observations as they are found, as many as it takes; for a preview, as many as it may read."""
        preview = self._report.preview
        by_scene = self._composite == CLEAREST
        ordered = _clearest_first(found) if by_scene else _by_observation(found)
        count = read = 0
        async for batch in _growing_batches(ordered, FIRST_BATCH if preview is None else 1):
            in_memory = await self._paint([scene for scenes in batch for scene in scenes])
            if self._canvas.full:
                break
            count, read = count + len(batch), read + (0 if in_memory else len(batch))
            if preview is not None and read >= self._most:
                preview.observations = count
                break

    async def composite(self) -> Valued:
        """What has been painted."""
        return self._canvas.values, self._canvas.valid

    def give_up(self) -> None:
        """The deadline has come: what is still being read counts as skipped."""
        self._report.incomplete = "deadline"
        for scene in self._under_way - {scene.id for scene in self._report.used}:
            self._report.skipped.setdefault(scene, "deadline")
        self._looked_at |= self._under_way

    @property
    def in_vain(self) -> bool:
        """Whether every scene that was looked at failed, and none gave anything before it did."""
        return bool(self._report.skipped) and not self._report.used and self._looked_at <= self._report.skipped.keys()

    async def _paint(self, scenes: Sequence[Scene]) -> bool:
        """Paint scenes in their order: at once those in memory, then those that have to be read. Returns whether
        all were in memory.
        """
        since = time.perf_counter()
        known = await self._workbench.work(self._effort * len(scenes), self._paint_known, scenes)
        self._looked_at |= {scene.id for scene in scenes[:known]}
        self._report.add_time("memory", since)
        if known == len(scenes) or self._canvas.full:
            return True
        await self._paint_read(scenes[known:])
        return False

    def _paint_known(self, scenes: Sequence[Scene]) -> int:
        """Paint the first scenes, as far as all that they take is in memory; how many."""
        for number, scene in enumerate(scenes):
            if self._canvas.full:
                return number
            usable = self._view.cached_usable(scene, self._missing())
            if usable is None:
                return number
            share = usable & ~self._canvas.valid
            if not share.any():
                continue
            drawn = self._view.cached_values(scene, None if share.all() else share)
            if drawn is None:
                return number
            self._keep(scene, drawn)
        return len(scenes)

    async def _paint_read(self, scenes: Sequence[Scene]) -> None:
        """Paint scenes that have to be read. The classification comes first: what is cloud costs no other read."""
        self._under_way = {scene.id for scene in scenes}
        self._report.wanted |= self._under_way
        since = time.perf_counter()
        masks = gather_all(self._view.usable(scene, self._missing()) for scene in scenes)
        if self._report.preview is None:
            found = await masks
        else:  # a round trip less, and a wasted header where all is cloud
            headers = gather_all(self._view.describe(scene) for scene in scenes)
            found, _ = await gather_all((masks, headers))
        usable = {scene.id: mask for scene, mask in zip(scenes, found, strict=True) if mask is not None}
        self._report.add_time("mask", since)
        since = time.perf_counter()
        while usable and not self._canvas.full:
            left = [scene for scene in scenes if scene.id in usable]
            shares = share_out(self._missing(), [usable[scene.id] for scene in left])
            chosen = [(scene, share) for scene, share in zip(left, shares, strict=True) if share.any()]
            if not chosen:
                break
            drawn = await gather_all(
                self._view.values(scene, None if share.all() else share) for scene, share in chosen
            )
            for (scene, share), result in zip(chosen, drawn, strict=True):
                if result is None:
                    del usable[scene.id]
                    continue
                usable[scene.id] = usable[scene.id] & ~share
                self._report.read.add(scene.id)
                self._keep(scene, result)
        self._looked_at |= self._under_way
        self._report.read |= self._under_way - self._report.skipped.keys()
        self._under_way = set()
        self._report.add_time("read", since)

    def _keep(self, scene: Scene, drawn: Valued) -> None:
        if self._canvas.paint(*drawn) and scene not in self._report.used:
            self._report.used.append(scene)

    def _missing(self) -> Mask2D | None:
        """The pixels still missing; None while all are."""
        return ~self._canvas.valid if self._canvas.valid.any() else None


async def _by_observation(found: AsyncIterator[Observation]) -> AsyncIterator[Sequence[Scene]]:
    """The scenes of each observation, as they are found."""
    async for observation in found:
        yield observation.scenes


async def _clearest_first(found: AsyncIterator[Observation]) -> AsyncIterator[Sequence[Scene]]:
    """Each scene by itself, by its cloud cover; equals as they are found, those of which none is known last.

    The order is the scenes' own: the share of clouds within a tile would differ from that within the next one.
    """
    scenes = [scene async for observation in found for scene in observation.scenes]
    for scene in sorted(scenes, key=lambda scene: math.inf if scene.cloud_cover is None else scene.cloud_cover):
        yield (scene,)


async def _growing_batches(found: AsyncIterator[Sequence[Scene]], size: int) -> AsyncIterator[list[Sequence[Scene]]]:
    """What is found in batches of `size`, twice as many, and so on: few reads where the first are clear, few round
    trips where not.
    """
    batch: list[Sequence[Scene]] = []
    async for scenes in found:
        batch.append(scenes)
        if len(batch) == size:
            yield batch
            batch, size = [], 2 * size
    if batch:
        yield batch
