"""Pinned scenes: a search result that is fixed, so that later changes of the catalogue do not change an image."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from scog.catalog.observation import SceneSet
from scog.catalog.query import OrbitState
from scog.catalog.search import Search, Searches
from scog.errors import InvalidInput
from scog.imaging.clip import ClipArea
from scog.net.policy import UpstreamStats
from scog.runtime.tasks import gather_all
from scog.temporal.intervals import Interval


@dataclass(frozen=True, eq=False)
class Pinned:
    """The scenes to make images of.

    `truncated` is True if more scenes matched than were pinned, or than the search could return. `compared` has the
    scenes of the second period of a comparison.
    """

    scenes: SceneSet
    truncated: bool = False
    compared: Pinned | None = None

    @property
    def periods(self) -> tuple[Pinned, ...]:
        """The scenes of each period: one, or two for a comparison."""
        return (self,) if self.compared is None else (self, self.compared)


async def pin(
    searches: Searches,
    area: ClipArea,
    interval: Interval,
    cloud_cover: float,
    collection: str | None,
    max_scenes: int,
    orbit: OrbitState | None = None,
) -> Pinned:
    """The newest scenes that intersect an area, at most `max_scenes`, by a search that bypasses the cache.

    Raises CatalogError if any page of the search fails, InvalidInput if no scene matches.
    """
    tally = UpstreamStats()
    results: list[Search] = await gather_all(
        searches.find_uncached(box, interval, cloud_cover, collection, tally, orbit) for box in area.search_boxes
    )
    while True:
        scenes = await asyncio.to_thread(_intersecting, results, area)
        unfinished = {search: search.pages for search in results if not search.exhausted}
        horizon = max((search.horizon for search in unfinished), default=None)
        if horizon is None or sum(scene.time > horizon for scene in scenes.scenes) >= max_scenes:
            break
        await gather_all(search.load_page(tally, pages) for search, pages in unfinished.items())
    if not scenes.scenes:
        raise InvalidInput(
            "No scene matches, so none can be pinned.",
            parameter="scenes",
            valid="area, datetime and cloud_cover for which /scenes?bbox= lists scenes",
        )
    truncated = len(scenes.scenes) > max_scenes or bool(unfinished) or any(search.truncated for search in results)
    return Pinned(SceneSet(scenes.scenes[:max_scenes]), truncated)


def _intersecting(searches: list[Search], area: ClipArea) -> SceneSet:
    """The scenes of all searches that intersect an area, newest first."""
    return SceneSet(scene for search in searches for scene in search.scenes.scenes if area.intersects(scene))
