"""A STAC API as a catalogue, through pystac-client. The default is Earth Search."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote, urljoin

from pystac import Link
from pystac_client import Client, ItemSearch
from pystac_client.conformance import ConformanceClasses

from scog.catalog.derived_profile import Sample
from scog.catalog.proj_extension import PROJ_MEMBERS
from scog.catalog.query import Page, Query
from scog.collections.profile import Profile
from scog.collections.profiles import Profiles
from scog.collections.reflectance_offset import BASELINE, OFFSET_FLAG
from scog.errors import CatalogBroken, CatalogError, CatalogUnavailable, ScogError
from scog.geo.footprint import Bounds
from scog.net.catalog_http import HEDGE_AFTER, READ_TIMEOUT, CatalogHttp
from scog.net.catalog_io import CatalogIO
from scog.net.policy import UpstreamStats, display_url, host_of

log = logging.getLogger(__name__)

PAGE_SIZE = 100
"""Items per page. Earth Search answers 500 above 267 items, where a page exceeds 6 MB."""
LANDING_TTL = 3600.0
"""Lifetime of the cached landing page in seconds."""
LANDING_RETRY = 60.0
"""Seconds until an expired landing page is requested again after a failed request. It is used in the meantime."""
SAMPLE_ITEMS = 4
"""Number of items that tell what a collection is."""
SAMPLE_DEADLINE = 4.0
"""Seconds for the requests that tell what a collection is."""
THREADS = 16
"""Maximum number of concurrent searches."""
MAX_COLLECTION_PAGES = 50
"""Maximum number of pages of the list of collections."""
COLLECTION_MEMBERS = ("id", "title", "description", "license", "extent")
"""Members of a listed collection that are kept; all together take megabytes."""

READ_FIELDS = (
    *("id", "type", "stac_version", "collection", "geometry", "bbox"),
    *("properties.datetime", "properties.start_datetime", "properties.end_datetime"),
    *("properties.platform", "properties.constellation", "properties.eo:cloud_cover", "properties.sat:orbit_state"),
    "properties.storage:requester_pays",
)
"""Fields of an item that `scog.catalog.scene` reads, without assets and the properties of a profile's scene keys.

Each property must be listed.
"""
T = TypeVar("T")


class RemoteCatalog:
    """A STAC API. To be used within one event loop; pystac-client runs in threads."""

    is_live = True

    def __init__(
        self,
        url: str,
        profiles: Profiles,
        *,
        hosts: tuple[str, ...],
        deadline: float,
        retries: int,
        use_fields: bool = True,
        on_token: Callable[[str, str], None] | None = None,
        read_timeout: float = READ_TIMEOUT,
        hedge_after: float = HEDGE_AFTER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Seconds: `deadline` for one search, `read_timeout` without data, `hedge_after` until a hedge is sent.

        `use_fields` uses the fields extension if the API conforms to it. `on_token` is called, from any thread,
        with each unsigned URL and the SAS token that it had in an item. Raises InvalidInput if the environment's
        proxy is invalid.
        """
        self.url = url.rstrip("/")
        self.profiles = profiles
        self._deadline = deadline
        self._use_fields = use_fields
        self._on_token = on_token
        self._clock = clock
        self._http = CatalogHttp(
            hosts=(host_of(url), *hosts),
            retries=retries,
            read_timeout=read_timeout,
            hedge_after=hedge_after,
            clock=clock,
        )
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="scog-catalog")
        self._client: tuple[float, Client] | None = None
        self._client_lock = threading.Lock()

    @property
    def breaker_state(self) -> str:
        """`closed` while requests are sent as usual; `open` or `half-open` after failures."""
        return self._http.breaker_state

    def collections(self) -> Sequence[str]:
        """Empty, because requests name their collections."""
        return ()

    async def page(self, query: Query, cursor: Any | None, tally: UpstreamStats) -> Page:
        """A page of items, newest first. A cursor is the `next` link of the page before. Raises a CatalogError."""
        tally.searches += 1
        io = self._io(tally)
        request = (lambda: self._search(query, io)) if cursor is None else (lambda: _follow(cursor, io))
        return _page(await self._in_thread(request, io), cursor, self.url + "/")

    async def sample(self, collection: str) -> Sample:
        """The document of a collection and a few of its newest items. Raises a CatalogError.

        The items suffice: not every API answers with the document.
        """
        deadline = min(self._deadline, SAMPLE_DEADLINE)
        io = CatalogIO(self._http, self._clock() + deadline, UpstreamStats(), self._on_token)

        def request() -> Sample:
            client = self._open_client(io)
            parameters = {"collections": [collection], "limit": SAMPLE_ITEMS}
            response = io.read_json(client._search_href(), method="POST", parameters=parameters)
            items = [each for each in _feature_collection(response)["features"] if isinstance(each, dict)]
            try:
                document = io.read_json(f"{self.url}/collections/{quote(collection, safe='')}")
            except CatalogError as error:
                if not items:
                    raise
                log.info("the document of the collection %s could not be read: %s", collection, error)
                document = {}
            return Sample(document if isinstance(document, dict) else {}, items, [self.url + "/"] * len(items))

        return await self._in_thread(request, io)

    async def landing(self, tally: UpstreamStats) -> dict[str, Any]:
        """The catalogue's landing page, requested anew. Raises a CatalogError."""
        self._client = None
        io = self._io(tally)
        client = await self._in_thread(lambda: self._open_client(io), io)
        return client.to_dict(include_self_link=False, transform_hrefs=False)

    async def list_collections(self, tally: UpstreamStats) -> Sequence[Mapping[str, Any]]:
        """COLLECTION_MEMBERS of each collection, from all pages of `/collections`. Raises a CatalogError."""
        io = self._io(tally)
        return await self._in_thread(lambda: _collections(f"{self.url}/collections", io), io)

    async def newest(self, collection: str | None) -> datetime | None:
        """None, because scenes keep arriving."""
        return None

    async def bounds(self) -> Bounds | None:
        """None, because a STAC API may cover the world."""
        return None

    async def close(self) -> None:
        """Close connections and threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        await self._http.close()

    def _io(self, tally: UpstreamStats) -> CatalogIO:
        return CatalogIO(self._http, self._clock() + self._deadline, tally, self._on_token)

    def _search(self, query: Query, io: CatalogIO) -> dict[str, Any]:
        """The first page of a search, as JSON."""
        client = self._open_client(io)
        start, end = query.interval.start, query.interval.end
        collections = query.collections
        profile = self.profiles.joint(collections)
        with_query = client.conforms_to(ConformanceClasses.QUERY)
        with_fields = self._use_fields and client.conforms_to(ConformanceClasses.FIELDS)
        search = ItemSearch(
            url=client._search_href(),
            method="POST",
            client=client,
            stac_io=io,
            bbox=query.bounds,
            datetime=str(query.interval) if start or end else None,
            collections=list(collections) or None,
            query=_filters(query, profile) if with_query else None,
            fields=_fields(profile) if with_fields else None,
            # Earth Search sorts newest first by default, and its paging is most reliable without `sortby`.
            sortby=None if _is_earth_search(client) or not client.conforms_to(ConformanceClasses.SORT) else SORTBY,
            limit=PAGE_SIZE,
            max_items=None,
        )
        return _feature_collection(io.read_json(search.url, method="POST", parameters=search.get_parameters()))

    def _open_client(self, io: CatalogIO) -> Client:
        """The client with the landing page, cached for an hour. An expired landing page is used if a request fails."""
        with self._client_lock:
            if self._client is None or self._client[0] < self._clock():
                ttl = LANDING_TTL
                try:
                    with _catalog_errors(self.url):
                        client = Client.open(self.url, stac_io=io)
                except CatalogError:
                    if self._client is None:
                        raise
                    client, ttl = self._client[1], LANDING_RETRY
                self._client = (self._clock() + ttl, client)
            return self._client[1]

    async def _in_thread(self, function: Callable[[], T], io: CatalogIO) -> T:
        """Run `function` in a thread. Raises a CatalogError. Cancellation cancels its HTTP request too."""

        def run() -> T:
            with _catalog_errors(self.url):
                return function()

        try:
            # `io` applies the deadline to requests. This timeout is for a search that still waits for a thread.
            async with asyncio.timeout(self._deadline + 0.5):
                return await asyncio.get_running_loop().run_in_executor(self._threads, run)
        except TimeoutError:
            raise CatalogUnavailable(
                f"The search of the catalogue {display_url(self.url)} was not sent in time: too many searches wait."
            ) from None
        finally:
            io.stop()


SORTBY = [{"field": "properties.datetime", "direction": "desc"}]


def _filters(query: Query, profile: Profile) -> dict[str, Any] | None:
    """The filters of a query in the query extension; None if there is none."""
    filters: dict[str, Any] = {}
    # Items without a cloud cover are kept, but would not match the filter: unknown collections are not filtered.
    if query.cloud_cover < 100 and not profile.open and all(each.cloud_filter for each in profile.members.values()):
        filters["eo:cloud_cover"] = {"lte": query.cloud_cover}
    if query.orbit is not None:
        filters["sat:orbit_state"] = {"eq": str(query.orbit)}
    return filters or None


def _is_earth_search(client: Client) -> bool:
    return client.id.startswith("earth-search")


def _fields(profile: Profile) -> dict[str, list[str]]:
    """The `fields` of a search: of a collection with a profile only the assets with its bands, else all assets."""
    members = tuple(profile.members.values()) or (profile,)
    keys = tuple(dict.fromkeys(name for each in members for name in each.scene_keys.properties))
    if any(each.offset_rule for each in members):
        keys = (*keys, OFFSET_FLAG, BASELINE)
    read = (*READ_FIELDS, *(f"properties.{name}" for name in keys))
    if not profile.georeferenced:
        proj = (f"properties.{name}" for name in PROJ_MEMBERS)
        return {"include": [*read, *proj, "assets"], "exclude": ["links"]}
    assets = [f"assets.{key}" for key in profile.by_asset]
    # Earth Search sends all of `assets` even if only some of them are included.
    unread = [f"{asset}.{member}" for asset in assets for member in profile.unread_members]
    unread += [f"assets.{key}" for key in profile.unread_assets]
    return {"include": [*read, *assets], "exclude": ["links", *unread]}


def _collections(url: str, io: CatalogIO) -> list[dict[str, Any]]:
    """The collections of all pages. Raises CatalogBroken if a response is not a list of collections."""
    found: list[dict[str, Any]] = []
    seen: set[str] = set()
    page: str | None = url
    while page is not None and page not in seen and len(seen) < MAX_COLLECTION_PAGES:
        seen.add(page)
        response = io.read_json(page)
        collections = response.get("collections")
        if not isinstance(collections, list):
            raise CatalogBroken("The catalogue's response is not a list of collections: it has no list `collections`.")
        valid = [each for each in collections if isinstance(each, dict) and isinstance(each.get("id"), str)]
        found += [{name: each[name] for name in COLLECTION_MEMBERS if name in each} for each in valid]
        link = _next_link(response)
        page = None if link is None else urljoin(page, str(link["href"]))
    return found


def _follow(cursor: Any, io: CatalogIO) -> dict[str, Any]:
    return _feature_collection(io.read_json(Link.from_dict(cursor)))


def _feature_collection(response: Any) -> dict[str, Any]:
    """The response as a JSON object. Raises CatalogBroken if it is not a FeatureCollection."""
    if not isinstance(response, dict) or not isinstance(response.get("features"), list):
        raise CatalogBroken("The catalogue's response is not a FeatureCollection: it has no list `features`.")
    return response


def _page(response: dict[str, Any], cursor: Any | None, base: str) -> Page:
    """The items of a response, and the link to the next page unless the page is the last or links to itself."""
    items = response["features"]
    link = _next_link(response)
    is_complete = cursor is None and len(items) == _matched(response)
    return Page(items, [base] * len(items), None if not items or is_complete or link == cursor else link)


def _next_link(response: Mapping[str, Any]) -> dict[str, Any] | None:
    """The link to the next page; None if there is none."""
    links = response.get("links")
    valid_links = [link for link in links if isinstance(link, dict)] if isinstance(links, list) else []
    return next((link for link in valid_links if link.get("rel") == "next" and link.get("href")), None)


def _matched(response: Mapping[str, Any]) -> Any:
    """Number of matches on all pages: `numberMatched`, else `matched` of the context extension, else None."""
    context = response.get("context")
    return response.get("numberMatched", context.get("matched") if isinstance(context, dict) else None)


@contextmanager
def _catalog_errors(url: str) -> Iterator[None]:
    """Raise errors of pystac and pystac-client over malformed responses as CatalogBroken."""
    try:
        yield
    except ScogError:
        raise
    except Exception as error:  # they have many types without a common base
        log.debug("the catalogue's response is not valid STAC", exc_info=error)
        raise CatalogBroken(
            f"The response of the catalogue {display_url(url)} is not valid STAC ({type(error).__name__}). "
            "Check SCOG_CATALOG, and whether the network requires a login first; `scog doctor` shows more."
        ) from None
