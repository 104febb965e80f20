"""The minimum cost of a tile: round trips, its largest block over the link, and the fastest decoding.

Nothing else is counted: no search, transform or arithmetic, and each file has a separate connection. Without cached
headers there are two round trips (header, then blocks), with them one.
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
"""Bytes of a range request for a header."""


@dataclass(frozen=True)
class Piece:
    """A block's byte range, and its decoded size."""

    path: Path
    start: int
    size: int
    bytes: int
    """Decoded size of the whole block."""
    needed: int
    """Decoded size up to the last row that is needed."""


@dataclass(frozen=True)
class Floor:
    """The floor of one piece of work: seconds on the line and of decoding after it, CPU seconds, requests, bytes."""

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
    """The floor of a tile whose assets are paths relative to `folder`; decoding is timed during the call.

    `connecting` is seconds until a new connection can be used.
    """
    bands = (*work.bands, "scl") if work.mask else work.bands
    files = [(folder / scene["assets"][band]).resolve() for scene in work.scenes for band in bands]
    blocks = [piece for path in files for piece in pieces(path, work.z, work.x, work.y)]
    decoding = [_decoding(piece) for piece in blocks]
    cores = len(os.sched_getaffinity(0))
    trips = 1 if header_known else 2
    sent = 0.0 if header_known else HEADER / bandwidth
    return Floor(
        line=connecting + trips * first_byte + sent + max((piece.size for piece in blocks), default=0) / bandwidth,
        decoding=max(sum(decoding) / cores, max(decoding, default=0.0)),
        cpu=sum(decoding),
        requests=len(blocks) + (0 if header_known else len(files)),
        bytes=sum(piece.size for piece in blocks) + (0 if header_known else HEADER * len(files)),
    )


def line_floor(files: Iterable[Path], tiles: Sequence[Tile], *, link: float, round_trip: float) -> Floor:
    """The floor of several tiles of the same files over a line that all connections share.

    Connecting takes TLS_TRIPS round trips, headers and blocks one each. Headers and whole blocks are sent once, at
    `link` bytes per second. Decoding overlaps, except that of the last block. Files that are links to the same data
    have different URLs, and each is read.
    """
    names = list(files)
    by_file = [{piece.start: piece for tile in tiles for piece in pieces(name.resolve(), *tile)} for name in names]
    blocks = [piece for by_start in by_file for piece in by_start.values()]
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
    """The blocks of a file that a tile touches, at the level by scog's rule."""
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
    """Offset and size of a block in its file."""
    with rasterio.open(path) as dataset:
        overview = {"ovr": level - 1} if level else {}
        start, size = (
            dataset.get_tag_item(f"BLOCK_{tag}_{col}_{row}", "TIFF", bidx=1, **overview) for tag in ("OFFSET", "SIZE")
        )
    return int(start), int(size)


def _decoding(piece: Piece) -> float:
    """Seconds to decode a block: the whole block by libdeflate, or the needed rows by zlib, whichever is faster."""
    with open(piece.path, "rb") as file:
        file.seek(piece.start)
        data = file.read(piece.size)
    began = time.perf_counter()
    imagecodecs.deflate_decode(data, out=piece.bytes)
    whole = time.perf_counter() - began
    began = time.perf_counter()
    zlib.decompressobj().decompress(data, piece.needed)
    return min(whole, time.perf_counter() - began)
