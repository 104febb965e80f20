"""Plans range requests: blocks close together in the file share one request."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

BlockIndex = tuple[int, int]
"""Row and column of a block within its level."""

MAX_RANGE = 3_000_000
"""Bytes of one request at most: two full-size blocks. Longer runs are split into concurrent requests. At 50 MB/s per
connection so many bytes take about twice as long as the round trip that joining them saves."""
HALVED = 1_000_000
"""Bytes from which a request for small blocks is split into two concurrent ones, which take half the time. This adds
4 % of requests when panning over an MGRS tile; splitting the large blocks of the full resolution would add 9 %."""
SMALL = 500_000
"""Bytes up to which a block is small."""
MAX_EXTRA_BLOCKS = 8
"""Blocks at most that are cached although no request needs them, because a request reads through them."""
PARTIAL_ROWS_GAP = 262_144
"""Longest gap in bytes of reads that cache no extra blocks. It costs about as much CPU time as a request."""
WHOLE_FROM = 0.85
"""Share of a block's rows from which the whole block is read."""
MARGIN = 1.15
"""Factor on the share of a block's bytes that its first rows are expected to take. If they take more, a second request
reads the rest of the block."""
LEAST = 8192
"""Bytes added to that, since the DEFLATE code tables precede the first row."""
GAP, LONGEST, PARTED = 1.4, 3.0, 2.0
"""Multiples of the bytes that a round trip is worth: the longest gap, the longest request, and what skipping a block's
lower rows has to save, since the tile below may then need an extra request. Above 1 MB the limits above apply."""


@dataclass(frozen=True)
class RequestSizes:
    """Sizes of requests in bytes, for a connection that receives `round_trip_bytes` during a round trip.

    Reading through a gap costs its bytes and saves the round trip of a request. A long request saves round trips too,
    but its blocks wait for each other. On a slow connection bytes cost more than round trips.
    """

    gap: int
    """Longest gap between two blocks that is read through."""
    longest: int
    """Longest request, unless it is for a single block."""
    halved: int
    """Size from which a request for small blocks is split into two."""
    least_saving: float
    """Bytes of a block's lower rows from which they are skipped if they are not needed."""


def request_sizes(round_trip_bytes: float, gap: int, *, partial_rows: bool = False) -> RequestSizes:
    """The request sizes for a connection, with gaps of at most `gap` bytes.

    `partial_rows` is for reads whose neighbouring pixels will hardly be requested.
    """
    gap = int(min(gap, GAP * round_trip_bytes))
    return RequestSizes(
        gap=min(gap, PARTIAL_ROWS_GAP) if partial_rows else gap,
        longest=int(min(MAX_RANGE, LONGEST * round_trip_bytes)),
        halved=int(min(HALVED, round_trip_bytes)),
        least_saving=0.0 if partial_rows else PARTED * round_trip_bytes,
    )


@dataclass(frozen=True)
class BlockRange:
    """The bytes to read of one block: `start..stop` of the file. The block itself ends at `end`.

    `rows` is the number of first rows that the bytes are expected to hold; None for the whole block.
    """

    block: BlockIndex
    start: int
    stop: int
    end: int
    rows: int | None = None
    prefix: bytes = b""
    """The block's bytes before `start`, which were received earlier."""


@dataclass(frozen=True)
class RangeRequest:
    """A range request for bytes `start..stop`, and the blocks in them."""

    start: int
    stop: int
    block_ranges: tuple[BlockRange, ...]

    @property
    def size(self) -> int:
        """Bytes of the request."""
        return self.stop - self.start

    @property
    def gap(self) -> int:
        """Bytes that belong to none of the blocks."""
        return self.size - sum(each.stop - each.start for each in self.block_ranges)

    def without_prefixes(self) -> RangeRequest:
        """A request for the whole blocks, from their first byte to their last."""
        whole = [
            BlockRange(each.block, each.start - len(each.prefix), each.end, each.end) for each in self.block_ranges
        ]
        return RangeRequest(min(each.start for each in whole), max(each.stop for each in whole), tuple(whole))


def range_of_block(
    block: BlockIndex, start: int, size: int, rows: int, height: int, least_saving: float = 0.0, prefix: bytes = b""
) -> BlockRange:
    """The bytes to read of a block at byte `start`, for its first `rows` of `height` rows.

    `size` is the block's size in bytes, `prefix` its first bytes if they were received earlier.
    """
    share = rows / height
    expected = math.ceil(size * share * MARGIN) + LEAST
    first = start + len(prefix)
    if share >= WHOLE_FROM or expected >= size or size - expected < least_saving or expected <= len(prefix):
        return BlockRange(block, first, start + size, start + size, prefix=prefix)
    return BlockRange(block, first, start + expected, start + size, rows, prefix)


def plan_requests(block_ranges: Iterable[BlockRange], gap: int, longest: int = MAX_RANGE) -> list[RangeRequest]:
    """Join blocks into range requests, reading through at most `gap` bytes between two of them."""
    runs: list[list[BlockRange]] = []
    stop = 0
    for block_range in sorted(block_ranges, key=lambda each: each.start):
        if runs and block_range.start - stop <= gap and max(stop, block_range.stop) - runs[-1][0].start <= longest:
            runs[-1].append(block_range)
            stop = max(stop, block_range.stop)
        else:
            runs.append([block_range])
            stop = block_range.stop
    return [_joined(run) for run in runs]


def in_halves(request: RangeRequest, halved: int = HALVED) -> tuple[RangeRequest, ...]:
    """Two requests of about the same size if the request is large and all of its blocks are small, else the request."""
    block_ranges = sorted(request.block_ranges, key=lambda each: each.start)
    large = max(each.stop - each.start for each in block_ranges) > SMALL
    if large or len(block_ranges) == 1 or request.size <= halved:
        return (request,)
    middle = (request.start + request.stop) / 2
    first = tuple(takewhile(lambda each: each.stop <= middle, block_ranges)) or block_ranges[:1]
    return tuple(_joined(half) for half in (first, block_ranges[len(first) :]))


def _joined(block_ranges: Sequence[BlockRange]) -> RangeRequest:
    return RangeRequest(block_ranges[0].start, max(each.stop for each in block_ranges), tuple(block_ranges))


def with_extra_blocks(request: RangeRequest, offsets: NDArray[np.int64], sizes: NDArray[np.int64]) -> RangeRequest:
    """The request with all blocks that its bytes contain. `offsets` and `sizes` are those of the level's blocks.

    Unchanged if there are more than MAX_EXTRA_BLOCKS others: blocks without data are stored in few bytes, but each
    takes as much time and memory as any other.
    """
    inside = (offsets >= request.start) & (offsets + sizes <= request.stop) & (sizes > 0)
    if np.count_nonzero(inside) > len(request.block_ranges) + MAX_EXTRA_BLOCKS:
        return request
    needed = {each.block for each in request.block_ranges}
    blocks = zip(*(axis.tolist() for axis in inside.nonzero()), strict=True)
    ends = ((block, int(offsets[block]), int(offsets[block] + sizes[block])) for block in blocks if block not in needed)
    extra = (BlockRange(block, start, end, end) for block, start, end in ends)
    return replace(request, block_ranges=(*request.block_ranges, *extra))
