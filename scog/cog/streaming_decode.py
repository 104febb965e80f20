"""Arriving: blocks are decoded as their bytes come, while the rest of a request is on its way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from itertools import takewhile

from scog.cog.decode import Block, decode_block, decode_rows
from scog.cog.metadata import FileMetadata
from scog.cog.range_plan import BlockIndex, BlockRange, Request
from scog.net.admission import Waiters
from scog.net.byte_range import ByteRange
from scog.runtime.tasks import gather_all

DECODED_AT_ONCE = 2 * 2**20
"""Bytes of decoded blocks that one thread makes before it reports back: one block of 1024 or four of 512."""
Blocks = dict[BlockIndex, Block]


class Arriving:
    """The blocks of one request; each is given to `keep` once it is decoded, in the thread that did it."""

    def __init__(
        self,
        threads: Executor,
        description: FileMetadata,
        level: int,
        request: Request,
        keep: Callable[[Blocks], Blocks],
    ) -> None:
        self._threads = threads
        self._description = description
        self._level = level
        # A job each for large blocks; small ones would take longer to hand over than to decode.
        self._at_once = max(1, DECODED_AT_ONCE // description.block_bytes(level))
        self._start = request.start
        self._left = sorted(request.pieces, key=lambda piece: piece.start)
        self._keep = keep
        self._jobs: list[asyncio.Future[Blocks]] = []
        self._come = memoryview(b"")
        self._complete = False
        self.riders: Waiters | None = None
        """Those who wait for the blocks, once that is known."""

    def take(self, part: ByteRange) -> None:
        """Begin to decode what has come so far, if it is of the described file."""
        if part.etag == self._description.identity:
            self._come = memoryview(part.data)
            self._begin(self._come)
        else:
            self._come = self._come[:0]

    def flows(self) -> bool:
        """Whether anything has come."""
        return self._complete or len(self._come) > 0

    async def rest(self, data: memoryview) -> Blocks:
        """All blocks, now that all bytes are there. Raises AssetBroken."""
        self._begin(data)
        self._come, self._complete = memoryview(b""), True
        found: Blocks = {}
        for blocks in await gather_all(self._jobs):
            found |= blocks
        return found

    def left_over(self) -> list[tuple[BlockIndex, bytes]]:
        """The request has failed: the first bytes of blocks that came in part. Whole ones are still decoded."""
        for job in self._jobs:
            job.add_done_callback(_look_at)
        stop = self._start + len(self._come)
        begun = (piece for piece in self._left if piece.start < stop)
        return [
            (piece.block, piece.prefix + self._come[piece.start - self._start : piece.end - self._start])
            for piece in begun
        ]

    def _begin(self, data: memoryview) -> None:
        stop = self._start + len(data)
        while come := tuple(takewhile(lambda piece: piece.stop <= stop, self._left[: self._at_once])):
            del self._left[: len(come)]
            self._jobs.append(asyncio.get_running_loop().run_in_executor(self._threads, self._decoded, come, data))

    def _decoded(self, pieces: Sequence[BlockRange], data: memoryview) -> Blocks:
        found: Blocks = {}
        for piece in pieces:
            stored = stored_bytes(piece, data, self._start)
            if piece.rows is None:
                found[piece.block] = decode_block(stored, self._description, self._level)
            else:
                found[piece.block] = decode_rows(stored, self._description, self._level, piece.rows)
        return self._keep(found)


def stored_bytes(piece: BlockRange, data: memoryview, start: int) -> bytes | memoryview:
    """A block's bytes, as far as they are wanted, from those of a request that begin at `start`."""
    come = data[piece.start - start : piece.stop - start]
    return piece.prefix + come if piece.prefix else come


def _look_at(job: asyncio.Future[Blocks]) -> None:
    """Look at a job's fault, so that asyncio does not complain."""
    if not job.cancelled():
        job.exception()
