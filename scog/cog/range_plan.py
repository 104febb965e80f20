"""Plans range requests: blocks that are close together in the file share one request."""

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
"""Maximum bytes of one request: two full-size blocks. Longer runs of blocks are split into concurrent requests. At
50 MB/s per connection, 3 MB take about twice the round trip saved by joining."""
SPLIT_FROM = 1_000_000
"""A request for small blocks is split into two concurrent ones, which take half the time, if it has more bytes. This
adds 4 % of requests when panning over an MGRS tile; splitting the large blocks of the full resolution would add 9 %."""
SMALL_BLOCK = 500_000
"""Maximum bytes of a small block."""
MAX_EXTRA_BLOCKS = 8
"""Maximum number of blocks that are cached only because a request reads through them."""
PARTIAL_ROWS_GAP = 262_144
"""Maximum gap in bytes of reads that cache no extra blocks. Reading it takes about as much CPU time as a request."""
WHOLE_FROM = 0.85
"""The whole block is read if at least this share of its rows is needed."""
MARGIN = 1.15
"""Safety factor on the bytes that a block's first rows are expected to take: their share of the block's bytes. If they
take more, a second request reads the rest of the block."""
PREFIX_BYTES = 8192
"""Bytes added to the expected bytes of a block's first rows, since the DEFLATE code tables precede the first row."""
GAP_ROUND_TRIPS = 1.4
"""Maximum gap, in multiples of `round_trip_bytes`."""
REQUEST_ROUND_TRIPS = 3.0
"""Maximum size of a request, in multiples of `round_trip_bytes`; never more than MAX_RANGE."""
ROWS_SAVING = 2.0
"""Minimum size of a block's lower rows that are skipped, in multiples of `round_trip_bytes`. The tile below may need an
extra request for them later."""


@dataclass(frozen=True)
class RequestSizes:
    """Limits of requests in bytes, for a connection that receives `round_trip_bytes` during a round trip.

    Reading through a gap costs its bytes and saves the round trip of a request. A long request saves round trips too,
    but its blocks wait for each other. On a slow connection, bytes cost more than round trips.
    """

    max_gap: int
    """Maximum gap between two blocks that one request reads through."""
    max_size: int
    """Maximum size of a request for several blocks."""
    split_from: int
    """A request for small blocks is split into two if it has more bytes."""
    min_saving: float
    """Unneeded lower rows of a block are skipped if they take at least this many bytes."""


def request_sizes(round_trip_bytes: float, max_gap: int, *, partial_rows: bool = False) -> RequestSizes:
    """The request sizes for a connection, with gaps of at most `max_gap` bytes.

    Set `partial_rows` if neighbouring pixels are unlikely to be requested.
    """
    max_gap = int(min(max_gap, GAP_ROUND_TRIPS * round_trip_bytes))
    return RequestSizes(
        max_gap=min(max_gap, PARTIAL_ROWS_GAP) if partial_rows else max_gap,
        max_size=int(min(MAX_RANGE, REQUEST_ROUND_TRIPS * round_trip_bytes)),
        split_from=int(min(SPLIT_FROM, round_trip_bytes)),
        min_saving=0.0 if partial_rows else ROWS_SAVING * round_trip_bytes,
    )


@dataclass(frozen=True)
class BlockRange:
    """The bytes to read of one block: `start..stop` of the file. The block itself ends at `end`.

    `rows` is the number of upper rows that the bytes are expected to contain; None for the whole block.
    """

    block: BlockIndex
    start: int
    stop: int
    end: int
    rows: int | None = None
    prefix: bytes = b""
    """The block's bytes before `start`, received earlier."""


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
        """Number of bytes that belong to none of the blocks."""
        return self.size - sum(each.stop - each.start for each in self.block_ranges)

    def without_prefixes(self) -> RangeRequest:
        """A request for the whole blocks, from their first byte to their last."""
        whole = [
            BlockRange(each.block, each.start - len(each.prefix), each.end, each.end) for each in self.block_ranges
        ]
        return RangeRequest(min(each.start for each in whole), max(each.stop for each in whole), tuple(whole))


def range_of_block(
    block: BlockIndex, start: int, size: int, rows: int, height: int, min_saving: float = 0.0, prefix: bytes = b""
) -> BlockRange:
    """The bytes to read for the upper `rows` of a block that has `height` rows and starts at byte `start`.

    `size` is the block's size in bytes, `prefix` its first bytes if they were received earlier. The whole block is read
    if skipping the other rows would save less than `min_saving` bytes.
    """
    share = rows / height
    expected = math.ceil(size * share * MARGIN) + PREFIX_BYTES
    first_byte = start + len(prefix)
    if share >= WHOLE_FROM or expected >= size or size - expected < min_saving or expected <= len(prefix):
        return BlockRange(block, first_byte, start + size, start + size, prefix=prefix)
    return BlockRange(block, first_byte, start + expected, start + size, rows, prefix)


def plan_requests(block_ranges: Iterable[BlockRange], max_gap: int, max_size: int = MAX_RANGE) -> list[RangeRequest]:
    """Join blocks into range requests of at most `max_size` bytes, with gaps of at most `max_gap` bytes.

    A block larger than `max_size` has a request of its own.
    """
    runs: list[list[BlockRange]] = []
    stop = 0
    for block_range in sorted(block_ranges, key=lambda each: each.start):
        if runs and block_range.start - stop <= max_gap and max(stop, block_range.stop) - runs[-1][0].start <= max_size:
            runs[-1].append(block_range)
            stop = max(stop, block_range.stop)
        else:
            runs.append([block_range])
            stop = block_range.stop
    return [_joined(run) for run in runs]


def split_if_large(request: RangeRequest, split_from: int = SPLIT_FROM) -> tuple[RangeRequest, ...]:
    """Two requests of about the same size if the request is large and all of its blocks are small, else one.

    A request is large if it has more than `split_from` bytes, a block small if it has at most SMALL_BLOCK.
    """
    block_ranges = sorted(request.block_ranges, key=lambda each: each.start)
    large = max(each.stop - each.start for each in block_ranges) > SMALL_BLOCK
    if large or len(block_ranges) == 1 or request.size <= split_from:
        return (request,)
    middle = (request.start + request.stop) / 2
    first = tuple(takewhile(lambda each: each.stop <= middle, block_ranges)) or block_ranges[:1]
    return tuple(_joined(half) for half in (first, block_ranges[len(first) :]))


def _joined(block_ranges: Sequence[BlockRange]) -> RangeRequest:
    return RangeRequest(block_ranges[0].start, max(each.stop for each in block_ranges), tuple(block_ranges))


def with_extra_blocks(request: RangeRequest, offsets: NDArray[np.int64], sizes: NDArray[np.int64]) -> RangeRequest:
    """The request with all blocks that its bytes contain. `offsets` and `sizes` are those of the level's blocks.

    Returns the request unchanged if that would add more than MAX_EXTRA_BLOCKS blocks. Blocks without data have few
    bytes, so that a request may contain many, but each takes as much time and memory as any other.
    """
    inside = (offsets >= request.start) & (offsets + sizes <= request.stop) & (sizes > 0)
    if np.count_nonzero(inside) > len(request.block_ranges) + MAX_EXTRA_BLOCKS:
        return request
    needed = {each.block for each in request.block_ranges}
    blocks = zip(*(axis.tolist() for axis in inside.nonzero()), strict=True)
    ends = ((block, int(offsets[block]), int(offsets[block] + sizes[block])) for block in blocks if block not in needed)
    extra = (BlockRange(block, start, end, end) for block, start, end in ends)
    return replace(request, block_ranges=(*request.block_ranges, *extra))
