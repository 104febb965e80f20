"""Time series of areas of interest: selects the observations of each area, and samples them concurrently."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from scog.catalog.observation import Observation
from scog.catalog.scene import Scene
from scog.errors import DeadlineExceeded, InvalidInput
from scog.imaging.report import Report
from scog.imaging.request import ImageRequest
from scog.imaging.select import SearchLimits, observations
from scog.imaging.source_lattice import lattice_of_scenes, nominal_resolution
from scog.net.policy import Priority
from scog.products.areas.area_of_interest import AreaOfInterest
from scog.products.areas.sampling_grid import SamplingGrid, sampling_grid_of
from scog.products.timeseries.model import Row, Sample
from scog.products.timeseries.sampler import Sampler
from scog.products.timeseries.state import SeriesState
from scog.products.timeseries.variables import SeriesVariables
from scog.runtime.tasks import for_each, gather_all

SEARCH_ZOOM = 12
"""Zoom of the web map tiles that are searched for an area. They are 10 km wide, so that few scenes cover one."""
MAX_ROWS = 20_000
"""Maximum number of observations of all areas of a request together."""
AREAS_AT_ONCE = 4
PREFETCH = 12
"""Number of observations of an area whose headers are prefetched concurrently. With fewer the processor is idle, with
more the reads of pixels wait for connections."""


@dataclass(frozen=True, eq=False)
class Series:
    """The time series of an area.

    sampling_grid  the grid on which the area was sampled
    rows           observations, oldest first
    report         scenes, requests and bytes
    error          sentence that says why one of several areas has no rows; None if it has rows
    """

    area: AreaOfInterest
    sampling_grid: SamplingGrid
    rows: tuple[Row, ...]
    report: Report
    error: str | None = None


class Listener(Protocol):
    """Receives progress while time series are sampled; `index` is the position of the area in the request."""

    def grid_chosen(self, index: int, area: AreaOfInterest, sampling_grid: SamplingGrid) -> None:
        """The sampling grid is chosen. Called before reading, and again if the files' own grid differs."""

    def observations_found(self, index: int, count: int) -> None:
        """The search has ended with `count` observations of the area."""

    def observation_sampled(self, index: int, row: Row) -> None:
        """An observation is sampled. The order is roughly newest first."""


async def sample_series(
    state: SeriesState,
    areas: Sequence[AreaOfInterest],
    variables: SeriesVariables,
    request: ImageRequest,
    listener: Listener | None = None,
) -> list[Series]:
    """The time series of each area: all observations that intersect the area and were read before the deadline.

    All observations of an area are sampled on the pixels of the newest observation's files. Without an interval, the
    series covers the newest `series_days` days. Scenes that cannot be read are in the report of the area's series.

    Raises InvalidInput if an area is too large or none can be sampled; CatalogError; NothingReadable or
    DeadlineExceeded if no observation of any area could be read.
    """
    settings = state.engine.settings
    jobs = await _jobs(state, areas, variables, request, listener)
    at_once = max(1, settings.series_at_once // min(len(areas), AREAS_AT_ONCE))
    if listener is not None:
        for job in jobs:
            listener.grid_chosen(job.index, job.area, job.sampling_grid)
    try:
        async with asyncio.timeout(settings.series_deadline):
            await for_each(jobs, lambda job: job.run(at_once), AREAS_AT_ONCE)
    except TimeoutError:
        for job in jobs:
            job.stop()
    _check(jobs, settings.series_deadline)
    return [job.series() for job in jobs]


async def _jobs(
    state: SeriesState,
    areas: Sequence[AreaOfInterest],
    variables: SeriesVariables,
    request: ImageRequest,
    listener: Listener | None,
) -> list[_AreaJob]:
    """One job per area. Raises CatalogError, or InvalidInput for an area that is too large."""
    engine, settings = state.engine, state.engine.settings
    if request.interval is None:
        member, collection = await engine.catalogs.of(request.collection)
        request = replace(request, interval=await member.default_interval(collection, settings.series_days))
    metres = nominal_resolution(request.profile, variables.expression.bands)
    sampling_grids = [
        await asyncio.to_thread(sampling_grid_of, area, metres, settings.area_pixels, request.area) for area in areas
    ]
    max_observations = min(settings.series_scenes, max(1, MAX_ROWS // len(areas)))
    limits = SearchLimits(max_observations, settings.series_scenes, SEARCH_ZOOM)
    of_variables = replace(request, expression=variables.expression, transforms=variables.transforms)
    query = _Query(variables, of_variables, limits)
    return [
        _AreaJob(state, index, area, sampling_grid, query, listener)
        for index, (area, sampling_grid) in enumerate(zip(areas, sampling_grids, strict=True))
    ]


def _check(jobs: Sequence[_AreaJob], deadline: float) -> None:
    """Raise an error if every area has one, or if there are observations but none could be read."""
    errors = [job.error for job in jobs]
    if errors and errors[0] is not None and None not in errors:
        raise errors[0]
    rows = [row for job in jobs for row in job.rows]
    late = any(job.report.incomplete == "deadline" for job in jobs)
    if any(not row.sample.failed for row in rows) or not (rows or late):
        return
    if late:
        raise DeadlineExceeded(f"Nothing could be read within {deadline:g} s.")
    report = Report()
    for job in jobs:
        report.include(job.report)
    raise report.nothing_readable("No scene of this series could be read")


@dataclass(frozen=True)
class _Query:
    """The query of all areas: the variables, the scenes and their mask, and limits of the search."""

    variables: SeriesVariables
    request: ImageRequest
    limits: SearchLimits


class _AreaJob:
    """Samples one area. Concurrent tasks select observations, prefetch headers, and sample.

    The search puts observations into a queue, from which prefetching moves them into a second queue for sampling.
    Sampling starts when the grid of the newest observation's files has been read.
    """

    def __init__(
        self,
        state: SeriesState,
        index: int,
        area: AreaOfInterest,
        sampling_grid: SamplingGrid,
        query: _Query,
        listener: Listener | None,
    ) -> None:
        self.index = index
        self.area = area
        self.sampling_grid = sampling_grid
        self.report = Report(bands=query.variables.expression.bands)
        self.report.note_profile(query.request.profile, query.request.mask)
        self.report.tally.priority = Priority.SERIES
        self.rows: list[Row] = []
        self.error: InvalidInput | None = None
        self._state = state
        self._engine = state.engine
        self._query = query
        self._listener = listener
        self._sampler = self._make_sampler()
        self._to_prefetch: asyncio.Queue[Observation | None] = asyncio.Queue()
        self._to_sample: asyncio.Queue[Observation | None] = asyncio.Queue()
        self._pending: dict[int, Observation] = {}
        self._done = False
        self._newest: asyncio.Future[Sequence[Scene]] = asyncio.get_running_loop().create_future()
        self._grid_chosen = asyncio.Event()

    async def run(self, at_once: int) -> None:
        """Select and sample all observations, `at_once` at a time."""
        since = time.perf_counter()
        prefetching = min(at_once, PREFETCH)
        sampling = (self._sample() for _ in range(at_once))
        try:
            await gather_all(
                (self._select(prefetching), self._choose_grid(), self._prefetch(prefetching, at_once), *sampling)
            )
        except InvalidInput as error:
            self.error = error
        self._sampler.release()
        self.report.add_time("series", since)
        self._done = True

    def stop(self) -> None:
        """Report observations that were not sampled before the deadline as skipped."""
        if self._done:
            return
        self.report.incomplete = "deadline"
        for observation in self._pending.values():
            for scene in observation.scenes:
                self.report.skipped.setdefault(scene.id, "deadline")
            scene_ids = tuple(scene.id for scene in observation.scenes)
            self._add(Row(observation.time, Sample(None, None, 0.0, 0.0, scene_ids, "deadline")))

    def series(self) -> Series:
        """The series of all observations sampled so far."""
        rows = sorted(self.rows, key=lambda row: (row.time, row.sample.scenes))
        error = None if self.error is None else str(self.error)
        return Series(self.area, self.sampling_grid, () if error else tuple(rows), self.report, error)

    async def _select(self, consumers: int) -> None:
        """Queue the observations that intersect the area, newest first. One None per consumer ends the queue."""
        outline = self.sampling_grid.outline
        search = observations(
            self._engine, self.sampling_grid.grid, self._query.request, self.report, limits=self._query.limits
        )
        count = 0
        async for observation in search:
            scenes = tuple(scene for scene in observation.scenes if outline is None or outline.intersects(scene))
            if scenes and not count:
                self._newest.set_result(scenes)
            if scenes:
                count += 1
                intersecting = Observation(scenes[0].time, scenes)
                self._pending[id(intersecting)] = intersecting
                self._to_prefetch.put_nowait(intersecting)
            if outline is not None:
                await asyncio.sleep(0)  # testing a thousand footprints takes a tenth of a second
        if not count:
            self._newest.set_result(())
        if self._listener is not None:
            self._listener.observations_found(self.index, count)
        for _ in range(consumers):
            self._to_prefetch.put_nowait(None)

    async def _choose_grid(self) -> None:
        """Replace the assumed sampling grid by that of the newest observation's files, if they can be read."""
        scenes, bands = await self._newest, self._query.variables.expression.bands
        lon, lat = self.area.shape.centroid.coords[0][:2]
        lattice = await lattice_of_scenes(self._engine, scenes, bands, (lon, lat), self.report.tally)
        if lattice is not None:
            chosen = await asyncio.to_thread(
                sampling_grid_of, self.area, lattice, self._engine.settings.area_pixels, self._query.request.area
            )
            assumed = self.sampling_grid
            if (chosen.key, chosen.crs, chosen.resolution) != (assumed.key, assumed.crs, assumed.resolution):
                self.sampling_grid = chosen
                self._sampler = self._make_sampler()
                if self._listener is not None:
                    self._listener.grid_chosen(self.index, self.area, chosen)
        self._grid_chosen.set()

    def _make_sampler(self) -> Sampler:
        """A sampler on the current sampling grid."""
        return Sampler(self._state, self.sampling_grid, self._query.variables, self._query.request, self.report)

    async def _prefetch(self, at_once: int, consumers: int) -> None:
        """Read the headers of observations before they are sampled, which saves a round trip for each."""

        async def worker() -> None:
            while (observation := await self._to_prefetch.get()) is not None:
                await self._sampler.prefetch_headers(observation)
                self._to_sample.put_nowait(observation)

        await gather_all(worker() for _ in range(at_once))
        for _ in range(consumers):
            self._to_sample.put_nowait(None)

    async def _sample(self) -> None:
        """Sample observations from the queue until there are no more."""
        while (observation := await self._to_sample.get()) is not None:
            await self._grid_chosen.wait()
            sample = self._sampler.cached(observation) or await self._sampler.sample(observation)
            del self._pending[id(observation)]
            self._add(Row(observation.time, sample))

    def _add(self, row: Row) -> None:
        self.rows.append(row)
        if self._listener is not None:
            self._listener.observation_sampled(self.index, row)
