"""Which bytes to ask for: blocks that lie close together are read in one request."""

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
"""Bytes asked for at once, two full-size blocks; longer runs are split, so that their parts arrive side by side. At
50 MB/s a connection so many take about as long as the round trip that joining saves, twice."""
HALVED = 1_000_000
"""Bytes from which a request for small blocks is made as two, which arrive side by side in half the time. Panning over
a square takes 4 % more requests for it; to part the large blocks of the full resolution would take 9 %."""
SMALL = 500_000
"""Bytes up to which a block is small."""
MAX_OTHERS = 8
"""Blocks that nobody asked for which are kept when they are read through on the way."""
THRIFTY_GAP = 262_144
"""Bytes that are read through at most where nothing beside what is wanted is kept: as many cost about as much
processor time as a request."""
WHOLE_FROM = 0.85
"""Share of a block's rows from which all of it is read."""
MARGIN = 1.15
"""By how much the first rows of a block may take more than their share of its bytes; what then lacks is asked for."""
LEAST = 8192
"""Bytes read of a block beyond that, as codes are laid down before the first row."""
GAP, LONGEST, PARTED = 1.4, 3.0, 2.0
"""In bytes that a round trip is worth: the longest gap, the longest request, and what leaving out a block's lower rows
has to save, for which the tile below may need a request more. From 1 MB on, the bounds above hold."""


@dataclass(frozen=True)
class RequestSizes:
    """How large requests are, in bytes, where one connection brings `round_trip_bytes` during a round trip.

    To read through a gap costs its bytes and saves a round trip of a request; a long request saves round trips too, but
    its blocks wait for each other. On a slow or narrow line bytes cost more than round trips.
    """

    gap: int
    """Bytes between two blocks that are read through at most."""
    longest: int
    """Bytes of one request at most, unless it is a single block."""
    halved: int
    """Bytes from which a request for small blocks is made as two."""
    least_saving: float
    """Bytes of a block's lower rows from which these are left out where they are not needed."""


def request_sizes(round_trip_bytes: float, gap: int, *, partial_rows: bool = False) -> RequestSizes:
    """The sizes for a line; gaps of at most `gap` bytes. `partial_rows` where neighbours will hardly be asked for."""
    gap = int(min(gap, GAP * round_trip_bytes))
    return RequestSizes(
        gap=min(gap, THRIFTY_GAP) if partial_rows else gap,
        longest=int(min(MAX_RANGE, LONGEST * round_trip_bytes)),
        halved=int(min(HALVED, round_trip_bytes)),
        least_saving=0.0 if partial_rows else PARTED * round_trip_bytes,
    )


@dataclass(frozen=True)
class BlockRange:
    """One block's place in its file, from `start` to before `end`.

    It is read to before `stop`, which is about as far as its first `rows` rows reach; None stands for all of them.
    """

    block: BlockIndex
    start: int
    stop: int
    end: int
    rows: int | None = None
    prefix: bytes = b""
    """The block's bytes before `start`, which are there already."""


@dataclass(frozen=True)
class Request:
    """One range request and the blocks it brings."""

    start: int
    stop: int
    pieces: tuple[BlockRange, ...]

    @property
    def gap(self) -> int:
        """Bytes that are read and belong to none of the pieces."""
        return self.stop - self.start - sum(piece.stop - piece.start for piece in self.pieces)

    def afresh(self) -> Request:
        """The same blocks, each from its first byte to its last."""
        pieces = [BlockRange(each.block, each.start - len(each.prefix), each.end, each.end) for each in self.pieces]
        return Request(min(piece.start for piece in pieces), max(piece.stop for piece in pieces), tuple(pieces))


def piece_of(
    block: BlockIndex, start: int, size: int, rows: int, height: int, least_saving: float = 0.0, prefix: bytes = b""
) -> BlockRange:
    """What to read of a block of `height` rows, of which the first `rows` are wanted and the first bytes are there."""
    share = rows / height
    likely = math.ceil(size * share * MARGIN) + LEAST
    begun = start + len(prefix)
    if share >= WHOLE_FROM or likely >= size or size - likely < least_saving or likely <= len(prefix):
        return BlockRange(block, begun, start + size, start + size, prefix=prefix)
    return BlockRange(block, begun, start + likely, start + size, rows, prefix)


def plan_requests(pieces: Iterable[BlockRange], gap: int, longest: int = MAX_RANGE) -> list[Request]:
    """Join blocks into range requests, reading through at most `gap` bytes between two of them."""
    runs: list[list[BlockRange]] = []
    stop = 0
    for piece in sorted(pieces, key=lambda piece: piece.start):
        if runs and piece.start - stop <= gap and max(stop, piece.stop) - runs[-1][0].start <= longest:
            runs[-1].append(piece)
            stop = max(stop, piece.stop)
        else:
            runs.append([piece])
            stop = piece.stop
    return [_request(run) for run in runs]


def side_by_side(request: Request, halved: int = HALVED) -> tuple[Request, ...]:
    """The request, or two for its halves where it is large and all of its blocks are small."""
    pieces = sorted(request.pieces, key=lambda piece: piece.start)
    large = max(piece.stop - piece.start for piece in pieces) > SMALL
    if large or len(pieces) == 1 or request.stop - request.start <= halved:
        return (request,)
    middle = (request.start + request.stop) / 2
    first = tuple(takewhile(lambda piece: piece.stop <= middle, pieces)) or pieces[:1]
    return tuple(_request(half) for half in (first, pieces[len(first) :]))


def _request(pieces: Sequence[BlockRange]) -> Request:
    return Request(pieces[0].start, max(piece.stop for piece in pieces), tuple(pieces))


def with_others(request: Request, offsets: NDArray[np.int64], sizes: NDArray[np.int64]) -> Request:
    """The request with all blocks that its bytes hold, of a level whose blocks lie at `offsets` with these `sizes`.

    As it was where they are many: empty blocks take next to no bytes, but each as much time and room as a full one.
    """
    inside = (offsets >= request.start) & (offsets + sizes <= request.stop) & (sizes > 0)
    if np.count_nonzero(inside) > len(request.pieces) + MAX_OTHERS:
        return request
    wanted = {piece.block: piece for piece in request.pieces}
    blocks = zip(*(axis.tolist() for axis in inside.nonzero()), strict=True)
    ends = ((block, int(offsets[block]), int(offsets[block] + sizes[block])) for block in blocks if block not in wanted)
    others = (BlockRange(block, start, end, end) for block, start, end in ends)
    return replace(request, pieces=(*request.pieces, *others))
