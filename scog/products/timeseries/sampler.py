"""Samples an area of interest, one observation at a time: reads, masks and mosaics scenes, and reduces the pixels."""

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
from scog.imaging.scene_offsets import UsedOffset
from scog.imaging.scene_reader import SceneReader, applicable_mask
from scog.products.areas.sampling_grid import Part, SamplingGrid, parts_of, sampling_request
from scog.products.areas.statistics import majority, statistics
from scog.products.timeseries.model import MASKED, NO_DATA, Sample
from scog.products.timeseries.state import SeriesState
from scog.products.timeseries.variables import SeriesVariables
from scog.runtime.tasks import gather_all

MAX_INLINE_PIXELS = 16_384
"""Maximum number of pixels that are processed on the event loop. For so few, switching to a thread takes longer."""
T = TypeVar("T")


class Sampler:
    """Samples observations on one sampling grid. Adds used, skipped and unmasked scenes to `report`."""

    def __init__(
        self,
        state: SeriesState,
        sampling_grid: SamplingGrid,
        variables: SeriesVariables,
        request: ImageRequest,
        report: Report,
    ) -> None:
        self._engine = state.engine
        self._state = state
        self._sampling_grid = sampling_grid
        self._variables = variables
        self._request = request
        self._report = report
        self._key = (
            *(sampling_grid.key, variables.expression, variables.transforms),
            *(request.mask, request.offset, request.profile),
        )
        self._parts_lock = asyncio.Lock()
        self._parts: _Parts | None = None

    async def prefetch_headers(self, observation: Observation) -> None:
        """Read the headers of an observation's first scene, unless its sample is cached."""
        if self._cached(observation) is None:
            scene = observation.scenes[0]
            await self._read_headers(scene, self._bands_of(scene))

    def cached(self, observation: Observation) -> Sample | None:
        """The cached sample of an observation, if it has the same scenes, else None. Adds scenes to the report."""
        entry = self._cached(observation)
        if entry is None:
            return None
        sample, guessed_offsets = entry
        self._report.guessed_offsets |= guessed_offsets
        for scene in observation.scenes:
            applicable_mask(self._request, scene, self._report)
            if sample.values is not None and scene.id in sample.scenes:
                self._report.used.append(scene)
        return sample

    def release(self) -> None:
        """Release the parts of the sampling grid, which take much more memory than the samples."""
        self._parts = None

    async def sample(self, observation: Observation) -> Sample:
        """Sample an observation. The sample is cached unless one of its scenes could not be read.

        Raises InvalidInput if no pixel of the area has a weight.
        """
        parts = await self._load_parts()
        async with self._state.memory.hold(min(parts.bytes, self._state.memory.limit)):
            sample = await self._sample(parts, observation.scenes)
        if not any(scene.id in self._report.skipped for scene in observation.scenes):
            bands = sum(len(self._bands_of(scene)) for scene in observation.scenes)
            size = 600 + 400 * bands + 600 * len(sample.statistics or ())
            guessed = self._report.guessed_offsets
            guesses = {scene.id: guessed[scene.id] for scene in observation.scenes if scene.id in guessed}
            self._state.samples.put(self._cache_key(observation), (time.monotonic(), sample, guesses), size)
        return sample

    def _cached(self, observation: Observation) -> tuple[Sample, dict[str, UsedOffset]] | None:
        """The cached sample and its scenes' guessed offsets, unless it is older than MAX_AGE."""
        entry = self._state.samples.get(self._cache_key(observation))
        return None if entry is None or time.monotonic() - entry[0] > MAX_AGE else entry[1:]

    def _cache_key(self, observation: Observation) -> Hashable:
        """The cache key of a sample: equal if a later search returns the same scenes."""
        scenes = tuple(
            (scene.id, scene.collection, scene.processed_at, tuple(map(scene.assets.get, self._bands_of(scene))))
            for scene in observation.scenes
        )
        return *self._key, scenes

    def _bands_of(self, scene: Scene) -> tuple[str, ...]:
        """Names of the bands of the expression and of the scene's mask."""
        mask_bands = self._request.scene_mask(scene.collection).bands
        return tuple(dict.fromkeys((*self._variables.expression.bands, *mask_bands)))

    async def _load_parts(self) -> _Parts:
        """The parts of the sampling grid. They are computed on first use, since cached samples need none."""
        async with self._parts_lock:
            if self._parts is None:
                parts = await asyncio.to_thread(parts_of, self._sampling_grid)
                partial_rows = len(parts) == 1  # several parts need all rows of the blocks
                request = sampling_request(self._sampling_grid, self._request)
                readers = [
                    SceneReader(self._engine, part.grid, request, self._report, partial_rows=partial_rows)
                    for part in parts
                ]
                mask_bands = len(request.mask.of(request.profile).bands)
                self._parts = _Parts(parts, readers, self._variables.expression, mask_bands)
            return self._parts

    async def _sample(self, parts: _Parts, scenes: Sequence[Scene]) -> Sample:
        """Read and sample the scenes of one observation."""
        mosaics: list[_PartMosaic] = await gather_all(
            self._mosaic(parts, reader, part, scenes) for reader, part in zip(parts.readers, parts.parts, strict=True)
        )
        used = [scene for scene in scenes if any(scene.id in mosaic.scenes for mosaic in mosaics)]
        self._report.used += used
        scene_ids = tuple(scene.id for scene in (used or scenes))
        errors = (self._report.skipped.get(scene.id) for scene in scenes)
        error = next((reason for reason in errors if reason is not None), None)
        return await self._compute(parts, self._reduce, mosaics, parts.total, scene_ids, error)

    async def _mosaic(self, parts: _Parts, reader: SceneReader, part: Part, scenes: Sequence[Scene]) -> _PartMosaic:
        """The mosaic of an observation's scenes on a part. The mask is read before the bands.

        This takes another round trip, but many observations are read concurrently, and the bands of a fully masked part
        are not read, which have most of the bytes. Headers of bands are read together with the mask.
        """
        bands = self._variables.expression.bands
        mosaic = _PartMosaic(part, self._variables.expression.outputs)
        for scene in scenes:  # in the total order: a pixel is from the first usable scene
            masks, _ = await gather_all(
                (reader.usable_and_masked(scene, mosaic.missing), self._read_headers(scene, bands))
            )
            if masks is not None and await self._compute(parts, mosaic.classify, *masks):
                values = await reader.values(scene, mosaic.fillable)
                if values is not None:
                    await self._compute(parts, mosaic.add, scene.id, *values)
            if not mosaic.missing.any():
                break
        return mosaic

    async def _read_headers(self, scene: Scene, bands: Sequence[str]) -> None:
        """Read the headers of a scene's bands that are not cached."""
        blocks = self._engine.blocks
        urls = {scene.assets[band].url for band in bands if band in scene.assets}

        async def read(url: str) -> None:
            with suppress(SourceError):  # raised again, and reported, when the file's pixels are read
                await blocks.read_metadata(url, self._report.tally)

        await gather_all(read(url) for url in urls if blocks.cached_metadata(url) is None)

    def _reduce(
        self, mosaics: Sequence[_PartMosaic], total: float, scenes: tuple[str, ...], error: str | None
    ) -> Sample:
        """The sample of all parts. `total` is the sum of their weights.

        If there are no values, the reason is `error`, else MASKED or NO_DATA.
        """
        masked = sum(mosaic.masked for mosaic in mosaics) / total
        parts = [mosaic.valid_pixels for mosaic in mosaics if mosaic.scenes]
        if not parts:
            return Sample(None, None, 0.0, masked, scenes, error or (MASKED if masked else NO_DATA))
        values = np.concatenate([values for values, _ in parts], axis=1)
        if self._sampling_grid.is_point:
            return Sample(tuple(map(float, values[:, 0])), None, 1.0, 0.0, scenes)
        weights = np.concatenate([weights for _, weights in parts])
        transforms = self._request.transforms or (None,) * len(values)
        by_output = tuple(
            statistics(output, weights, transform) for output, transform in zip(values, transforms, strict=True)
        )
        means = tuple(each.mean for each in by_output)
        if self._variables.classes:
            means = tuple(majority(output, weights) for output in values)
        return Sample(means, by_output, float(weights.sum(dtype=np.float64)) / total, masked, scenes)

    async def _compute(self, parts: _Parts, function: Callable[..., T], *args: object) -> T:
        """Return `function(*args)`: called on the event loop if the grid is small, else in a thread."""
        if parts.pixels <= MAX_INLINE_PIXELS:
            return function(*args)
        return await asyncio.get_running_loop().run_in_executor(self._engine.cpu, function, *args)


class _Parts:
    """The parts of a sampling grid, a reader of scenes for each, and their cost.

    pixels  number of pixels
    total   sum of all weights
    bytes   memory for one observation
    """

    def __init__(
        self, parts: Sequence[Part], readers: Sequence[SceneReader], expression: Expression, mask_bands: int
    ) -> None:
        self.parts = parts
        self.readers = readers
        self.pixels = sum(part.weights.size for part in parts)
        self.total = sum(float(part.weights.sum(dtype=np.float64)) for part in parts)
        # Each band as stored, decoded and warped, and as float32; the expression's intermediate results and outputs;
        # masks. The bands of the mask are released before those of the expression are read.
        bands = max(len(expression.bands), mask_bands)
        self.bytes = self.pixels * (8 * bands + 8 * expression.outputs + 20)


class _PartMosaic:
    """The mosaic of an observation's scenes on a part. Each scene fills pixels that have no value yet.

    missing   bool `(y, x)`, pixels of the area without a value
    fillable  bool `(y, x)`, missing pixels that the next scene may fill
    scenes    ids of the scenes that filled pixels
    """

    def __init__(self, part: Part, outputs: int) -> None:
        self._part = part
        self._canvas = Canvas(outputs, part.inside.shape)
        self._masked = np.zeros(part.inside.shape, bool)
        self.missing = part.inside.copy()
        self.fillable = self.missing
        self.scenes: list[str] = []

    def classify(self, usable: NDArray[np.bool_], masked: NDArray[np.bool_]) -> bool:
        """Set the pixels that the next scene may fill and masks. Returns whether it may fill any."""
        self.fillable = usable & self.missing
        self._masked |= masked & self.missing
        return bool(self.fillable.any())

    def add(self, scene_id: str, values: NDArray[np.float32], valid: NDArray[np.bool_]) -> None:
        """Fill `fillable` pixels with a scene's values `(output, y, x)` where they are valid."""
        if self._canvas.paint(values, valid & self.fillable):
            self.missing &= ~self._canvas.valid
            self.scenes.append(scene_id)

    @property
    def masked(self) -> float:
        """Sum of the weights of masked pixels that no scene filled."""
        return float(self._part.weights[self._masked & self.missing].sum(dtype=np.float64))

    @property
    def valid_pixels(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Values `(output, n)` and weights `(n)` of the pixels that have a value."""
        valid = self._canvas.valid
        return self._canvas.values[:, valid], self._part.weights[valid]
