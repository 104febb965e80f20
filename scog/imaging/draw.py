"""Draws one image: select observations, mask and read their scenes, evaluate the expression, composite."""

from __future__ import annotations

import asyncio

import numpy as np

from scog.cog.preview_level import PreviewLevel
from scog.composite.methods import OLDEST
from scog.errors import DeadlineExceeded, NothingReadable
from scog.geo.grid import Grid
from scog.imaging.compare import compare_images, split_periods
from scog.imaging.deadline import deadline
from scog.imaging.derived import derivation_of
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


async def draw(engine: Engine, grid: Grid, request: ImageRequest, priority: Priority = Priority.TILE) -> ImageData:
    """Draw a requested image on a grid.

    A scene that cannot be read is skipped and added to the report. The two periods of a comparison are drawn
    concurrently, as two requests; if one fails, the comparison fails. While connections are busy, reads with a lower
    `priority` value start first.

    Raises NothingReadable if scenes were found but none could be read, DeadlineExceeded if nothing was read in time,
    CatalogError if the search failed.
    """
    if request.compare is None:
        return await _draw_period(engine, grid, request, priority)
    first, second = await gather_all(
        _draw_period(engine, grid, period, priority) for period in split_periods(request, request.compare)
    )
    outputs, how = request.expression.outputs, request.compare.how
    return await asyncio.get_running_loop().run_in_executor(engine.cpu, compare_images, first, second, outputs, how)


async def _draw_period(engine: Engine, grid: Grid, request: ImageRequest, priority: Priority) -> ImageData:
    """Draw one period. DeadlineExceeded and NothingReadable carry the progress made."""
    report = request.new_report()
    if request.preview:
        report.preview = PreviewLevel()
        priority = Priority.PREVIEW
    elif not request.composite.painted:
        priority = max(priority, Priority.COMPOSITE)
    report.tally.priority = priority
    try:
        return await _cached_or_computed(engine, grid, request, report)
    except (DeadlineExceeded, NothingReadable) as error:
        error.progress = report.progress
        raise


async def _cached_or_computed(engine: Engine, grid: Grid, request: ImageRequest, report: Report) -> ImageData:
    inside = None
    compositors: list[Mosaic | Stack] = []
    try:
        async with deadline(engine.settings.tile_deadline, report.tally):
            derivation = await derivation_of(engine, grid, request, report.tally)
            oldest_first = request.composite == OLDEST
            selected = Replayable(
                observations(engine, derivation.search_grid, request, report, oldest_first=oldest_first)
            )
            cached = await engine.image_cache.get(grid, request, selected, report)
            if cached is not None:
                return cached
            kind = Mosaic if request.composite.painted else Stack
            compositors = [
                kind(engine, *composited, report)
                for composited in zip(derivation.composited_grids, derivation.composited_requests, strict=True)
            ]
            inside = None if request.area is None else await asyncio.to_thread(request.area.inside, grid)
            if inside is None or inside.any():
                for compositor in compositors:
                    selected.rewind()
                    await compositor.read(selected)
    except TimeoutError:
        for compositor in compositors:
            compositor.mark_overdue()
        if all(compositor.all_failed for compositor in compositors) or not report.used:
            raise DeadlineExceeded(f"Nothing could be read within {engine.settings.tile_deadline:g} s.") from None
    if all(compositor.all_failed for compositor in compositors):
        raise report.nothing_readable("No scene of this image could be read")
    pixels = [await compositor.composite() for compositor in compositors]
    values, valid = await engine.workbench.run(derivation.pixels, derivation.apply, pixels)
    if inside is not None and not inside.all():
        values, valid = np.where(inside, values, np.float32(np.nan)), valid & inside
    return engine.image_cache.put(grid, request, selected, ImageData(values, valid, report))
