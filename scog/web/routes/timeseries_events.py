"""Time series as server-sent events: `start`, `observation`, `progress`, `end`."""

from __future__ import annotations

import asyncio
from typing import Any

from scog.imaging.request import ImageRequest
from scog.products.areas.area_of_interest import AreaOfInterest, AreasOfInterest
from scog.products.areas.sampling_grid import SamplingGrid
from scog.products.timeseries.model import Row
from scog.products.timeseries.options import SeriesOptions, Table, enough, table_of
from scog.products.timeseries.output import head, noted, observation, smoothed, tail
from scog.products.timeseries.series import Series, take
from scog.products.timeseries.state import SeriesState
from scog.temporal.intervals import rfc3339
from scog.web.http.events import SendEvent


class SeriesEvents:
    """Sends series as events while they are read. For a FeatureCollection, each event has its `feature`'s position.

    `start` is sent once per area, with the expected number of observations if it is known by then; else `progress` has
    it later. `observation` is sent as each one is read, roughly newest first; with `interval`, all are sent at the end.
    `end` has errors and the values of the smooth curve.

    The methods `sited`, `found` and `measured` are those of `scog.products.timeseries.series.Listener`. `place` is the
    position of an area.
    """

    def __init__(
        self, state: SeriesState, areas: AreasOfInterest, image_request: ImageRequest, options: SeriesOptions
    ) -> None:
        self._state = state
        self._engine = state.engine
        self._areas = areas
        self._request = image_request
        self._options = options
        self._send_event: SendEvent = lambda name, data: None
        self._sites: dict[int, tuple[AreaOfInterest, SamplingGrid]] = {}
        self._started: set[int] = set()
        self._expected: dict[int, int] = {}
        self._done: dict[int, int] = {}

    async def run(self, send_event: SendEvent) -> None:
        """Read the series and send their events. Raises the errors of `take`."""
        self._send_event = send_event
        options = self._options
        all_series = await take(self._state, self._areas.fields, options.formula, self._request, self)
        tables: list[Table] = [
            await asyncio.get_running_loop().run_in_executor(self._engine.cpu, table_of, series.rows, options)
            for series in all_series
        ]
        for place, (series, table) in enumerate(zip(all_series, tables, strict=True)):
            if series.fault is None:
                self._start(place)
            if options.step is not None:
                for row in reversed(table.rows):
                    self._send_event("observation", self._feature(place) | observation(row, options, series.site))
        ends = {
            series.field.place: self._end(series, table) for series, table in zip(all_series, tables, strict=True)
        } | {each.place: {"error": each.reason} for each in self._areas.unusable}
        send_event("end", {"features": [ends[place] for place in sorted(ends)]} if self._areas.collected else ends[0])

    def sited(self, place: int, field: AreaOfInterest, site: SamplingGrid) -> None:
        """Store the sampling grid of an area."""
        self._sites[place] = field, site

    def found(self, place: int, count: int) -> None:
        """Send the number of observations to expect."""
        self._expected[place] = count
        if place in self._started:
            self._progress(place)
        self._start(place)

    def measured(self, place: int, row: Row) -> None:
        """Send an observation, or the progress if observations are aggregated."""
        self._start(place)
        self._done[place] = self._done.get(place, 0) + 1
        if self._options.step is not None:
            self._progress(place)
        else:
            valid = enough(row, self._options.min_valid)
            data = observation(valid, self._options, self._sites[place][1])
            self._send_event("observation", self._feature(place) | data)

    def _start(self, place: int) -> None:
        """Send `start`, once per area."""
        if place in self._started:
            return
        self._started.add(place)
        area, site = self._sites[place]
        data = (
            head(site, self._options)
            | noted(area)
            | {"geometry": dict(area.geometry), "expected": self._expected.get(place)}
        )
        self._send_event("start", self._feature(place) | data)

    def _progress(self, place: int) -> None:
        data = {"done": self._done.get(place, 0), "expected": self._expected.get(place)}
        self._send_event("progress", self._feature(place) | data)

    def _feature(self, place: int) -> dict[str, Any]:
        """The member that identifies a feature of a collection; empty for a single area."""
        return {"feature": self._areas.fields[place].place} if self._areas.collected else {}

    def _end(self, series: Series, table: Table) -> dict[str, Any]:
        if series.fault is not None:
            return {"error": series.fault}
        data = tail(series.report)
        if table.curve is None:
            return data
        count = self._options.formula.expression.outputs
        rows = zip(table.rows, table.curve, strict=True)
        return data | {
            "smoothed": [{"datetime": rfc3339(row.time), "smoothed": smoothed(column, count)} for row, column in rows]
        }
