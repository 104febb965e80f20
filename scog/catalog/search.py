"""Searches, cached and shared: no tile does a catalogue search of its own.

A search covers the web-mercator tile of zoom 8 that a place lies in, so that zooming in and panning about find what is
known already. Those who want the same search wait for one; its pages are asked for only while pixels are missing.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

from scog.catalog.footprint import Bounds
from scog.catalog.observation import Observation, SceneSet
from scog.catalog.query import Catalog, Page, Query
from scog.catalog.scene import Scene, UnusableItem, parse_item
from scog.catalog.when import Interval
from scog.flight import Flights
from scog.net.policy import Tally

FRESH_TTL = 300.0
"""Seconds that a search is kept when its time range reaches the last days, where new scenes still arrive."""
PAST_TTL = 86_400.0
STILL_ARRIVING = timedelta(days=10)
STALE = 86_400.0
"""Seconds beyond its TTL that a search may still serve while the catalogue is down."""
KEPT_SEARCHES = 512
MAX_SCENES = 1000


class Search:
    """One search: the scenes found so far, and how to get the next page of them."""

    def __init__(self, query: Query, pages: AsyncIterator[Page], expires: float) -> None:
        self.query = query
        self.expires = expires
        self.exhausted = False
        self.failed = False
        self.left_out: Counter[str] = Counter()
        """Items that could not be used, by reason."""
        self._pages = pages
        self._scenes: list[Scene] = []
        self._set = SceneSet([])
        self._horizon: datetime | None = None
        self._turning: Flights[int, None] = Flights()
        self._turned = 0

    async def observations(self, bounds: Bounds) -> AsyncIterator[Observation]:
        """Observations that touch bounds, newest first; further pages are asked for when one goes on. CatalogError."""
        given: set[tuple[datetime, str]] = set()
        while True:
            for observation in self._set.touching(bounds):
                # The last pass of a page may go on in the next one.
                if not self.exhausted and (self._horizon is None or observation.time <= self._horizon):
                    break
                if observation.key not in given:
                    given.add(observation.key)
                    yield observation
            if self.exhausted:
                return
            await self.turn()

    async def turn(self) -> None:
        """Get the next page, once for all who want it. Raises a CatalogError."""
        page = self._turned
        await self._turning.join(page, self._turn)

    async def _turn(self) -> None:
        try:
            page = await anext(self._pages, None)
        except BaseException:  # an iterator that raised has no further pages: another search must begin anew
            self.failed = True
            raise
        self._turned += 1
        if page is None or len(self._scenes) >= MAX_SCENES:
            self.exhausted = True
            return
        before = len(self._scenes)
        for item, base in page.items:
            try:
                scene = parse_item(item, base)
            except UnusableItem as reason:
                self.left_out[str(reason)] += 1
                continue
            if self._asked_for(scene):
                self._scenes.append(scene)
        found = self._scenes[before:]
        self._set = SceneSet(self._scenes)
        if found:
            self._horizon = min(scene.time for scene in found) + timedelta(minutes=20)

    def _asked_for(self, scene: Scene) -> bool:
        """Checked here too, since catalogues have been seen to ignore filters."""
        query = self.query
        if scene.cloud_cover is not None and scene.cloud_cover > query.cloud_cover:
            reason = "cloud-cover"
        elif scene.time not in query.interval:
            reason = "other-time"
        elif query.collection is not None and scene.collection != query.collection:
            reason = "other-collection"
        else:
            return True
        self.left_out[reason] += 1
        return False


class Searches:
    """All searches of one catalogue. Made and used within one event loop."""

    def __init__(
        self,
        catalog: Catalog,
        collection: str | None,
        newest_days: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.catalog = catalog
        self._collection = collection
        self._newest = timedelta(days=newest_days)
        self._clock = clock
        self._kept: OrderedDict[Query, Search] = OrderedDict()

    async def default_interval(self, collection: str | None) -> Interval:
        """The archive's newest days, or for a live catalogue the last days from today, in whole UTC days."""
        newest = None if self.catalog.is_live else await self.catalog.newest(collection or self._collection)
        if newest is None:
            newest = datetime.now(UTC)
        day = newest.replace(hour=0, minute=0, second=0, microsecond=0)
        return Interval(day - self._newest, None)

    def find(
        self, area: Bounds, interval: Interval, cloud_cover: float, collection: str | None, tally: Tally
    ) -> Search:
        """The search for an area in degrees: one that is known, or a new one that has asked nothing yet."""
        query = Query(area, interval, cloud_cover, collection or self._collection)
        known = self._kept.get(query)
        if known is not None and not known.failed and known.expires > self._clock():
            self._kept.move_to_end(query)
            return known
        search = Search(query, self.catalog.pages(query, tally), self._clock() + self._ttl(interval))
        self._kept[query] = search
        while len(self._kept) > KEPT_SEARCHES:
            self._kept.popitem(last=False)
        return search

    def _ttl(self, interval: Interval) -> float:
        recent = datetime.now(UTC) - STILL_ARRIVING
        return FRESH_TTL if interval.end is None or interval.end > recent else PAST_TTL
