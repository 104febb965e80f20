"""Any STAC API, through pystac-client: Earth Search unless told otherwise."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from pystac import Link
from pystac_client import Client, ItemSearch
from pystac_client.conformance import ConformanceClasses

from scog.catalog.georeference import PROJ_MEMBERS
from scog.catalog.query import Page, Query
from scog.collections.bands import BANDS, IN_ASSET
from scog.collections.reflectance_offset import C1, L2A
from scog.errors import CatalogBroken, CatalogError, CatalogUnavailable, ScogError
from scog.geo.footprint import Bounds
from scog.net.catalog_http import HEDGE_AFTER, READ_TIMEOUT, CatalogHttp
from scog.net.catalog_io import CatalogIO
from scog.net.policy import UpstreamStats, host_of, place_of

log = logging.getLogger(__name__)

PAGE_SIZE = 100
"""Items a page; Earth Search answers 500 above 267, where a page passes 6 MB."""
LANDING_TTL = 3600.0
LANDING_PAUSE = 60.0
"""Seconds that an older landing page serves on where it cannot be had anew."""
THREADS = 16

READ_FIELDS = (
    *("id", "type", "stac_version", "collection", "geometry", "bbox"),
    *("properties.datetime", "properties.start_datetime", "properties.end_datetime"),
    *("properties.created", "properties.platform"),
    *("properties.eo:cloud_cover", "properties.grid:code", "properties.s2:mgrs_tile", "properties.sat:absolute_orbit"),
    *("properties.s2:datatake_id", "properties.s2:datastrip_id", "properties.s2:generation_time"),
    *("properties.s2:processing_baseline", "properties.earthsearch:boa_offset_applied"),
)
"""What `scog.catalog.scene` reads of an item, besides its assets. Each property has to be named."""
READ_ASSETS = (*IN_ASSET, *(band.code for band in BANDS if not band.file), "preview")
UNREAD_MEMBERS = ("title", "eo:bands", "file:checksum")
"""Of each asset that is read: a quarter of its bytes."""
UNREAD_FIELDS = (
    "links",
    *(f"assets.{asset}.{member}" for asset in IN_ASSET for member in UNREAD_MEMBERS),
    *(f"assets.{asset}-jp2" for asset in IN_ASSET),
    *("assets.thumbnail", "assets.cloud", "assets.snow"),
    *("assets.granule_metadata", "assets.product_metadata", "assets.tileinfo_metadata"),
)
"""What Earth Search sends of an item unless it is excluded: all of `assets`, whichever of them are included."""

T = TypeVar("T")


class RemoteCatalog:
    """A STAC API. Made and used within one event loop; pystac-client works in threads."""

    is_live = True

    def __init__(
        self,
        url: str,
        *,
        hosts: tuple[str, ...],
        deadline: float,
        retries: int,
        ask_for_fields: bool = True,
        silence: float = READ_TIMEOUT,
        patience: float = HEDGE_AFTER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Seconds: `deadline` for one search, `silence` without a byte until it is given up, `patience` until a hedge.

        Raises InvalidInput for a proxy in the environment that cannot be used.
        """
        self.url = url.rstrip("/")
        self._deadline = deadline
        self._ask_for_fields = ask_for_fields
        self._clock = clock
        self._http = CatalogHttp(
            hosts=(host_of(url), *hosts), retries=retries, read_timeout=silence, hedge_after=patience, clock=clock
        )
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="scog-catalog")
        self._client: tuple[float, Client] | None = None
        self._opening = threading.Lock()

    @property
    def breaker_state(self) -> str:
        """`closed` while the catalogue is asked as usual, `open` while it is left alone after failures."""
        return self._http.breaker_state

    async def page(self, query: Query, cursor: Any | None, tally: UpstreamStats) -> Page:
        """A page of items, newest first; a cursor is the `next` link of the page before. Raises a CatalogError."""
        tally.searches += 1
        io = self._io(tally)
        work = (lambda: self._first(query, io)) if cursor is None else (lambda: _follow(cursor, io))
        return _page(await self._in_thread(work, io), cursor, self.url + "/")

    async def landing(self, tally: UpstreamStats) -> dict[str, Any]:
        """The catalogue's landing page, asked for anew. Raises a CatalogError."""
        self._client = None
        io = self._io(tally)
        client = await self._in_thread(lambda: self._opened(io), io)
        return client.to_dict(include_self_link=False, transform_hrefs=False)

    async def newest(self, collection: str | None) -> datetime | None:
        """Unknown: scenes keep arriving."""
        return None

    async def bounds(self) -> Bounds | None:
        """The world."""
        return None

    async def close(self) -> None:
        """Let go of connections and threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        await self._http.close()

    def _io(self, tally: UpstreamStats) -> CatalogIO:
        return CatalogIO(self._http, self._clock() + self._deadline, tally)

    def _first(self, query: Query, io: CatalogIO) -> dict[str, Any]:
        client = self._opened(io)
        start, end = query.interval.start, query.interval.end
        collection = query.collection or L2A
        with_query = query.cloud_cover < 100 and client.conforms_to(ConformanceClasses.QUERY)
        with_fields = self._ask_for_fields and client.conforms_to(ConformanceClasses.FIELDS)
        search = ItemSearch(
            url=client._search_href(),
            method="POST",
            client=client,
            stac_io=io,
            bbox=query.bounds,
            datetime=str(query.interval) if start or end else None,
            collections=[collection],
            query={"eo:cloud_cover": {"lte": query.cloud_cover}} if with_query else None,
            fields=_fields(collection) if with_fields else None,
            # Earth Search answers newest first without being asked, and its paging is at its surest so.
            sortby=None if _is_earth_search(client) or not client.conforms_to(ConformanceClasses.SORT) else SORTING,
            limit=PAGE_SIZE,
            max_items=None,
        )
        return _json_object(io.read_json(search.url, method="POST", parameters=search.get_parameters()))

    def _opened(self, io: CatalogIO) -> Client:
        """The landing page, asked for once an hour. Where it fails then, the older one serves on."""
        with self._opening:
            if self._client is None or self._client[0] < self._clock():
                ttl = LANDING_TTL
                try:
                    with _catalog_errors(self.url):
                        client = Client.open(self.url, stac_io=io)
                except CatalogError:
                    if self._client is None:
                        raise
                    client, ttl = self._client[1], LANDING_PAUSE
                self._client = (self._clock() + ttl, client)
            return self._client[1]

    async def _in_thread(self, work: Callable[[], T], io: CatalogIO) -> T:
        """Run pystac-client in a thread; its errors become ours. Whoever stops waiting ends its request too."""

        def run() -> T:
            with _catalog_errors(self.url):
                return work()

        try:
            # Requests end at the deadline by themselves; this is for a search that still waits for its thread.
            async with asyncio.timeout(self._deadline + 0.5):
                return await asyncio.get_running_loop().run_in_executor(self._threads, run)
        except TimeoutError:
            raise CatalogUnavailable(
                f"The catalogue {place_of(self.url)} did not answer in time: too many searches wait."
            ) from None
        finally:
            io.stop()


SORTING = [{"field": "properties.datetime", "direction": "desc"}]


def _is_earth_search(client: Client) -> bool:
    return client.id.startswith("earth-search")


def _fields(collection: str) -> dict[str, list[str]]:
    """The fields to ask for: of Sentinel-2's assets just the bands, of others all."""
    if collection not in (L2A, C1):
        placing = (f"properties.{name}" for name in (*PROJ_MEMBERS, "storage:requester_pays"))
        return {"include": [*READ_FIELDS, *placing, "assets"], "exclude": ["links"]}
    return {"include": [*READ_FIELDS, *(f"assets.{name}" for name in READ_ASSETS)], "exclude": [*UNREAD_FIELDS]}


def _follow(cursor: Any, io: CatalogIO) -> dict[str, Any]:
    return _json_object(io.read_json(Link.from_dict(cursor)))


def _json_object(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict) or not isinstance(answer.get("features"), list):
        raise CatalogBroken("The catalogue's answer holds no list of features.")
    return answer


def _page(answer: dict[str, Any], cursor: Any | None, base: str) -> Page:
    """The items of an answer and the link to the next page; no link where it leads back here or to nothing."""
    items = answer["features"]
    links = answer.get("links")
    following = [link for link in links if isinstance(link, dict)] if isinstance(links, list) else []
    link = next((link for link in following if link.get("rel") == "next" and link.get("href")), None)
    complete = cursor is None and len(items) == _matched(answer)
    return Page(items, [base] * len(items), None if not items or complete or link == cursor else link)


def _matched(answer: Mapping[str, Any]) -> Any:
    """How many items there are on all pages, where the answer tells."""
    context = answer.get("context")
    return answer.get("numberMatched", context.get("matched") if isinstance(context, dict) else None)


@contextmanager
def _catalog_errors(url: str) -> Iterator[None]:
    """Turn what pystac and pystac-client raise over malformed answers into errors of ours."""
    try:
        yield
    except ScogError:
        raise
    except Exception as fault:  # of many kinds, some of which derive from nothing else
        log.debug("the catalogue's answer cannot be understood", exc_info=fault)
        raise CatalogBroken(
            f"The answer of the catalogue {place_of(url)} cannot be understood ({type(fault).__name__}). "
            "Check SCOG_CATALOG, and whether the network wants a login first; `scog doctor` tells more."
        ) from None
