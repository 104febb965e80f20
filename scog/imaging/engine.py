"""Opens the state of a server or session, which all requests share as `Engine`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from scog.catalog.archive.archive import Archive
from scog.catalog.query import Catalog
from scog.catalog.search import Searches
from scog.catalog.search_store import SearchStore
from scog.cog.block_reader import BlockReader
from scog.cog.header_store import HeaderStore
from scog.cog.warm_up import describe_tiny_geotiff
from scog.collections.reflectance_offset import SHIFT
from scog.collections.storage import CONTAINERS, TOKEN_SERVICES
from scog.imaging.band_reader import BandReader
from scog.imaging.image_cache import ImageCache
from scog.net.local import LocalRanges
from scog.net.ranges import HttpRanges, Ranges
from scog.net.signing import Signer
from scog.runtime.memory_budget import MemoryBudget
from scog.settings import EARTH_SEARCH, EARTH_SEARCH_HOSTS, Settings
from scog.warp.workbench import Workbench


@dataclass(frozen=True, eq=False)
class Engine:
    """State of one server or one notebook session."""

    settings: Settings
    source: str
    """The catalogue: a URL, or the resolved path of a local archive."""
    searches: Searches
    ranges: Ranges
    blocks: BlockReader
    band_reader: BandReader
    cpu: Executor
    """Threads that compute large images."""
    workbench: Workbench
    """Runs small work on the event loop, and large work on `cpu`."""
    image_cache: ImageCache


@asynccontextmanager
async def open_engine(settings: Settings) -> AsyncIterator[Engine]:
    """Open an engine within a running event loop, and close it on exit.

    Raises InvalidInput if the catalogue is a folder that does not exist or has no items.
    """
    async with AsyncExitStack() as stack:
        # Codecs release the GIL and use every core. Computing a large image holds the GIL half of the time, so that
        # more threads than half of the cores would only wait for each other.
        codecs = _thread_pool(stack, settings.threads, "codec")
        for _ in range(settings.threads):
            codecs.submit(describe_tiny_geotiff)
        cpu = _thread_pool(stack, max(1, settings.threads // 2), "cpu")
        workbench = Workbench(cpu)
        signer = await _open_signer(settings)
        stack.push_async_callback(signer.close)
        catalog = await _open_catalog(settings, signer)
        stack.push_async_callback(catalog.close)
        # Local reads block on the disk. They have their own threads so that they do not delay computation.
        disk = _thread_pool(stack, 16, "disk")
        local = LocalRanges(catalog.folder, disk) if isinstance(catalog, Archive) else None
        ranges = await stack.enter_async_context(Ranges(_open_http(settings, signer), local))
        cache_dir = None if local else settings.cache_dir
        blocks = await _open_blocks(stack, settings, ranges, codecs, cache_dir)
        searches = await _open_searches(stack, settings, catalog, ranges, cache_dir)
        offset = {"detect": None, "applied": 0.0, "missing": SHIFT}[settings.ambiguous_offset]
        yield Engine(
            settings=settings,
            source=str(catalog.folder) if isinstance(catalog, Archive) else settings.catalog,
            searches=searches,
            ranges=ranges,
            blocks=blocks,
            band_reader=BandReader(blocks, workbench, MemoryBudget(settings.read_memory_mb * 1_000_000), offset),
            cpu=cpu,
            workbench=workbench,
            image_cache=ImageCache(settings.image_cache_mb * 1_000_000),
        )


def _thread_pool(stack: AsyncExitStack, threads: int, name: str) -> Executor:
    """A thread pool that is shut down when the engine closes."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix=f"scog-{name}")
    stack.callback(pool.shutdown, wait=False, cancel_futures=True)
    return pool


async def _open_blocks(
    stack: AsyncExitStack, settings: Settings, ranges: Ranges, codecs: Executor, cache_dir: Path | None
) -> BlockReader:
    header_store = await asyncio.to_thread(HeaderStore, cache_dir)
    stack.callback(header_store.close)
    blocks = BlockReader(
        ranges,
        header_store,
        codecs,
        cache_bytes=settings.block_cache_mb * 1_000_000,
        header_bytes=settings.header_bytes,
        gap=settings.read_gap,
    )
    stack.push_async_callback(blocks.close)
    return blocks


async def _open_searches(
    stack: AsyncExitStack, settings: Settings, catalog: Catalog, ranges: Ranges, cache_dir: Path | None
) -> Searches:
    search_store = await asyncio.to_thread(SearchStore, cache_dir, settings.catalog)
    stack.callback(search_store.close)
    searches = Searches(catalog, search_store, settings.collection, settings.newest_days, on_search=ranges.open_ahead)
    stack.push_async_callback(searches.close)
    return searches


async def _open_catalog(settings: Settings, signer: Signer) -> Catalog:
    if settings.catalog_folder is not None:
        return await asyncio.to_thread(Archive.open, settings.catalog_folder)
    # The import takes 0.1 s (pystac-client, httpx), and a server of a local archive does not need it.
    from scog.catalog.stac_api import RemoteCatalog

    return RemoteCatalog(
        settings.catalog,
        hosts=settings.hosts,
        deadline=settings.catalog_deadline,
        retries=settings.retries,
        use_fields=settings.search_fields,
        on_token=signer.offer,
    )


async def _open_signer(settings: Settings) -> Signer:
    """The signer of requests for files; without a token service, it only has the tokens of the catalogue's items."""
    url = settings.sas_token_url or TOKEN_SERVICES.get(settings.catalog.rstrip("/"))
    if url is None:
        return Signer()
    from scog.net.token_service import TokenService  # the import takes 0.1 s (httpx)

    key = settings.sas_subscription_key
    service = TokenService(url, key=key.get_secret_value() if key else "", retries=settings.retries)
    return Signer(service, hosts=settings.sas_hosts, collections=CONTAINERS, open_hosts=settings.allowed_hosts)


def _open_http(settings: Settings, signer: Signer) -> HttpRanges:
    return HttpRanges(
        allowed_hosts=settings.allowed_hosts,
        stall=settings.read_stall,
        retries=settings.retries,
        per_host=settings.reads_per_host,
        expected=[f"https://{EARTH_SEARCH_HOSTS[0]}/"] if settings.catalog == EARTH_SEARCH else [],
        signer=signer,
    )
