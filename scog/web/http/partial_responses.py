"""A cache for range requests: a response is computed once for all ranges that a client reads.

GDAL reads a GeoTIFF by URL with a HEAD request and a dozen range requests. If each request drew the image again, the
file could change between two requests, and a large file would take minutes.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from fastapi import Request, Response

from scog.imaging.image_cache import EncodedImage
from scog.runtime.byte_cache import ByteCache
from scog.web.http.query_route import QueryRoute
from scog.web.http.request_limits import HEAD
from scog.web.http.responses import FULL_BODY, with_etag

MAX_SECONDS = 300.0
"""Maximum time in seconds that a response is cached."""
OVERHEAD = 2_000
"""Estimated bytes of an entry in addition to its body."""
RANGE_HEADERS = ("accept-ranges", "content-length", "content-range", "content-type", "etag")
"""Headers that each range sets itself."""
Key = tuple[str, bytes]
"""Path and query string."""


@dataclass(frozen=True)
class _Entry:
    """A cached response. `headers` are common to all its ranges. `expires` is a time of the cache's clock."""

    image: EncodedImage
    media_type: str
    headers: dict[str, str]
    expires: float


class ResponseCache:
    """Cache of whole responses by URL, bounded in bytes. Used within one event loop."""

    def __init__(self, capacity: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`capacity` in bytes."""
        self._entries: ByteCache[Key, _Entry] = ByteCache(capacity)
        self._locks: WeakValueDictionary[Key, asyncio.Lock] = WeakValueDictionary()
        self._clock = clock

    async def get_or_make(self, request: Request, make: Callable[[], Coroutine[Any, Any, Response]]) -> Response:
        """The requested range of the cached response, or else of the response that `make` returns.

        `make` is called once for concurrent requests of one URL.
        """
        key = request.scope["path"], request.scope["query_string"]
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            entry = self._entries.get(key)
            if entry is not None and self._clock() <= entry.expires:
                return with_etag(request, entry.image, entry.media_type, entry.headers)
            response = await make()
            if FULL_BODY in request.scope and response.status_code in (200, 206):
                self._put(key, response, *request.scope[FULL_BODY])
            return response

    def _put(self, key: Key, response: Response, image: EncodedImage, media_type: str) -> None:
        headers = {name: value for name, value in response.headers.items() if name not in RANGE_HEADERS}
        expires = self._clock() + min(MAX_SECONDS, _max_age(response))
        self._entries.put(key, _Entry(image, media_type, headers, expires), len(image.body) + OVERHEAD)


def _max_age(response: Response) -> float:
    """`max-age` of a response in seconds. It is short for partial images and previews."""
    match = re.search(r"max-age=(\d+)", response.headers.get("Cache-Control", ""))
    return float(match[1]) if match else 0.0


def reads_ranges(request: Request) -> bool:
    """Whether this is a range request, or a HEAD request, which precedes range requests."""
    return HEAD in request.scope or "range" in request.headers


class RangeRoute(QueryRoute):
    """A route that answers range requests from the response cache."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of QueryRoute, with range requests served from the response cache."""
        handle_request = super().get_route_handler()

        async def handler(request: Request) -> Response:
            if request.method != "GET" or not reads_ranges(request):
                return await handle_request(request)
            cache: ResponseCache = request.app.state.response_cache
            return await cache.get_or_make(request, lambda: handle_request(request))

        return handler
