"""Zonal statistics: sample an image on the files' own pixels in polygons, and reduce the pixels to statistics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scog.errors import InvalidInput
from scog.geo.ellipsoid import pixel_areas
from scog.imaging.engine import Engine
from scog.imaging.options import StyledRequest
from scog.imaging.report import Report
from scog.imaging.request import ImageData, ImageRequest
from scog.imaging.source_lattice import nominal_resolution, source_lattice
from scog.net.policy import Priority
from scog.products.areas.area_of_interest import VALID_AREAS, AreaOfInterest
from scog.products.areas.sampling_grid import Part, SamplingGrid, parts_of, sampling_grid_of, sampling_request
from scog.products.attempts import Attempts
from scog.products.zonal.summary import StatisticsOptions, Summary, summarise
from scog.render.classes import Class, Classes
from scog.render.image import TRANSPARENT
from scog.render.style import Style
from scog.runtime.tasks import for_each

AREAS_AT_ONCE = 2
PARTS_AT_ONCE = 4
"""Number of parts of an area that are drawn concurrently."""
HECTARE = 10_000.0
"""Square metres of a hectare."""
DEADLINE = "deadline"

OnProgress = Callable[[int, int], None]
"""Called with the number of finished parts, and the number of parts of all areas started so far."""


@dataclass(frozen=True)
class ClassShare:
    """A class of the style, its fraction of the valid area, and its area in hectares."""

    kind: Class
    share: float
    hectares: float


@dataclass(frozen=True, eq=False)
class Zonal:
    """The statistics of an area.

    sampling_grid   the grid on which the area was sampled
    summaries       one per output
    hectares        area on the ellipsoid
    valid_hectares  area of the pixels that have a value
    classes         area of each class of the first output if the style has classes, else None
    report          scenes, requests and bytes
    """

    area: AreaOfInterest
    sampling_grid: SamplingGrid
    summaries: tuple[Summary, ...]
    hectares: float
    valid_hectares: float
    classes: tuple[ClassShare, ...] | None
    report: Report


@dataclass(frozen=True, eq=False)
class NotSampled:
    """An area without statistics, and the reason: `deadline`, or an error message."""

    area: AreaOfInterest
    reason: str


async def zonal(
    engine: Engine,
    areas: Sequence[AreaOfInterest],
    image: StyledRequest,
    options: StatisticsOptions,
    on_progress: OnProgress | None = None,
) -> list[Zonal | NotSampled]:
    """Statistics of each polygon, on the pixels of the newest observation's files that intersect it.

    Parts that fail, or are not drawn before the deadline, count as masked; the area's report has the reason. An area
    that cannot be sampled, such as one that is too wide, does not affect the others.

    Raises InvalidInput for a point. If nothing could be drawn, raises the first error: NothingReadable,
    DeadlineExceeded, CatalogError, or InvalidInput.
    """
    for area in areas:
        if area.is_point:
            where = "geometry" if area.feature is None else f"features[{area.index}]"
            message = "A Point has no statistics; /point returns its values."
            raise InvalidInput(message, parameter=where, valid=VALID_AREAS)
    sampler = _ZonalSampler(engine, image, options, on_progress)
    results: list[Zonal | NotSampled] = [NotSampled(area, DEADLINE) for area in areas]

    async def sample(index: int) -> None:
        results[index] = await sampler.sample(areas[index])

    await for_each(range(len(areas)), sample, AREAS_AT_ONCE)
    if not sampler.attempts.errors and sampler.invalid and not sampler.attempts.drawn:
        raise sampler.invalid[0]
    sampler.attempts.require_one(engine.settings.statistics_deadline)
    return results


class _ZonalSampler:
    """Samples areas until the deadline.

    attempts  counts of drawn and failed parts
    invalid   errors of areas that cannot be sampled
    """

    def __init__(
        self, engine: Engine, image: StyledRequest, options: StatisticsOptions, on_progress: OnProgress | None
    ) -> None:
        self.attempts = Attempts(engine, Priority.SERIES)
        self.invalid: list[InvalidInput] = []
        self._engine = engine
        self._request, self._style = image
        coloring = self._style.coloring
        self._classes = coloring if isinstance(coloring, Classes) else None
        self._options = options
        self._on_progress = on_progress
        self._parts = 0
        self._deadline = asyncio.get_running_loop().time() + engine.settings.statistics_deadline

    async def sample(self, area: AreaOfInterest) -> Zonal | NotSampled:
        """The statistics of an area; NotSampled if the deadline has passed, or it cannot be sampled."""
        if asyncio.get_running_loop().time() > self._deadline:
            return NotSampled(area, DEADLINE)
        report = Report(bands=self._request.expression.bands)
        report.note_profile(self._request.profile, self._request.mask)
        report.tally.priority = Priority.SERIES
        try:
            async with asyncio.timeout_at(self._deadline):
                sampling_grid = await self._sampling_grid(area, report)
            parts = await asyncio.to_thread(parts_of, sampling_grid)
        except TimeoutError:
            return NotSampled(area, DEADLINE)
        except InvalidInput as error:
            self.invalid.append(error)
            return NotSampled(area, str(error))
        return await self._sample_parts(area, sampling_grid, parts, report)

    async def _sampling_grid(self, area: AreaOfInterest, report: Report) -> SamplingGrid:
        """The area's grid: the pixels of the files that intersect it, else nominal pixels. Raises InvalidInput."""
        max_pixels, limit = self._engine.settings.area_pixels, self._request.area
        metres = nominal_resolution(self._request.profile, self._request.expression.bands)
        assumed = await asyncio.to_thread(sampling_grid_of, area, metres, max_pixels, limit)
        lattice = await source_lattice(self._engine, assumed.grid, self._request, report.tally, assumed.outline)
        if lattice is None:
            return assumed
        return await asyncio.to_thread(sampling_grid_of, area, lattice, max_pixels, limit)

    async def _sample_parts(
        self, area: AreaOfInterest, sampling_grid: SamplingGrid, parts: Sequence[Part], report: Report
    ) -> Zonal:
        """The statistics of the parts that are drawn before the deadline."""
        self._parts += len(parts)
        request = sampling_request(sampling_grid, self._request)
        results: dict[int, _PartPixels] = {}

        async def sample(index: int) -> None:
            pixels = await self._sample_part(parts[index], request, report)
            if pixels is not None:
                results[index] = pixels

        try:
            async with asyncio.timeout_at(self._deadline):
                await for_each(range(len(parts)), sample, PARTS_AT_ONCE)
        except TimeoutError:
            report.incomplete = "deadline"
        drawn = [results[index] for index in sorted(results)]
        summaries, metres = await asyncio.to_thread(_summarise, parts, drawn, request, self._style, self._options)
        valid_metres = sum(pixels.square_metres for pixels in drawn)
        classes = _class_shares(self._classes, drawn, valid_metres) if self._classes is not None else None
        return Zonal(area, sampling_grid, summaries, metres / HECTARE, valid_metres / HECTARE, classes, report)

    async def _sample_part(self, part: Part, request: ImageRequest, report: Report) -> _PartPixels | None:
        """Draw a part and select its valid pixels; None if it fails."""
        pixels = None
        data = await self.attempts.draw(part.grid, request, report)
        if data is not None:
            loop = asyncio.get_running_loop()
            pixels = await loop.run_in_executor(self._engine.cpu, _valid_pixels, part, data, self._style)
        if self._on_progress is not None:
            self._on_progress(self.attempts.ended, self._parts)
        return pixels


@dataclass(frozen=True, eq=False)
class _PartPixels:
    """The valid pixels of a part that are inside the area.

    values         float32 `(output, n)`
    weights        float32 `(n)`
    square_metres  area of the pixels
    class_metres   float64, area in square metres of each class of the style, by index; of other pixels at TRANSPARENT
    """

    values: NDArray[np.float32]
    weights: NDArray[np.float32]
    square_metres: float
    class_metres: NDArray[np.float64]


def _valid_pixels(part: Part, data: ImageData, style: Style) -> _PartPixels:
    """The valid pixels of a drawn part."""
    valid = part.inside & data.valid
    weights = part.weights[valid]
    square_metres = weights * pixel_areas(part.grid)[valid]
    class_metres = np.zeros(TRANSPARENT + 1)
    if isinstance(style.coloring, Classes):
        indices = style.coloring.entry_indices(data.values[0], data.valid)[valid]
        class_metres += np.bincount(indices, square_metres, minlength=len(class_metres))
    return _PartPixels(data.values[:, valid], weights, float(square_metres.sum()), class_metres)


def _summarise(
    parts: Sequence[Part],
    drawn: Sequence[_PartPixels],
    request: ImageRequest,
    style: Style,
    options: StatisticsOptions,
) -> tuple[tuple[Summary, ...], float]:
    """A summary per output of an area's drawn pixels, and the area of all parts in square metres."""
    no_values, no_weights = np.zeros((len(style.columns), 0), np.float32), np.zeros(0, np.float32)
    values = np.concatenate([no_values, *(pixels.values for pixels in drawn)], axis=1)
    weights = np.concatenate([no_weights, *(pixels.weights for pixels in drawn)])
    total = sum(float(part.weights.sum(dtype=np.float64)) for part in parts)
    summaries = []
    for output, transform in zip(values, request.averaged_transforms or (None,) * len(values), strict=True):
        finite = np.isfinite(output)  # a p-value may be NaN where the first output has a value
        masked = total - float(weights[finite].sum(dtype=np.float64))
        summaries.append(summarise(output[finite], weights[finite], max(0.0, round(masked, 6)), options, transform))
    return tuple(summaries), sum(float((part.weights * pixel_areas(part.grid)).sum()) for part in parts)


def _class_shares(classes: Classes, drawn: Sequence[_PartPixels], valid_metres: float) -> tuple[ClassShare, ...]:
    """The area of each class in the style's order, including classes without pixels."""
    class_metres = sum((pixels.class_metres for pixels in drawn), np.zeros(TRANSPARENT + 1))
    return tuple(
        ClassShare(entry, float(metres) / valid_metres if valid_metres else 0.0, float(metres) / HECTARE)
        for entry, metres in zip(classes.entries, class_metres, strict=False)
    )
