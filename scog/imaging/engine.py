"""Everything that lives longer than one request, made in one place and handed down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from scog.catalog.archive.archive import Archive
from scog.catalog.query import Catalog
from scog.catalog.search import Searches
from scog.catalog.search_store import SearchStore
from scog.cog.block_reader import BlockReader
from scog.cog.header_store import HeaderStore
from scog.collections.reflectance_offset import SHIFT
from scog.imaging.image_cache import ImageCache
from scog.imaging.layers import LayerReader
from scog.net.local import LocalRanges
from scog.net.ranges import HttpRanges, Ranges
from scog.runtime.memory_budget import MemoryBudget
from scog.settings import EARTH_SEARCH, EARTH_SEARCH_HOSTS, Settings
from scog.warp.workbench import Workbench


@dataclass(frozen=True, eq=False)
class Engine:
    """The state of one server or one notebook session."""

    settings: Settings
    source: str
    """The catalogue: a URL, or the resolved path of a local archive."""
    searches: Searches
    ranges: Ranges
    blocks: BlockReader
    layers: LayerReader
    cpu: Executor
    workbench: Workbench
    kept: ImageCache


@asynccontextmanager
async def open_engine(settings: Settings) -> AsyncIterator[Engine]:
    """Make the state within a running event loop and let go of it at the end.

    Raises InvalidInput where the catalogue is a folder that does not exist or holds nothing.
    """
    async with AsyncExitStack() as stack:
        # Codecs let go of Python's lock and use every core; painting what is large holds it half of the time, and more
        # threads than that would only wait for each other.
        codecs = ThreadPoolExecutor(settings.threads, thread_name_prefix="scog-codec")
        stack.callback(codecs.shutdown, wait=False, cancel_futures=True)
        cpu = ThreadPoolExecutor(max(1, settings.threads // 2), thread_name_prefix="scog-paint")
        stack.callback(cpu.shutdown, wait=False, cancel_futures=True)
        workbench = Workbench(cpu)
        catalog = await _open_catalog(settings)
        stack.push_async_callback(catalog.close)
        # Local reads wait for a disk: threads of their own, so that they do not hold up computing.
        disk = ThreadPoolExecutor(16, thread_name_prefix="scog-disk")
        stack.callback(disk.shutdown, wait=False, cancel_futures=True)
        local = LocalRanges(catalog.folder, disk) if isinstance(catalog, Archive) else None
        http = _open_http(settings)
        ranges = await stack.enter_async_context(Ranges(http, local))
        cache_dir = None if local else settings.cache_dir
        store = await asyncio.to_thread(HeaderStore, cache_dir)
        stack.callback(store.close)
        found = await asyncio.to_thread(SearchStore, cache_dir, settings.catalog)
        stack.callback(found.close)
        blocks = BlockReader(
            ranges,
            store,
            codecs,
            cache_bytes=settings.block_cache_mb * 1_000_000,
            header_bytes=settings.header_bytes,
            gap=settings.read_gap,
        )
        stack.push_async_callback(blocks.close)
        offset = {"detect": None, "applied": 0.0, "missing": SHIFT}[settings.ambiguous_offset]
        searches = Searches(catalog, found, settings.collection, settings.newest_days, on_search=ranges.open_ahead)
        stack.push_async_callback(searches.close)
        yield Engine(
            settings=settings,
            source=str(catalog.folder) if isinstance(catalog, Archive) else settings.catalog,
            searches=searches,
            ranges=ranges,
            blocks=blocks,
            layers=LayerReader(blocks, workbench, MemoryBudget(settings.read_memory_mb * 1_000_000), offset),
            cpu=cpu,
            workbench=workbench,
            kept=ImageCache(settings.image_cache_mb * 1_000_000),
        )


async def _open_catalog(settings: Settings) -> Catalog:
    if settings.catalog_folder is not None:
        return await asyncio.to_thread(Archive.open, settings.catalog_folder)
    # Takes 0.1 s to load (pystac-client, httpx), and a server of a local archive does without.
    from scog.catalog.stac_api import RemoteCatalog

    return RemoteCatalog(
        settings.catalog,
        hosts=settings.hosts,
        deadline=settings.catalog_deadline,
        retries=settings.retries,
        ask_for_fields=settings.search_fields,
    )


def _open_http(settings: Settings) -> HttpRanges:
    return HttpRanges(
        allowed_hosts=settings.allowed_hosts,
        stall=settings.read_stall,
        retries=settings.retries,
        per_host=settings.reads_per_host,
        expected=[f"https://{EARTH_SEARCH_HOSTS[0]}/"] if settings.catalog == EARTH_SEARCH else [],
    )
