"""One picture, the whole line: scenes are found, masked, read, computed and laid over each other, newest first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from scog.bands import BY_NAME
from scog.catalog.observation import Observation
from scog.catalog.scene import Scene
from scog.catalog.when import Interval
from scog.engine import Engine
from scog.errors import DeadlineExceeded, NothingReadable, SourceError
from scog.find import observations
from scog.maths.expression import Expression
from scog.pixels.composite import Canvas, share_out
from scog.pixels.layers import Layer
from scog.pixels.mask import Mask
from scog.pixels.reader import gather_all
from scog.pixels.resample import Resampling
from scog.report import Report
from scog.space.grid import Grid

FIRST_BATCH = 2
"""Observations whose SCL is read at once at first; doubled while pixels are missing."""

Mask2D = NDArray[np.bool_]
T = TypeVar("T")


@dataclass(frozen=True)
class Ask:
    """What is wanted, apart from where."""

    expression: Expression
    mask: Mask
    cloud_cover: float = 60.0
    interval: Interval | None = None
    collection: str | None = None
    resampling: Resampling = Resampling.NEAREST
    """Of the bands shown; masks are nearest always."""


@dataclass(frozen=True, eq=False)
class Drawing:
    """Values float32 `(band, y, x)`, NaN where invalid; valid bool `(y, x)`; and how they came to be."""

    values: NDArray[np.float32]
    valid: Mask2D
    report: Report


async def draw(engine: Engine, grid: Grid, ask: Ask) -> Drawing:
    """Draw the newest usable pixel of each place of a grid.

    A scene that fails is skipped and named in the report. Raises NothingReadable when scenes were found but none
    could be read, DeadlineExceeded when nothing was read in time, a CatalogError when the search failed.
    """
    report = Report()
    canvas = Canvas(ask.expression.outputs, grid.shape)
    painter = _Painter(engine, grid, ask, canvas, report)
    try:
        async with asyncio.timeout(engine.settings.tile_deadline):
            found = observations(engine, grid, ask.interval, ask.cloud_cover, ask.collection, report)
            async for batch in _growing_batches(found):
                await painter.paint([scene for observation in batch for scene in observation.scenes])
                if canvas.full:
                    break
    except TimeoutError:
        painter.give_up()
        if painter.in_vain or not report.used:
            raise DeadlineExceeded(f"Nothing could be read within {engine.settings.tile_deadline:g} s.") from None
    if painter.in_vain:
        raise NothingReadable("No scene of this picture could be read.", skipped=tuple(report.skipped.items()))
    return Drawing(canvas.values, canvas.valid, report)


async def _growing_batches(found: AsyncIterator[Observation]) -> AsyncIterator[list[Observation]]:
    """Observations in batches of 2, 4, 8 ...: few reads where the newest are clear, few round trips where not."""
    batch: list[Observation] = []
    size = FIRST_BATCH
    async for observation in found:
        batch.append(observation)
        if len(batch) == size:
            yield batch
            batch, size = [], 2 * size
    if batch:
        yield batch


class _Painter:
    """Paints scenes onto a canvas, reading of each only what shows."""

    def __init__(self, engine: Engine, grid: Grid, ask: Ask, canvas: Canvas, report: Report) -> None:
        self._engine = engine
        self._grid = grid
        self._ask = ask
        self._canvas = canvas
        self._report = report
        self._looked_at: set[str] = set()
        self._under_way: set[str] = set()

    async def paint(self, scenes: Sequence[Scene]) -> None:
        """Paint scenes in their order: at once those that are in memory, then those that have to be read."""
        since = time.perf_counter()
        known = await asyncio.get_running_loop().run_in_executor(self._engine.cpu, self._paint_known, scenes)
        self._looked_at |= {scene.id for scene in scenes[:known]}
        self._report.add_time("memory", since)
        if known < len(scenes) and not self._canvas.full:
            await self._paint_read(scenes[known:])

    def _paint_known(self, scenes: Sequence[Scene]) -> int:
        """Paint the first scenes, as far as all that they take is in memory; how many."""
        bands = self._ask.expression.bands
        for number, scene in enumerate(scenes):
            if self._canvas.full:
                return number
            usable = self._known_usable(scene)
            if usable is None:
                return number
            share = usable & ~self._canvas.valid
            if not share.any():
                continue
            layers = self._engine.layers.in_memory(
                scene, bands, self._grid, None if share.all() else share, self._ask.resampling
            )
            if layers is None:
                return number
            self._take(scene, _evaluate(self._ask.expression, layers))
        return len(scenes)

    async def _paint_read(self, scenes: Sequence[Scene]) -> None:
        """Paint scenes that have to be read. The classification comes first: what is cloud costs no other read."""
        self._under_way = {scene.id for scene in scenes}
        since = time.perf_counter()
        found = await gather_all(self._usable(scene) for scene in scenes)
        usable = {scene.id: mask for scene, mask in zip(scenes, found, strict=True) if mask is not None}
        self._report.add_time("mask", since)
        since = time.perf_counter()
        while usable and not self._canvas.full:
            left = [scene for scene in scenes if scene.id in usable]
            shares = share_out(~self._canvas.valid, [usable[scene.id] for scene in left])
            chosen = [(scene, share) for scene, share in zip(left, shares, strict=True) if share.any()]
            if not chosen:
                break
            drawn = await gather_all(self._drawn(scene, share) for scene, share in chosen)
            for (scene, share), result in zip(chosen, drawn, strict=True):
                if result is None:
                    del usable[scene.id]
                    continue
                usable[scene.id] &= ~share
                self._take(scene, result)
        self._looked_at |= self._under_way
        self._under_way = set()
        self._report.add_time("read", since)

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

    def _take(self, scene: Scene, drawn: tuple[NDArray[np.float32], Mask2D]) -> None:
        if self._canvas.paint(*drawn) and scene not in self._report.used:
            self._report.used.append(scene)

    def _needs_no_mask(self, scene: Scene) -> bool:
        """Whether all of a scene may be used: nothing is to be masked, or it has nothing to mask by."""
        if self._ask.mask.classes is None:
            return True
        if "scl" in scene.assets:
            return False
        if scene.id not in self._report.unmasked:
            self._report.unmasked.append(scene.id)
        return True

    def _known_usable(self, scene: Scene) -> Mask2D | None:
        """Where a scene may be used; None when that is not in memory."""
        if self._needs_no_mask(scene):
            return np.ones(self._grid.shape, bool)
        layers = self._engine.layers.in_memory(scene, ("scl",), self._grid, self._wanted())
        return None if layers is None else _usable(self._ask.mask, layers)

    async def _usable(self, scene: Scene) -> Mask2D | None:
        """Where a scene may be used, by its classification; None when that cannot be read."""
        if self._needs_no_mask(scene):
            return np.ones(self._grid.shape, bool)
        return await self._computed(scene, ("scl",), partial(_usable, self._ask.mask), self._wanted())

    def _wanted(self) -> Mask2D | None:
        """The pixels still missing; None while all are."""
        return ~self._canvas.valid if self._canvas.valid.any() else None

    async def _drawn(self, scene: Scene, share: Mask2D) -> tuple[NDArray[np.float32], Mask2D] | None:
        """The formula's values for a share of the pixels, and where they are valid; None when a band fails."""
        expression = self._ask.expression
        return await self._computed(
            scene,
            expression.bands,
            partial(_evaluate, expression),
            None if share.all() else share,
            self._ask.resampling,
        )

    async def _computed(
        self,
        scene: Scene,
        bands: Sequence[str],
        work: Callable[[dict[str, Layer]], T],
        wanted: Mask2D | None,
        resampling: Resampling = Resampling.NEAREST,
    ) -> T | None:
        """What `work` makes of bands of a scene, or None with the reason noted."""
        layers, report = self._engine.layers, self._report
        try:
            return await layers.compute(scene, bands, self._grid, work, report.tally, wanted, resampling)
        except SourceError as fault:
            report.skipped.setdefault(scene.id, fault.reason)
            return None


def _usable(mask: Mask, layers: dict[str, Layer]) -> Mask2D:
    return layers["scl"].valid & mask.usable(layers["scl"].numbers)


def _evaluate(expression: Expression, layers: dict[str, Layer]) -> tuple[NDArray[np.float32], Mask2D]:
    """The formula over reflectance, floored at 0: below it, ratios explode over water and shadow."""
    floor = {band: 0.0 if band in BY_NAME and BY_NAME[band].spectral else None for band in layers}
    values, valid = expression.evaluate({band: layer.values(floor[band]) for band, layer in layers.items()})
    for layer in layers.values():
        valid &= layer.valid
    return values, valid
