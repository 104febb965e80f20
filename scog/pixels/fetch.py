"""Which bytes to ask for: blocks that lie close together are read in one request."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

BlockIndex = tuple[int, int]
"""Row and column of a block within its level."""

MAX_RANGE = 2_000_000
"""Bytes asked for at once; longer runs are split, so that their parts arrive side by side. At 50 MB/s a connection, so
many take a little longer than the round trip that joining saves."""


@dataclass(frozen=True)
class Piece:
    """One block's place in its file."""

    block: BlockIndex
    start: int
    stop: int


@dataclass(frozen=True)
class Request:
    """One range request and the blocks it brings."""

    start: int
    stop: int
    pieces: tuple[Piece, ...]


def plan_requests(pieces: Iterable[Piece], gap: int) -> list[Request]:
    """Join blocks into range requests, reading through at most `gap` bytes between two of them."""
    runs: list[list[Piece]] = []
    stop = 0
    for piece in sorted(pieces, key=lambda piece: piece.start):
        if runs and piece.start - stop <= gap and max(stop, piece.stop) - runs[-1][0].start <= MAX_RANGE:
            runs[-1].append(piece)
            stop = max(stop, piece.stop)
        else:
            runs.append([piece])
            stop = piece.stop
    return [Request(run[0].start, max(piece.stop for piece in run), tuple(run)) for run in runs]
