"""Fetches blocks of plain files: plans range requests, and decodes the blocks as their bytes arrive."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from functools import partial
from typing import NamedTuple, TypeVar

from scog.cog.block_cache import BlockCache
from scog.cog.block_request import BlockRequest, BlockRows
from scog.cog.decode import Blocks, decode_block, empty_block
from scog.cog.range_plan import (
    BlockRange,
    RangeRequest,
    plan_requests,
    range_of_block,
    request_sizes,
    split_if_large,
    with_extra_blocks,
)
from scog.cog.streaming_decode import StreamingDecoder, stored_bytes
from scog.errors import AssetBroken, AssetChanged
from scog.net.admission import Waiters
from scog.net.policy import UpstreamStats
from scog.net.range_read import OnData
from scog.net.ranges import Ranges

MAX_DISCARDED = 250_000
"""Maximum stored bytes of a partly read block that are discarded, if reading them again takes at most a round trip."""
T = TypeVar("T")


class RangeFetch(NamedTuple):
    """Blocks that one range request reads. Blocks that were never written have no request and no decoder."""

    blocks: BlockRows
    request: RangeRequest | None
    decoder: StreamingDecoder | None

    @property
    def size(self) -> int:
        """Bytes to read."""
        return 0 if self.request is None else self.request.size


class RangeFetcher:
    """Fetches blocks of plain files into a cache. Used within one event loop.

    `gap` is the maximum gap in bytes that one request reads through. Blocks are decoded in the threads of `cpu`.
    """

    def __init__(self, ranges: Ranges, cache: BlockCache, cpu: Executor, gap: int) -> None:
        self._ranges = ranges
        self._cache = cache
        self._cpu = cpu
        self._gap = gap

    def plan(self, request: BlockRequest, missing: BlockRows, partial_rows: bool) -> Iterator[RangeFetch]:
        """Plan the fetches of the missing blocks of a request."""
        level = request.metadata.levels[request.level]
        assert level.offsets is not None
        assert level.sizes is not None
        height = request.block_height
        unwritten = {block: height for block in missing if not level.sizes[block]}
        if unwritten:
            yield RangeFetch(unwritten, None, None)
        filled = request.filled_rows(missing)
        limit = self._ranges.concurrency(request.url)
        round_trip_bytes = math.inf if limit is None else limit.round_trip_bytes
        sizes = request_sizes(round_trip_bytes, self._gap, partial_rows=partial_rows)
        block_ranges = (
            range_of_block(
                block, int(level.offsets[block]), int(level.sizes[block]), rows, filled[block], sizes.min_saving,
                self._cache.prefix(request, block),
            )
            for block, rows in missing.items()
            if level.sizes[block]
        )  # fmt: skip
        for joined in plan_requests(block_ranges, sizes.max_gap, sizes.max_size):
            if joined.gap and not partial_rows:  # the blocks in its gaps are cached too
                joined = with_extra_blocks(joined, level.offsets, level.sizes)
            for range_request in split_if_large(joined, sizes.split_from):
                blocks = {each.block: height if each.rows is None else each.rows for each in range_request.block_ranges}
                yield RangeFetch(blocks, range_request, self._decoder(request, range_request))

    async def fetch(self, request: BlockRequest, fetch: RangeFetch, tally: UpstreamStats) -> Blocks:
        """The blocks of a fetch. If a block does not decode, all of them are read once more.

        Raises a SourceError: AssetChanged if the file was replaced since its metadata was read.
        """
        if fetch.request is None or fetch.decoder is None:
            return self._cache.put(request, dict.fromkeys(fetch.blocks, empty_block(request.metadata, request.level)))
        try:
            return await self._fetch(request, fetch.request, fetch.decoder, tally)
        except AssetBroken as error:
            if error.reason != "broken-block":
                raise
        for block_range in fetch.request.block_ranges:
            self._cache.drop_prefix(request, block_range.block)
        range_request = fetch.request.without_prefixes()
        decoder = self._decoder(request, range_request)
        decoder.waiters = fetch.decoder.waiters
        return await self._fetch(request, range_request, decoder, tally)

    async def _fetch(
        self, request: BlockRequest, range_request: RangeRequest, decoder: StreamingDecoder, tally: UpstreamStats
    ) -> Blocks:
        start, stop = range_request.start, range_request.stop
        try:
            data = await self._read(request, start, stop, tally, decoder.waiters, decoder.on_data)
        except BaseException:
            for block, received in decoder.abort():
                self._cache.put_prefix(request, block, received)
            raise
        blocks = await decoder.finish(data)
        for block_range in range_request.block_ranges:
            if block_range.rows is None:
                continue
            stored = stored_bytes(block_range, data, start)
            incomplete = len(blocks[block_range.block]) < block_range.rows
            if incomplete or self._is_worth_caching(request.url, len(stored)):
                self._cache.put_prefix(request, block_range.block, bytes(stored))
            if incomplete:
                blocks |= await self._fetch_rest(request, block_range, stored, tally, decoder.waiters)
        return blocks

    async def _fetch_rest(
        self,
        request: BlockRequest,
        block_range: BlockRange,
        stored: bytes | memoryview,
        tally: UpstreamStats,
        waiters: Waiters | None,
    ) -> Blocks:
        """The whole block, after fetching its rest: its first bytes `stored` contained fewer rows than expected."""
        rest = await self._read(request, block_range.stop, block_range.end, tally, waiters)

        def decode() -> Blocks:
            pixels = decode_block(b"".join((stored, rest)), request.metadata, request.level)
            return self._cache.put(request, {block_range.block: pixels})

        return await self._in_thread(decode)

    async def _read(
        self,
        request: BlockRequest,
        start: int,
        stop: int,
        tally: UpstreamStats,
        waiters: Waiters | None,
        on_data: OnData | None = None,
    ) -> memoryview:
        """Bytes `start..stop` of the file. Raises AssetChanged if it was replaced since its metadata was read."""
        part = await self._ranges.read(request.url, start, stop, tally, on_data, waiters, split=True)
        if part.etag != request.metadata.identity:
            raise AssetChanged("The file was replaced since it was described.", reason="changed")
        if len(part.data) != stop - start:
            raise AssetBroken(
                f"The file ends within a block: {len(part.data)} of {stop - start} bytes were received.",
                reason="cut-off",
            )
        return memoryview(part.data)

    def _decoder(self, request: BlockRequest, range_request: RangeRequest) -> StreamingDecoder:
        store = partial(self._cache.put, request)
        return StreamingDecoder(self._cpu, request.metadata, request.level, range_request, store)

    def _is_worth_caching(self, url: str, size: int) -> bool:
        """Whether the first `size` bytes of a block are cached, so that a later read continues after them."""
        limit = self._ranges.concurrency(url)
        return limit is not None and size > min(limit.round_trip_bytes, MAX_DISCARDED)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._cpu, work)
