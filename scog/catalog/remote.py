"""Any STAC API, through pystac-client: Earth Search unless told otherwise."""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import datetime
from typing import Any

from pystac.errors import STACError
from pystac_client import Client, ItemSearch
from pystac_client.exceptions import APIError

from scog.catalog.footprint import Bounds
from scog.catalog.offset import L2A
from scog.catalog.query import Page, Query
from scog.errors import CatalogBroken, CatalogError, CatalogUnavailable
from scog.net.catalog_io import CatalogHttp, CatalogIO
from scog.net.policy import Tally, host_of

PAGE_SIZE = 100
"""Items a page; Earth Search answers 500 above 267, where a page passes 6 MB."""
MAX_PAGES = 10
LANDING_TTL = 3600.0


class RemoteCatalog:
    """A STAC API. Made and used within one event loop; pystac-client works in threads."""

    is_live = True

    def __init__(self, url: str, *, hosts: tuple[str, ...], deadline: float, retries: int) -> None:
        self.url = url.rstrip("/")
        self._deadline = deadline
        self._http = CatalogHttp(hosts=(host_of(url), *hosts), retries=retries)
        self._threads: Executor = ThreadPoolExecutor(16, thread_name_prefix="scog-catalog")
        self._client: tuple[float, Client] | None = None

    async def pages(self, query: Query, tally: Tally) -> AsyncIterator[Page]:
        """Pages of items, newest first, at most 10. Raises a CatalogError."""
        tally.searches += 1
        iterator: Iterator[dict[str, Any]] | None = None
        for _ in range(MAX_PAGES):
            deadline = time.monotonic() + self._deadline
            try:
                async with asyncio.timeout(self._deadline + 0.5):
                    if iterator is None:
                        iterator = await self._in_thread(self._search, query, deadline, tally)
                    page = await self._in_thread(_next_page, iterator)
            except TimeoutError:
                raise CatalogUnavailable("The catalogue did not answer in time.") from None
            if page is None:
                return
            features = page.get("features")
            if not isinstance(features, list):
                raise CatalogBroken("The catalogue's answer holds no list of features.")
            yield Page([(item, self.url + "/") for item in features])

    async def newest(self, collection: str | None) -> datetime | None:
        """Unknown: scenes keep arriving."""
        return None

    async def bounds(self) -> Bounds | None:
        """The world."""
        return None

    async def close(self) -> None:
        """Let go of connections and threads."""
        self._http.close()
        if isinstance(self._threads, ThreadPoolExecutor):
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _search(self, query: Query, deadline: float, tally: Tally) -> Iterator[dict[str, Any]]:
        io = CatalogIO(self._http, deadline, tally)
        with _catalog_errors(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of conformance classes not announced; the answer is checked instead
            client = self._opened(io)
            search = ItemSearch(
                url=client._search_href(),
                method="POST",
                client=client,
                stac_io=io,
                bbox=query.bounds,
                datetime=None if query.interval.start is query.interval.end is None else str(query.interval),
                collections=[query.collection or L2A],
                query={"eo:cloud_cover": {"lte": query.cloud_cover}} if query.cloud_cover < 100 else None,
                limit=PAGE_SIZE,
                max_items=None,
            )
            return iter(search.pages_as_dicts())

    def _opened(self, io: CatalogIO) -> Client:
        """The landing page, asked for once an hour."""
        if self._client is None or self._client[0] < time.monotonic():
            client = Client.open(self.url, stac_io=io)
            self._client = (time.monotonic() + LANDING_TTL, client)
        return self._client[1]

    async def _in_thread(self, work: Any, *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)


def _next_page(pages: Iterator[dict[str, Any]]) -> dict[str, Any] | None:
    with _catalog_errors():
        return next(pages, None)


_MALFORMED = (ValueError, KeyError, TypeError, AttributeError, NotImplementedError)
"""What reading JSON of an unexpected shape raises."""


class _catalog_errors:
    """Turns what pystac and pystac-client raise into errors of ours."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, CatalogError) or not isinstance(error, Exception):
            return
        if isinstance(error, (APIError, STACError, *_MALFORMED)):
            raise CatalogBroken(f"The catalogue's answer cannot be understood ({type(error).__name__}).") from None
