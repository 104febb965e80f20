"""Animations: selects the frames of a time lapse, and draws them within limits of count and time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from scog.catalog.observation import SceneSet
from scog.catalog.scene import Scene
from scog.errors import DeadlineExceeded, InvalidInput
from scog.geo.grid import Grid
from scog.geo.search_areas import search_areas
from scog.imaging.engine import Engine
from scog.imaging.options import StyledRequest
from scog.imaging.pinned import Pinned
from scog.imaging.report import Report
from scog.imaging.request import ImageRequest
from scog.imaging.select import observations
from scog.net.policy import Priority
from scog.products.attempts import Attempts
from scog.render.image import Image
from scog.runtime.tasks import for_each
from scog.temporal.intervals import Interval
from scog.temporal.steps import TICK, Step, split

MIN_CLEAR = 0.3
"""Default minimum fraction of valid pixels of a frame."""
DAY = timedelta(days=1)

OnProgress = Callable[[int, int], None]
"""Called with the number of finished frames and the total."""


@dataclass(frozen=True)
class FrameTime:
    """The time interval of one frame, and its scenes if they are already selected."""

    interval: Interval
    pinned: Pinned | None = None

    @property
    def text(self) -> str:
        """The label of the frame: the day in UTC, or the first and the last day."""
        start, end = self.interval.start, self.interval.end
        assert start is not None
        assert end is not None
        first, last = (time.astimezone(UTC).date().isoformat() for time in (start, end))
        return first if first == last else f"{first} to {last}"


@dataclass(frozen=True)
class Animation:
    """Images of equal size with their times, oldest first.

    skipped  number of frames with too few valid pixels
    missing  number of frames that failed or were not finished before the deadline
    report   scenes, requests and bytes of all frames
    """

    frames: tuple[tuple[FrameTime, Image], ...]
    skipped: int
    missing: int
    report: Report


async def animate(
    engine: Engine,
    grid: Grid,
    image: StyledRequest,
    step: Step | None = None,
    min_clear: float = MIN_CLEAR,
    on_progress: OnProgress | None = None,
) -> Animation:
    """Draw one frame per day with observations or, if `step` is given, one composite per step.

    All frames share the style's range. If there are too many days, the newest ones are drawn. A frame is skipped if its
    fraction of valid pixels is below `min_clear`. At the deadline, the finished frames are returned.

    Raises InvalidInput if there are more steps than allowed frames, or no frame has enough valid pixels. If no frame
    can be drawn, raises the errors of `draw`.
    """
    renderer = _FrameRenderer(engine, grid, image, min_clear, on_progress)
    try:
        async with asyncio.timeout(engine.settings.animation_deadline):
            await renderer.draw(await frame_times(engine, grid, image.request, step, renderer.report))
    except TimeoutError:
        renderer.report.incomplete = "deadline"
    return renderer.result()


async def frame_times(
    engine: Engine, grid: Grid, request: ImageRequest, step: Step | None, report: Report
) -> list[FrameTime]:
    """Time intervals of the frames, newest first. Raises InvalidInput or CatalogError."""
    settings = engine.settings
    limit = min(settings.animation_frames, settings.animation_pixels // (grid.width * grid.height))
    return (
        await _days(engine, grid, request, limit, report)
        if step is None
        else await _steps(engine, request, step, limit)
    )


async def _days(engine: Engine, grid: Grid, request: ImageRequest, limit: int, report: Report) -> list[FrameTime]:
    """The newest days (UTC) with scenes that intersect the grid, each with these scenes, from one search."""
    if search_areas(grid)[1]:
        message = "The bbox is too wide for daily frames: a single overpass rarely covers it."
        raise InvalidInput(message, parameter="step", valid="a step such as P1M, or a bbox of less than 150 km a side")
    days: dict[date, list[Scene]] = {}
    async for observation in observations(engine, grid, request, report):
        day = observation.time.astimezone(UTC).date()
        if day not in days and len(days) == limit:
            report.truncated = True
            break
        days.setdefault(day, []).extend(observation.scenes)
    return [FrameTime(_day_interval(day), Pinned(SceneSet(scenes))) for day, scenes in days.items()]


async def _steps(engine: Engine, request: ImageRequest, step: Step, limit: int) -> list[FrameTime]:
    """The steps of the time range, each with its pinned scenes. Without pinned scenes, each frame searches."""
    interval = request.interval
    if interval is None:
        member, collection = await engine.catalogs.of(request.collection)
        interval = await member.default_interval(collection)
    if interval.start is None:
        message = "A time range with steps must have a start."
        raise InvalidInput(message, parameter="datetime", valid="an interval such as 2022-01-01/2022-12-31")
    end = interval.end or await _last_day_end(engine, request)
    parts = list(islice(split(interval.start, end, step), limit + 1))
    if len(parts) > limit:
        message = f"The time range has more than {limit} steps, the maximum number of frames of this size."
        raise InvalidInput(message, parameter="step", valid="a longer step, a shorter datetime, or fewer pixels")
    return [FrameTime(part, _pinned_within(request.pinned, part)) for part in reversed(parts)]


async def _last_day_end(engine: Engine, request: ImageRequest) -> datetime:
    """Time of the newest pinned scene, else the end of the last day with scenes."""
    if request.pinned is not None:
        return max(scene.time for scene in request.pinned.scenes.scenes)
    member, collection = await engine.catalogs.of(request.collection)
    return await member.last_day(collection) + DAY - TICK


def _pinned_within(pinned: Pinned | None, interval: Interval) -> Pinned | None:
    """The pinned scenes within an interval; None if no scenes are pinned."""
    if pinned is None:
        return None
    within = (scene for scene in pinned.scenes.scenes if interval.overlaps(scene.start, scene.end))
    return Pinned(SceneSet(within), pinned.truncated)


def _day_interval(day: date) -> Interval:
    """The whole day in UTC."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return Interval(start, start + (DAY - TICK))


class _FrameRenderer:
    """Draws the frames of one animation concurrently and collects the results."""

    def __init__(
        self, engine: Engine, grid: Grid, image: StyledRequest, min_clear: float, on_progress: OnProgress | None
    ) -> None:
        self.report = Report()
        self._engine = engine
        self._grid = grid
        self._request, self._style = image
        self._min_clear = min_clear
        self._on_progress = on_progress
        self._inside: NDArray[np.bool_] | None = None
        self._frame_times: list[FrameTime] = []
        self._images: dict[int, Image | None] = {}
        self._attempts = Attempts(engine, Priority.EXPORT)

    async def draw(self, frame_times: list[FrameTime]) -> None:
        """Draw the frames in the given order, `animation_at_once` at a time."""
        self._frame_times = frame_times
        if self._request.area is not None:
            self._inside = await asyncio.to_thread(self._request.area.inside, self._grid)

        async def frame(indexed: tuple[int, FrameTime]) -> None:
            await self._frame(*indexed)
            if self._on_progress is not None:
                self._on_progress(self._attempts.ended, len(frame_times))

        await for_each(enumerate(frame_times), frame, self._engine.settings.animation_at_once)

    def result(self) -> Animation:
        """The animation of all frames drawn so far.

        If there are none, raises the first error of a frame, DeadlineExceeded, or InvalidInput.
        """
        frames = [
            (self._frame_times[index], image) for index, image in sorted(self._images.items(), reverse=True) if image
        ]
        missing = len(self._frame_times) - len(self._images)
        skipped = len(self._images) - len(frames)
        if frames:
            return Animation(tuple(frames), skipped, missing, self.report)
        if self._attempts.errors:
            raise self._attempts.errors[0]
        if self.report.incomplete == "deadline":
            seconds = self._engine.settings.animation_deadline
            raise DeadlineExceeded(f"No frame could be drawn within {seconds:g} s.")
        if not self._frame_times:
            message = "There are no observations of this bbox in this time range."
            raise InvalidInput(message, parameter="datetime", valid="a time range for which /scenes?bbox= lists scenes")
        message = f"None of {len(self._frame_times)} frames has at least {self._min_clear:.0%} valid pixels."
        raise InvalidInput(message, parameter="min_clear", valid="a smaller fraction, a longer step, or another bbox")

    async def _frame(self, index: int, frame_time: FrameTime) -> None:
        """Draw one frame. A failed frame is recorded and does not affect the others."""
        request = replace(self._request, interval=frame_time.interval, pinned=frame_time.pinned)
        drawing = await self._attempts.draw(self._grid, request, self.report)
        if drawing is None:
            return
        pixels = drawing.valid.size if self._inside is None else max(1, int(np.count_nonzero(self._inside)))
        image: Image | None = None
        if np.count_nonzero(drawing.valid) >= self._min_clear * pixels:
            loop, render = asyncio.get_running_loop(), self._style.image
            image = await loop.run_in_executor(self._engine.cpu, render, drawing.values, drawing.valid)
        self._images[index] = image
