"""Pinned scenes: found once and kept, so that a picture stays what it is whatever the catalogue learns later."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from scog.catalog.observation import SceneSet
from scog.catalog.search import Search, Searches
from scog.errors import InvalidInput
from scog.imaging.clip import ClipArea
from scog.net.policy import UpstreamStats
from scog.runtime.tasks import gather_all
from scog.temporal.intervals import Interval


@dataclass(frozen=True, eq=False)
class Pinned:
    """The scenes that pictures are made of. `truncated`: there were more than are kept, or than could be asked for.

    `compared` are those of the period that they are compared with, if they are.
    """

    scenes: SceneSet
    truncated: bool = False
    compared: Pinned | None = None

    @property
    def periods(self) -> tuple[Pinned, ...]:
        """This one, and what it is compared with."""
        return (self,) if self.compared is None else (self, self.compared)


async def pin(
    searches: Searches, area: ClipArea, interval: Interval, cloud_cover: float, collection: str | None, most: int
) -> Pinned:
    """The newest scenes that touch an area, at most so many, as the catalogue knows them now.

    Raises a CatalogError where any of it cannot be told, InvalidInput where there is no scene.
    """
    tally = UpstreamStats()
    found: list[Search] = await gather_all(
        searches.find_anew(box, interval, cloud_cover, collection, tally) for box in area.boxes
    )
    while True:
        scenes = await asyncio.to_thread(_touching, found, area)
        going_on = {search: search.pages for search in found if not search.exhausted}
        horizon = max((search.horizon for search in going_on), default=None)
        if horizon is None or sum(scene.time > horizon for scene in scenes.scenes) >= most:
            break
        await gather_all(search.turn(tally, after) for search, after in going_on.items())
    if not scenes.scenes:
        raise InvalidInput(
            "There is no scene that could be pinned.",
            parameter="scenes",
            valid="an area, a time and a cloud cover of which /scenes?bbox= lists scenes",
        )
    truncated = len(scenes.scenes) > most or bool(going_on) or any(search.truncated for search in found)
    return Pinned(SceneSet(scenes.scenes[:most]), truncated)


def _touching(found: list[Search], area: ClipArea) -> SceneSet:
    """The scenes of all searches that touch an area, newest first."""
    return SceneSet(scene for search in found for scene in search.scenes.scenes if area.touches(scene))
