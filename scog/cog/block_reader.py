"""The block reader: the one place where pixels enter, and the one cache they stay in.

The unit of reading, keeping and sharing is a decoded block, keyed by (file, level, band, row, column). Wishes for one
block share one fetch; blocks that lie together in the file share one request; headers are read once and kept on disk.
A block is compressed from its first row to its last, so who needs just its upper rows can be spared the others.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from concurrent.futures import Executor
from contextlib import nullcontext, suppress
from functools import partial
from typing import Any, NamedTuple, TypeVar

from scog.cog import gdal
from scog.cog.decode import Block, decode_block, empty_block
from scog.cog.error_cache import ErrorCache
from scog.cog.gdal_threads import GdalThreads
from scog.cog.header_reader import HeaderReader
from scog.cog.header_store import HeaderStore
from scog.cog.metadata import FileMetadata
from scog.cog.range_plan import (
    BlockIndex,
    BlockRange,
    Request,
    piece_of,
    plan_requests,
    request_sizes,
    side_by_side,
    with_others,
)
from scog.cog.streaming_decode import Arriving, Blocks, stored_bytes
from scog.errors import AssetBroken, AssetChanged, SourceError
from scog.net.admission import Waiters
from scog.net.byte_range import is_local
from scog.net.policy import UpstreamStats
from scog.net.range_read import OnData
from scog.net.ranges import Ranges
from scog.runtime.byte_cache import ByteCache
from scog.runtime.singleflight import Flight, SingleFlight
from scog.runtime.tasks import gather_all

BlockKey = tuple[str, int, int, int, int]
"""Identity with URL, level, band, row, column."""
BEGUN = 16
"""Of the cache's bytes one in so many is for blocks that are there in part, as stored."""
MAX_DISCARDED = 250_000
"""Stored bytes of a partly read block that may be discarded, if they arrive again within a round trip."""
Wanted = dict[BlockIndex, int]
"""Blocks, and how many of their rows."""
T = TypeVar("T")


class BlockRequest(NamedTuple):
    """Blocks of one level and band of a file, at least as far as row `bottom` of the level if given."""

    url: str
    description: FileMetadata
    level: int
    wanted: Collection[BlockIndex]
    band: int = 1
    bottom: int | None = None

    def bytes_of(self, block: BlockIndex, rows: int) -> int:
        """About how many bytes the first rows of a block take; 0 where only GDAL knows."""
        level = self.description.levels[self.level]
        return 0 if level.sizes is None else int(level.sizes[block]) * rows // level.block_shape[0]

    @property
    def may_be_parted(self) -> bool:
        """Whether its blocks may be read in part; a disk's bytes cost little, and are checked as a whole."""
        return self.description.plain and not is_local(self.url)


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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ranges = ranges
        self._store = store
        self._cpu = cpu
        self._gap = gap
        self._faults = ErrorCache(clock)
        self._gdal = GdalThreads(ranges)
        self._large = asyncio.Lock()
        """Held while GDAL decodes blocks so large that their memory is counted once."""
        self._describer = HeaderReader(ranges, store, cpu, self._gdal, self._faults, header_bytes)
        self._begun: ByteCache[BlockKey, bytes] = ByteCache(cache_bytes // BEGUN)
        self._blocks: ByteCache[BlockKey, Block] = ByteCache(cache_bytes - self._begun.capacity)
        self._fetching: SingleFlight[BlockKey, Blocks] = SingleFlight()
        self.describe = self._describer.describe
        self.describe_all = self._describer.describe_all
        self.known = self._describer.known

    async def close(self) -> None:
        """Let go of threads; reads under way end at their deadlines."""
        self._gdal.close()

    async def blocks(
        self,
        url: str,
        description: FileMetadata,
        level: int,
        wanted: Collection[BlockIndex],
        tally: UpstreamStats,
        band: int = 1,
        bottom: int | None = None,
        partial_rows: bool = False,
    ) -> Blocks:
        """The wanted blocks of one level and band. The same as `read` for one wish."""
        [found] = await self.read([BlockRequest(url, description, level, wanted, band, bottom)], tally, partial_rows)
        return found

    async def read(
        self, wishes: Sequence[BlockRequest], tally: UpstreamStats, partial_rows: bool = False
    ) -> list[Blocks]:
        """The blocks of each wish, decoded, all read at once.

        A `partial_rows` read brings no more rows than are wished for, where it can, and nothing beside what is
        wanted: for
        images of many files, whose neighbours will hardly be asked for. Where bytes are dear any read does. A block
        that is wanted again and further down is gone on with where its first bytes are still there. Raises a
        SourceError; AssetChanged when a file is no longer the described one (describe it again).
        """
        found: list[Blocks] = []
        lacking: list[Wanted] = []
        for wish in wishes:
            here, missing = self._look_up(wish)
            if missing:
                self._faults.check(wish.url)
            found.append(here)
            lacking.append(missing)
        flights = [self._fly(wish, missing, tally, partial_rows) for wish, missing in zip(wishes, lacking, strict=True)]
        every = tuple({flight for some in flights for flight in some})
        brought = dict(zip(every, await gather_all(flight.join(tally) for flight in every), strict=True))
        for wish, here, some in zip(wishes, found, flights, strict=True):
            for flight in some:  # of two that bring rows of one block the more count
                for block, pixels in brought[flight].items():
                    if block in wish.wanted and len(pixels) > len(here.get(block, ())):
                        here[block] = pixels
        return found

    def _look_up(self, wish: BlockRequest) -> tuple[Blocks, Wanted]:
        """Those blocks that are in memory, and the others, with how many rows to fetch of them."""
        found: Blocks = {}
        missing: Wanted = {}
        whole = wish.description.levels[wish.level].block_shape[0]
        for block, rows in _rows(wish.description, wish.level, wish.wanted, wish.bottom).items():
            key = _key(wish.url, wish.description, wish.level, wish.band, block)
            kept = self._blocks.get(key)
            if kept is not None and len(kept) >= rows:
                found[block] = kept
            elif wish.may_be_parted and (kept is None or key in self._begun):
                missing[block] = rows
            else:
                missing[block] = whole
        return found, missing

    def _fly(
        self, wish: BlockRequest, missing: Wanted, tally: UpstreamStats, partial_rows: bool
    ) -> set[Flight[Blocks]]:
        """The flights that bring the missing blocks: those that others wait for already, and new ones."""
        flights = set()
        new: Wanted = {}
        for block, rows in missing.items():
            key = _key(wish.url, wish.description, wish.level, wish.band, block)
            flight = self._fetching.get(key, rows)
            if flight is not None:
                flights.add(flight)
                tally.asked += wish.bytes_of(block, rows)
            elif (shorter := self._fetching.get(key)) is not None:  # what it brings is gone on with
                more = self._go_on(shorter, wish, {block: rows}, tally, partial_rows)
                flights.add(self._fetching.start({key: rows}, more, lambda: True))
            else:
                new[block] = rows
        for blocks, work, arriving in self._plan(wish, new, tally, partial_rows) if new else ():
            keys = {
                _key(wish.url, wish.description, wish.level, wish.band, block): rows for block, rows in blocks.items()
            }
            fetching = self._remembering(wish.url, wish.description, work)
            flight = self._fetching.start(keys, fetching, arriving.flows if arriving is not None else lambda: True)
            if arriving is not None:
                arriving.riders = partial(_tallies, flight)
            flights.add(flight)
        return flights

    async def _go_on(
        self, shorter: Flight[Blocks], wish: BlockRequest, missing: Wanted, tally: UpstreamStats, partial_rows: bool
    ) -> Blocks:
        """Bring more rows of a block than those that are on their way."""
        [(block, rows)] = missing.items()
        key = _key(wish.url, wish.description, wish.level, wish.band, block)
        this = self._fetching.get(key)
        with suppress(SourceError):
            await shorter.join(tally)
        found = self._blocks.get(key)
        if found is not None and len(found) >= rows:
            return {block: found}
        self._faults.check(wish.url)
        blocks: Blocks = {}
        for _, work, arriving in self._plan(wish, missing, tally, partial_rows):
            if arriving is not None and this is not None:
                arriving.riders = partial(_tallies, this)
            blocks |= await self._remembering(wish.url, wish.description, work)
        return blocks

    def kept(self, wish: BlockRequest) -> Blocks | None:
        """The wished blocks, if all are in memory."""
        found, missing = self._look_up(wish)
        return None if missing else found

    def missing_bytes(self, wish: BlockRequest) -> int:
        """Bytes that have to be fetched for the wished blocks; of a local file none, as those cost next to nothing."""
        if is_local(wish.url):
            return 0
        decoded = wish.description.block_bytes(wish.level)  # where only GDAL knows how many are stored
        _, missing = self._look_up(wish)
        return sum(wish.bytes_of(block, rows) if wish.description.plain else decoded for block, rows in missing.items())

    async def kept_offset(self, url: str, description: FileMetadata) -> float | None:
        """The reflectance offset that an earlier look at this file told."""
        return await self._in_thread(self._store.get_offset, url, description.identity)

    async def keep_offset(self, url: str, description: FileMetadata, offset: float) -> None:
        """Keep what a look at this file told of its offset."""
        await self._in_thread(self._store.put_offset, url, description.identity, offset)

    # Fetching

    def _plan(
        self, wish: BlockRequest, missing: Wanted, tally: UpstreamStats, partial_rows: bool
    ) -> Iterable[tuple[Wanted, Callable[[], Awaitable[Blocks]], Arriving | None]]:
        """Which blocks to bring by which work, one flight each, and what shows how far a request has got."""
        url, description, level, _, band, _ = wish
        if not description.plain:
            missing = self._with_companions(wish, missing)
            work = partial(self._fetch_by_gdal, url, description, level, band, list(missing), tally)
            yield missing, work, None
            return
        where = description.levels[level]
        assert where.offsets is not None
        assert where.sizes is not None
        whole = where.block_shape[0]
        unwritten = {block: whole for block in missing if not where.sizes[block]}
        if unwritten:
            yield unwritten, partial(self._make_empty, url, description, level, list(unwritten)), None
        filled = _rows(description, level, missing, None)  # the lowest blocks hang over the level's end
        line = self._ranges.concurrency(url)
        sizes = request_sizes(math.inf if line is None else line.round_trip_bytes, self._gap, partial_rows=partial_rows)
        pieces = (
            piece_of(
                block, int(where.offsets[block]), int(where.sizes[block]), rows, filled[block], sizes.least_saving,
                self._begun.get(_key(url, description, level, band, block)) or b"",
            )
            for block, rows in missing.items()
            if where.sizes[block]
        )  # fmt: skip
        for request in plan_requests(pieces, sizes.gap, sizes.longest):
            if request.gap and not partial_rows:  # what is read through on the way is kept too
                request = with_others(request, where.offsets, where.sizes)
            for part in side_by_side(request, sizes.halved):
                blocks = {piece.block: whole if piece.rows is None else piece.rows for piece in part.pieces}
                arriving = self._arriving(wish, part)
                tally.asked += part.stop - part.start
                work = partial(self._fetch, wish, part, arriving, tally)
                yield blocks, work, arriving

    def _with_companions(self, wish: BlockRequest, missing: Wanted) -> Wanted:
        """The missing blocks, and those that are read together with them, unless they are there or on their way."""
        url, description, level, _, band, _ = wish
        others = description.levels[level].with_companions(missing) - missing.keys()
        keys = {block: _key(url, description, level, band, block) for block in others}
        whole = description.levels[level].block_shape[0]
        lacking = (block for block, key in keys.items() if key not in self._blocks and self._fetching.get(key) is None)
        return missing | dict.fromkeys(lacking, whole)

    async def _fetch(self, wish: BlockRequest, request: Request, arriving: Arriving, tally: UpstreamStats) -> Blocks:
        """The blocks of one request; where one does not decode, all are read once more."""
        try:
            return await self._fetch_once(wish, request, arriving, tally)
        except AssetBroken as fault:
            if fault.reason != "broken-block":
                raise
        for piece in request.pieces:
            self._begun.drop(_key(wish.url, wish.description, wish.level, wish.band, piece.block))
        request = request.afresh()
        again = self._arriving(wish, request)
        again.riders = arriving.riders
        return await self._fetch_once(wish, request, again, tally)

    async def _fetch_once(
        self, wish: BlockRequest, request: Request, arriving: Arriving, tally: UpstreamStats
    ) -> Blocks:
        url, description, level, _, band, _ = wish
        try:
            data = await self._bytes(
                url, description, request.start, request.stop, tally, arriving.riders, arriving.take
            )
        except BaseException:
            for block, begun in arriving.left_over():
                self._begun.put(_key(url, description, level, band, block), begun, len(begun))
            raise
        found = await arriving.rest(data)
        for piece in request.pieces:
            if piece.rows is not None:
                stored = stored_bytes(piece, data, request.start)
                lacking = len(found[piece.block]) < piece.rows
                if lacking or self._is_worth_caching(url, len(stored)):
                    self._begun.put(_key(url, description, level, band, piece.block), bytes(stored), len(stored))
                if lacking:
                    found |= await self._fetch_rest(wish, piece, stored, tally, arriving.riders)
        return found

    def _arriving(self, wish: BlockRequest, request: Request) -> Arriving:
        url, description, level, _, band, _ = wish
        return Arriving(self._cpu, description, level, request, partial(self._keep, url, description, level, band))

    async def _fetch_rest(
        self,
        wish: BlockRequest,
        piece: BlockRange,
        start: bytes | memoryview,
        tally: UpstreamStats,
        riders: Waiters | None,
    ) -> Blocks:
        """All of a block whose first bytes held fewer rows than was thought."""
        url, description, level, _, band, _ = wish
        rest = await self._bytes(url, description, piece.stop, piece.end, tally, riders)

        def decoded() -> Blocks:
            block = decode_block(b"".join((start, rest)), description, level)
            return self._keep(url, description, level, band, {piece.block: block})

        return await self._in_thread(decoded)

    def _is_worth_caching(self, url: str, size: int) -> bool:
        """Whether the first bytes of a block are so many that the block is continued rather than read again."""
        line = self._ranges.concurrency(url)
        return line is not None and size > min(line.round_trip_bytes, MAX_DISCARDED)

    async def _bytes(
        self,
        url: str,
        description: FileMetadata,
        start: int,
        stop: int,
        tally: UpstreamStats,
        riders: Waiters | None,
        hear: OnData | None = None,
    ) -> memoryview:
        """Bytes of the described file. Raises AssetChanged where it is another one by now."""
        part = await self._ranges.read(url, start, stop, tally, hear, riders, split=True)
        if part.etag != description.identity:
            raise AssetChanged("The file was replaced since it was described.", reason="changed")
        if len(part.data) != stop - start:
            raise AssetBroken("The file ends before its blocks do.", reason="cut-off")
        return memoryview(part.data)

    async def _fetch_by_gdal(
        self, url: str, description: FileMetadata, level: int, band: int, blocks: list[BlockIndex], tally: UpstreamStats
    ) -> Blocks:
        work = partial(gdal.read_blocks, description=description, level=level, blocks=blocks, band=band)
        urls = (url,) if description.mask_file is None else (url, description.mask_file)
        large = description.levels[level].working_bytes > 0
        async with self._large if large else nullcontext():
            found = await self._gdal.run(urls, tally, work)
        return self._keep(url, description, level, band, found)

    async def _make_empty(self, url: str, description: FileMetadata, level: int, blocks: list[BlockIndex]) -> Blocks:
        return self._keep(url, description, level, 1, dict.fromkeys(blocks, empty_block(description, level)))

    def _keep(self, url: str, description: FileMetadata, level: int, band: int, found: Blocks) -> Blocks:
        for block, pixels in found.items():
            key = _key(url, description, level, band, block)
            kept = self._blocks.get(key)
            if kept is None or len(kept) <= len(pixels):
                self._blocks.put(key, pixels, pixels.nbytes)
            if len(self._begun) and len(pixels) == description.levels[level].block_shape[0]:
                self._begun.drop(key)
        return found

    async def _remembering(self, url: str, used: FileMetadata, work: Callable[[], Awaitable[T]]) -> T:
        """Do the work; a fault is remembered.

        The description `used` is forgotten where it may be the cause: the file is not as it says.
        """
        try:
            return await work()
        except SourceError as fault:
            self._faults.remember(url, fault)
            if isinstance(fault, AssetChanged | AssetBroken):
                await self._describer.forget(url, used)
            raise

    async def _in_thread(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._cpu, work, *args)


def _rows(description: FileMetadata, level: int, wanted: Iterable[BlockIndex], bottom: int | None) -> Wanted:
    """How many rows of each block lie above row `bottom` of the level, or above its end."""
    where = description.levels[level]
    height, end = where.block_shape[0], where.grid.height
    end = end if bottom is None else min(bottom, end)
    return {block: min(height, end - block[0] * height) for block in wanted}


def _tallies(flight: Flight[Blocks]) -> list[UpstreamStats]:
    """Of those who wait for a flight."""
    return [rider for rider in flight.waiters() if isinstance(rider, UpstreamStats)]


def _key(url: str, description: FileMetadata, level: int, band: int, block: BlockIndex) -> BlockKey:
    return (f"{url}#{description.identity}", level, band, *block)
