"""Searches of a catalogue, cached and shared, so that no tile needs a search of its own.

A search covers the Web Mercator tile of zoom 8 around the requested area, so that zooming and panning reuse it.
Concurrent requests for the same search share it. Further pages are requested only while pixels are missing.

Searches of a live catalogue expire. A fresh search is used without a request. A stale search is used too, while it is
refreshed in the background. If the catalogue fails, stale searches are used for one more day.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from scog.catalog.collection_list import CollectionList
from scog.catalog.observation import SAME_PASS, SceneSet
from scog.catalog.own_files import with_own_files
from scog.catalog.page_parser import ParsedPage, parse_page
from scog.catalog.query import Catalog, OrbitState, Page, Query, collections_of
from scog.catalog.scene import Scene
from scog.catalog.search_store import SavedPage, SearchStore
from scog.collections.profile import Profile
from scog.errors import CatalogError
from scog.geo.footprint import Bounds
from scog.net.policy import UpstreamStats
from scog.runtime.lingering import Lingering
from scog.runtime.singleflight import SingleFlight
from scog.temporal.intervals import Interval

log = logging.getLogger(__name__)

FRESH = 300.0
"""Seconds for which a search is fresh if its interval includes recent days. Their scenes may still arrive."""
FRESH_PAST = 86_400.0
"""Seconds for which a search is fresh if its interval is older."""
ARRIVAL_PERIOD = timedelta(days=10)
"""Maximum age of scenes that are added to the catalogue."""
STALE = 86_400.0
"""Seconds for which a search may be used after it is no longer fresh."""
PAUSE = 15.0
"""Seconds between two attempts to refresh a search while the catalogue fails."""
MAX_SEARCHES = 512
"""Maximum number of searches in memory."""
MAX_CACHED_SCENES = 30_000
"""Maximum number of scenes in memory, of all searches together; 4 KB each."""
MAX_ITEMS_INLINE = 32
"""Maximum number of items that are parsed on the event loop, in 3 ms. 100 take 10 to 40 ms, in a thread."""
MAX_PROBLEMS = 20
"""Maximum number of problems recorded for a search."""
MAX_PAGES = 10
"""Maximum number of pages of a search."""
MAX_SCENES = 1000
"""A search with this many scenes requests no further page."""

Clock = Callable[[], float]


@dataclass(frozen=True)
class OwnFiles:
    """The folder that local files of a catalogue's items must be in; None for a STAC API, whose items have none."""

    folder: Path | None


class Search:
    """One search: the scenes of the pages loaded so far. `load_page` loads the next page."""

    def __init__(
        self,
        query: Query,
        catalog: Catalog,
        store: SearchStore,
        clock: Clock = time.time,
        page_tasks: Lingering[Search, None] | None = None,
        own_files: OwnFiles | None = None,
    ) -> None:
        self.query = query
        self.requested_at: float | None = None
        """Unix time of the first page; None before it is loaded."""
        self.pages = 0
        """Number of pages loaded."""
        self.exhausted = False
        """Whether there is no further page to load."""
        self.truncated = False
        """Whether the search ended at MAX_PAGES or MAX_SCENES rather than at the catalogue's last page."""
        self.skipped: Counter[str] = Counter()
        """Number of skipped items by reason."""
        self.problems: list[str] = []
        """Ids of invalid items with the reason, at most MAX_PROBLEMS."""
        self.scenes = SceneSet([])
        self._catalog = catalog
        self._store = store
        self._clock = clock
        self._loaded: list[Scene] = []
        self._cursor: Any | None = None
        self._seen_cursors: set[str] = set()
        self._page_tasks: Lingering[Search, None] = page_tasks or Lingering()
        self._own_files = own_files

    @property
    def horizon(self) -> datetime:
        """Observations at or before this time may have scenes on pages that are not loaded yet."""
        if not self._loaded:
            return datetime.max.replace(tzinfo=UTC)
        return min(scene.time for scene in self._loaded) + SAME_PASS

    async def load_page(self, tally: UpstreamStats, after: int | None = None) -> None:
        """Load the next page. Concurrent calls share one request. Raises a CatalogError.

        With `after`, does nothing if more than `after` pages are loaded already. The page is loaded even if all callers
        are cancelled.
        """
        if not self.exhausted and (after is None or self.pages <= after):
            await self._page_tasks.join(self, lambda: self._load_page(tally))

    def restore(self, requested_at: float, pages: Sequence[SavedPage]) -> None:
        """Load the pages that an earlier process stored."""
        self.requested_at, self.pages = requested_at, len(pages)
        self._cursor, self.exhausted = pages[-1].cursor, pages[-1].exhausted
        self._seen_cursors = {_cursor_key(page.cursor) for page in pages}
        self.truncated = self.exhausted and self._cursor is not None
        self._loaded = [scene for page in pages for scene in page.scenes]
        self.scenes = SceneSet(self._loaded)

    async def _load_page(self, tally: UpstreamStats) -> None:
        page = await self._catalog.page(self.query, self._cursor, tally)
        if len(page.items) + len(self._loaded) <= MAX_ITEMS_INLINE:
            parsed, scenes = self._parse(page)
        else:
            parsed, scenes = await asyncio.to_thread(self._parse, page)
        is_loop = _cursor_key(page.cursor) in self._seen_cursors
        if self.requested_at is None:
            self.requested_at = self._clock()
        self.pages += 1
        self.scenes = scenes
        self.skipped += parsed.skipped
        self.problems += parsed.problems[: MAX_PROBLEMS - len(self.problems)]
        if parsed.problems and self._catalog.is_live:  # an archive logs them when it is opened
            examples = "; ".join(parsed.problems[:3])
            log.warning(
                "%d of %d items cannot be used, wholly or in part: %s", len(parsed.problems), len(page.items), examples
            )
        self._loaded += parsed.scenes
        self._cursor = None if is_loop else page.cursor
        self._seen_cursors.add(_cursor_key(page.cursor))
        self.truncated = self._cursor is not None and (self.pages >= MAX_PAGES or len(self._loaded) >= MAX_SCENES)
        self.exhausted = self._cursor is None or self.truncated
        if self._catalog.is_live:
            saved = SavedPage(parsed.scenes, self._cursor, self.exhausted)
            await asyncio.to_thread(self._store.put, str(self.query), self.pages, self.requested_at, saved)

    def _parse(self, page: Page) -> tuple[ParsedPage, SceneSet]:
        """The parsed page, and all loaded scenes including those of the page."""
        parsed = parse_page(page, self.query, self._catalog.profiles)
        if self._own_files is not None:
            parsed = with_own_files(parsed, self._own_files.folder)
        return parsed, SceneSet(self._loaded + parsed.scenes)


def _cursor_key(cursor: Any | None) -> str:
    return json.dumps(cursor, sort_keys=True)


class Searches:
    """All searches of one catalogue. Must be used within one event loop."""

    def __init__(
        self,
        catalog: Catalog,
        store: SearchStore,
        collection: str | None,
        newest_days: int,
        clock: Clock = time.time,
        on_search: Callable[[], None] = lambda: None,
        *,
        name: str = "catalogue",
        source: str = "",
        own_files: OwnFiles | None = None,
    ) -> None:
        """`on_search` is called at each request to the catalogue, because files are likely to be read soon after it.

        `collection` is searched by requests that name none; None for all collections of an archive. `newest_days` is
        the length of the default interval of collections whose profile has no other. `own_files` restricts the local
        files of its items, which is needed if other catalogues of the server have local files.
        """
        self.catalog = catalog
        self.name = name
        """The catalogue's name, different from those of the server's other catalogues."""
        self.source = source
        """The catalogue's location: a URL, or the resolved path of a local archive."""
        self.collections = CollectionList(catalog)
        self._own_files = own_files
        self._on_search = on_search
        self._store = store
        self.collection = collection
        self._profiles: dict[str | None, Profile] = {}
        self._newest_days = timedelta(days=newest_days)
        self._clock = clock
        self._newest_times: dict[str | None, datetime] = {}
        self._cached: OrderedDict[Query, Search] = OrderedDict()
        self._finding: SingleFlight[Query, Search] = SingleFlight()
        self._request_tasks: Lingering[Query, Search] = Lingering()
        self._page_tasks: Lingering[Search, None] = Lingering()
        self._refreshing: dict[Query, asyncio.Task[None]] = {}
        self._retry_at: OrderedDict[Query, float] = OrderedDict()

    async def close(self) -> None:
        """Cancel the requests in the background."""
        for task in self._refreshing.values():
            task.cancel()
        await asyncio.gather(*self._refreshing.values(), return_exceptions=True)
        await self._request_tasks.close()
        await self._page_tasks.close()
        await self.collections.close()

    def profile(self, collection: str | None) -> Profile:
        """What a collection is, or several separated by commas, or the default for None."""
        profile = self._profiles.get(collection)
        if profile is None:
            if len(self._profiles) >= MAX_SEARCHES:
                self._profiles.clear()
            ids = collections_of(collection or self.collection) or self.catalog.collections()
            profile = self._profiles[collection] = self.catalog.profiles.joint(ids)
        return profile

    def set_derived(self, collection: str, profile: Profile) -> None:
        """Use a profile that was derived for a collection without one."""
        self.catalog.profiles.set_derived(collection, profile)
        self._profiles.clear()

    async def default_interval(self, collection: str | None, days: int | None = None) -> Interval:
        """The interval of a collection's default period (default: `newest_days`) before `last_day`, with an open end.

        It is at least `days` days long. Static collections have no period: the interval is unlimited.
        """
        profile = self.profile(collection)
        if profile.static:
            return Interval(None, None)
        period = self._newest_days if profile.period_days is None else timedelta(days=profile.period_days)
        if days is not None:
            period = timedelta(days=max(days, profile.period_days or 0))
        return Interval(await self.last_day(collection) - period, None)

    async def last_day(self, collection: str | None) -> datetime:
        """Start of the UTC day of an archive's newest scene; for a live catalogue, of today."""
        newest = None if self.catalog.is_live else await self._newest_time(collection or self.collection)
        return (newest or self._now()).replace(hour=0, minute=0, second=0, microsecond=0)

    async def _newest_time(self, collection: str | None) -> datetime | None:
        """Time of an archive's newest scene. Cached, because an archive does not change while it is served."""
        newest = self._newest_times.get(collection)
        if newest is None:
            newest = await self.catalog.newest(collection)
            if newest is not None:
                self._newest_times[collection] = newest
        return newest

    async def find(
        self,
        area: Bounds,
        interval: Interval,
        cloud_cover: float,
        collection: str | None,
        tally: UpstreamStats,
        orbit: OrbitState | None = None,
    ) -> Search:
        """The search of an area in degrees, with at least its first page loaded. Raises a CatalogError."""
        query = self._query(area, interval, cloud_cover, collection, orbit)
        search = self._cached.get(query)
        if search is None:
            return await self._finding.join(query, lambda: self._restore_or_request(query, tally))
        self._cached.move_to_end(query)
        if self._can_serve(search):
            return search
        return await self._finding.join(query, lambda: self._request_shared(query, tally))

    async def find_uncached(
        self,
        area: Bounds,
        interval: Interval,
        cloud_cover: float,
        collection: str | None,
        tally: UpstreamStats,
        orbit: OrbitState | None = None,
    ) -> Search:
        """The search of an area in degrees, requested from the catalogue even if cached. Raises a CatalogError."""
        query = self._query(area, interval, cloud_cover, collection, orbit)
        return await self._finding.join(query, lambda: self._request_shared(query, tally))

    def _query(
        self,
        area: Bounds,
        interval: Interval,
        cloud_cover: float,
        collection: str | None,
        orbit: OrbitState | None,
    ) -> Query:
        """The query of a search. A filter that means nothing for the collection is left out."""
        profile = self.profile(collection)
        return Query(
            area,
            Interval(None, None) if profile.static else interval,
            cloud_cover if profile.cloud_filter else 100.0,
            collection or self.collection,
            orbit,
        )

    def age_if_stale(self, search: Search) -> float | None:
        """Seconds since the search was requested, or None if it is fresh."""
        age = self._age(search)
        return age if age > self._freshness(search.query) else None

    async def _restore_or_request(self, query: Query, tally: UpstreamStats) -> Search:
        """A search that is not in memory: from disk if it may be served, else from the catalogue."""
        search = await asyncio.to_thread(self._restore, query) if self.catalog.is_live else None
        if search is not None and self._can_serve(search):
            return self._add(search)
        return await self._request_shared(query, tally)

    def _restore(self, query: Query) -> Search | None:
        """Read a search from disk; None if it is not stored."""
        saved = self._store.get(str(query))
        if saved is None:
            return None
        search = self._new(query)
        search.restore(*saved)
        return search

    async def _request_shared(self, query: Query, tally: UpstreamStats) -> Search:
        """Request a search from the catalogue, once for concurrent callers. It is cached even if all are cancelled."""
        return await self._request_tasks.join(query, lambda: self._request_first_page(query, tally))

    async def _request_first_page(self, query: Query, tally: UpstreamStats) -> Search:
        """Request the first page of a search from the catalogue, and add the search to the cache."""
        self._on_search()
        search = self._new(query)
        await search.load_page(tally)
        return self._add(search)

    def _new(self, query: Query) -> Search:
        return Search(query, self.catalog, self._store, self._clock, self._page_tasks, self._own_files)

    def _add(self, search: Search) -> Search:
        """Add a search to the cache, and remove the least recently used searches if the cache is too large."""
        for collection in {scene.collection for scene in search.scenes.scenes}.intersection(search.query.collections):
            self.collections.add_seen(collection)
        self._cached[search.query] = search
        self._cached.move_to_end(search.query)
        count = sum(len(cached.scenes.scenes) for cached in self._cached.values())
        while len(self._cached) > MAX_SEARCHES or (count > MAX_CACHED_SCENES and len(self._cached) > 1):
            _, dropped = self._cached.popitem(last=False)
            count -= len(dropped.scenes.scenes)
        return search

    def _can_serve(self, search: Search) -> bool:
        """Whether a search is fresh or stale, not expired. Starts to refresh a stale search in the background."""
        age, fresh = self._age(search), self._freshness(search.query)
        if age > fresh + STALE:
            return False
        if age > fresh:
            self._start_refresh(search.query)
        return True

    def _start_refresh(self, query: Query) -> None:
        if query in self._refreshing or self._clock() < self._retry_at.get(query, 0.0):
            return
        task = asyncio.ensure_future(self._refresh(query))
        self._refreshing[query] = task
        task.add_done_callback(lambda _: self._refreshing.pop(query, None))

    async def _refresh(self, query: Query) -> None:
        try:
            await self._request_shared(query, UpstreamStats())
        except CatalogError as error:
            log.warning("the catalogue fails; stale searches are used: %s", error)
            self._retry_at[query] = self._clock() + PAUSE
            while len(self._retry_at) > MAX_SEARCHES:
                self._retry_at.popitem(last=False)

    def _age(self, search: Search) -> float:
        # If the clock was set back, a search may be from the future, which must not keep it fresh for longer.
        return abs(self._clock() - (search.requested_at or 0.0))

    def _freshness(self, query: Query) -> float:
        """Seconds for which a search of the query is fresh."""
        if not self.catalog.is_live:
            return float("inf")
        recent = self._now() - ARRIVAL_PERIOD
        return FRESH if query.interval.end is None or query.interval.end > recent else FRESH_PAST

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)
