"""Opens the state of a server or session, which all requests share as `Engine`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from scog.catalog.address import CatalogAddress, default_collection, parse_addresses
from scog.catalog.archive.archive import Archive
from scog.catalog.catalogs import Catalogs
from scog.catalog.query import Catalog, collections_of
from scog.catalog.search import OwnFiles, Searches
from scog.catalog.search_store import SearchStore
from scog.cog.block_reader import BlockReader
from scog.cog.header_store import HeaderStore
from scog.cog.warm_up import describe_tiny_geotiff
from scog.collections.files import read_profiles
from scog.collections.profile import Profile
from scog.collections.profiles import Profiles
from scog.collections.reflectance_offset import SHIFT
from scog.collections.storage import CONTAINERS, TOKEN_SERVICES
from scog.errors import CatalogError, InvalidInput
from scog.imaging.band_reader import BandReader
from scog.imaging.collection_profiles import CollectionProfiles
from scog.imaging.image_cache import ImageCache
from scog.imaging.profile_check import check_profile
from scog.net.local import LocalRanges
from scog.net.ranges import HttpRanges, Ranges
from scog.net.signing import Signer
from scog.runtime.memory_budget import MemoryBudget
from scog.settings import EARTH_SEARCH, EARTH_SEARCH_HOSTS, REMOTE_COLLECTION, Settings
from scog.suggest import did_you_mean, quoted
from scog.warp.workbench import Workbench


@dataclass(frozen=True, eq=False)
class Engine:
    """State of one server or one notebook session."""

    settings: Settings
    catalogs: Catalogs
    """Searches of all catalogues."""
    ranges: Ranges
    blocks: BlockReader
    band_reader: BandReader
    cpu: Executor
    """Threads that compute large images."""
    workbench: Workbench
    """Runs small work on the event loop, and large work on `cpu`."""
    image_cache: ImageCache
    profiles: CollectionProfiles
    """What the collections are."""

    async def profile(self, collection: str | None) -> Profile:
        """What a collection is, or several separated by commas, or the default for None. Raises what `of` raises."""
        searches, name = await self.catalogs.of(collection)
        return await self.profiles.of(searches, name)

    async def profile_of_spelling(self, spelling: str | None) -> Profile:
        """As `profile`, of a collection as `Catalogs.spelling` returned it. Raises nothing if that is gone.

        No catalogue is asked about collections with a profile. Where the catalogue is no longer among those of the
        server, the profile is that of the collection's id, so that pinned scenes are drawn.
        """
        searches, name = self.catalogs.of_spelling(spelling)
        profile = searches.profile(name)
        if not profile.open:
            return profile
        try:
            await self.catalogs.of(self.catalogs.of_first(spelling))
        except (InvalidInput, CatalogError):
            return searches.profile(",".join(each.rpartition("@")[0] or each for each in collections_of(name)) or None)
        return await self.profiles.of(searches, name)


@asynccontextmanager
async def open_engine(settings: Settings) -> AsyncIterator[Engine]:
    """Open an engine within a running event loop, and close it on exit.

    Raises InvalidInput if a catalogue is a folder that does not exist or has no items, or if catalogues have the same
    name.
    """
    async with AsyncExitStack() as stack:
        # Codecs release the GIL and use every core. Computing a large image holds the GIL half of the time, so that
        # more threads than half of the cores would only wait for each other.
        codecs = _thread_pool(stack, settings.threads, "codec")
        for _ in range(settings.threads):
            codecs.submit(describe_tiny_geotiff)
        cpu = _thread_pool(stack, max(1, settings.threads // 2), "cpu")
        workbench = Workbench(cpu)
        addresses = parse_addresses(settings.catalog)
        default = default_collection(settings.collection, addresses)
        custom = await asyncio.to_thread(read_profiles, settings.collections) if settings.collections else []
        locations = [address.location for address in addresses]
        signer = await _open_signer(settings, locations)
        stack.push_async_callback(signer.close)
        catalogs = [await _open_catalog(stack, address, settings, custom, signer) for address in addresses]
        _check(catalogs, default)
        folders = [catalog.folder for catalog in catalogs if isinstance(catalog, Archive)]
        # Local reads block on the disk. They have their own threads so that they do not delay computation.
        disk = _thread_pool(stack, 16, "disk")
        local = LocalRanges(folders, disk) if folders else None
        ranges = await stack.enter_async_context(Ranges(_open_http(settings, locations, signer), local))
        # Files and items of archives are read from the disk as fast as from a cache on disk.
        cache_dir = settings.cache_dir if len(folders) < len(catalogs) else None
        blocks = await _open_blocks(stack, settings, ranges, codecs, cache_dir)
        members = [
            await _open_searches(
                stack, settings, address, catalog, ranges, default if address is addresses[0] else None
            )
            for address, catalog in zip(addresses, catalogs, strict=True)
        ]
        offset = {"detect": None, "applied": 0.0, "missing": SHIFT}[settings.ambiguous_offset]
        profiles = CollectionProfiles(blocks)
        stack.push_async_callback(profiles.close)
        yield Engine(
            settings=settings,
            catalogs=Catalogs(members),
            ranges=ranges,
            blocks=blocks,
            band_reader=BandReader(blocks, workbench, MemoryBudget(settings.read_memory_mb * 1_000_000), offset),
            cpu=cpu,
            workbench=workbench,
            image_cache=ImageCache(settings.image_cache_mb * 1_000_000),
            profiles=profiles,
        )


async def check_catalogs(settings: Settings) -> None:
    """Raise InvalidInput where `open_engine` would: for unusable archives, profiles and default collections."""
    async with AsyncExitStack() as stack:
        addresses = parse_addresses(settings.catalog)
        default = default_collection(settings.collection, addresses)
        custom = await asyncio.to_thread(read_profiles, settings.collections) if settings.collections else []
        for profile in custom:
            check_profile(profile)
        for address in addresses:
            if address.folder is not None:
                archive = await _open_catalog(stack, address, settings, custom, Signer())
                _check([archive], default if address is addresses[0] else None)


def _check(catalogs: Sequence[Catalog], default: str | None) -> None:
    """Raise InvalidInput if a profile cannot be drawn, or the first catalogue is an archive without `default`."""
    for catalog in catalogs:
        for profile in catalog.profiles.custom:
            check_profile(profile)
    first = catalogs[0]
    if isinstance(first, Archive):
        known = first.collections()
        for name in collections_of(default):
            if name not in known:
                message = f"The archive has no collection {quoted(name)}{did_you_mean(name, known)}"
                raise InvalidInput(message, parameter="collection", valid=" or ".join(known))


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
    stack: AsyncExitStack,
    settings: Settings,
    address: CatalogAddress,
    catalog: Catalog,
    ranges: Ranges,
    default: str | None,
) -> Searches:
    """The searches of one catalogue, whose default collection is `default` if that is set."""
    # Scenes are stored as they were read. With other profiles they have another meaning.
    meaning = f"{address.location} {catalog.profiles.digest}"
    search_store = await asyncio.to_thread(SearchStore, settings.cache_dir if catalog.is_live else None, meaning)
    stack.callback(search_store.close)
    is_only = len(settings.catalog) == 1
    folder = catalog.folder if isinstance(catalog, Archive) else None
    searches = Searches(
        catalog,
        search_store,
        default or (REMOTE_COLLECTION if catalog.is_live else None),
        settings.newest_days,
        on_search=ranges.open_ahead if is_only or catalog.is_live else lambda: None,
        name=address.name,
        source=address.location if folder is None else str(folder),
        own_files=None if is_only else OwnFiles(folder),
    )
    stack.push_async_callback(searches.close)
    return searches


async def _open_catalog(
    stack: AsyncExitStack, address: CatalogAddress, settings: Settings, custom: Sequence[Profile], signer: Signer
) -> Catalog:
    catalog: Catalog
    if address.folder is not None:
        catalog = await asyncio.to_thread(Archive.open, address.folder, custom)
    else:
        # The import takes 0.1 s (pystac-client, httpx), and a server of a local archive does not need it.
        from scog.catalog.stac_api import RemoteCatalog

        catalog = RemoteCatalog(
            address.location,
            Profiles(address.location, custom),
            hosts=settings.hosts,
            deadline=settings.catalog_deadline,
            retries=settings.retries,
            use_fields=settings.search_fields,
            on_token=signer.offer,
        )
    stack.push_async_callback(catalog.close)
    return catalog


async def _open_signer(settings: Settings, locations: Sequence[str]) -> Signer:
    """The signer of requests for files; without a token service, it only has the tokens of the catalogue's items."""
    services = (TOKEN_SERVICES.get(location.rstrip("/")) for location in locations)
    url = settings.sas_token_url or next((service for service in services if service is not None), None)
    if url is None:
        return Signer()
    from scog.net.token_service import TokenService  # the import takes 0.1 s (httpx)

    key = settings.sas_subscription_key
    service = TokenService(url, key=key.get_secret_value() if key else "", retries=settings.retries)
    return Signer(service, hosts=settings.sas_hosts, collections=CONTAINERS, open_hosts=settings.allowed_hosts)


def _open_http(settings: Settings, locations: Collection[str], signer: Signer) -> HttpRanges:
    return HttpRanges(
        allowed_hosts=settings.allowed_hosts,
        stall=settings.read_stall,
        retries=settings.retries,
        per_host=settings.reads_per_host,
        expected=[f"https://{EARTH_SEARCH_HOSTS[0]}/"] if EARTH_SEARCH in locations else [],
        signer=signer,
    )
