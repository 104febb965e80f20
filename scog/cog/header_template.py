"""Header templates: the part of a header that all dates of an MGRS tile share, parsed once.

Headers of different dates differ only in the offsets and sizes of their blocks. A new header is compared with the
cached templates (2 us), and only its offsets and sizes are parsed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from scog.cog.gdal_env import GDAL_ERRORS, gdal_environment
from scog.cog.ifd import Directory, ImageDirectories, OddPages, Table
from scog.cog.metadata import FileMetadata, Level
from scog.cog.raster_profile import RasterProfile, level_of, metadata_of, profile_of
from scog.cog.storage import Storage, storage_of
from scog.errors import AssetBroken, AssetRefused

MAX_BLOCKS = 100_000
"""Maximum number of blocks of one level."""
MAX_BLOCK_BYTES = 64_000_000
"""Maximum bytes of a stored block."""
MAX_TEMPLATES = 32


@dataclass(frozen=True, eq=False)
class HeaderTemplate:
    """A header without the offsets and sizes of its blocks. `levels` lack them too. `blank` has the header's bytes."""

    directories: ImageDirectories
    blank: bytes
    local: bool
    profile: RasterProfile
    storage: Storage | None
    """How the blocks are stored; None if GDAL decodes them."""
    levels: tuple[Level, ...]
    tables: tuple[tuple[Table, Table], ...]
    """Location in the header of the offsets and the sizes of blocks, for each level of a plain file."""

    @cached_property
    def _shared(self) -> list[tuple[int, int, bytes]]:
        """The bytes that all headers of this template share: start, stop and contents of each run of bytes."""
        tables = (table for one in self.directories.images for table in (one.offsets, one.sizes) if table is not None)
        stretches, at = [], 0
        for start, stop in (*sorted((table.at, table.stop) for table in tables), (len(self.blank), len(self.blank))):
            if start > at:
                stretches.append((at, start, self.blank[at:start]))
            at = max(at, stop)
        return stretches

    @cached_property
    def _block_counts(self) -> list[tuple[int, int]]:
        """Rows and columns of blocks of each level."""
        return [level.blocks for level in self.levels]

    @cached_property
    def _arrays(self) -> list[list[tuple[str, int, int]]]:
        """dtype, length and position of each level's array of offsets; then the same of each array of sizes."""
        return [
            [
                (table.dtype, rows * columns, table.at)
                for table, (rows, columns) in zip(tables, self._block_counts, strict=True)
            ]
            for tables in zip(*self.tables, strict=True)
        ]

    def fits(self, data: bytes) -> bool:
        """Whether `data`, the first bytes of a file, match the template and contain the whole header."""
        return len(data) >= len(self.blank) and all(data[start:stop] == same for start, stop, same in self._shared)

    def describe(self, header: bytes, identity: str) -> FileMetadata:
        """The metadata of a file whose header fits the template. Raises AssetBroken."""
        levels, stop = (self.levels, 0) if self.storage is None else self._located(header)
        return metadata_of(self.profile, identity, levels, self.storage, stop)

    def _located(self, header: bytes) -> tuple[tuple[Level, ...], int]:
        """The levels with the location of their blocks, and the byte at which the last block ends.

        The arrays of all levels are processed as one array, since calling NumPy takes most of the time.
        """
        offsets, sizes = (_concatenated(header, arrays) for arrays in self._arrays)
        if (offsets | sizes).min() < 0 or sizes.max() > MAX_BLOCK_BYTES:
            raise AssetBroken(
                f"The header has a block of more than {MAX_BLOCK_BYTES} bytes or beyond 2^63 bytes.",
                reason="broken-header",
            )
        if not offsets.all():
            sizes[offsets == 0] = 0
        levels, at = [], 0
        for level, (rows, columns) in zip(self.levels, self._block_counts, strict=True):
            span = slice(at, at + rows * columns)
            levels.append(
                Level(
                    level.grid,
                    level.block_shape,
                    offsets[span].reshape(rows, columns),
                    sizes[span].reshape(rows, columns),
                )
            )
            at = span.stop
        return tuple(levels), int((offsets + sizes).max())


def _concatenated(header: bytes, arrays: Sequence[tuple[str, int, int]]) -> NDArray[np.int64]:
    """The values of arrays in the header, each given by dtype, length and position, as one array."""
    dtype = arrays[0][0]
    size = np.dtype(dtype).itemsize
    if len({each for each, _, _ in arrays}) == 1:  # as for offsets: joining bytes is faster than joining arrays
        joined = b"".join([header[at : at + count * size] for _, count, at in arrays])
        return np.frombuffer(joined, dtype).astype(np.int64)
    return np.concatenate([np.frombuffer(header, *array) for array in arrays]).astype(np.int64)


class HeaderTemplates:
    """The most recently used templates. Thread-safe."""

    def __init__(self) -> None:
        self._templates: tuple[HeaderTemplate, ...] = ()

    def find(self, data: bytes, *, local: bool) -> HeaderTemplate | None:
        """The template that the first bytes `data` of a file fit, or None. `local` files have separate templates."""
        for template in self._templates:
            if template.local == local and template.fits(data):
                if template is not self._templates[0]:
                    self.add(template)
                return template
        return None

    def add(self, template: HeaderTemplate) -> None:
        """Add a template. If two threads add one at the same time, one may be lost, and is then parsed again."""
        others = [other for other in self._templates if other is not template]
        self._templates = (template, *others[: MAX_TEMPLATES - 1])


def template_of(header: bytes, directories: ImageDirectories, *, local: bool = False) -> HeaderTemplate:
    """The template of a header. A `local` file may be larger than a remote one.

    Raises AssetBroken for an invalid GeoTIFF, AssetRefused if scog does not support its CRS, pixel type, size or
    blocks, and OddPages if only GDAL can tell which directories are overviews.
    """
    blank = directories.blank(header)
    profile = _profile(blank, local)
    images = _images(directories.images, profile)
    storage = None if profile.masked or profile.count > 1 else storage_of(images, header[:2], profile.dtype)
    plain = storage is not None
    levels = tuple(
        level_of(profile, image.shape, image.block_shape, plain=plain, is_contiguous=image.is_contiguous)
        for image in images
    )
    tables = tuple(_tables(level, image, header) for level, image in zip(levels, images, strict=True)) if plain else ()
    return HeaderTemplate(directories, blank, local, profile, storage, levels, tables)


def _images(directories: Sequence[Directory], profile: RasterProfile) -> list[Directory]:
    """The first image, which GDAL opens, and its overviews. Pages with other images are skipped.

    Raises OddPages if GDAL may use other overviews.
    """
    image, *others = directories
    overviews = [other for other in others if other.is_overview]
    if any(other.is_mask for other in others) and not profile.masked:  # the mask of only an overview or another page
        raise OddPages
    if image.shape != profile.shape:
        raise AssetBroken(
            f"The first directory has an image of shape {image.shape}, but GDAL reads {profile.shape}.",
            reason="broken-header",
        )
    factors = [max(full / less for full, less in zip(image.shape, each.shape, strict=True)) for each in overviews]
    if len(factors) != len(profile.overviews) or any(
        abs(ours - gdals) > 1 + 0.1 * gdals for ours, gdals in zip(factors, profile.overviews, strict=True)
    ):
        raise OddPages
    return [image, *overviews]


def _profile(blank: bytes, local: bool) -> RasterProfile:
    """The profile of a header without offsets and sizes. Raises AssetBroken or AssetRefused."""
    with gdal_environment():
        try:
            with MemoryFile(blank) as memory, memory.open(driver="GTiff") as dataset:
                return profile_of(dataset, local)
        except GDAL_ERRORS:
            raise AssetBroken("GDAL cannot read the file's header.", reason="not-a-geotiff") from None


def _tables(level: Level, image: Directory, header: bytes) -> tuple[Table, Table]:
    """Location in the header of the offsets and sizes of a level's blocks. Raises AssetBroken or AssetRefused."""
    blocks = math.prod(level.blocks)
    if blocks > MAX_BLOCKS:
        raise AssetRefused(
            f"A level of the file has {blocks} blocks; the limit is {MAX_BLOCKS}.", reason="too-many-blocks"
        )
    for table in (image.offsets, image.sizes):
        if table is None or table.count < blocks or table.stop > len(header):
            raise AssetBroken(
                f"The header lacks the offsets or sizes of some of the level's {blocks} blocks.", reason="broken-header"
            )
    assert image.offsets is not None
    assert image.sizes is not None
    return image.offsets, image.sizes
