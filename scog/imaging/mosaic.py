"""Mosaic composites (newest, oldest, clearest): paints scenes in order, and reads only pixels that will be visible."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Sequence

import numpy as np
from numpy.typing import NDArray

from scog.catalog.observation import Observation
from scog.catalog.scene import Scene
from scog.composite.canvas import Canvas, first_usable
from scog.composite.methods import CLEAREST
from scog.geo.grid import Grid
from scog.imaging.engine import Engine
from scog.imaging.report import Report
from scog.imaging.request import ImageRequest
from scog.imaging.scene_reader import SceneReader, ValuesAndValidity
from scog.runtime.tasks import gather_all
from scog.warp.workbench import pixels_to_process

FIRST_BATCH = 2
"""Number of observations (for `clearest`: of scenes) whose masks are read concurrently first. Batches then double."""

Mask2D = NDArray[np.bool_]


class Mosaic:
    """Paints scenes onto a canvas, in the order of the composite, until every pixel is valid."""

    def __init__(self, engine: Engine, grid: Grid, request: ImageRequest, report: Report) -> None:
        self._workbench = engine.workbench
        bands = len(request.expression.bands) + len(request.mask.of(request.profile).bands)
        self._pixels_per_scene = pixels_to_process(grid.shape, bands, request.resampling)
        """Pixels to process for one scene, summed over bands."""
        self._composite = request.composite
        self._max_reads = request.preview
        self._canvas = Canvas(request.expression.outputs, grid.shape)
        self._scene_reader = SceneReader(engine, grid, request, report)
        self._report = report
        self._tried: set[str] = set()
        """Ids of scenes that were painted, are hidden by others, or could not be read."""
        self._in_progress: set[str] = set()

    async def read(self, observations: AsyncIterator[Observation]) -> None:
        """Paint observations until the canvas is full, or a preview has read its maximum."""
        preview = self._report.preview
        by_scene = self._composite == CLEAREST
        ordered = _clearest_first(observations) if by_scene else _by_observation(observations)
        count = read = 0
        async for batch in _growing_batches(ordered, FIRST_BATCH if preview is None else 1):
            was_cached = await self._paint([scene for scenes in batch for scene in scenes])
            if self._canvas.full:
                break
            count, read = count + len(batch), read + (0 if was_cached else len(batch))
            if preview is not None and read >= self._max_reads:
                preview.observations = count
                break

    async def composite(self) -> ValuesAndValidity:
        """The pixels painted so far: values float32 `(output, y, x)` and validity bool `(y, x)`."""
        return self._canvas.values, self._canvas.valid

    def mark_overdue(self) -> None:
        """Record that the deadline passed: scenes that are still being read count as skipped."""
        self._report.incomplete = "deadline"
        for scene in self._in_progress - {scene.id for scene in self._report.used}:
            self._report.skipped.setdefault(scene, "deadline")
        self._tried |= self._in_progress

    @property
    def all_failed(self) -> bool:
        """Whether every scene that was tried failed, and none contributed a pixel before."""
        return bool(self._report.skipped) and not self._report.used and self._tried <= self._report.skipped.keys()

    async def _paint(self, scenes: Sequence[Scene]) -> bool:
        """Paint scenes in order. From the first scene that is not in memory on, scenes are read.

        Returns True if nothing was read.
        """
        since = time.perf_counter()
        painted = await self._workbench.run(self._pixels_per_scene * len(scenes), self._paint_cached, scenes)
        self._tried |= {scene.id for scene in scenes[:painted]}
        self._report.add_time("memory", since)
        if painted == len(scenes) or self._canvas.full:
            return True
        await self._read_and_paint(scenes[painted:])
        return False

    def _paint_cached(self, scenes: Sequence[Scene]) -> int:
        """Paint scenes from memory, up to the first that is not entirely in memory. Returns their number."""
        for number, scene in enumerate(scenes):
            if self._canvas.full:
                return number
            usable = self._scene_reader.cached_usable(scene, self._missing())
            if usable is None:
                return number
            visible = usable & ~self._canvas.valid
            if not visible.any():
                continue
            pixels = self._scene_reader.cached_values(scene, None if visible.all() else visible)
            if pixels is None:
                return number
            self._paint_scene(scene, pixels)
        return len(scenes)

    async def _read_and_paint(self, scenes: Sequence[Scene]) -> None:
        """Read scenes and paint them. Masks are read first, so that blocks without usable pixels are not read."""
        self._in_progress = {scene.id for scene in scenes}
        self._report.scenes_to_read |= self._in_progress
        since = time.perf_counter()
        usable = await self._read_masks(scenes)
        self._report.add_time("mask", since)
        since = time.perf_counter()
        while usable and not self._canvas.full:
            remaining = [scene for scene in scenes if scene.id in usable]
            masks = first_usable(self._missing(), [usable[scene.id] for scene in remaining])
            visible = [(scene, mask) for scene, mask in zip(remaining, masks, strict=True) if mask.any()]
            if not visible:
                break
            results = await gather_all(
                self._scene_reader.values(scene, None if mask.all() else mask) for scene, mask in visible
            )
            for (scene, mask), pixels in zip(visible, results, strict=True):
                if pixels is None:
                    del usable[scene.id]
                    continue
                usable[scene.id] = usable[scene.id] & ~mask
                self._report.scenes_read.add(scene.id)
                self._paint_scene(scene, pixels)
        self._tried |= self._in_progress
        self._report.scenes_read |= self._in_progress - self._report.skipped.keys()
        self._in_progress = set()
        self._report.add_time("read", since)

    async def _read_masks(self, scenes: Sequence[Scene]) -> dict[str, Mask2D]:
        """The usable pixels of each scene by its id, without scenes whose mask cannot be read."""
        masks = gather_all(self._scene_reader.usable(scene, self._missing()) for scene in scenes)
        if self._report.preview is None:
            usable = await masks
        else:  # saves a round trip; the headers are unused if all pixels are masked
            headers = gather_all(self._scene_reader.read_headers(scene) for scene in scenes)
            usable, _ = await gather_all((masks, headers))
        return {scene.id: mask for scene, mask in zip(scenes, usable, strict=True) if mask is not None}

    def _paint_scene(self, scene: Scene, pixels: ValuesAndValidity) -> None:
        if self._canvas.paint(*pixels) and scene not in self._report.used:
            self._report.used.append(scene)

    def _missing(self) -> Mask2D | None:
        """The pixels that are not painted yet, bool `(y, x)`; None before any pixel is painted."""
        return ~self._canvas.valid if self._canvas.valid.any() else None


async def _by_observation(observations: AsyncIterator[Observation]) -> AsyncIterator[Sequence[Scene]]:
    """The scenes of each observation, in the order received."""
    async for observation in observations:
        yield observation.scenes


async def _clearest_first(observations: AsyncIterator[Observation]) -> AsyncIterator[Sequence[Scene]]:
    """Single scenes by cloud cover, lowest first. Ties keep their order; unknown cloud cover comes last.

    Cloud cover is that of the whole scene, so that adjacent tiles have the same order.
    """
    scenes = [scene async for observation in observations for scene in observation.scenes]
    for scene in sorted(scenes, key=lambda scene: math.inf if scene.cloud_cover is None else scene.cloud_cover):
        yield (scene,)


async def _growing_batches(groups: AsyncIterator[Sequence[Scene]], size: int) -> AsyncIterator[list[Sequence[Scene]]]:
    """Batches of `size`, 2 x `size`, 4 x `size` ... groups: few reads if the first are clear, else few round trips."""
    batch: list[Sequence[Scene]] = []
    async for scenes in groups:
        batch.append(scenes)
        if len(batch) == size:
            yield batch
            batch, size = [], 2 * size
    if batch:
        yield batch
