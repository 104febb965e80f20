"""The block reader: the one place where pixels enter, and the one cache they stay in.

The unit of reading, keeping and sharing is a decoded block, keyed by (file, level, band, row, column). Wishes for one
block share one fetch; blocks that lie together in the file share one request; headers are read once and kept on disk.
A block is compressed from its first row to its last, so who needs just its upper rows can be spared the others.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any, NamedTuple, TypeVar

from scog.errors import AssetBroken, AssetChanged, SourceError
from scog.flight import Flight, Flights
from scog.net.part import Part, is_local
from scog.net.policy import Tally
from scog.net.ranges import Ranges
from scog.pixels import gdal
from scog.pixels.arriving import Arriving, Blocks
from scog.pixels.cache import ByteCache
from scog.pixels.decode import Block, decode_block, empty_block
from scog.pixels.describer import Describer
from scog.pixels.description import Description
from scog.pixels.fallback import GdalThreads
from scog.pixels.faults import Faults
from scog.pixels.fetch import (
    THRIFTY_GAP,
    BlockIndex,
    Piece,
    Request,
    piece_of,
    plan_requests,
    side_by_side,
    with_others,
)
from scog.pixels.store import HeaderStore
from scog.together import gather_all

BlockKey = tuple[str, int, int, int, int]
"""Identity with URL, level, band, row, column."""
Wanted = dict[BlockIndex, int]
"""Blocks, and how many of their rows."""
T = TypeVar("T")


class Wish(NamedTuple):
    """Blocks of one level and band of a file, at least as far as row `bottom` of the level if given."""

    url: str
    description: Description
    level: int
    wanted: Collection[BlockIndex]
    band: int = 1
    bottom: int | None = None

    @property
    def may_be_thrifty(self) -> bool:
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
        read_deadline: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ranges = ranges
        self._store = store
        self._cpu = cpu
        self._gap = gap
        self._faults = Faults(clock)
        self._gdal = GdalThreads(ranges, read_deadline)
        self._describer = Describer(ranges, store, cpu, self._gdal, self._faults, header_bytes)
        self._blocks: ByteCache[BlockKey, Block] = ByteCache(cache_bytes)
        self._fetching: Flights[tuple[BlockKey, int], Blocks] = Flights()
        self.describe = self._describer.describe
        self.describe_all = self._describer.describe_all
        self.known = self._describer.known

    async def close(self) -> None:
        """Let go of threads; reads under way end at their deadlines."""
        self._gdal.close()

    async def blocks(
        self,
        url: str,
        description: Description,
        level: int,
        wanted: Collection[BlockIndex],
        tally: Tally,
        band: int = 1,
        bottom: int | None = None,
        thrifty: bool = False,
    ) -> Blocks:
        """The wanted blocks of one level and band. The same as `read` for one wish."""
        [found] = await self.read([Wish(url, description, level, wanted, band, bottom)], tally, thrifty)
        return found

    async def read(self, wishes: Sequence[Wish], tally: Tally, thrifty: bool = False) -> list[Blocks]:
        """The blocks of each wish, decoded, all read at once.

        A `thrifty` read brings no more rows than are wished for, where it can, and nothing beside what is wanted: for
        pictures of many files, whose neighbours will hardly be asked for. A block that is wanted again and further
        down is then read as a whole. Raises a SourceError; AssetChanged when a file is no longer the described one
        (describe it again).
        """
        found: list[Blocks] = []
        lacking: list[Wanted] = []
        for wish in wishes:
            here, missing = self._look_up(wish, thrifty)
            if missing:
                self._faults.check(wish.url)
            found.append(here)
            lacking.append(missing)
        flights = [self._fly(wish, missing, tally, thrifty) for wish, missing in zip(wishes, lacking, strict=True)]
        every = tuple({flight for some in flights for flight in some})
        brought = dict(zip(every, await gather_all(flight.join() for flight in every), strict=True))
        for wish, here, some in zip(wishes, found, flights, strict=True):
            for flight in some:
                here |= {block: pixels for block, pixels in brought[flight].items() if block in wish.wanted}
        return found

    def _look_up(self, wish: Wish, thrifty: bool) -> tuple[Blocks, Wanted]:
        """Those blocks that are in memory, and the others, with how many rows to fetch of them."""
        found: Blocks = {}
        missing: Wanted = {}
        whole = wish.description.levels[wish.level].block_shape[0]
        thrifty &= wish.may_be_thrifty
        for block, rows in _rows(wish.description, wish.level, wish.wanted, wish.bottom).items():
            kept = self._blocks.get(_key(wish.url, wish.description, wish.level, wish.band, block))
            if kept is not None and len(kept) >= rows:
                found[block] = kept
            else:
                missing[block] = rows if thrifty and kept is None else whole
        return found, missing

    def _fly(self, wish: Wish, missing: Wanted, tally: Tally, thrifty: bool) -> set[Flight[Blocks]]:
        """The flights that bring the missing blocks: those that others wait for already, and new ones."""
        url, description, level, _, band, _ = wish
        flights = set()
        new: Wanted = {}
        whole = description.levels[level].block_shape[0]
        for block, rows in missing.items():
            key = _key(url, description, level, band, block)
            flight = self._fetching.get((key, whole)) or self._fetching.get((key, rows))
            if flight is not None:
                flights.add(flight)
            else:
                new[block] = rows
        if new:
            for blocks, work in self._plan(url, description, level, band, new, tally, thrifty and wish.may_be_thrifty):
                keys = tuple((_key(url, description, level, band, block), rows) for block, rows in blocks.items())
                flights.add(self._fetching.start(keys, self._remembering(url, description, work)))
        return flights

    def kept(self, wish: Wish) -> Blocks | None:
        """The wished blocks, if all are in memory."""
        found, missing = self._look_up(wish, False)
        return None if missing else found

    def missing_bytes(self, wish: Wish) -> int:
        """Bytes that have to be fetched for the wished blocks; of a local file none, as those cost next to nothing."""
        if is_local(wish.url):
            return 0
        sizes = wish.description.levels[wish.level].sizes
        decoded = wish.description.block_bytes(wish.level)  # where only GDAL knows how many are stored
        _, missing = self._look_up(wish, False)
        return sum(decoded if sizes is None else int(sizes[block]) for block in missing)

    async def kept_offset(self, url: str, description: Description) -> float | None:
        """The reflectance offset that an earlier look at this file told."""
        return await self._in_thread(self._store.get_offset, url, description.identity)

    async def keep_offset(self, url: str, description: Description, offset: float) -> None:
        """Keep what a look at this file told of its offset."""
        await self._in_thread(self._store.put_offset, url, description.identity, offset)

    # Fetching

    def _plan(
        self, url: str, description: Description, level: int, band: int, missing: Wanted, tally: Tally, thrifty: bool
    ) -> Iterable[tuple[Wanted, Callable[[], Awaitable[Blocks]]]]:
        """Which blocks to bring by which work, one flight each."""
        if not description.plain:
            yield missing, partial(self._fetch_by_gdal, url, description, level, band, list(missing), tally)
            return
        where = description.levels[level]
        assert where.offsets is not None
        assert where.sizes is not None
        whole = where.block_shape[0]
        unwritten = {block: whole for block in missing if not where.sizes[block]}
        if unwritten:
            yield unwritten, partial(self._make_empty, url, description, level, list(unwritten))
        filled = _rows(description, level, missing, None)  # the lowest blocks hang over the level's end
        pieces = (
            piece_of(block, int(where.offsets[block]), int(where.sizes[block]), rows, filled[block])
            for block, rows in missing.items()
            if where.sizes[block]
        )
        for request in plan_requests(pieces, min(self._gap, THRIFTY_GAP) if thrifty else self._gap):
            if request.gap and not thrifty:  # what is read through on the way is kept too
                request = with_others(request, where.offsets, where.sizes)
            for part in side_by_side(request):
                blocks = {piece.block: missing.get(piece.block, whole) for piece in part.pieces}
                yield blocks, partial(self._fetch, url, description, level, part, tally)

    async def _fetch(self, url: str, description: Description, level: int, request: Request, tally: Tally) -> Blocks:
        keep = partial(self._keep, url, description, level, 1)
        arriving = Arriving(self._cpu, description, level, request, keep)
        try:
            data = await self._bytes(url, description, request.start, request.stop, tally, arriving.take)
        except BaseException:
            await arriving.stop()
            raise
        found = await arriving.rest(data)
        for piece in request.pieces:
            if piece.rows is not None and len(found[piece.block]) < piece.rows:
                start = data[piece.start - request.start : piece.stop - request.start]
                found |= await self._fetch_rest(url, description, level, piece, start, tally)
        return found

    async def _fetch_rest(
        self, url: str, description: Description, level: int, piece: Piece, start: memoryview, tally: Tally
    ) -> Blocks:
        """All of a block whose first bytes held fewer rows than was thought."""
        rest = await self._bytes(url, description, piece.stop, piece.end, tally)

        def decoded() -> Blocks:
            block = decode_block(b"".join((start, rest)), description, level)
            return self._keep(url, description, level, 1, {piece.block: block})

        return await self._in_thread(decoded)

    async def _bytes(
        self,
        url: str,
        description: Description,
        start: int,
        stop: int,
        tally: Tally,
        hear: Callable[[Part], None] | None = None,
    ) -> memoryview:
        """Bytes of the described file. Raises AssetChanged where it is another one by now."""
        part = await self._ranges.read(url, start, stop, tally, hear)
        if part.etag != description.identity:
            raise AssetChanged("The file was replaced since it was described.", reason="changed")
        if len(part.data) != stop - start:
            raise AssetBroken("The file ends before its blocks do.", reason="cut-off")
        return memoryview(part.data)

    async def _fetch_by_gdal(
        self, url: str, description: Description, level: int, band: int, blocks: list[BlockIndex], tally: Tally
    ) -> Blocks:
        work = partial(gdal.read_blocks, description=description, level=level, blocks=blocks, band=band)
        found = await self._gdal.run(url, tally, work)
        return self._keep(url, description, level, band, found)

    async def _make_empty(self, url: str, description: Description, level: int, blocks: list[BlockIndex]) -> Blocks:
        return self._keep(url, description, level, 1, dict.fromkeys(blocks, empty_block(description, level)))

    def _keep(self, url: str, description: Description, level: int, band: int, found: Blocks) -> Blocks:
        for block, pixels in found.items():
            key = _key(url, description, level, band, block)
            kept = self._blocks.get(key)
            if kept is None or len(kept) <= len(pixels):
                self._blocks.put(key, pixels, pixels.nbytes)
        return found

    async def _remembering(self, url: str, used: Description, work: Callable[[], Awaitable[T]]) -> T:
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


def _rows(description: Description, level: int, wanted: Iterable[BlockIndex], bottom: int | None) -> Wanted:
    """How many rows of each block lie above row `bottom` of the level, or above its end."""
    where = description.levels[level]
    height, end = where.block_shape[0], where.grid.height
    end = end if bottom is None else min(bottom, end)
    return {block: min(height, end - block[0] * height) for block in wanted}


def _key(url: str, description: Description, level: int, band: int, block: BlockIndex) -> BlockKey:
    return (f"{url}#{description.identity}", level, band, *block)
