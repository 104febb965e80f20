"""Animations: which frames a time lapse has, and drawing them, a few at once and within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from scog.ask import Ask
from scog.catalog.observation import SceneSet
from scog.catalog.scene import Scene
from scog.catalog.when import Interval
from scog.cube.pinned import Pinned
from scog.draw import draw
from scog.engine import Engine
from scog.errors import CatalogError, DeadlineExceeded, InvalidInput, NothingReadable, ScogError
from scog.find import observations
from scog.look import Look
from scog.net.policy import Rank
from scog.picture.image import Image
from scog.report import Report
from scog.space.areas import search_areas
from scog.space.grid import Grid
from scog.steps import TICK, Step, split
from scog.together import gather_all

MIN_CLEAR = 0.3
"""Share of a frame's pixels that must be known, unless somebody says otherwise."""
DAY = timedelta(days=1)

Tell = Callable[[int, int], None]
"""Hears how many frames are drawn, and of how many."""


@dataclass(frozen=True)
class Moment:
    """What one frame shows: a time, and the scenes of it where they are known already."""

    interval: Interval
    pinned: Pinned | None = None

    @property
    def text(self) -> str:
        """The day in UTC, or the first and the last one, as they are written on a frame."""
        start, end = self.interval.start, self.interval.end
        assert start is not None
        assert end is not None
        first, last = (moment.astimezone(UTC).date().isoformat() for moment in (start, end))
        return first if first == last else f"{first} to {last}"


@dataclass(frozen=True)
class Animation:
    """Pictures of one size with their times, oldest first, and how they came to be.

    `skipped` frames show too little; `missing` ones could not be drawn, or not in time.
    """

    frames: tuple[tuple[Moment, Image], ...]
    skipped: int
    missing: int
    report: Report


async def animate(
    engine: Engine,
    grid: Grid,
    look: Look,
    ask: Ask,
    step: Step | None = None,
    min_clear: float = MIN_CLEAR,
    tell: Tell | None = None,
) -> Animation:
    """A frame for each day on which there is an observation, or for each step the composite of its observations.

    All frames have the look's one range. The newest days are taken where there are too many. Those of which less than
    the share `min_clear` is known are skipped.
    Raises InvalidInput where there are more steps than frames allowed, or no frame shows enough; what `draw` raises
    where no frame could be drawn.
    """
    work = _Work(engine, grid, look, ask, min_clear, tell)
    try:
        async with asyncio.timeout(engine.settings.animation_deadline):
            await work.draw(await moments(engine, grid, ask, step, work.report))
    except TimeoutError:
        work.report.incomplete = "deadline"
    return work.result()


async def moments(engine: Engine, grid: Grid, ask: Ask, step: Step | None, report: Report) -> list[Moment]:
    """What the frames show, newest first. Raises InvalidInput, a CatalogError."""
    settings = engine.settings
    most = min(settings.animation_frames, settings.animation_pixels // (grid.width * grid.height))
    return await _days(engine, grid, ask, most, report) if step is None else await _steps(engine, ask, step, most)


async def _days(engine: Engine, grid: Grid, ask: Ask, most: int, report: Report) -> list[Moment]:
    """The newest days in UTC on which passes began that touch a grid, each with its scenes, found in one search."""
    if search_areas(grid)[1]:
        what = "The box is so wide that hardly a pass sees all of it."
        raise InvalidInput(what, parameter="step", valid="a step such as P1M, or a box of less than 150 km a side")
    days: dict[date, list[Scene]] = {}
    where = ask.interval, ask.cloud_cover, ask.collection
    async for observation in observations(engine, grid, *where, report, pinned=ask.pinned):
        day = observation.time.astimezone(UTC).date()
        if day not in days and len(days) == most:
            report.bounded = True
            break
        days.setdefault(day, []).extend(observation.scenes)
    return [Moment(_whole(day), Pinned(SceneSet(scenes))) for day, scenes in days.items()]


async def _steps(engine: Engine, ask: Ask, step: Step, most: int) -> list[Moment]:
    """The steps of the time range, each with its own of the pinned scenes; others are found as frames are drawn."""
    interval = ask.interval or await engine.searches.default_interval(ask.collection)
    if interval.start is None:
        what = "Steps begin where the time range does, and it has no beginning."
        raise InvalidInput(what, parameter="datetime", valid="an interval such as 2022-01-01/2022-12-31")
    end = interval.end or await _last_moment(engine, ask)
    parts = list(islice(split(interval.start, end, step), most + 1))
    if len(parts) > most:
        what = f"The time range has more than {most} steps, the most frames of this size."
        raise InvalidInput(what, parameter="step", valid="a longer step, a shorter datetime, or fewer pixels")
    return [Moment(part, _of(ask.pinned, part)) for part in reversed(parts)]


async def _last_moment(engine: Engine, ask: Ask) -> datetime:
    """The end of the last day of which there are scenes."""
    if ask.pinned is not None:
        return max(scene.time for scene in ask.pinned.scenes.scenes)
    return await engine.searches.last_day(ask.collection) + DAY - TICK


def _of(pinned: Pinned | None, part: Interval) -> Pinned | None:
    if pinned is None:
        return None
    return Pinned(SceneSet(scene for scene in pinned.scenes.scenes if scene.time in part), pinned.bounded)


def _whole(day: date) -> Interval:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return Interval(start, start + (DAY - TICK))


class _Work:
    """Draws frames, and knows which are done."""

    def __init__(self, engine: Engine, grid: Grid, look: Look, ask: Ask, min_clear: float, tell: Tell | None) -> None:
        self.report = Report()
        self._engine = engine
        self._grid = grid
        self._look = look
        self._ask = ask
        self._min_clear = min_clear
        self._tell = tell
        self._inside: NDArray[np.bool_] | None = None
        self._wanted: list[Moment] = []
        self._drawn: dict[int, Image | None] = {}
        self._faults: list[ScogError] = []

    async def draw(self, wanted: list[Moment]) -> None:
        """Draw frames in their order, a few at once."""
        self._wanted = wanted
        if self._ask.area is not None:
            self._inside = await asyncio.to_thread(self._ask.area.inside, self._grid)
        waiting = iter(enumerate(wanted))

        async def some() -> None:
            for place, moment in waiting:
                await self._frame(place, moment)
                if self._tell is not None:
                    self._tell(len(self._drawn) + len(self._faults), len(wanted))

        await gather_all(some() for _ in range(self._engine.settings.animation_at_once))

    def result(self) -> Animation:
        """What is drawn so far. Raises the first fault where nothing is, InvalidInput where nothing shows enough."""
        frames = [(self._wanted[place], shown) for place, shown in sorted(self._drawn.items(), reverse=True) if shown]
        missing = len(self._wanted) - len(self._drawn)
        skipped = len(self._drawn) - len(frames)
        if frames:
            return Animation(tuple(frames), skipped, missing, self.report)
        if self._faults:
            raise self._faults[0]
        if self.report.incomplete == "deadline":
            seconds = self._engine.settings.animation_deadline
            raise DeadlineExceeded(f"No frame could be drawn within {seconds:g} s.")
        if not self._wanted:
            what = "Of this box and time there is no observation."
            raise InvalidInput(what, parameter="datetime", valid="a time of which /scenes?bbox= lists scenes")
        what = f"None of {len(self._wanted)} frames shows as much as {self._min_clear:.0%} of the box."
        raise InvalidInput(what, parameter="min_clear", valid="a smaller share, a longer step, or another box")

    async def _frame(self, place: int, moment: Moment) -> None:
        """Draw a frame; one that fails is missing from the others."""
        ask = replace(self._ask, interval=moment.interval, pinned=moment.pinned)
        try:
            drawing = await draw(self._engine, self._grid, ask, Rank.EXPORT)
        except (NothingReadable, DeadlineExceeded, CatalogError) as fault:
            self._faults.append(fault)
            self.report.miss(fault)
            return
        self.report.include(drawing.report)
        pixels = drawing.valid.size if self._inside is None else max(1, int(np.count_nonzero(self._inside)))
        shown: Image | None = None
        if np.count_nonzero(drawing.valid) >= self._min_clear * pixels:
            loop, paint = asyncio.get_running_loop(), self._look.image
            shown = await loop.run_in_executor(self._engine.cpu, paint, drawing.values, drawing.valid)
        self._drawn[place] = shown
