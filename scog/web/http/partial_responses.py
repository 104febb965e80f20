"""Answers of which parts are asked for are made once, and kept a while for the parts that will be asked for next.

GDAL reads a GeoTIFF by its URL in a HEAD and a dozen ranges. Were each of them drawn anew, the file could change under
its reader, and a large one would take minutes.
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
from scog.web.http.responses import SHOWN, with_etag

SECONDS = 300.0
"""How long an answer is kept for its parts."""
OVERHEAD = 2_000
"""Bytes that an entry takes beside its body."""
OF_ONE = ("accept-ranges", "content-length", "content-range", "content-type", "etag")
"""Headers that each part has of its own."""
Key = tuple[str, bytes]


@dataclass(frozen=True)
class _Whole:
    """An answer: its body, its media type, its other headers, and since when it is kept."""

    shown: EncodedImage
    media_type: str
    headers: dict[str, str]
    until: float


class Parts:
    """Whole answers by address, within a bound of bytes. Used within one event loop."""

    def __init__(self, capacity: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._kept: ByteCache[Key, _Whole] = ByteCache(capacity)
        self._making: WeakValueDictionary[Key, asyncio.Lock] = WeakValueDictionary()
        self._clock = clock

    async def answer(self, request: Request, make: Callable[[], Coroutine[Any, Any, Response]]) -> Response:
        """A part of the answer that is kept, else of the one that is made now, once for all who ask meanwhile."""
        key = request.scope["path"], request.scope["query_string"]
        lock = self._making.setdefault(key, asyncio.Lock())
        async with lock:
            kept = self._kept.get(key)
            if kept is not None and self._clock() <= kept.until:
                return with_etag(request, kept.shown, kept.media_type, kept.headers)
            response = await make()
            if SHOWN in request.scope and response.status_code in (200, 206):
                self._keep(key, response, *request.scope[SHOWN])
            return response

    def _keep(self, key: Key, response: Response, shown: EncodedImage, media_type: str) -> None:
        headers = {name: value for name, value in response.headers.items() if name not in OF_ONE}
        until = self._clock() + min(SECONDS, _max_age(response))
        self._kept.put(key, _Whole(shown, media_type, headers, until), len(shown.body) + OVERHEAD)


def _max_age(response: Response) -> float:
    """Seconds that a response may be cached: those from which scenes are missing, and previews, only some seconds."""
    found = re.search(r"max-age=(\d+)", response.headers.get("Cache-Control", ""))
    return float(found[1]) if found else 0.0


def in_parts(request: Request) -> bool:
    """Whether a part of the answer is asked for, or its size, which comes before parts."""
    return HEAD in request.scope or "range" in request.headers


class PartRoute(QueryRoute):
    """A route whose answers may be read in parts."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """As without, but what is asked for in parts is made once."""
        reading = super().get_route_handler()

        async def handler(request: Request) -> Response:
            if request.method != "GET" or not in_parts(request):
                return await reading(request)
            parts: Parts = request.app.state.parts
            return await parts.answer(request, lambda: reading(request))

        return handler
