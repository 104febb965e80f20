"""The least that a tile can cost: round trips, its largest block over the link, and the fastest decoding there is.

Nothing else is counted: no search, no transform, no arithmetic, and every file has a connection for itself. Headers
unknown, there are two round trips (the header, then blocks); known, one.
"""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import imagecodecs
import numpy as np
import rasterio

from benchmarks.contenders.work import Work
from benchmarks.exact import own_level, pixel_map

Tile = tuple[int, int, int]
"""z, x, y."""
TLS_TRIPS = 2
"""Round trips until a new connection can be used: TCP, and TLS 1.3."""
HEADER = 16_384
"""Bytes of a header's request."""


@dataclass(frozen=True)
class Piece:
    """One block as stored, and how much of it has to be decoded."""

    path: Path
    start: int
    size: int
    bytes: int
    """Decoded, all of it."""
    needed: int
    """Decoded, up to the last row that is wanted."""


@dataclass(frozen=True)
class Floor:
    """The floor of one piece of work: seconds on the line and of decoding after it; CPU seconds, requests, bytes."""

    line: float
    decoding: float
    cpu: float
    requests: int
    bytes: int

    @property
    def wall(self) -> float:
        """Seconds from the request to the values."""
        return self.line + self.decoding


def floor(
    work: Work, folder: Path, *, first_byte: float, bandwidth: float, connecting: float = 0.0,
    header_known: bool = False,
) -> Floor:  # fmt: skip
    """The floor of a tile whose scenes' files are named relative to `folder`; decoding is timed here and now.

    `connecting` are the seconds until a new connection can be used.
    """
    bands = (*work.bands, "scl") if work.mask else work.bands
    files = [(folder / scene["assets"][band]).resolve() for scene in work.scenes for band in bands]
    found = [piece for path in files for piece in pieces(path, work.z, work.x, work.y)]
    decoding = [_decoding(piece) for piece in found]
    cores = len(os.sched_getaffinity(0))
    trips = 1 if header_known else 2
    sent = 0.0 if header_known else HEADER / bandwidth
    return Floor(
        line=connecting + trips * first_byte + sent + max((piece.size for piece in found), default=0) / bandwidth,
        decoding=max(sum(decoding) / cores, max(decoding, default=0.0)),
        cpu=sum(decoding),
        requests=len(found) + (0 if header_known else len(files)),
        bytes=sum(piece.size for piece in found) + (0 if header_known else HEADER * len(files)),
    )


def line_floor(files: Iterable[Path], tiles: Sequence[Tile], *, link: float, round_trip: float) -> Floor:
    """The floor of several tiles of the same files over a line that all connections share.

    A connection (TCP and TLS), the headers and the blocks are a round trip each; headers and whole blocks, each once,
    cross the line at `link` bytes a second. Decoding goes on meanwhile, all but the last block's. Files that are links
    to the same data have addresses of their own, and are read each.
    """
    names = list(files)
    found = [{piece.start: piece for tile in tiles for piece in pieces(name.resolve(), *tile)} for name in names]
    blocks = [piece for by_start in found for piece in by_start.values()]
    decoding = [_decoding(piece) for piece in blocks]
    size = HEADER * len(names) + sum(piece.size for piece in blocks)
    cores = len(os.sched_getaffinity(0))
    return Floor(
        line=(TLS_TRIPS + 2) * round_trip + size / link,
        decoding=max(0.0, sum(decoding) / cores - size / link) + max(decoding, default=0.0),
        cpu=sum(decoding),
        requests=len(names) + len(blocks),
        bytes=size,
    )


def pieces(path: Path, z: int, x: int, y: int) -> Iterator[Piece]:
    """The blocks of a file that a tile touches, at the level of scog's rule."""
    level = own_level(path, z)
    place = pixel_map(path, level, z, x, y)
    rows, cols = place.rows[place.inside], place.cols[place.inside]
    if not rows.size:
        return
    options = {"overview_level": level - 1} if level else {}
    with rasterio.open(path, **options) as dataset:
        height, width = dataset.block_shapes[0]
        itemsize = np.dtype(dataset.dtypes[0]).itemsize
    touched = {(int(row), int(col)) for row, col in np.unique(np.stack([rows // height, cols // width]), axis=1).T}
    for row, col in sorted(touched):
        start, size = _where(path, level, row, col)
        last = int(rows[(rows // height == row) & (cols // width == col)].max()) % height
        yield Piece(path, start, size, height * width * itemsize, (last + 1) * width * itemsize)


@lru_cache(maxsize=65_536)
def _where(path: Path, level: int, row: int, col: int) -> tuple[int, int]:
    """Start and length of a block in its file."""
    with rasterio.open(path) as dataset:
        overview = {"ovr": level - 1} if level else {}
        start, size = (
            dataset.get_tag_item(f"BLOCK_{what}_{col}_{row}", "TIFF", bidx=1, **overview) for what in ("OFFSET", "SIZE")
        )
    return int(start), int(size)


def _decoding(piece: Piece) -> float:
    """Seconds to decode a block: all of it by libdeflate, or as far as needed by zlib, whichever is faster."""
    with open(piece.path, "rb") as file:
        file.seek(piece.start)
        data = file.read(piece.size)
    began = time.perf_counter()
    imagecodecs.deflate_decode(data, out=piece.bytes)
    whole = time.perf_counter() - began
    began = time.perf_counter()
    zlib.decompressobj().decompress(data, piece.needed)
    return min(whole, time.perf_counter() - began)
