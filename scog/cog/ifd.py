"""Walks the image file directories (IFDs) of a TIFF: their size in bytes, and the shapes of the images.

From the first bytes of a file, rasterio silently reports fewer overviews if a directory is cut off. The walk detects
that. It also returns the shapes of the overviews, for which GDAL would have to open
each overview (1.3 ms each), and the location of the blocks, which GDAL reports only one by one (1.3 ms per file).

Source: TIFF Revision 6.0, section 2. BigTIFF has the same structure with larger fields.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes of a value by TIFF field type."""
MAX_DIRECTORIES = 64
MAX_ENTRIES = 1000


class NotTiff(ValueError):
    """The bytes are not the beginning of a TIFF."""


class OddPages(ValueError):
    """Only GDAL can interpret the directories after the first one."""


@dataclass(frozen=True)
class Table:
    """Location in the header of an array with one number per block. It has NumPy's `dtype` and starts at byte `at`."""

    dtype: str
    at: int
    count: int

    @property
    def stop(self) -> int:
        """The byte after the array."""
        return self.at + self.count * np.dtype(self.dtype).itemsize

    def read(self, data: bytes) -> NDArray[np.int64]:
        """The array's values, read from a header."""
        return np.frombuffer(data, self.dtype, self.count, self.at).astype(np.int64)


@dataclass(frozen=True)
class Directory:
    """One image of the file: shapes `(rows, columns)` of the image and of its blocks (strips unless it is `tiled`).

    `kind` has the bits of NewSubfileType: 1 for an overview, 4 for a mask. `storage` has tags that affect how blocks
    are stored, with their values, unless they are TIFF's defaults; `UNREADABLE` if a value is not a single number.
    `offsets` and `sizes` locate the arrays with each block's offset and size in bytes.
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
        """Whether this is the mask of another image."""
        return bool(self.kind & 4)

    @property
    def is_overview(self) -> bool:
        """Whether this is a reduced-resolution copy of another image."""
        return self.kind & 5 == 1

    @property
    def is_contiguous(self) -> bool:
        """Whether the pixels are one uncompressed strip. Any rows can then be read without the others."""
        return not self.tiled and self.block_shape[0] >= self.shape[0] and COMPRESSION not in dict(self.storage)


@dataclass(frozen=True)
class ImageDirectories:
    """The directories of a file. The first `needed` bytes of the file contain them and their values.

    If `needed` exceeds the size of the given data, the walk stopped at an incomplete directory. Repeat it with at least
    `needed` bytes; it may need more then.
    """

    needed: int
    images: tuple[Directory, ...]

    def blank(self, data: bytes) -> bytes:
        """The header with all block offsets and sizes set to 0. Equal for files that differ only in these."""
        blank = bytearray(data[: self.needed])
        for directory in self.images:
            for table in (directory.offsets, directory.sizes):
                if table is not None:
                    blank[table.at : table.stop] = bytes(table.stop - table.at)
        return bytes(blank)


def walk(data: bytes) -> ImageDirectories:
    """The directories of a TIFF, from its first bytes. Raises NotTiff or OddPages."""
    layout = _layout(data)
    needed = 0
    directories: list[Directory] = []
    seen: set[int] = set()
    at = layout.read(layout.offset, data, layout.first)
    while at:
        if at in seen:
            raise NotTiff("its directories form a loop")
        if len(seen) >= MAX_DIRECTORIES:
            raise OddPages
        seen.add(at)
        entries_at = at + struct.calcsize(layout.count)
        if entries_at > len(data):
            return ImageDirectories(max(needed, entries_at + 32 * layout.entry), tuple(directories))
        entries = layout.read(layout.count, data, at)
        if entries > MAX_ENTRIES:
            raise NotTiff(f"a directory has {entries} entries, more than {MAX_ENTRIES}")
        end = entries_at + entries * layout.entry + struct.calcsize(layout.offset)
        if end > len(data):
            return ImageDirectories(max(needed, end), tuple(directories))
        tags, tables, values_end = layout.tags(data, entries_at, entries)
        needed = max(needed, end, values_end)
        try:
            directories.append(_directory(tags, tables))
        except NotTiff:
            if not directories:
                raise
            raise OddPages from None
        at = layout.read(layout.offset, data, end - struct.calcsize(layout.offset))
    return ImageDirectories(needed, tuple(directories))


@dataclass(frozen=True)
class _Layout:
    """Differences of classic TIFF and BigTIFF: formats of counts and offsets, bytes of an entry, first pointer."""

    order: str
    count: str
    offset: str
    entry: int
    first: int

    def read(self, kind: str, data: bytes, at: int) -> int:
        value: int = struct.unpack_from(self.order + kind, data, at)[0]
        return value

    def tags(self, data: bytes, entries_at: int, entries: int) -> tuple[dict[int, int], dict[int, Table], int]:
        """A directory's single numbers and block arrays, both by tag, and the byte at which its last value ends."""
        value_size = struct.calcsize(self.offset)
        numbers: dict[int, int] = {}
        tables: dict[int, Table] = {}
        end = 0
        for position in range(entries_at, entries_at + entries * self.entry, self.entry):
            tag, kind, count = struct.unpack_from(self.order + "HH" + self.offset, data, position)
            value_at = position + 4 + value_size
            if count * _TYPE_SIZES.get(kind, 1) > value_size:
                at = self.read(self.offset, data, value_at)
                end = max(end, at + count * _TYPE_SIZES.get(kind, 1))
            else:
                at = value_at
                if count == 1 and kind in _NUMBER_FORMATS:
                    # the first of repeated tags is used, as in GDAL
                    numbers.setdefault(tag, self.read(_NUMBER_FORMATS[kind], data, value_at))
            if tag in _STORAGE:
                numbers.setdefault(tag, UNREADABLE)
            if tag in _TABLES and kind in _NUMBER_FORMATS:
                tables.setdefault(tag, Table(f"{self.order}u{_TYPE_SIZES[kind]}", at, count))
        return numbers, tables, end


def _layout(data: bytes) -> _Layout:
    """The layout of a file with this header. Raises NotTiff."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 16:
        raise NotTiff("it has no TIFF signature")
    (magic,) = struct.unpack_from(order + "H", data, 2)
    if magic not in (42, 43):
        raise NotTiff(f"its TIFF version is {magic} instead of 42 or 43")
    return _Layout(order, *(("H", "I", 12, 4) if magic == 42 else ("Q", "Q", 20, 8)))


def _directory(tags: dict[int, int], tables: dict[int, Table]) -> Directory:
    try:
        shape = tags[_LENGTH], tags[_WIDTH]
    except KeyError:
        raise NotTiff("a directory has no image size") from None
    tiled = _TILE_LENGTH in tags and _TILE_WIDTH in tags
    strip = min(tags.get(_ROWS_PER_STRIP, shape[0]), shape[0]), shape[1]
    block = (tags[_TILE_LENGTH], tags[_TILE_WIDTH]) if tiled else strip
    if min(*shape, *block) < 1:
        raise NotTiff("a directory has no pixels")
    storage = frozenset((tag, tags[tag]) for tag, default in _STORAGE.items() if tags.get(tag, default) != default)
    offsets, sizes = (tables.get(tag) for tag in (_TILE_TABLES if tiled else _STRIP_TABLES))
    return Directory(tags.get(_KIND, 0), shape, block, tiled, storage, offsets, sizes)


_KIND, _WIDTH, _LENGTH, _ROWS_PER_STRIP, _TILE_WIDTH, _TILE_LENGTH = 254, 256, 257, 278, 322, 323
BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, SAMPLES, PLANES, PREDICTOR, FORMAT = 258, 259, 262, 266, 277, 284, 317, 339
_STORAGE = dict.fromkeys((BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, SAMPLES, PLANES, PREDICTOR, FORMAT), 1)
"""Tags that affect how blocks are stored, and TIFF's default value of each."""
UNREADABLE = -1
_STRIP_TABLES, _TILE_TABLES = (273, 279), (324, 325)
"""Tags of the arrays of block offsets and sizes: StripOffsets and StripByteCounts, TileOffsets and TileByteCounts."""
_TABLES = {*_STRIP_TABLES, *_TILE_TABLES}
_NUMBER_FORMATS = {3: "H", 4: "I", 16: "Q"}
"""struct formats of the unsigned TIFF field types SHORT, LONG and LONG8."""
