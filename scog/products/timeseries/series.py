"""Series: the numbers of a field over time, one row for each observation."""

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
from scog.imaging.source_lattice import lattice_of_scenes, nominal_metres
from scog.net.policy import Priority
from scog.products.areas.area_of_interest import AreaOfInterest
from scog.products.areas.sampling_grid import SamplingGrid, site_of
from scog.products.timeseries.model import Row, Sample
from scog.products.timeseries.sampler import Sampler
from scog.products.timeseries.state import SeriesState
from scog.products.timeseries.variables import SeriesVariables
from scog.runtime.tasks import for_each, gather_all

SEARCH_ZOOM = 12
"""Of the map's tiles that are searched for a field: 10 km, which a pass sees in one scene or a few."""
MOST_ROWS = 20_000
"""Observations of all fields of a request together."""
FIELDS_AT_ONCE = 4
AHEAD = 12
"""Observations of a series whose headers are read at once before it is their turn: fewer keep the processor waiting,
more keep pixels waiting for their connections."""


@dataclass(frozen=True, eq=False)
class Series:
    """A field, where it is measured, and its observations in the order of time; and how they came to be.

    `fault` says in words why one of several fields has none.
    """

    field: AreaOfInterest
    site: SamplingGrid
    rows: tuple[Row, ...]
    report: Report
    fault: str | None = None


class Listener(Protocol):
    """Hears of series while they are taken; `place` is the field's among those that are asked for."""

    def sited(self, place: int, field: AreaOfInterest, site: SamplingGrid) -> None:
        """Where a field is measured; nothing is read yet. What was told last counts."""

    def found(self, place: int, count: int) -> None:
        """All observations of a field are found, so many."""

    def measured(self, place: int, row: Row) -> None:
        """An observation, in any order, about the newest first."""


async def take(
    state: SeriesState,
    fields: Sequence[AreaOfInterest],
    formula: SeriesVariables,
    request: ImageRequest,
    listener: Listener | None = None,
) -> list[Series]:
    """The series of fields, each of all observations that touch it, as far as they can be read in time.

    All observations of a field are measured on one grid: the pixels of the newest one's files. Scenes that fail are
    named in the report of the field's series. Raises InvalidInput where a field cannot be measured; a CatalogError;
    where nothing of any field could be read NothingReadable, or DeadlineExceeded.
    """
    engine, settings = state.engine, state.engine.settings
    if request.interval is None:
        request = replace(
            request, interval=await engine.searches.default_interval(request.collection, settings.series_days)
        )
    sites = [
        await asyncio.to_thread(
            site_of, field, nominal_metres(formula.expression.bands), settings.field_pixels, request.area
        )
        for field in fields
    ]
    most = min(settings.series_scenes, max(1, MOST_ROWS // len(fields)))
    at_once = max(1, settings.series_at_once // min(len(fields), FIELDS_AT_ONCE))
    works = [
        _Work(
            state,
            field,
            site,
            formula,
            request,
            SearchLimits(most, settings.series_scenes, SEARCH_ZOOM),
            place,
            listener,
        )
        for place, (field, site) in enumerate(zip(fields, sites, strict=True))
    ]
    if listener is not None:
        for work in works:
            listener.sited(work.place, work.field, work.site)
    try:
        async with asyncio.timeout(settings.series_deadline):
            await for_each(works, lambda work: work.run(at_once), FIELDS_AT_ONCE)
    except TimeoutError:
        for work in works:
            work.give_up()
    _check(works, settings.series_deadline)
    return [work.series() for work in works]


def _check(works: Sequence[_Work], deadline: float) -> None:
    """Raise where observations were found, but not one could be read."""
    faults = [work.fault for work in works]
    if faults and faults[0] is not None and None not in faults:
        raise faults[0]
    rows = [row for work in works for row in work.rows]
    late = any(work.report.incomplete == "deadline" for work in works)
    if any(not row.measured.failed for row in rows) or not (rows or late):
        return
    if late:
        raise DeadlineExceeded(f"Nothing could be read within {deadline:g} s.")
    report = Report()
    for work in works:
        report.include(work.report)
    raise report.nothing_readable("No scene of this series could be read")


class _Work:
    """The series of one field under way: observations are found, and read some at once as they are."""

    def __init__(
        self,
        state: SeriesState,
        field: AreaOfInterest,
        site: SamplingGrid,
        formula: SeriesVariables,
        request: ImageRequest,
        most: SearchLimits,
        place: int,
        listener: Listener | None,
    ) -> None:
        self.report = Report()
        self.report.tally.rank = Priority.SERIES
        self.rows: list[Row] = []
        self._engine = state.engine
        self._state = state
        self.field = field
        self.site = site
        self._formula = formula
        self._request = replace(request, expression=formula.expression)
        self._most = most
        self.place = place
        self._listener = listener
        self._measuring = Sampler(state, site, formula, self._request, self.report)
        self._found: asyncio.Queue[Observation | None] = asyncio.Queue()
        self._known: asyncio.Queue[Observation | None] = asyncio.Queue()
        self._open: dict[int, Observation] = {}
        self._done = False
        self._newest: asyncio.Future[Sequence[Scene]] = asyncio.get_running_loop().create_future()
        self._settled = asyncio.Event()
        self.fault: InvalidInput | None = None

    async def run(self, at_once: int) -> None:
        """Find all observations, and measure them, so many at once."""
        since = time.perf_counter()
        ahead = min(at_once, AHEAD)
        measuring = (self._measure() for _ in range(at_once))
        try:
            await gather_all((self._find(ahead), self._settle(), self._look_ahead(ahead, at_once), *measuring))
        except InvalidInput as fault:
            self.fault = fault
        self._measuring.let_go()
        self.report.add_time("series", since)
        self._done = True

    def give_up(self) -> None:
        """The deadline has come: what is still to be measured counts as skipped."""
        if self._done:
            return
        self.report.incomplete = "deadline"
        for observation in self._open.values():
            for scene in observation.scenes:
                self.report.skipped.setdefault(scene.id, "deadline")
            names = tuple(scene.id for scene in observation.scenes)
            self._add(Row(observation.time, Sample(None, None, 0.0, 0.0, names, "deadline")))

    def series(self) -> Series:
        """What is measured so far."""
        rows = sorted(self.rows, key=lambda row: (row.time, row.measured.scenes))
        fault = None if self.fault is None else str(self.fault)
        return Series(self.field, self.site, () if fault else tuple(rows), self.report, fault)

    async def _find(self, waiting: int) -> None:
        """Find the observations that touch the field, newest first, for those who wait for them."""
        outline = self.site.outline
        found = observations(self._engine, self.site.grid, self._request, self.report, most=self._most)
        count = 0
        async for observation in found:
            touching = tuple(scene for scene in observation.scenes if outline is None or outline.touches(scene))
            if touching and not count:
                self._newest.set_result(touching)
            if touching:
                count += 1
                here = Observation(touching[0].time, touching)
                self._open[id(here)] = here
                self._found.put_nowait(here)
            if outline is not None:
                await asyncio.sleep(0)  # looking at a thousand footprints takes a tenth of a second
        if not count:
            self._newest.set_result(())
        if self._listener is not None:
            self._listener.found(self.place, count)
        for _ in range(waiting):
            self._found.put_nowait(None)

    async def _settle(self) -> None:
        """Take the pixels of the newest observation's files, while the headers of others are read."""
        scenes, bands = await self._newest, self._formula.expression.bands
        middle = self.field.shape.centroid.coords[0]
        own = await lattice_of_scenes(self._engine, scenes, bands, (middle[0], middle[1]), self.report.tally)
        if own is not None:
            site = await asyncio.to_thread(
                site_of, self.field, own, self._engine.settings.field_pixels, self._request.area
            )
            if site.key != self.site.key or site.crs != self.site.crs or site.resolution != self.site.resolution:
                self.site = site
                self._measuring = Sampler(self._state, site, self._formula, self._request, self.report)
                if self._listener is not None:
                    self._listener.sited(self.place, self.field, site)
        self._settled.set()

    async def _look_ahead(self, at_once: int, waiting: int) -> None:
        """Read headers, so many observations' at once, before it is their turn: a round trip less for each of them."""

        async def some() -> None:
            while (observation := await self._found.get()) is not None:
                await self._measuring.look_ahead(observation)
                self._known.put_nowait(observation)

        await gather_all(some() for _ in range(at_once))
        for _ in range(waiting):
            self._known.put_nowait(None)

    async def _measure(self) -> None:
        """Measure observations whose headers are known, until there are no more."""
        while (observation := await self._known.get()) is not None:
            await self._settled.wait()
            measured = self._measuring.recalled(observation) or await self._measuring.measure(observation)
            del self._open[id(observation)]
            self._add(Row(observation.time, measured))

    def _add(self, row: Row) -> None:
        self.rows.append(row)
        if self._listener is not None:
            self._listener.measured(self.place, row)
