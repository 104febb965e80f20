"""Selects the observations of an image: searches the catalogue and yields them newest first, up to a limit."""

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
"""Maximum number of scenes of a wide image (one that spans several search areas). Each scene costs about 1 MB at its
coarsest level."""
WIDE_PAGES = 3
"""Maximum number of pages of each search of a wide image."""


@dataclass(frozen=True)
class SearchLimits:
    """Maximum numbers of observations and scenes, and the zoom of the web map tiles that are search areas."""

    observations: int
    scenes: int
    zoom: int = SEARCH_ZOOM
    cover: bool = True
    """Whether a wide image uses a few scenes, chosen to cover it; else all scenes, newest first."""


async def observations(
    engine: Engine,
    grid: Grid,
    scenes: SceneFilter,
    report: Report,
    oldest_first: bool = False,
    limits: SearchLimits | None = None,
) -> AsyncIterator[Observation]:
    """Observations that intersect a grid, newest first, up to `limits` (default: the settings' limits for an image).

    If `scenes` has no interval, the catalogue's newest days are searched. A wide image uses a few scenes, chosen to
    cover it. With `oldest_first`, the search is completed before the first observation is yielded. Pinned scenes
    replace the search.

    Raises InvalidInput if no catalogue has the collection or several have it, CatalogError if the search fails before
    its first observation. A later failure ends the iteration, and the
    report is marked as incomplete.
    """
    since = time.perf_counter()
    limits = limits or SearchLimits(engine.settings.image_observations, engine.settings.image_scenes)
    (areas, wide), bounds = search_areas(grid, limits.zoom), lonlat_bounds(grid)
    if bounds is None:
        return
    if scenes.pinned is not None:
        selected = _pinned(scenes.pinned, bounds, wide and limits.cover, report)
    else:
        member, collection = await engine.catalogs.of(scenes.collection)
        interval = scenes.interval or await member.default_interval(collection)
        profile = member.profile(collection)
        if profile.static and scenes.interval is not None:
            report.remarks.append(f"datetime is ignored, since {profile.title} does not change")
        searches = await gather_all(
            member.find(area, interval, scenes.cloud_cover, collection, report.tally, orbit=scenes.orbit)
            for area in areas
        )
        report.stale = max((member.age_if_stale(search) or 0.0 for search in searches), default=0.0) or None
        select = _wide if wide and limits.cover else _newest_first
        selected = select(searches, bounds, report)
    if oldest_first:
        selected = _reversed(selected)
    count = scene_count = 0
    async for observation in selected:
        report.add_time("search", since)
        count, scene_count = count + 1, scene_count + len(observation.scenes)
        if count > limits.observations or scene_count > limits.scenes:
            report.truncated = True
            return
        yield observation
        since = time.perf_counter()
    report.add_time("search", since)


async def _reversed(observations: AsyncIterator[Observation]) -> AsyncIterator[Observation]:
    """Observations in reverse order. The scenes of each keep their order."""
    for observation in reversed([observation async for observation in observations]):
        yield observation


async def _newest_first(searches: Sequence[Search], bounds: Bounds, report: Report) -> AsyncIterator[Observation]:
    """All observations. Further pages are requested when the iteration reaches them."""
    yielded: set[tuple[datetime, str]] = set()
    while True:
        unfinished = {search: search.pages for search in searches if not search.exhausted and report.incomplete is None}
        horizon = max((search.horizon for search in unfinished), default=None)
        matching = _merged(searches).touching(bounds)
        for observation in matching:
            if horizon is not None and observation.time <= horizon:
                break  # the next page may have more of its scenes
            if observation.key not in yielded:
                yielded.add(observation.key)
                yield observation
        if horizon is None:
            report.truncated |= any(search.truncated for search in searches)
            return
        try:
            await gather_all(search.load_page(report.tally, pages) for search, pages in unfinished.items())
        except CatalogError:
            if not matching:
                raise
            report.incomplete = "catalogue"  # the last observation is yielded although it may lack scenes


async def _wide(searches: Sequence[Search], bounds: Bounds, report: Report) -> AsyncIterator[Observation]:
    """A few scenes of the first pages that cover the grid."""
    while True:
        unfinished = {search: search.pages for search in searches if not search.exhausted and search.pages < WIDE_PAGES}
        matching, cover = await asyncio.to_thread(_cover, searches, bounds)
        if cover.complete or not unfinished:
            break
        try:
            await gather_all(search.load_page(report.tally, pages) for search, pages in unfinished.items())
        except CatalogError:
            if not matching:
                raise
            report.incomplete = "catalogue"
            break
    report.truncated = _scene_count(cover.observations) < _scene_count(matching)
    report.truncated |= any(search.truncated or not search.exhausted for search in searches)
    for observation in cover.observations:
        yield observation


async def _pinned(pinned: Pinned, bounds: Bounds, wide: bool, report: Report) -> AsyncIterator[Observation]:
    """The pinned scenes that intersect the bounds; if `wide`, a few of them that cover the bounds."""
    matching = pinned.scenes.touching(bounds)
    report.truncated = pinned.truncated
    if wide:
        cover = await asyncio.to_thread(choose_cover, matching, bounds, WIDE_SCENES)
        report.truncated |= _scene_count(cover.observations) < _scene_count(matching)
        matching = cover.observations
    for observation in matching:
        yield observation


def _scene_count(observations: Sequence[Observation]) -> int:
    return sum(len(each.scenes) for each in observations)


def _cover(searches: Sequence[Search], bounds: Bounds) -> tuple[list[Observation], Coverage]:
    """The observations that intersect the bounds, and a choice of their scenes that covers the bounds."""
    matching = _merged(searches).touching(bounds)
    return matching, choose_cover(matching, bounds, WIDE_SCENES)


def _merged(searches: Sequence[Search]) -> SceneSet:
    """The scenes of all searches without duplicates."""
    if len(searches) == 1:
        return searches[0].scenes
    return SceneSet(scene for search in searches for scene in search.scenes.scenes)
