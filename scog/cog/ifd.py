"""The chain of a TIFF's image directories: how far it reaches, and the shapes of the images.

rasterio describes a file from its first bytes, but does not say when a directory was cut off by their end: it just
shows fewer overviews. So the chain is walked here first. It also tells the overviews' shapes, for which GDAL would
have to open each of them (1.3 ms apiece), and where the blocks lie, for which it would have to be asked one by one
(another 1.3 ms a file).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
MAX_DIRECTORIES = 64
MAX_ENTRIES = 1000


class NotTiff(ValueError):
    """The bytes are not the beginning of a TIFF."""


class OddPages(ValueError):
    """A TIFF whose further directories only GDAL can make sense of."""


@dataclass(frozen=True)
class Table:
    """Where in the header a list of numbers lies, one a block, and of which type they are (as numpy names it)."""

    dtype: str
    at: int
    count: int

    @property
    def stop(self) -> int:
        """Where it ends."""
        return self.at + self.count * np.dtype(self.dtype).itemsize

    def read(self, data: bytes) -> NDArray[np.int64]:
        """The numbers."""
        return np.frombuffer(data, self.dtype, self.count, self.at).astype(np.int64)


@dataclass(frozen=True)
class Directory:
    """Shape of one image of the file and of its blocks (strips, unless it is `tiled`), in pixels.

    `kind` holds TIFF's NewSubfileType bits: 1 for an overview, 4 for a mask. `storage` says how the blocks are
    stored: its numbers by tag, but where they are TIFF's defaults; `UNREADABLE` where a tag holds anything but one
    number. `offsets` and `sizes` say where each block lies in the file, and how many bytes it has.
    """

    kind: int
    shape: tuple[int, int]
    block_shape: tuple[int, int]
    tiled: bool
    storage: frozenset[tuple[int, int]]
    offsets: Table | None
    sizes: Table | None

    @property
    def is_mask(self) -> bool:
        """Whether it is another image's mask."""
        return bool(self.kind & 4)

    @property
    def is_overview(self) -> bool:
        """Whether it is a smaller copy of another image."""
        return self.kind & 5 == 1

    @property
    def is_open(self) -> bool:
        """Whether its pixels lie one after the other, so that any part of it can be read."""
        return not self.tiled and self.block_shape[0] >= self.shape[0] and COMPRESSION not in dict(self.storage)


@dataclass(frozen=True)
class ImageDirectories:
    """All directories found, and how many bytes from the start of the file hold them with their values.

    Where `needed` is more than the bytes given, the walk stopped at the first directory outside, which ends at
    `needed` or later: walk again with so many.
    """

    needed: int
    found: tuple[Directory, ...]

    def blank(self, data: bytes) -> bytes:
        """The header without any block's place: the same for all files that differ in nothing else."""
        blank = bytearray(data[: self.needed])
        for directory in self.found:
            for table in (directory.offsets, directory.sizes):
                if table is not None:
                    blank[table.at : table.stop] = bytes(table.stop - table.at)
        return bytes(blank)


def walk(data: bytes) -> ImageDirectories:
    """Walk the directories of a TIFF, given its first bytes. Raises NotTiff, OddPages."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 16:
        raise NotTiff("no TIFF signature")
    (magic,) = struct.unpack_from(order + "H", data, 2)
    if magic not in (42, 43):
        raise NotTiff("no TIFF version")
    layout = _Layout(order, *(("H", "I", 12, 4) if magic == 42 else ("Q", "Q", 20, 8)))
    needed = 0
    found: list[Directory] = []
    seen: set[int] = set()
    at = layout.read(layout.offset, data, layout.first)
    while at:
        if at in seen:
            raise NotTiff("its directories form a loop")
        if len(seen) >= MAX_DIRECTORIES:
            raise OddPages
        seen.add(at)
        table = at + struct.calcsize(layout.count)
        if table > len(data):
            return ImageDirectories(max(needed, table + 32 * layout.entry), tuple(found))
        entries = layout.read(layout.count, data, at)
        if entries > MAX_ENTRIES:
            raise NotTiff("a directory has too many entries")
        end = table + entries * layout.entry + struct.calcsize(layout.offset)
        if end > len(data):
            return ImageDirectories(max(needed, end), tuple(found))
        tags, tables, values_end = layout.tags(data, table, entries)
        needed = max(needed, end, values_end)
        try:
            found.append(_directory(tags, tables))
        except NotTiff:
            if not found:
                raise
            raise OddPages from None
        at = layout.read(layout.offset, data, end - struct.calcsize(layout.offset))
    return ImageDirectories(needed, tuple(found))


@dataclass(frozen=True)
class _Layout:
    """Where classic TIFF and BigTIFF differ: struct formats of counts and offsets, bytes of an entry, first pointer."""

    order: str
    count: str
    offset: str
    entry: int
    first: int

    def read(self, kind: str, data: bytes, at: int) -> int:
        value: int = struct.unpack_from(self.order + kind, data, at)[0]
        return value

    def tags(self, data: bytes, table: int, entries: int) -> tuple[dict[int, int], dict[int, Table], int]:
        """A directory's single numbers and its blocks' tables, both by tag, and where its last value ends."""
        room = struct.calcsize(self.offset)
        single: dict[int, int] = {}
        tables: dict[int, Table] = {}
        end = 0
        for position in range(table, table + entries * self.entry, self.entry):
            tag, kind, count = struct.unpack_from(self.order + "HH" + self.offset, data, position)
            value = position + 4 + room
            if count * _TYPE_SIZES.get(kind, 1) > room:
                at = self.read(self.offset, data, value)
                end = max(end, at + count * _TYPE_SIZES.get(kind, 1))
            else:
                at = value
                if count == 1 and kind in _NUMBER_FORMATS:
                    single.setdefault(tag, self.read(_NUMBER_FORMATS[kind], data, value))  # the first, as in GDAL
            if tag in _STORAGE:
                single.setdefault(tag, UNREADABLE)
            if tag in _TABLES and kind in _NUMBER_FORMATS:
                tables.setdefault(tag, Table(f"{self.order}u{_TYPE_SIZES[kind]}", at, count))
        return single, tables, end


def _directory(tags: dict[int, int], tables: dict[int, Table]) -> Directory:
    try:
        shape = tags[_LENGTH], tags[_WIDTH]
    except KeyError:
        raise NotTiff("a directory has no shape") from None
    tiled = _TILE_LENGTH in tags and _TILE_WIDTH in tags
    strip = min(tags.get(_ROWS_PER_STRIP, shape[0]), shape[0]), shape[1]
    block = (tags[_TILE_LENGTH], tags[_TILE_WIDTH]) if tiled else strip
    if min(*shape, *block) < 1:
        raise NotTiff("a directory has no pixels")
    storage = frozenset((tag, tags[tag]) for tag, usual in _STORAGE.items() if tags.get(tag, usual) != usual)
    offsets, sizes = (tables.get(tag) for tag in (_TILE_TABLES if tiled else _STRIP_TABLES))
    return Directory(tags.get(_KIND, 0), shape, block, tiled, storage, offsets, sizes)


_KIND, _WIDTH, _LENGTH, _ROWS_PER_STRIP, _TILE_WIDTH, _TILE_LENGTH = 254, 256, 257, 278, 322, 323
BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, SAMPLES, PLANES, PREDICTOR, FORMAT = 258, 259, 262, 266, 277, 284, 317, 339
_STORAGE = dict.fromkeys((BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, SAMPLES, PLANES, PREDICTOR, FORMAT), 1)
"""Tags and their defaults: bits a sample, codec, what 0 looks like, order of bits, samples a pixel, and so on."""
UNREADABLE = -1
_STRIP_TABLES, _TILE_TABLES = (273, 279), (324, 325)
_TABLES = {*_STRIP_TABLES, *_TILE_TABLES}
_NUMBER_FORMATS = {3: "H", 4: "I", 16: "Q"}
