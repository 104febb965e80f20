"""Arriving: blocks are decoded as their bytes come, while the rest of a request is on its way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from itertools import takewhile

from scog.net.part import Part
from scog.pixels.decode import Block, decode_block, decode_rows
from scog.pixels.description import Description
from scog.pixels.fetch import BlockIndex, Piece, Request
from scog.together import gather_all, stop_all

DECODED_AT_ONCE = 2 * 2**20
"""Bytes of decoded blocks that one thread makes before it reports back: one block of 1024 or four of 512."""
Blocks = dict[BlockIndex, Block]


class Arriving:
    """The blocks of one request; each is given to `keep` once it is decoded, in the thread that did it."""

    def __init__(
        self,
        threads: Executor,
        description: Description,
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
        self._left = list(request.pieces)
        self._keep = keep
        self._jobs: list[asyncio.Future[Blocks]] = []

    def take(self, part: Part) -> None:
        """Begin to decode what has come so far, if it is of the described file."""
        if part.etag == self._description.identity:
            self._begin(memoryview(part.data))

    async def rest(self, data: memoryview) -> Blocks:
        """All blocks, now that all bytes are there. Raises AssetBroken."""
        self._begin(data)
        found: Blocks = {}
        for blocks in await gather_all(self._jobs):
            found |= blocks
        return found

    async def stop(self) -> None:
        """The request has failed: nothing more is decoded."""
        await stop_all(self._jobs)

    def _begin(self, data: memoryview) -> None:
        stop = self._start + len(data)
        while come := tuple(takewhile(lambda piece: piece.stop <= stop, self._left[: self._at_once])):
            del self._left[: len(come)]
            self._jobs.append(asyncio.get_running_loop().run_in_executor(self._threads, self._decoded, come, data))

    def _decoded(self, pieces: Sequence[Piece], data: memoryview) -> Blocks:
        found: Blocks = {}
        for piece in pieces:
            stored = data[piece.start - self._start : piece.stop - self._start]
            if piece.rows is None:
                found[piece.block] = decode_block(stored, self._description, self._level)
            else:
                found[piece.block] = decode_rows(stored, self._description, self._level, piece.rows)
        return self._keep(found)
