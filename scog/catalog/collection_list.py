"""The collections of one catalogue: asked for when they are first needed, and kept while the catalogue fails."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from scog.catalog.query import Catalog
from scog.errors import CatalogError, CatalogUnavailable
from scog.net.policy import UpstreamStats
from scog.runtime.lingering import Lingering

log = logging.getLogger(__name__)

LIFETIME = 3600.0
"""Seconds after which a live catalogue's list is requested again, in the background."""
PAUSE = 30.0
"""Seconds between two requests for a list that fail."""
TIMEOUT = 5.0
"""Seconds that a request waits for a list. The list may still arrive, for the next request."""
Documents = Mapping[str, Mapping[str, Any]]
"""STAC Collections by id, with the members that the catalogue keeps."""


class CollectionList:
    """The collections of one catalogue by id. Used within one event loop."""

    def __init__(self, catalog: Catalog, clock: Callable[[], float] = time.monotonic) -> None:
        self._catalog = catalog
        self._clock = clock
        self._documents: Documents | None = None
        self._asked_at = float("-inf")
        """When the list was last requested, by the clock; the outcome is in `_documents` or `error`."""
        self._requests: Lingering[None, None] = Lingering()
        self._refresh: asyncio.Task[None] | None = None
        self.error: CatalogError | None = None
        """Why the last request failed; None if it succeeded."""
        self._seen: set[str] = set()

    def add_seen(self, collection: str) -> None:
        """Note that the catalogue has a collection, because it answered with items of it."""
        self._seen.add(collection)

    def is_seen(self, collection: str) -> bool:
        """Whether an answer has shown that the catalogue has a collection. Makes no request."""
        return collection in self._seen or (self._documents is not None and collection in self._documents)

    def lacks(self, collection: str) -> bool:
        """Whether a list that is not old has shown that the catalogue has no such collection. Makes no request."""
        is_new = self._documents is not None and self._clock() - self._asked_at <= LIFETIME
        return is_new and not self.is_seen(collection)

    async def documents(self) -> Documents | None:
        """The collections by id; None if the catalogue does not answer: `error` then says why.

        Only the first request waits for the catalogue, for at most TIMEOUT; concurrent ones share it. An old list is
        used while a new one is requested, and for as long as the catalogue fails.
        """
        is_first = self._asked_at == float("-inf") or self._is_waiting
        if is_first:
            try:
                async with asyncio.timeout(TIMEOUT):
                    await self._requests.join(None, self._request)
            except TimeoutError:
                self.error = CatalogUnavailable("The list of its collections did not arrive in time.")
        elif self._clock() - self._asked_at > (LIFETIME if self.error is None else PAUSE) and self._refresh is None:
            self._refresh = asyncio.ensure_future(self._requests.join(None, self._request))
            self._refresh.add_done_callback(self._end_refresh)
        return self._documents

    async def close(self) -> None:
        """Cancel the requests in the background."""
        await self._requests.close()

    @property
    def _is_waiting(self) -> bool:
        """Whether the first request is in flight and no caller has given up on it."""
        return self._documents is None and self.error is None

    async def _request(self) -> None:
        self._asked_at = self._clock()
        try:
            documents = await self._catalog.list_collections(UpstreamStats())
        except CatalogError as error:
            log.warning("a catalogue does not list its collections: %s", error)
            self.error = error
        else:
            self._documents, self.error = {str(document["id"]): document for document in documents}, None
        self._asked_at = self._clock()

    def _end_refresh(self, task: asyncio.Task[None]) -> None:
        self._refresh = None
        if not task.cancelled():
            task.exception()
