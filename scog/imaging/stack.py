"""Stack composites (median, trend and others): reads all observations onto one grid, each masked, and reduces them."""

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
from scog.imaging.scene_reader import SceneReader, ValuesAndValidity
from scog.runtime.tasks import gather_all
from scog.warp.workbench import pixels_to_process

MAX_STACK_BYTES = 256 * 2**20
"""Maximum bytes of a stack in memory. A larger stack is processed in strips of rows."""
NDVI = "(nir - red) / (nir + red)"
"""The composite `best` selects the observation with the highest NDVI."""


class Stack:
    """Reads observations concurrently and reduces them to one image, in strips of rows if it is large."""

    def __init__(self, engine: Engine, grid: Grid, request: ImageRequest, report: Report) -> None:
        self._engine = engine
        self._grid = grid
        self._request = request
        self._report = report
        self._values, self._valid = _empty(request, grid)
        self._strip: _Strip | None = None
        self._has_data = False

    async def read(self, observations: AsyncIterator[Observation]) -> None:
        """Read all observations, strip by strip, and reduce each strip before the next is read."""
        selected = [observation async for observation in observations]
        row_bytes = 4 * self._grid.width * len(selected) * _stacked_expression(self._request).outputs
        step = max(1, MAX_STACK_BYTES // max(1, row_bytes))
        for top in range(0, self._grid.height, step):
            await self._reduce()
            self._strip = _Strip(self._engine, self._grid.rows(top, top + step), top, self._request, self._report)
            await self._strip.read(selected)

    async def composite(self) -> ValuesAndValidity:
        """The composite of all observations read so far: values float32 `(output, y, x)` and validity bool `(y, x)`."""
        await self._reduce()
        return self._values, self._valid

    def mark_overdue(self) -> None:
        """Record that the deadline passed: scenes that are still being read count as skipped."""
        self._report.incomplete = "deadline"
        for scene in self._strip.in_progress if self._strip is not None else ():
            self._report.skipped.setdefault(scene, "deadline")

    @property
    def all_failed(self) -> bool:
        """Whether every scene that was tried failed."""
        strip_has_data = self._strip is not None and self._strip.has_data
        return bool(self._report.skipped) and not self._has_data and not strip_has_data

    async def _reduce(self) -> None:
        """Reduce the last strip and free its memory."""
        strip = self._strip
        if strip is not None and strip.has_data:
            since = time.perf_counter()
            values, valid = await self._engine.workbench.run(strip.pixels_to_reduce, strip.composite)
            self._values[:, strip.top : strip.top + len(valid)] = values
            self._valid[strip.top : strip.top + len(valid)] = valid
            self._has_data = True
            self._report.add_time("composite", since)
        self._strip = None


class _Strip:
    """All observations of a strip of rows; `top` is its first row in the image."""

    def __init__(self, engine: Engine, grid: Grid, top: int, request: ImageRequest, report: Report) -> None:
        self.top = top
        self._workbench = engine.workbench
        self._grid = grid
        self._request = request
        self._expression = _stacked_expression(request)
        self._scene_reader = SceneReader(
            engine, grid, replace(request, expression=self._expression), report, partial_rows=True
        )
        self._report = report
        self._mosaics: dict[int, Canvas] = {}
        """The mosaic of each observation, by the position of the observation."""
        self._days: dict[int, float | NDArray[np.float64]] = {}
        """Days since 1970 of each observation; an array `(y, x)` if its scenes differ."""
        self.in_progress: set[str] = set()
        """Ids of scenes that are being read."""

    @property
    def has_data(self) -> bool:
        """Whether any observation could be read."""
        return bool(self._mosaics)

    @property
    def pixels_to_reduce(self) -> int:
        """Pixels to process when the mosaics are reduced."""
        return pixels_to_process(self._grid.shape, 4 * len(self._mosaics) * self._expression.outputs)

    async def read(self, observations: Sequence[Observation]) -> None:
        """Read all observations: first those in memory, then the others concurrently."""
        since = time.perf_counter()
        size = pixels_to_process(
            self._grid.shape, len(observations) * len(self._expression.bands), self._request.resampling
        )
        missing = await self._workbench.run(size, self._add_cached, observations)
        self._report.add_time("memory", since)
        since = time.perf_counter()
        missing = self._limited_for_preview(missing, len(observations))
        self.in_progress = {scene.id for position in missing for scene in observations[position].scenes}
        self._report.scenes_to_read |= self.in_progress
        await gather_all(self._read_observation(position, observations[position].scenes) for position in missing)
        self._report.add_time("read", since)

    def _limited_for_preview(self, missing: list[int], count: int) -> list[int]:
        """The observations to read, given the `missing` ones that are not in memory. There are `count` in all.

        Returns all of `missing`, except for a preview of a composite in the layer's unit, which a few observations
        approximate.
        """
        preview = self._report.preview
        if preview is None or self._request.composite.unit is not Unit.LAYER:
            return missing
        in_memory = count - len(missing)
        selected = missing[: self._request.preview]
        if len(selected) < len(missing):
            preview.observations = in_memory + len(selected)
        return selected

    def _add_cached(self, observations: Sequence[Observation]) -> list[int]:
        """Add the observations that are in memory. Returns the positions of the others."""
        missing = []
        for position, observation in enumerate(observations):
            cached = []
            for scene in observation.scenes:
                usable = self._scene_reader.cached_usable(scene)
                pixels = None if usable is None else self._scene_reader.cached_values(scene)
                if usable is None or pixels is None:
                    break
                cached.append((scene, usable, pixels))
            if len(cached) == len(observation.scenes):
                for scene, usable, pixels in cached:
                    self._add(position, scene, usable, pixels)
            else:
                missing.append(position)
        return missing

    async def _read_observation(self, position: int, scenes: Sequence[Scene]) -> None:
        """Read the scenes of one observation and add them."""
        results = await gather_all(self._scene_reader.usable_and_values(scene) for scene in scenes)
        for scene, result in zip(scenes, results, strict=True):
            if result is not None:
                usable, pixels = result
                size = pixels_to_process(self._grid.shape, self._expression.outputs)
                await self._workbench.run(size, self._add, position, scene, usable, pixels)
                self._report.scenes_read.add(scene.id)
            self.in_progress.discard(scene.id)

    def _add(self, position: int, scene: Scene, usable: NDArray[np.bool_], pixels: ValuesAndValidity) -> None:
        """Paint a scene's usable pixels onto its observation's mosaic, where the mosaic has none yet."""
        values, valid = pixels
        valid = valid & usable
        canvas = self._mosaics.get(position)
        if canvas is None:
            canvas = self._mosaics[position] = Canvas(self._expression.outputs, self._grid.shape)
        if self._request.composite.dated:
            self._set_day(position, scene, valid & ~canvas.valid)
        if canvas.paint(values, valid) and scene not in self._report.used:
            self._report.used.append(scene)

    def _set_day(self, position: int, scene: Scene, new: NDArray[np.bool_]) -> None:
        """Set the day of an observation's `new` pixels to the day of their scene, which is the same in every tile."""
        day, days = days_since_1970(scene.time), self._days.get(position)
        if days is None or not self._mosaics[position].valid.any():
            self._days[position] = day
        elif isinstance(days, float):
            if days != day:
                self._days[position] = np.where(new, day, days)
        else:
            days[new] = day

    def composite(self) -> ValuesAndValidity:
        """The composite of the observations read so far: values `(output, y, x)` and validity `(y, x)`."""
        request = self._request
        mosaics = dict(self._mosaics)  # a copy: after a deadline, a thread may still add a mosaic
        positions = [position for position in sorted(mosaics) if mosaics[position].valid.any()]
        if not positions:
            return _empty(request, self._grid)
        days = [self._days.get(position, 0.0) for position in positions]
        values = reduce([mosaics[position].values for position in positions], request.composite, days)
        if request.composite == GEOMEDIAN:
            bands = values
            values, _ = request.expression.evaluate(dict(zip(request.expression.bands, bands, strict=True)))
            values[:, np.isnan(bands[0])] = np.nan  # an expression may have a value where its bands have none
        without_p_values = values[: request.expression.outputs]
        return values, np.asarray(np.isfinite(without_p_values).all(axis=0))


def _empty(request: ImageRequest, grid: Grid) -> ValuesAndValidity:
    """The composite of no observations: valid zeros for `count`, else NaN and invalid."""
    counted = request.composite == COUNT
    outputs = request.composite.outputs(request.expression.names)
    values = np.full((len(outputs), *grid.shape), 0 if counted else np.nan, np.float32)
    return values, np.full(grid.shape, counted)


def _stacked_expression(request: ImageRequest) -> Expression:
    """The expression to evaluate for each observation.

    This is the request's expression, to which NDVI is added for `best`. For `geomedian` it is the bands: the request's
    expression is evaluated after the reduction.
    """
    if request.composite == BEST:
        return request.expression.joined(parse(NDVI, request.profile.names))
    if request.composite == GEOMEDIAN:
        return fold(Expression.joined, (parse(band, request.profile.names) for band in request.expression.bands))
    return request.expression
