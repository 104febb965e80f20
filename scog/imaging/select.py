"""Which observations a picture is made of: the searches it takes, newest first, within bounds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from scog.catalog.coverage import Coverage, choose_cover
from scog.catalog.observation import Observation, SceneSet
from scog.catalog.search import Search
from scog.errors import CatalogError
from scog.geo.bounds import lonlat_bounds
from scog.geo.footprint import Bounds
from scog.geo.grid import Grid
from scog.geo.search_areas import SEARCH_ZOOM, search_areas
from scog.imaging.engine import Engine
from scog.imaging.pinned import Pinned
from scog.imaging.report import Report
from scog.imaging.request import SceneFilter
from scog.runtime.tasks import gather_all

WIDE_SCENES = 64
"""Scenes of a picture wider than one search's area; each costs about 1 MB at its coarsest level."""
WIDE_PAGES = 3


@dataclass(frozen=True)
class SearchLimits:
    """How many observations and scenes may be asked for, and the zoom of the map's tiles that are searched."""

    observations: int
    scenes: int
    zoom: int = SEARCH_ZOOM
    cover: bool = True
    """Whether a wide picture gets few scenes, chosen to cover it; else all there are, newest first."""


async def observations(
    engine: Engine,
    grid: Grid,
    scenes: SceneFilter,
    report: Report,
    oldest_first: bool = False,
    most: SearchLimits | None = None,
) -> AsyncIterator[Observation]:
    """Observations that touch a grid, newest first, within the bounds of what one picture may ask for.

    Without an interval, those of the archive's newest days. A wide picture gets few scenes, chosen to cover it.
    Where it is no picture that is made of them, `most` says what may be asked for, and how small an area is searched.
    With `oldest_first` all are found before the first is given. Of pinned scenes, those and no others are given, and
    nothing is searched.
    Raises a CatalogError, but once some were found it just ends, and the report says so.
    """
    since = time.perf_counter()
    most = most or SearchLimits(engine.settings.image_observations, engine.settings.image_scenes)
    (areas, wide), bounds = search_areas(grid, most.zoom), lonlat_bounds(grid)
    if bounds is None:
        return
    if scenes.pinned is not None:
        found = _pinned(scenes.pinned, bounds, wide and most.cover, report)
    else:
        interval = scenes.interval or await engine.searches.default_interval(scenes.collection)
        searches = await gather_all(
            engine.searches.find(area, interval, scenes.cloud_cover, scenes.collection, report.tally) for area in areas
        )
        report.stale = max((engine.searches.age_if_stale(search) or 0.0 for search in searches), default=0.0) or None
        found = _wide(searches, bounds, report) if wide and most.cover else _newest_first(searches, bounds, report)
    if oldest_first:
        found = _reversed(found)
    count = seen = 0
    async for observation in found:
        report.add_time("search", since)
        count, seen = count + 1, seen + len(observation.scenes)
        if count > most.observations or seen > most.scenes:
            report.truncated = True
            return
        yield observation
        since = time.perf_counter()
    report.add_time("search", since)


async def _reversed(found: AsyncIterator[Observation]) -> AsyncIterator[Observation]:
    """The same from the other end; the scenes of each observation stay in their order."""
    for observation in reversed([observation async for observation in found]):
        yield observation


async def _newest_first(searches: Sequence[Search], bounds: Bounds, report: Report) -> AsyncIterator[Observation]:
    """All observations; further pages are asked for when one goes on."""
    given: set[tuple[datetime, str]] = set()
    while True:
        going_on = {search: search.pages for search in searches if not search.exhausted and report.incomplete is None}
        horizon = max((search.horizon for search in going_on), default=None)
        touching = _together(searches).touching(bounds)
        for observation in touching:
            if horizon is not None and observation.time <= horizon:
                break  # it may go on, on a page not yet turned
            if observation.key not in given:
                given.add(observation.key)
                yield observation
        if horizon is None:
            report.truncated |= any(search.truncated for search in searches)
            return
        try:
            await gather_all(search.turn(report.tally, after) for search, after in going_on.items())
        except CatalogError:
            if not touching:
                raise
            report.incomplete = "catalogue"  # what is known already is given, torn or not


async def _wide(searches: Sequence[Search], bounds: Bounds, report: Report) -> AsyncIterator[Observation]:
    """A few scenes that cover the grid, from the first pages."""
    while True:
        unread = {search: search.pages for search in searches if not search.exhausted and search.pages < WIDE_PAGES}
        touching, cover = await asyncio.to_thread(_chosen, searches, bounds)
        if cover.complete or not unread:
            break
        try:
            await gather_all(search.turn(report.tally, after) for search, after in unread.items())
        except CatalogError:
            if not touching:
                raise
            report.incomplete = "catalogue"
            break
    report.truncated = _count(cover.observations) < _count(touching)
    report.truncated |= any(search.truncated or not search.exhausted for search in searches)
    for observation in cover.observations:
        yield observation


async def _pinned(pinned: Pinned, bounds: Bounds, wide: bool, report: Report) -> AsyncIterator[Observation]:
    """Those of the pinned scenes that touch bounds, or a few of them that cover them."""
    touching = pinned.scenes.touching(bounds)
    report.truncated = pinned.truncated
    if wide:
        cover = await asyncio.to_thread(choose_cover, touching, bounds, WIDE_SCENES)
        report.truncated |= _count(cover.observations) < _count(touching)
        touching = cover.observations
    for observation in touching:
        yield observation


def _count(observations: Sequence[Observation]) -> int:
    return sum(len(each.scenes) for each in observations)


def _chosen(searches: Sequence[Search], bounds: Bounds) -> tuple[list[Observation], Coverage]:
    """What touches bounds, and the scenes of it that cover them."""
    touching = _together(searches).touching(bounds)
    return touching, choose_cover(touching, bounds, WIDE_SCENES)


def _together(searches: Sequence[Search]) -> SceneSet:
    """The scenes of all searches; one that several found counts once."""
    if len(searches) == 1:
        return searches[0].scenes
    return SceneSet(scene for search in searches for scene in search.scenes.scenes)
