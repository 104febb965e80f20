"""Searches, cached and shared: no tile does a catalogue search of its own.

A search covers the web-mercator tile of zoom 8 that a place lies in, so that zooming in and panning about find what is
known already. Those who want the same search wait for one; its pages are asked for only while pixels are missing.

A live catalogue's answers age. Fresh ones are used as they are; aged ones still are, while they are asked for anew
behind the scenes; and when the catalogue fails they serve for a day longer.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from scog.catalog.observation import SAME_PASS, SceneSet
from scog.catalog.query import Catalog, Page, Query
from scog.catalog.scene import Scene, UnusableItem, parse_item
from scog.catalog.search_store import SavedPage, SearchStore
from scog.collections.reflectance_offset import L2A
from scog.errors import CatalogError
from scog.geo.footprint import Bounds
from scog.net.policy import UpstreamStats
from scog.runtime.lingering import Lingering
from scog.runtime.singleflight import SingleFlight
from scog.temporal.intervals import Interval

log = logging.getLogger(__name__)

FRESH = 300.0
"""Seconds that an answer counts as fresh when its time range reaches the last days, where scenes still arrive."""
FRESH_PAST = 86_400.0
STILL_ARRIVING = timedelta(days=10)
STALE = 86_400.0
"""Seconds beyond that in which an answer may still serve."""
PAUSE = 15.0
"""Seconds between two attempts to ask anew while the catalogue fails."""
KEPT_SEARCHES = 512
KEPT_SCENES = 30_000
"""Scenes in memory, of all searches together; 4 KB each."""
FEW = 32
"""Items that are digested at once, in 3 ms; 100 of them, sorted among 1,000 scenes, take 10 to 40 ms in a thread."""
COMPLAINTS = 20
"""Kept of a search."""
MAX_PAGES = 10
MAX_SCENES = 1000

Clock = Callable[[], float]


class Search:
    """One search: the scenes found so far, and how to get the next page of them."""

    def __init__(
        self,
        query: Query,
        catalog: Catalog,
        store: SearchStore,
        clock: Clock = time.time,
        turning: Lingering[Search, None] | None = None,
    ) -> None:
        self.query = query
        self.asked: float | None = None
        """Unix time of the first page; None before."""
        self.pages = 0
        """Pages turned so far."""
        self.exhausted = False
        self.truncated = False
        """Whether it ended at a bound of ours rather than at the catalogue's last page."""
        self.left_out: Counter[str] = Counter()
        """Items that could not be used, by reason."""
        self.complaints: list[str] = []
        """Some of what was wrong with items: each one's id and the reason."""
        self.scenes = SceneSet([])
        self._catalog = catalog
        self._store = store
        self._clock = clock
        self._found: list[Scene] = []
        self._cursor: Any | None = None
        self._cursors: set[str] = set()
        self._turning: Lingering[Search, None] = turning or Lingering()

    @property
    def horizon(self) -> datetime:
        """Observations at or before this time may have scenes on pages not yet turned."""
        if not self._found:
            return datetime.max.replace(tzinfo=UTC)
        return min(scene.time for scene in self._found) + SAME_PASS

    async def turn(self, tally: UpstreamStats, after: int | None = None) -> None:
        """Get the page `after` so many (without: the next one), once for all who want it. Raises a CatalogError.

        Where it has been turned meanwhile, or there is none, there is nothing to do. Where all who want it leave, it
        still arrives.
        """
        if not self.exhausted and (after is None or self.pages <= after):
            await self._turning.join(self, lambda: self._turn(tally))

    def restore(self, asked: float, pages: Sequence[SavedPage]) -> None:
        """Take over what an earlier process found."""
        self.asked, self.pages = asked, len(pages)
        self._cursor, self.exhausted = pages[-1].cursor, pages[-1].exhausted
        self._cursors = {_token(page.cursor) for page in pages}
        self.truncated = self.exhausted and self._cursor is not None
        self._found = [scene for page in pages for scene in page.scenes]
        self.scenes = SceneSet(self._found)

    async def _turn(self, tally: UpstreamStats) -> None:
        page = await self._catalog.page(self.query, self._cursor, tally)
        if len(page.items) + len(self._found) <= FEW:
            new, left_out, complaints, scenes = self._digested(page)
        else:
            new, left_out, complaints, scenes = await asyncio.to_thread(self._digested, page)
        looping = _token(page.cursor) in self._cursors
        if self.asked is None:
            self.asked = self._clock()
        self.pages += 1
        self.scenes = scenes
        self.left_out += left_out
        self.complaints += complaints[: COMPLAINTS - len(self.complaints)]
        if complaints and self._catalog.is_live:  # an archive has named them when it was opened
            some = "; ".join(complaints[:3])
            log.warning("%d of %d items cannot be used as they are: %s", len(complaints), len(page.items), some)
        self._found += new
        self._cursor = None if looping else page.cursor
        self._cursors.add(_token(page.cursor))
        self.truncated = self._cursor is not None and (self.pages >= MAX_PAGES or len(self._found) >= MAX_SCENES)
        self.exhausted = self._cursor is None or self.truncated
        if self._catalog.is_live:
            saved = SavedPage(new, self._cursor, self.exhausted)
            await asyncio.to_thread(self._store.put, str(self.query), self.pages, self.asked, saved)

    def _digested(self, page: Page) -> tuple[list[Scene], Counter[str], list[str], SceneSet]:
        """The page's scenes that were asked for, what was left out and why, and all scenes found, this page's too."""
        new: list[Scene] = []
        left_out: Counter[str] = Counter()
        complaints: list[str] = []
        for item, base in zip(page.items, page.bases, strict=True):
            try:
                scene = parse_item(item, base)
            except UnusableItem as reason:
                left_out[str(reason)] += 1
                complaints.append(f"{_name(item)}: {reason}{f' ({reason.detail})' if reason.detail else ''}")
                continue
            complaints += [f"{_name(item)}: {remark}" for remark in scene.remarks[:1]]
            unwanted = self._unwanted(scene)
            if unwanted is None:
                new.append(scene)
            else:
                left_out[unwanted] += 1
        return new, left_out, complaints, SceneSet(self._found + new)

    def _unwanted(self, scene: Scene) -> str | None:
        """Why a scene was not asked for, if so. Checked here too, since catalogues have been seen to ignore filters."""
        query = self.query
        if scene.cloud_cover is not None and scene.cloud_cover > query.cloud_cover:
            return "cloud-cover"
        if not query.interval.overlaps(scene.start, scene.end):
            return "other-time"
        if query.collection is not None and scene.collection != query.collection:
            return "other-collection"
        return None


def _name(item: Any) -> str:
    """How an item is called where it may be anything."""
    return str(item.get("id"))[:80] if isinstance(item, dict) else "an item"


def _token(cursor: Any | None) -> str:
    return json.dumps(cursor, sort_keys=True)


class Searches:
    """All searches of one catalogue. Made and used within one event loop."""

    def __init__(
        self,
        catalog: Catalog,
        store: SearchStore,
        collection: str | None,
        newest_days: int,
        clock: Clock = time.time,
        on_search: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_search` is called whenever the catalogue is asked, as its files will be read soon."""
        self.catalog = catalog
        self._on_search = on_search
        self._store = store
        # A live catalogue holds one acquisition in several collections, so one of them is always named.
        self.collection = collection or (L2A if catalog.is_live else None)
        self._newest = timedelta(days=newest_days)
        self._clock = clock
        self._newest_scenes: dict[str | None, datetime] = {}
        self._kept: OrderedDict[Query, Search] = OrderedDict()
        self._opening: SingleFlight[Query, Search] = SingleFlight()
        self._asking: Lingering[Query, Search] = Lingering()
        self._turning: Lingering[Search, None] = Lingering()
        self._renewing: dict[Query, asyncio.Task[None]] = {}
        self._failed: OrderedDict[Query, float] = OrderedDict()

    async def close(self) -> None:
        """End what is asked for behind the scenes."""
        for task in self._renewing.values():
            task.cancel()
        await asyncio.gather(*self._renewing.values(), return_exceptions=True)
        await self._asking.close()
        await self._turning.close()

    async def default_interval(self, collection: str | None, days: int | None = None) -> Interval:
        """The archive's newest days, or for a live catalogue the last days from today, in whole UTC days."""
        newest = self._newest if days is None else timedelta(days=days)
        return Interval(await self.last_day(collection) - newest, None)

    async def last_day(self, collection: str | None) -> datetime:
        """When the UTC day began on which an archive's newest scene was taken; for a live catalogue, today."""
        newest = None if self.catalog.is_live else await self._newest_of(collection or self.collection)
        return (newest or self._now()).replace(hour=0, minute=0, second=0, microsecond=0)

    async def _newest_of(self, collection: str | None) -> datetime | None:
        """Time of the newest scene of an archive, whose scenes stay the same while it is served."""
        known = self._newest_scenes.get(collection)
        if known is None:
            known = await self.catalog.newest(collection)
            if known is not None:
                self._newest_scenes[collection] = known
        return known

    async def find(
        self, area: Bounds, interval: Interval, cloud_cover: float, collection: str | None, tally: UpstreamStats
    ) -> Search:
        """The search for an area in degrees, its first page turned. Raises a CatalogError."""
        query = Query(area, interval, cloud_cover, collection or self.collection)
        known = self._kept.get(query)
        if known is None:
            return await self._opening.join(query, lambda: self._open(query, tally))
        self._kept.move_to_end(query)
        return known if self._may_serve(known) else await self._opening.join(query, lambda: self._ask(query, tally))

    async def find_anew(
        self, area: Bounds, interval: Interval, cloud_cover: float, collection: str | None, tally: UpstreamStats
    ) -> Search:
        """The same, asked for now, whatever is known. Raises a CatalogError."""
        query = Query(area, interval, cloud_cover, collection or self.collection)
        return await self._opening.join(query, lambda: self._ask(query, tally))

    def age_if_stale(self, search: Search) -> float | None:
        """Seconds since an answer was asked for, if it is not fresh any more."""
        age = self._age(search)
        return age if age > self._freshness(search.query) else None

    async def _open(self, query: Query, tally: UpstreamStats) -> Search:
        """A search that is not in memory: from disk, or asked for."""
        search = await asyncio.to_thread(self._restored, query) if self.catalog.is_live else None
        if search is not None and self._may_serve(search):
            return self._keep(search)
        return await self._ask(query, tally)

    def _restored(self, query: Query) -> Search | None:
        saved = self._store.get(str(query))
        if saved is None:
            return None
        search = self._new(query)
        search.restore(*saved)
        return search

    async def _ask(self, query: Query, tally: UpstreamStats) -> Search:
        """Ask the catalogue; where all who wait leave, the answer is still put into the cache."""
        return await self._asking.join(query, lambda: self._asked(query, tally))

    async def _asked(self, query: Query, tally: UpstreamStats) -> Search:
        self._on_search()
        search = self._new(query)
        await search.turn(tally)
        return self._keep(search)

    def _new(self, query: Query) -> Search:
        return Search(query, self.catalog, self._store, self._clock, self._turning)

    def _keep(self, search: Search) -> Search:
        self._kept[search.query] = search
        self._kept.move_to_end(search.query)
        count = sum(len(kept.scenes.scenes) for kept in self._kept.values())
        while len(self._kept) > KEPT_SEARCHES or (count > KEPT_SCENES and len(self._kept) > 1):
            _, dropped = self._kept.popitem(last=False)
            count -= len(dropped.scenes.scenes)
        return search

    def _may_serve(self, search: Search) -> bool:
        """Whether an answer is fresh, or just aged; then it is asked for anew behind the scenes."""
        age, fresh = self._age(search), self._freshness(search.query)
        if age > fresh + STALE:
            return False
        if age > fresh:
            self._renew(search.query)
        return True

    def _renew(self, query: Query) -> None:
        if query in self._renewing or self._clock() < self._failed.get(query, 0.0):
            return
        task = asyncio.ensure_future(self._renewed(query))
        self._renewing[query] = task
        task.add_done_callback(lambda _: self._renewing.pop(query, None))

    async def _renewed(self, query: Query) -> None:
        try:
            await self._ask(query, UpstreamStats())
        except CatalogError as fault:
            log.warning("the catalogue fails, older answers serve: %s", fault)
            self._failed[query] = self._clock() + PAUSE
            while len(self._failed) > KEPT_SEARCHES:
                self._failed.popitem(last=False)

    def _age(self, search: Search) -> float:
        # Where the clock was set, an answer may come from the future; that is no reason to trust it longer.
        return abs(self._clock() - (search.asked or 0.0))

    def _freshness(self, query: Query) -> float:
        if not self.catalog.is_live:
            return float("inf")
        recent = self._now() - STILL_ARRIVING
        return FRESH if query.interval.end is None or query.interval.end > recent else FRESH_PAST

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)
