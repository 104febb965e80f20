"""A series while it is taken, as events: `start`, `observation`, `progress`, `end`."""

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
from scog.web.http.events import Tell


class Live:
    """Tells of series as they are taken. Of a collection each event names the `feature` by its place.

    `start` comes once for each field, with the number of observations expected if it is known; where it becomes known
    later, `progress` has it. Observations come as they are read, newest first but for what takes longer; those that are
    taken together by intervals are told at the end. `end` has the errors, and the numbers of the curve.
    """

    def __init__(
        self, state: SeriesState, fields: AreasOfInterest, image_request: ImageRequest, options: SeriesOptions
    ) -> None:
        self._state = state
        self._engine = state.engine
        self._fields = fields
        self._request = image_request
        self._asked = options
        self._tell: Tell = lambda name, data: None
        self._sites: dict[int, tuple[AreaOfInterest, SamplingGrid]] = {}
        self._begun: set[int] = set()
        self._expected: dict[int, int] = {}
        self._done: dict[int, int] = {}

    async def run(self, tell: Tell) -> None:
        """Take the series. Raises what `take` raises."""
        self._tell = tell
        several = await take(self._state, self._fields.fields, self._asked.formula, self._request, self)
        tables: list[Table] = [
            await asyncio.get_running_loop().run_in_executor(self._engine.cpu, table_of, series.rows, self._asked)
            for series in several
        ]
        for place, (series, table) in enumerate(zip(several, tables, strict=True)):
            if series.fault is None:
                self._begin(place)
            if self._asked.step is not None:
                for row in reversed(table.rows):
                    self._tell("observation", self._named(place) | observation(row, self._asked, series.site))
        ends = {series.field.place: self._end(series, table) for series, table in zip(several, tables, strict=True)} | {
            each.place: {"error": each.reason} for each in self._fields.unusable
        }
        tell("end", {"features": [ends[place] for place in sorted(ends)]} if self._fields.collected else ends[0])

    def sited(self, place: int, field: AreaOfInterest, site: SamplingGrid) -> None:
        """Remember where a field is measured."""
        self._sites[place] = field, site

    def found(self, place: int, count: int) -> None:
        """Tell how many observations there will be."""
        self._expected[place] = count
        if place in self._begun:
            self._progress(place)
        self._begin(place)

    def measured(self, place: int, row: Row) -> None:
        """Tell of an observation."""
        self._begin(place)
        self._done[place] = self._done.get(place, 0) + 1
        if self._asked.step is not None:
            self._progress(place)
        else:
            shown = enough(row, self._asked.min_valid)
            self._tell("observation", self._named(place) | observation(shown, self._asked, self._sites[place][1]))

    def _begin(self, place: int) -> None:
        if place in self._begun:
            return
        self._begun.add(place)
        field, site = self._sites[place]
        told = (
            head(site, self._asked)
            | noted(field)
            | {"geometry": dict(field.geometry), "expected": self._expected.get(place)}
        )
        self._tell("start", self._named(place) | told)

    def _progress(self, place: int) -> None:
        done = {"done": self._done.get(place, 0), "expected": self._expected.get(place)}
        self._tell("progress", self._named(place) | done)

    def _named(self, place: int) -> dict[str, Any]:
        return {"feature": self._fields.fields[place].place} if self._fields.collected else {}

    def _end(self, series: Series, table: Table) -> dict[str, Any]:
        if series.fault is not None:
            return {"error": series.fault}
        told = tail(series.report)
        if table.curve is None:
            return told
        count = self._asked.formula.expression.outputs
        rows = zip(table.rows, table.curve, strict=True)
        return told | {
            "smoothed": [{"datetime": rfc3339(row.time), "smoothed": smoothed(column, count)} for row, column in rows]
        }
