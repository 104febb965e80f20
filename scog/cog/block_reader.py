"""Reads and caches decoded blocks. scog reads all pixels through this module.

A block is identified by file version, level, band, row and column. Concurrent requests for one block share one fetch.
Since a block is compressed from its first row to its last, its upper rows can be read without the others.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from scog.cog.block_cache import BlockCache
from scog.cog.block_request import BlockKey, BlockRequest, BlockRows
from scog.cog.decode import Blocks
from scog.cog.error_cache import ErrorCache
from scog.cog.gdal_reader import GdalReader
from scog.cog.header_reader import HeaderReader
from scog.cog.header_store import HeaderStore
from scog.cog.metadata import FileMetadata
from scog.cog.range_fetcher import RangeFetch, RangeFetcher
from scog.cog.range_plan import BlockIndex
from scog.errors import AssetBroken, AssetChanged, SourceError
from scog.net.byte_range import is_local
from scog.net.policy import UpstreamStats
from scog.net.ranges import Ranges
from scog.runtime.singleflight import Flight, SingleFlight
from scog.runtime.tasks import gather_all

__all__ = ["BlockReader", "BlockRequest"]
BandBlocks = dict[int, Blocks]
"""Blocks by band (1, 2, ...)."""
T = TypeVar("T")


class BlockReader:
    """Reads the metadata and the blocks of files. Used within one event loop.

    cpu           threads that decode blocks
    cache_bytes   maximum size of the block cache
    header_bytes  size of the first request for a header
    gap           maximum gap in bytes between two blocks that one request reads through
    """

    def __init__(
        self,
        ranges: Ranges,
        store: HeaderStore,
        cpu: Executor,
        *,
        cache_bytes: int,
        header_bytes: int,
        gap: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._cpu = cpu
        self._errors = ErrorCache(clock)
        self._gdal = GdalReader(ranges)
        self._headers = HeaderReader(ranges, store, cpu, self._gdal, self._errors, header_bytes)
        self._blocks = BlockCache(cache_bytes)
        self._fetcher = RangeFetcher(ranges, self._blocks, cpu, gap)
        self._flights: SingleFlight[BlockKey, BandBlocks] = SingleFlight()
        self.read_metadata = self._headers.read_metadata
        self.read_all_metadata = self._headers.read_all_metadata
        self.cached_metadata = self._headers.cached_metadata

    async def close(self) -> None:
        """Stop the threads; reads in flight end at their timeouts."""
        self._gdal.close()

    async def blocks(
        self,
        url: str,
        metadata: FileMetadata,
        level: int,
        blocks: Collection[BlockIndex],
        tally: UpstreamStats,
        band: int = 1,
        bottom: int | None = None,
        partial_rows: bool = False,
    ) -> Blocks:
        """The decoded blocks of one level and band; see `read`."""
        request = BlockRequest(url, metadata, level, blocks, band, bottom)
        [result] = await self.read([request], tally, partial_rows)
        return result

    async def read(
        self, requests: Sequence[BlockRequest], tally: UpstreamStats, partial_rows: bool = False
    ) -> list[Blocks]:
        """The decoded blocks of each request, all read concurrently.

        With `partial_rows`, only the requested rows are read where possible, and no other blocks are cached. Set it for
        images of many files, if neighbouring pixels are unlikely to be requested. On slow connections every read skips
        rows. If more rows of a block are requested later, reading continues after its first bytes if they are cached.

        Raises a SourceError: AssetChanged if a file was replaced since its metadata was read. Read it again then.
        """
        lookups = [self._blocks.look_up(request) for request in requests]
        for request, (_, missing) in zip(requests, lookups, strict=True):
            if missing:
                self._errors.check(request.url)
        flights = [
            self._start_flights(request, missing, requests, tally, partial_rows)
            for request, (_, missing) in zip(requests, lookups, strict=True)
        ]
        all_flights = tuple({flight for joined in flights for flight in joined})
        fetched = dict(zip(all_flights, await gather_all(flight.join(tally) for flight in all_flights), strict=True))
        for request, (blocks, _), joined in zip(requests, lookups, flights, strict=True):
            for flight in joined:
                # Two flights may deliver different numbers of rows of one block.
                for block, pixels in fetched[flight][request.band].items():
                    if block in request.blocks and len(pixels) > len(blocks.get(block, ())):
                        blocks[block] = pixels
        return [blocks for blocks, _ in lookups]

    def cached_blocks(self, request: BlockRequest) -> Blocks | None:
        """The requested blocks if all of them are cached, else None."""
        cached, missing = self._blocks.look_up(request)
        return None if missing else cached

    def missing_bytes(self, request: BlockRequest) -> int:
        """Number of bytes to fetch for the requested blocks; 0 for a local file, whose reads cost little."""
        if is_local(request.url):
            return 0
        _, missing = self._blocks.look_up(request)
        if request.metadata.plain:
            return sum(request.stored_bytes(block, rows) for block, rows in missing.items())
        return len(missing) * request.metadata.block_bytes(request.level)  # their stored size is unknown

    async def stored_offset(self, url: str, metadata: FileMetadata) -> float | None:
        """The stored estimate of the reflectance offset; None if there is none, NaN if the pixels could not tell."""
        return await self._in_thread(self._store.get_offset, url, metadata.identity)

    async def store_offset(self, url: str, metadata: FileMetadata, offset: float) -> None:
        """Store the estimate of the reflectance offset with this file; NaN if the pixels could not tell."""
        await self._in_thread(self._store.put_offset, url, metadata.identity, offset)

    # Flights

    def _start_flights(
        self,
        request: BlockRequest,
        missing: BlockRows,
        requests: Sequence[BlockRequest],
        tally: UpstreamStats,
        partial_rows: bool,
    ) -> set[Flight[BandBlocks]]:
        """The flights that fetch the missing blocks of a request: flights in progress, and new ones.

        `requests` are all requests of the same read.
        """
        flights = set()
        unclaimed: BlockRows = {}
        for block, rows in missing.items():
            key = request.key(block)
            if (flight := self._flights.get(key, rows)) is not None:
                flights.add(flight)
                tally.requested_bytes += request.stored_bytes(block, rows)
            elif (shorter := self._flights.get(key)) is not None:
                work = self._extend(shorter, request, block, rows, tally, partial_rows)
                flights.add(self._flights.start({key: rows}, work, lambda: True))
            else:
                unclaimed[block] = rows
        if unclaimed and request.metadata.plain:
            for fetch in self._fetcher.plan(request, unclaimed, partial_rows):
                flights.add(self._start_fetch(request, fetch, tally))
        elif unclaimed:
            flights.add(self._start_gdal(request, unclaimed, requests, tally))
        return flights

    def _start_fetch(self, request: BlockRequest, fetch: RangeFetch, tally: UpstreamStats) -> Flight[BandBlocks]:
        """Start the fetch of a plain file's blocks."""
        tally.requested_bytes += fetch.size
        keys = {request.key(block): rows for block, rows in fetch.blocks.items()}
        work = self._recording_errors(request, partial(self._fetch, request, fetch, tally))
        if fetch.decoder is None:
            return self._flights.start(keys, work, lambda: True)
        flight = self._flights.start(keys, work, fetch.decoder.is_progressing)
        fetch.decoder.waiters = partial(_tallies, flight)
        return flight

    async def _extend(
        self,
        shorter: Flight[BandBlocks],
        request: BlockRequest,
        block: BlockIndex,
        rows: int,
        tally: UpstreamStats,
        partial_rows: bool,
    ) -> BandBlocks:
        """Wait for `shorter`, a flight that delivers fewer rows of a block, then fetch the missing rows."""
        key = request.key(block)
        this_flight = self._flights.get(key)
        with suppress(SourceError):
            await shorter.join(tally)
        cached = self._blocks.get(key, rows)
        if cached is not None:
            return {request.band: {block: cached}}
        self._errors.check(request.url)
        blocks: Blocks = {}
        for fetch in self._fetcher.plan(request, {block: rows}, partial_rows):
            tally.requested_bytes += fetch.size
            if fetch.decoder is not None and this_flight is not None:
                fetch.decoder.waiters = partial(_tallies, this_flight)
            fetched = await self._recording_errors(request, partial(self._fetch, request, fetch, tally))
            blocks |= fetched[request.band]
        return {request.band: blocks}

    async def _fetch(self, request: BlockRequest, fetch: RangeFetch, tally: UpstreamStats) -> BandBlocks:
        return {request.band: await self._fetcher.fetch(request, fetch, tally)}

    def _start_gdal(
        self, request: BlockRequest, missing: BlockRows, requests: Sequence[BlockRequest], tally: UpstreamStats
    ) -> Flight[BandBlocks]:
        """Start a read by GDAL of the missing blocks, and of the blocks that are decoded together with them.

        Pixel-interleaved blocks contain all bands, so that the other bands of `requests` are read with them.
        """
        level = request.metadata.levels[request.level]
        companions = level.with_companions(missing) - missing.keys()
        blocks = [*missing, *(block for block in companions if self._is_absent(request, block))]
        band_requests = {request.band: request}
        if request.metadata.pixel_interleaved:
            for other in requests:
                if other.is_same_level(request) and self._needs_all(other, missing):
                    band_requests.setdefault(other.band, other)
        keys = {each.key(block): each.block_height for each in band_requests.values() for block in blocks}
        work = partial(self._read_by_gdal, band_requests, blocks, tally)
        return self._flights.start(keys, self._recording_errors(request, work), lambda: True)

    def _needs_all(self, request: BlockRequest, blocks: Collection[BlockIndex]) -> bool:
        """Whether a request is for all of these blocks, and none of them is cached or being fetched."""
        return set(blocks) <= set(request.blocks) and all(self._is_absent(request, block) for block in blocks)

    def _is_absent(self, request: BlockRequest, block: BlockIndex) -> bool:
        """Whether a block is neither cached nor being fetched."""
        key = request.key(block)
        return key not in self._blocks and self._flights.get(key) is None

    async def _read_by_gdal(
        self, band_requests: dict[int, BlockRequest], blocks: Sequence[BlockIndex], tally: UpstreamStats
    ) -> BandBlocks:
        """Read and cache blocks of several bands. `band_requests` are for the same level of a file, one per band."""
        url, metadata, level, *_ = next(iter(band_requests.values()))
        result = await self._gdal.read(url, metadata, level, tuple(band_requests), blocks, tally)
        return {band: self._blocks.put(band_requests[band], decoded) for band, decoded in result.items()}

    async def _recording_errors(self, request: BlockRequest, work: Callable[[], Awaitable[T]]) -> T:
        """Return the result of `work()`. Its error is cached.

        The cached metadata is dropped if the error shows that it does not match the file.
        """
        try:
            return await work()
        except SourceError as error:
            self._errors.remember(request.url, error)
            if isinstance(error, AssetChanged | AssetBroken):
                await self._headers.forget(request.url, request.metadata)
            raise

    async def _in_thread(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._cpu, work, *args)


def _tallies(flight: Flight[BandBlocks]) -> list[UpstreamStats]:
    """The tallies of the requests that wait for a flight."""
    return [waiter for waiter in flight.waiters() if isinstance(waiter, UpstreamStats)]
