"""Decodes blocks as their bytes arrive, while the rest of the response is still being received."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from itertools import takewhile

from scog.cog.decode import Blocks, decode_block, decode_rows
from scog.cog.metadata import FileMetadata
from scog.cog.range_plan import BlockIndex, BlockRange, RangeRequest
from scog.net.admission import Waiters
from scog.net.byte_range import ByteRange
from scog.runtime.tasks import gather_all

JOB_BYTES = 2 * 2**20
"""Decoded bytes of one job in a thread: one block of 1024 or four of 512."""


class StreamingDecoder:
    """Decodes the blocks of one range request in threads. `on_decoded` is called with each job's blocks, in its thread.

    Used within one event loop.
    """

    def __init__(
        self,
        threads: Executor,
        metadata: FileMetadata,
        level: int,
        request: RangeRequest,
        on_decoded: Callable[[Blocks], Blocks],
    ) -> None:
        self._threads = threads
        self._metadata = metadata
        self._level = level
        # One job per large block. Small blocks share one, since switching threads takes longer than decoding them.
        self._blocks_per_job = max(1, JOB_BYTES // metadata.block_bytes(level))
        self._start = request.start
        self._pending = sorted(request.block_ranges, key=lambda block_range: block_range.start)
        self._on_decoded = on_decoded
        self._jobs: list[asyncio.Future[Blocks]] = []
        self._received = memoryview(b"")
        self._complete = False
        self.waiters: Waiters | None = None
        """Returns the tallies of requests that wait for the blocks. Set when the task that reads them has started."""

    def on_data(self, part: ByteRange) -> None:
        """Start decoding the received bytes, if they belong to the version of the file whose metadata was read."""
        if part.etag == self._metadata.identity:
            self._received = memoryview(part.data)
            self._start_jobs(self._received)
        else:
            self._received = self._received[:0]

    def is_progressing(self) -> bool:
        """Whether any data has arrived."""
        return self._complete or len(self._received) > 0

    async def finish(self, data: memoryview) -> Blocks:
        """All blocks, from the complete response. Raises AssetBroken."""
        self._start_jobs(data)
        self._received, self._complete = memoryview(b""), True
        blocks: Blocks = {}
        for decoded in await gather_all(self._jobs):
            blocks |= decoded
        return blocks

    def abort(self) -> list[tuple[BlockIndex, bytes]]:
        """Stop after a failed request. Returns the first bytes of each partly received block.

        Complete blocks are still decoded.
        """
        for job in self._jobs:
            job.add_done_callback(_retrieve_exception)
        stop = self._start + len(self._received)
        partial = (block_range for block_range in self._pending if block_range.start < stop)
        return [
            (each.block, each.prefix + self._received[each.start - self._start : each.end - self._start])
            for each in partial
        ]

    def _start_jobs(self, data: memoryview) -> None:
        stop = self._start + len(data)
        while arrived := tuple(takewhile(lambda each: each.stop <= stop, self._pending[: self._blocks_per_job])):
            del self._pending[: len(arrived)]
            self._jobs.append(asyncio.get_running_loop().run_in_executor(self._threads, self._decode, arrived, data))

    def _decode(self, block_ranges: Sequence[BlockRange], data: memoryview) -> Blocks:
        blocks: Blocks = {}
        for block_range in block_ranges:
            stored = stored_bytes(block_range, data, self._start)
            if block_range.rows is None:
                blocks[block_range.block] = decode_block(stored, self._metadata, self._level)
            else:
                blocks[block_range.block] = decode_rows(stored, self._metadata, self._level, block_range.rows)
        return self._on_decoded(blocks)


def stored_bytes(block_range: BlockRange, data: memoryview, start: int) -> bytes | memoryview:
    """The stored bytes of a block up to `block_range.stop`, from a response that begins at byte `start` of the file."""
    received = data[block_range.start - start : block_range.stop - start]
    return block_range.prefix + received if block_range.prefix else received


def _retrieve_exception(job: asyncio.Future[Blocks]) -> None:
    """Retrieve a job's exception, so that asyncio does not log it."""
    if not job.cancelled():
        job.exception()
