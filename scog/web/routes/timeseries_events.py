"""Time series as server-sent events: `start`, `observation`, `progress`, `end`."""

from __future__ import annotations

import asyncio
from typing import Any

from scog.imaging.request import ImageRequest
from scog.products.areas.area_of_interest import AreaOfInterest, AreasOfInterest
from scog.products.areas.sampling_grid import SamplingGrid
from scog.products.timeseries.model import Row
from scog.products.timeseries.options import SeriesOptions, Table, table_of, with_min_valid
from scog.products.timeseries.output import head, observation, repaired_member, smoothed, tail
from scog.products.timeseries.series import Series, sample_series
from scog.products.timeseries.state import SeriesState
from scog.temporal.intervals import rfc3339
from scog.web.http.events import SendEvent


class SeriesEvents:
    """Sends series as events while they are read.

    For a FeatureCollection, each event has the feature's position as `feature`. `start` is sent once per area, with the
    expected number of observations if a search has determined it by then; otherwise a later `progress` has it.
    `observation` is sent when an observation is read, roughly newest first; with `interval`, all are sent at the end.
    `end` has errors and the values of the smooth curve.

    Implements `scog.products.timeseries.series.Listener`: `index` is the position of an area.
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
        self._grids: dict[int, tuple[AreaOfInterest, SamplingGrid]] = {}
        self._started: set[int] = set()
        self._expected: dict[int, int] = {}
        self._done: dict[int, int] = {}

    async def run(self, send_event: SendEvent) -> None:
        """Read the series and send their events. Raises the errors of `sample_series`."""
        self._send_event = send_event
        options = self._options
        all_series = await sample_series(self._state, self._areas.areas, options.variables, self._request, self)
        tables: list[Table] = [
            await asyncio.get_running_loop().run_in_executor(self._engine.cpu, table_of, series.rows, options)
            for series in all_series
        ]
        for index, (series, table) in enumerate(zip(all_series, tables, strict=True)):
            if series.error is None:
                self._start(index)
            if options.step is not None:
                for row in reversed(table.rows):
                    self._send_event(
                        "observation", self._feature(index) | observation(row, options, series.sampling_grid)
                    )
        ends = {
            series.area.index: self._end(series, table) for series, table in zip(all_series, tables, strict=True)
        } | {each.index: {"error": each.reason} for each in self._areas.unusable}
        send_event(
            "end", {"features": [ends[index] for index in sorted(ends)]} if self._areas.is_collection else ends[0]
        )

    def grid_chosen(self, index: int, area: AreaOfInterest, sampling_grid: SamplingGrid) -> None:
        """Store the sampling grid of an area."""
        self._grids[index] = area, sampling_grid

    def observations_found(self, index: int, count: int) -> None:
        """Send the number of observations to expect."""
        self._expected[index] = count
        if index in self._started:
            self._progress(index)
        self._start(index)

    def observation_sampled(self, index: int, row: Row) -> None:
        """Send an observation, or the progress if observations are aggregated."""
        self._start(index)
        self._done[index] = self._done.get(index, 0) + 1
        if self._options.step is not None:
            self._progress(index)
        else:
            valid = with_min_valid(row, self._options.min_valid)
            data = observation(valid, self._options, self._grids[index][1])
            self._send_event("observation", self._feature(index) | data)

    def _start(self, index: int) -> None:
        """Send `start`, once per area."""
        if index in self._started:
            return
        self._started.add(index)
        area, sampling_grid = self._grids[index]
        data = (
            head(sampling_grid, self._options)
            | repaired_member(area)
            | {"geometry": dict(area.geometry), "expected": self._expected.get(index)}
        )
        self._send_event("start", self._feature(index) | data)

    def _progress(self, index: int) -> None:
        data = {"done": self._done.get(index, 0), "expected": self._expected.get(index)}
        self._send_event("progress", self._feature(index) | data)

    def _feature(self, index: int) -> dict[str, Any]:
        """The member that identifies a feature of a collection; empty for a single area."""
        return {"feature": self._areas.areas[index].index} if self._areas.is_collection else {}

    def _end(self, series: Series, table: Table) -> dict[str, Any]:
        if series.error is not None:
            return {"error": series.error}
        data = tail(series.report)
        if table.curve is None:
            return data
        count = self._options.variables.expression.outputs
        rows = zip(table.rows, table.curve, strict=True)
        return data | {
            "smoothed": [{"datetime": rfc3339(row.time), "smoothed": smoothed(column, count)} for row, column in rows]
        }
