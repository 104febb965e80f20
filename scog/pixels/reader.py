"""The block reader: the one place where pixels enter, and the one cache they stay in.

The unit of reading, keeping and sharing is a decoded block, keyed by (file, level, band, row, column). Wishes for one
block share one fetch; blocks that lie together in the file share one request; headers are read once and kept on disk.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from scog.errors import AssetBroken, AssetChanged, AssetMissing, AssetRefused, SourceError, SourceUnavailable
from scog.flight import Flights
from scog.net.policy import Tally
from scog.net.ranges import Part, Ranges
from scog.pixels import gdal
from scog.pixels.cache import ByteCache
from scog.pixels.decode import Block, decode_block, empty_block
from scog.pixels.description import Description, describe
from scog.pixels.directories import Directories, NotTiff, walk
from scog.pixels.fetch import BlockIndex, Piece, Request, plan_requests, with_others
from scog.pixels.store import HeaderStore

MAX_HEADER = 4_000_000
"""Largest header read to describe a file, in bytes; beyond it GDAL looks for the directories."""
DECODED_AT_ONCE = 1_000_000
"""Bytes of decoded blocks that one thread makes before it reports back: one block of 1024 or two of 512."""
DESCRIPTIONS_BYTES = 64 * 2**20
LASTING_FAULT = 60.0
"""Seconds that a missing or refused file is remembered."""
PASSING_FAULT = 5.0
FALLBACK_THREADS = 8

BlockKey = tuple[str, int, int, int, int]
"""Identity with URL, level, band, row, column."""
Blocks = dict[BlockIndex, Block]
T = TypeVar("T")


class BlockReader:
    """Describes files and brings their blocks. Made and used within one event loop."""

    def __init__(
        self,
        ranges: Ranges,
        store: HeaderStore,
        cpu: Executor,
        *,
        cache_bytes: int,
        header_bytes: int,
        gap: int,
        read_deadline: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ranges = ranges
        self._store = store
        self._cpu = cpu
        self._header_bytes = header_bytes
        self._gap = gap
        self._read_deadline = read_deadline
        self._clock = clock
        self._descriptions: ByteCache[str, Description] = ByteCache(DESCRIPTIONS_BYTES)
        self._blocks: ByteCache[BlockKey, Block] = ByteCache(cache_bytes)
        self._describing: Flights[str, Description] = Flights()
        self._fetching: Flights[BlockKey, Blocks] = Flights()
        self._faults: dict[str, tuple[float, SourceError]] = {}
        self._closed = False
        # GDAL's threads wait for the event loop to fetch; the computing threads must not.
        self._gdal_threads = ThreadPoolExecutor(FALLBACK_THREADS, thread_name_prefix="scog-gdal")

    async def close(self) -> None:
        """Let go of threads; reads under way end at their deadlines."""
        self._closed = True
        self._gdal_threads.shutdown(wait=False, cancel_futures=True)

    async def describe(self, url: str, tally: Tally) -> Description:
        """What the file at `url` says of itself. Raises a SourceError, a remembered one for a while."""
        found = self._descriptions.get(url)
        if found is not None:
            return found
        self._raise_remembered(url)
        return await self._describing.join(
            url, lambda: self._remembering(url, None, partial(self._describe, url, tally))
        )

    async def blocks(
        self,
        url: str,
        description: Description,
        level: int,
        wanted: Collection[BlockIndex],
        tally: Tally,
        band: int = 1,
    ) -> Blocks:
        """The wanted blocks of one level and band, decoded.

        Raises a SourceError; AssetChanged when the file is no longer the described one (describe it again).
        """
        found: Blocks = {}
        flights = set()
        missing: list[BlockIndex] = []
        for block in wanted:
            key = _key(url, description, level, band, block)
            kept = self._blocks.get(key)
            if kept is not None:
                found[block] = kept
            elif (flight := self._fetching.get(key)) is not None:
                flights.add(flight)
            else:
                missing.append(block)
        if missing:
            self._raise_remembered(url)
            for blocks, work in self._plan(url, description, level, band, missing, tally):
                keys = tuple(_key(url, description, level, band, block) for block in blocks)
                flights.add(self._fetching.start(keys, self._remembering(url, description, work)))
        for brought in await gather_all(flight.join() for flight in flights):
            found |= {block: brought[block] for block in brought if block in wanted}
        return found

    def known(self, url: str) -> Description | None:
        """The description of a file, if it is in memory."""
        return self._descriptions.get(url)

    def kept(
        self, url: str, description: Description, level: int, wanted: Iterable[BlockIndex], band: int = 1
    ) -> Blocks | None:
        """The wanted blocks, if all are in memory."""
        found: Blocks = {}
        for block in wanted:
            kept = self._blocks.get(_key(url, description, level, band, block))
            if kept is None:
                return None
            found[block] = kept
        return found

    def has(self, url: str, description: Description, level: int, wanted: Iterable[BlockIndex], band: int = 1) -> bool:
        """Whether the wanted blocks are all kept in memory."""
        return all(_key(url, description, level, band, block) in self._blocks for block in wanted)

    async def kept_offset(self, url: str, description: Description) -> float | None:
        """The reflectance offset that an earlier look at this file told."""
        return await self._in_thread(self._store.get_offset, url, description.identity)

    async def keep_offset(self, url: str, description: Description, offset: float) -> None:
        """Keep what a look at this file told of its offset."""
        await self._in_thread(self._store.put_offset, url, description.identity, offset)

    # Describing

    async def _describe(self, url: str, tally: Tally) -> Description:
        if self._store.keeps:
            kept = await self._in_thread(self._restored, url)
            if kept is not None:
                return self._described(url, kept)
        size: int | None = self._header_bytes
        while size is not None:
            part = await self._ranges.read(url, 0, size, tally)
            told = await self._in_thread(self._told, url, part)
            if isinstance(told, Description):
                return self._described(url, told)
            size = max(told, 4 * size) if told <= MAX_HEADER else None
        return self._described(url, await self._describe_scattered(url, tally))

    def _restored(self, url: str) -> Description | None:
        """What the header kept on disk tells, if one is."""
        kept = self._store.get(url)
        if kept is None:
            return None
        identity, header = kept
        try:
            directories = _walked(header)
            if directories.needed > len(header):
                raise AssetBroken("The header lacks some of its directories.", reason="cut-off")
            return describe(header, directories, identity, local=_is_local(url))
        except (SourceError, TypeError):  # the disk's fault, or an older scog's
            self._store.drop(url)
            return None

    def _told(self, url: str, part: Part) -> Description | int:
        """What a file's first bytes tell, or how many it takes to hold all of its directories."""
        directories = _walked(part.data)
        needed = directories.needed
        if needed > len(part.data):
            if len(part.data) >= part.size:
                raise AssetBroken("The file ends before its directories do.", reason="cut-off")
            return needed
        header = bytes(part.data[:needed])
        description = describe(header, directories, part.etag, local=_is_local(url))
        if description.stop > part.size:
            raise AssetBroken("The file ends before its blocks do.", reason="cut-off")
        self._store.put(url, part.etag, header)
        return description

    def _described(self, url: str, description: Description) -> Description:
        blocks = sum(level.sizes.size for level in description.levels if level.sizes is not None)
        self._descriptions.put(url, description, 2000 + 16 * blocks)
        return description

    async def _describe_scattered(self, url: str, tally: Tally) -> Description:
        return await self._by_gdal(url, tally, partial(gdal.describe_scattered, local=_is_local(url)))

    # Fetching

    def _plan(
        self, url: str, description: Description, level: int, band: int, missing: list[BlockIndex], tally: Tally
    ) -> Iterable[tuple[list[BlockIndex], Callable[[], Awaitable[Blocks]]]]:
        """Which blocks to bring by which work, one flight each."""
        if not description.plain:
            yield missing, partial(self._fetch_by_gdal, url, description, level, band, missing, tally)
            return
        where = description.levels[level]
        assert where.offsets is not None
        assert where.sizes is not None
        unwritten = [block for block in missing if not where.sizes[block]]
        if unwritten:
            yield unwritten, partial(self._make_empty, url, description, level, unwritten)
        pieces = (
            Piece(block, int(where.offsets[block]), int(where.offsets[block] + where.sizes[block]))
            for block in missing
            if where.sizes[block]
        )
        for request in plan_requests(pieces, self._gap):
            if request.gap:  # what is read through on the way is kept too
                request = with_others(request, where.offsets, where.sizes)
            yield (
                [piece.block for piece in request.pieces],
                partial(self._fetch, url, description, level, request, tally),
            )

    async def _fetch(self, url: str, description: Description, level: int, request: Request, tally: Tally) -> Blocks:
        part = await self._ranges.read(url, request.start, request.stop, tally)
        if part.etag != description.identity:
            raise AssetChanged("The file was replaced since it was described.", reason="changed")
        if len(part.data) != request.stop - request.start:
            raise AssetBroken("The file ends before its blocks do.", reason="cut-off")

        data = memoryview(part.data)

        def decoded(pieces: Sequence[Piece]) -> Blocks:
            stored = ((piece.block, data[piece.start - part.start : piece.stop - part.start]) for piece in pieces)
            found = {block: decode_block(bytes_, description, level) for block, bytes_ in stored}
            return self._keep(url, description, level, 1, found)

        # A job each for large blocks; small ones would take longer to hand over than to decode.
        at_once = max(1, DECODED_AT_ONCE // description.block_bytes(level))
        jobs = (request.pieces[at : at + at_once] for at in range(0, len(request.pieces), at_once))
        found: Blocks = {}
        for blocks in await gather_all(self._in_thread(decoded, pieces) for pieces in jobs):
            found |= blocks
        return found

    async def _fetch_by_gdal(
        self, url: str, description: Description, level: int, band: int, blocks: list[BlockIndex], tally: Tally
    ) -> Blocks:
        work = partial(gdal.read_blocks, description=description, level=level, blocks=blocks, band=band)
        found = await self._by_gdal(url, tally, work)
        return self._keep(url, description, level, band, found)

    async def _make_empty(self, url: str, description: Description, level: int, blocks: list[BlockIndex]) -> Blocks:
        return self._keep(url, description, level, 1, dict.fromkeys(blocks, empty_block(description, level)))

    def _keep(self, url: str, description: Description, level: int, band: int, found: Blocks) -> Blocks:
        for block, pixels in found.items():
            self._blocks.put(_key(url, description, level, band, block), pixels, pixels.nbytes)
        return found

    # Faults

    async def _remembering(self, url: str, used: Description | None, work: Callable[[], Awaitable[T]]) -> T:
        """Do the work; a fault is remembered, so that a broken file is not asked for by every tile.

        The description `used` is forgotten where it may be the cause: the file is not as it says.
        """
        try:
            return await work()
        except SourceError as fault:
            if not isinstance(fault, AssetChanged):
                self._remember(url, fault)
            if used is not None and isinstance(fault, AssetChanged | AssetBroken):
                await self._forget(url, used)
            raise

    def _remember(self, url: str, fault: SourceError) -> None:
        lasting = isinstance(fault, AssetMissing | AssetRefused | AssetBroken)
        self._faults[url] = (self._clock() + (LASTING_FAULT if lasting else PASSING_FAULT), fault)
        if len(self._faults) > 10_000:
            now = self._clock()
            self._faults = {kept: fault for kept, fault in self._faults.items() if fault[0] > now}

    def _raise_remembered(self, url: str) -> None:
        known = self._faults.get(url)
        if known is None:
            return
        until, fault = known
        if self._clock() < until:
            raise type(fault)(str(fault), reason=fault.reason)
        del self._faults[url]

    async def _forget(self, url: str, used: Description) -> None:
        """Let go of what is known of a file that was replaced; its old blocks are never asked for again."""
        known = self._descriptions.get(url)
        if known is None or known.identity == used.identity:  # else somebody has described the new one already
            self._descriptions.drop(url)
            await self._in_thread(self._store.drop, url)

    # Threads

    async def _in_thread(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._cpu, work, *args)

    async def _by_gdal(self, url: str, tally: Tally, work: Callable[[Callable[[int, int], Part]], T]) -> T:
        """Work in a thread of GDAL's, given a function that reads: it waits until the event loop has brought the bytes.

        When nobody waits for the work any more it reads no further, and soon ends.
        """
        loop = asyncio.get_running_loop()
        under_way: set[Future[Part]] = set()
        stopped = False

        def read(start: int, stop: int) -> Part:
            if stopped or self._closed:
                raise SourceUnavailable("The work was stopped.", reason="stopped")
            future = asyncio.run_coroutine_threadsafe(self._ranges.read(url, start, stop, tally), loop)
            under_way.add(future)
            try:
                return future.result(2 * self._read_deadline)
            except TimeoutError:
                future.cancel()
                raise SourceUnavailable("The file was not read in time.", reason="timeout") from None
            except CancelledError:
                raise SourceUnavailable("The work was stopped.", reason="stopped") from None
            finally:
                under_way.discard(future)

        try:
            return await loop.run_in_executor(self._gdal_threads, work, read)
        except asyncio.CancelledError:
            stopped = True
            for future in tuple(under_way):
                future.cancel()
            raise


async def gather_all(work: Iterable[Any]) -> list[Any]:
    """Await all at once. The first error is raised after all have ended or were cancelled."""
    tasks = [asyncio.ensure_future(each) for each in work]
    if not tasks:
        return []
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def _walked(header: bytes) -> Directories:
    try:
        return walk(header)
    except NotTiff as fault:
        raise AssetBroken(f"The file is not a TIFF: {fault}.", reason="not-a-tiff") from None


def _is_local(url: str) -> bool:
    return url.startswith("file:")


def _key(url: str, description: Description, level: int, band: int, block: BlockIndex) -> BlockKey:
    return (f"{url}#{description.identity}", level, band, *block)
