"""Kinds of headers: what a header says, but for where each block lies, is the same for all dates of a square.

So it is worked out once. The header of another date is compared with those that are known (2 us), and only the places
of its blocks are read from it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from scog.cog.ifd import Directory, ImageDirectories, OddPages, Table
from scog.cog.metadata import (
    GDAL_FAULTS,
    MAX_BLOCK_BYTES,
    FileMetadata,
    Level,
    RasterFacts,
    description_of,
    facts_of,
    gdal_opening,
    level_of,
)
from scog.cog.storage import Storage, storage_of
from scog.errors import AssetBroken, AssetRefused

MAX_BLOCKS = 100_000
KINDS_KEPT = 32


@dataclass(frozen=True, eq=False)
class HeaderTemplate:
    """All that a header says but for where its blocks lie; `levels` are without these places."""

    directories: ImageDirectories
    blank: bytes
    local: bool
    facts: RasterFacts
    storage: Storage | None
    """How the blocks are stored; None where GDAL decodes them."""
    levels: tuple[Level, ...]
    tables: tuple[tuple[Table, Table], ...]
    """For each level of a plain file where the places of its blocks, and where their sizes are listed."""

    @cached_property
    def _same(self) -> list[tuple[int, int, bytes]]:
        """The stretches of bytes that all headers of this kind share, by start and stop."""
        tables = (table for one in self.directories.found for table in (one.offsets, one.sizes) if table is not None)
        stretches, at = [], 0
        for start, stop in (*sorted((table.at, table.stop) for table in tables), (len(self.blank), len(self.blank))):
            if start > at:
                stretches.append((at, start, self.blank[at:start]))
            at = max(at, stop)
        return stretches

    @cached_property
    def _blocks(self) -> list[tuple[int, int]]:
        return [level.blocks for level in self.levels]

    @cached_property
    def _lists(self) -> list[list[tuple[str, int, int]]]:
        """Type, length and place of the lists: those of places for all levels, and those of sizes."""
        return [
            [
                (table.dtype, rows * columns, table.at)
                for table, (rows, columns) in zip(tables, self._blocks, strict=True)
            ]
            for tables in zip(*self.tables, strict=True)
        ]

    def fits(self, data: bytes) -> bool:
        """Whether a file that begins like this is of this kind, and all of its header is there."""
        return len(data) >= len(self.blank) and all(data[start:stop] == same for start, stop, same in self._same)

    def describe(self, header: bytes, identity: str) -> FileMetadata:
        """Describe the file of this kind that begins with `header`. Raises AssetBroken."""
        levels, stop = (self.levels, 0) if self.storage is None else self._placed(header)
        return description_of(self.facts, identity, levels, self.storage, stop)

    def _placed(self, header: bytes) -> tuple[tuple[Level, ...], int]:
        """The levels with their blocks' places, and where the last of these ends.

        All lists are looked at as one: it is numpy's calls that take time here.
        """
        offsets, sizes = (_numbers(header, lists) for lists in self._lists)
        if (offsets | sizes).min() < 0 or sizes.max() > MAX_BLOCK_BYTES:
            raise AssetBroken("The header claims absurdly large blocks.", reason="broken-header")
        if not offsets.all():
            sizes[offsets == 0] = 0
        levels, at = [], 0
        for level, (rows, columns) in zip(self.levels, self._blocks, strict=True):
            here = slice(at, at + rows * columns)
            levels.append(
                Level(
                    level.grid,
                    level.block_shape,
                    offsets[here].reshape(rows, columns),
                    sizes[here].reshape(rows, columns),
                )
            )
            at = here.stop
        return tuple(levels), int((offsets + sizes).max())


def _numbers(header: bytes, lists: Sequence[tuple[str, int, int]]) -> NDArray[np.int64]:
    """The numbers of all lists, one after the other."""
    size = np.dtype(lists[0][0]).itemsize
    if len({dtype for dtype, _, _ in lists}) == 1:  # as those of places are: bytes are joined faster than arrays
        joined = b"".join([header[at : at + count * size] for _, count, at in lists])
        return np.frombuffer(joined, lists[0][0]).astype(np.int64)
    return np.concatenate([np.frombuffer(header, *where) for where in lists]).astype(np.int64)


class HeaderTemplates:
    """The kinds of headers that were seen, those seen last first. For any thread."""

    def __init__(self) -> None:
        self._known: tuple[HeaderTemplate, ...] = ()

    def find(self, data: bytes, *, local: bool) -> HeaderTemplate | None:
        """The kind of a file that begins like this, if it is known; more is allowed of `local` files."""
        for kind in self._known:
            if kind.local == local and kind.fits(data):
                if kind is not self._known[0]:
                    self.add(kind)
                return kind
        return None

    def add(self, kind: HeaderTemplate) -> None:
        """Remember a kind. Where two threads do so at once one may be forgotten, which costs only time."""
        others = [other for other in self._known if other is not kind]
        self._known = (kind, *others[: KINDS_KEPT - 1])


def kind_of(header: bytes, directories: ImageDirectories, *, local: bool = False) -> HeaderTemplate:
    """What kind of file has this header.

    Raises AssetBroken where it is no GeoTIFF, AssetRefused where scog does not open it (CRS, type, size, blocks), and
    OddPages where only GDAL can tell which of its directories are overviews.
    """
    blank = directories.blank(header)
    facts = _told(blank, local)
    images = _levels(directories.found, facts)
    storage = None if facts.masked or facts.count > 1 else storage_of(images, header[:2], facts.dtype)
    plain = storage is not None
    levels = tuple(
        level_of(facts, image.shape, image.block_shape, plain=plain, is_open=image.is_open) for image in images
    )
    tables = tuple(_tables(level, image, header) for level, image in zip(levels, images, strict=True)) if plain else ()
    return HeaderTemplate(directories, blank, local, facts, storage, levels, tables)


def _levels(found: Sequence[Directory], facts: RasterFacts) -> list[Directory]:
    """The image that GDAL opens, which is the first, and its overviews. Pages of other images count for nothing.

    Raises OddPages where GDAL's overviews may be others.
    """
    image, *others = found
    overviews = [other for other in others if other.is_overview]
    if any(other.is_mask for other in others) and not facts.masked:  # of an overview alone, or of another page
        raise OddPages
    if image.shape != facts.shape:
        raise AssetBroken("The file's directories contradict each other.", reason="broken-header")
    smaller = [max(full / less for full, less in zip(image.shape, each.shape, strict=True)) for each in overviews]
    if len(smaller) != len(facts.overviews) or any(
        abs(ours - gdals) > 1 + 0.1 * gdals for ours, gdals in zip(smaller, facts.overviews, strict=True)
    ):
        raise OddPages
    return [image, *overviews]


def _told(blank: bytes, local: bool) -> RasterFacts:
    """What GDAL tells of a header without its blocks' places."""
    with gdal_opening():
        try:
            with MemoryFile(blank) as memory, memory.open(driver="GTiff") as dataset:
                return facts_of(dataset, local)
        except GDAL_FAULTS:
            raise AssetBroken("GDAL cannot read the file's header.", reason="not-a-geotiff") from None


def _tables(level: Level, image: Directory, header: bytes) -> tuple[Table, Table]:
    """Where the header lists the places and sizes of a level's blocks."""
    blocks = math.prod(level.blocks)
    if blocks > MAX_BLOCKS:
        raise AssetRefused(f"The file has more than {MAX_BLOCKS} blocks a level.", reason="too-many-blocks")
    for table in (image.offsets, image.sizes):
        if table is None or table.count < blocks or table.stop > len(header):
            raise AssetBroken("The header does not say where all blocks lie.", reason="broken-header")
    assert image.offsets is not None
    assert image.sizes is not None
    return image.offsets, image.sizes
