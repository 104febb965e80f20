"""A catalogue in memory, for tests of paging and caching, with a clock that the test sets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scog.catalog.query import Page, Query
from scog.catalog.search import Search, Searches
from scog.catalog.search_store import SearchStore
from scog.geo.footprint import Bounds
from scog.net.policy import UpstreamStats
from scog.temporal.intervals import Interval
from tests.doubles.reading import Clock
from tests.profiles import L2A, PROFILES

AREA = (10.0, 46.0, 11.0, 47.0)
EVER = Interval(None, None)


def newest_first(items: Sequence[Any]) -> list[Any]:
    """Items in a catalogue's order."""
    return sorted(items, key=lambda item: (item["properties"]["datetime"], item["id"]), reverse=True)


class ScriptedCatalog:
    """A catalogue in memory that records requests, and raises `fault` if set. `gate` delays its responses."""

    is_live = True
    profiles = PROFILES

    def __init__(self, items: Sequence[Any], size: int = 100) -> None:
        self.items = items
        self.size = size
        self.requests: list[tuple[Query, Any]] = []
        self.fault: Exception | None = None
        self.gate: asyncio.Event | None = None
        self.cursor: Callable[[int], Any] = lambda at: {"at": at} if at < len(self.items) else None

    def collections(self) -> Sequence[str]:
        return ()

    async def page(self, query: Query, cursor: Any | None, tally: UpstreamStats) -> Page:
        self.requests.append((query, cursor))
        tally.searches += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        start = cursor["at"] if cursor else 0
        items = self.items[start : start + self.size]
        return Page(items, [""] * len(items), self.cursor(start + self.size))

    async def newest(self, collection: str | None) -> datetime | None:
        return None

    async def bounds(self) -> Bounds | None:
        return None

    async def close(self) -> None:
        pass


class SearchHarness:
    """Cached searches of a scripted catalogue, with a clock that the test sets."""

    def __init__(self, catalog: ScriptedCatalog, folder: Path | None = None, collection: str | None = L2A) -> None:
        self.catalog = catalog
        self.clock = Clock()
        self.clock.now = datetime(2024, 6, 12, 10, tzinfo=UTC).timestamp()
        self.store = SearchStore(folder, "https://catalog.example.org/v1")
        self.searches = Searches(catalog, self.store, collection, 90, self.clock)

    async def find(self, interval: Interval = EVER, area: Bounds = AREA, **options: Any) -> Search:
        values = {"cloud_cover": 100.0, "collection": None, "tally": UpstreamStats(), **options}
        return await self.searches.find(area, interval, **values)

    async def close(self) -> None:
        await self.searches.close()
        self.store.close()


async def settle() -> None:
    """Wait until background tasks have finished."""
    for _ in range(20):
        await asyncio.sleep(0.005)
