"""One picture, the whole line: scenes are found, masked, read, computed, and made into one."""

from __future__ import annotations

import asyncio

import numpy as np

from scog.cog.preview_level import PreviewLevel
from scog.composite.methods import OLDEST
from scog.errors import DeadlineExceeded, NothingReadable
from scog.geo.grid import Grid
from scog.imaging.compare import compared, periods
from scog.imaging.deadline import deadline
from scog.imaging.engine import Engine
from scog.imaging.image_cache import Replayable
from scog.imaging.mosaic import Mosaic
from scog.imaging.report import Report
from scog.imaging.request import ImageData, ImageRequest
from scog.imaging.select import observations
from scog.imaging.stack import Stack
from scog.net.policy import Priority
from scog.runtime.tasks import gather_all

__all__ = ["ImageData", "ImageRequest", "draw"]


async def draw(engine: Engine, grid: Grid, ask: ImageRequest, rank: Priority = Priority.TILE) -> ImageData:
    """Draw what is asked for on a grid.

    A scene that fails is skipped and named in the report. Raises NothingReadable when scenes were found but none
    could be read, DeadlineExceeded when nothing was read in time, a CatalogError when the search failed. Two periods
    are drawn at once, each as if it stood alone, and compared; what fails of one fails of both. Where the line is full,
    reads of a lower `rank` come first.
    """
    if ask.compare is None:
        return await _draw(engine, grid, ask, rank)
    first, second = await gather_all(_draw(engine, grid, each, rank) for each in periods(ask, ask.compare))
    outputs, how = ask.expression.outputs, ask.compare.how
    return await asyncio.get_running_loop().run_in_executor(engine.cpu, compared, first, second, outputs, how)


async def _draw(engine: Engine, grid: Grid, ask: ImageRequest, rank: Priority) -> ImageData:
    """Draw one period. An error says how far it got."""
    report = Report(preview=PreviewLevel() if ask.preview else None)
    report.tally.rank = (
        Priority.PREVIEW if ask.preview else rank if ask.composite.painted else max(rank, Priority.COMPOSITE)
    )
    try:
        return await _drawn(engine, grid, ask, report)
    except (DeadlineExceeded, NothingReadable) as fault:
        fault.progress = report.progress
        raise


async def _drawn(engine: Engine, grid: Grid, ask: ImageRequest, report: Report) -> ImageData:
    inside = picture = None
    try:
        async with deadline(engine.settings.tile_deadline, report.tally):
            found = Replayable(observations(engine, grid, ask, report, oldest_first=ask.composite == OLDEST))
            kept = await engine.kept.recall(grid, ask, found, report)
            if kept is not None:
                return kept
            picture = (Mosaic if ask.composite.painted else Stack)(engine, grid, ask, report)
            inside = None if ask.area is None else await asyncio.to_thread(ask.area.inside, grid)
            if inside is None or inside.any():
                await picture.take(found)
    except TimeoutError:
        if picture is not None:
            picture.give_up()
        if picture is None or picture.in_vain or not report.used:
            raise DeadlineExceeded(f"Nothing could be read within {engine.settings.tile_deadline:g} s.") from None
    if picture.in_vain:
        raise report.nothing_readable("No scene of this picture could be read")
    values, valid = await picture.composite()
    if inside is not None and not inside.all():
        values, valid = np.where(inside, values, np.float32(np.nan)), valid & inside
    return engine.kept.keep(grid, ask, found, ImageData(values, valid, report))
