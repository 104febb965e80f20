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


async def draw(engine: Engine, grid: Grid, request: ImageRequest, rank: Priority = Priority.TILE) -> ImageData:
    """Draw what is asked for on a grid.

    A scene that fails is skipped and named in the report. Raises NothingReadable when scenes were found but none
    could be read, DeadlineExceeded when nothing was read in time, a CatalogError when the search failed. Two periods
    are drawn at once, each as if it stood alone, and compared; what fails of one fails of both. Where the line is full,
    reads of a lower `rank` come first.
    """
    if request.compare is None:
        return await _draw(engine, grid, request, rank)
    first, second = await gather_all(_draw(engine, grid, each, rank) for each in periods(request, request.compare))
    outputs, how = request.expression.outputs, request.compare.how
    return await asyncio.get_running_loop().run_in_executor(engine.cpu, compared, first, second, outputs, how)


async def _draw(engine: Engine, grid: Grid, request: ImageRequest, rank: Priority) -> ImageData:
    """Draw one period. An error says how far it got."""
    report = Report(preview=PreviewLevel() if request.preview else None)
    report.tally.rank = (
        Priority.PREVIEW if request.preview else rank if request.composite.painted else max(rank, Priority.COMPOSITE)
    )
    try:
        return await _drawn(engine, grid, request, report)
    except (DeadlineExceeded, NothingReadable) as fault:
        fault.progress = report.progress
        raise


async def _drawn(engine: Engine, grid: Grid, request: ImageRequest, report: Report) -> ImageData:
    inside = picture = None
    try:
        async with deadline(engine.settings.tile_deadline, report.tally):
            found = Replayable(observations(engine, grid, request, report, oldest_first=request.composite == OLDEST))
            kept = await engine.image_cache.get(grid, request, found, report)
            if kept is not None:
                return kept
            picture = (Mosaic if request.composite.painted else Stack)(engine, grid, request, report)
            inside = None if request.area is None else await asyncio.to_thread(request.area.inside, grid)
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
    return engine.image_cache.put(grid, request, found, ImageData(values, valid, report))
