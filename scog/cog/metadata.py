"""Metadata of a file from its header: bands, overview levels, and the location of each block."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scog.cog.block_parts import Shape
from scog.cog.validity import as_number, record_dtype
from scog.geo.grid import Grid
from scog.geo.overview_level import level_for

NO_CRS = ""
"""CRS of the levels of a file without a CRS."""


@dataclass(frozen=True)
class FileBand:
    """What the file itself says of a band, in GDAL's tags.

    name           description
    scale, offset  value = stored number x scale + offset
    alpha          whether it is an alpha band
    color          colour interpretation, such as `red`; empty if there is none
    unit           of the values; empty if there is none
    palette        colour table: `(red, green, blue, alpha)` by stored number; empty if there is none
    """

    name: str = ""
    scale: float = 1.0
    offset: float = 0.0
    alpha: bool = False
    color: str = ""
    unit: str = ""
    palette: tuple[tuple[int, int, int, int], ...] = ()


@dataclass(frozen=True, eq=False)
class Level:
    """One level of a file: its grid, the shape `(rows, columns)` of its blocks, and their location.

    `offsets` and `sizes` are int64 arrays `(block rows, block columns)` in bytes, or None if only GDAL can locate the
    blocks. A block of size 0 was never written: all its pixels are nodata.

    Large blocks of the file are divided into parts, which are the blocks of this level. `together` is the number of
    rows and columns of parts that are read together. `working_bytes` is the additional memory that decoding a block of
    the file takes; 0 if it is small.
    """

    grid: Grid
    block_shape: tuple[int, int]
    offsets: NDArray[np.int64] | None
    sizes: NDArray[np.int64] | None
    together: tuple[int, int] = (1, 1)
    working_bytes: int = 0

    @property
    def blocks(self) -> tuple[int, int]:
        """Number of rows and columns of blocks."""
        height, width = self.block_shape
        return -(-self.grid.height // height), -(-self.grid.width // width)

    def with_companions(self, blocks: Iterable[Shape]) -> frozenset[Shape]:
        """These blocks, and all blocks that are read together with any of them."""
        if self.together == (1, 1):
            return frozenset(blocks)
        (high, wide), (rows, cols) = self.together, self.blocks
        return frozenset(
            (row, col)
            for top, left in {(row // high * high, col // wide * wide) for row, col in blocks}
            for row in range(top, min(top + high, rows))
            for col in range(left, min(left + wide, cols))
        )


@dataclass(frozen=True, eq=False)
class FileMetadata:
    """Metadata of one version of a file, which `identity` identifies.

    scog decodes `plain` files, GDAL all others. `compression` and `predictor` (TIFF's) are set for plain files; `stop`
    is the byte at which the last block of a plain file ends. In a `masked` file, a mask or an alpha band determines
    which pixels are valid instead of nodata: its blocks are arrays of records (see `scog.cog.validity`). `mask_file` is
    the URL of a mask in another file.

    If the file has no CRS, the levels' CRS is NO_CRS, and their transforms are the file's or in pixels.
    """

    identity: str
    dtype: np.dtype[Any]
    nodata: float | None
    count: int
    compression: str
    predictor: int
    plain: bool
    levels: tuple[Level, ...]
    stop: int = 0
    bands: tuple[FileBand, ...] = (FileBand(),)
    masked: bool = False
    masked_by_alpha: bool = False
    """Whether an alpha band alone determines which pixels are valid."""
    mask_file: str | None = None
    pixel_interleaved: bool = False
    """Whether each block of the file contains several bands (PlanarConfiguration 1)."""

    @cached_property
    def resolutions(self) -> tuple[float, ...]:
        """Pixel size of each level, in CRS units."""
        return tuple(level.grid.resolution for level in self.levels)

    def level_for(self, grid: Grid, coarser: float = 1.0) -> int:
        """The level to read for a grid whose pixel size is multiplied by `coarser`; see `scog.geo.overview_level`."""
        return level_for(self.levels[0].grid, self.resolutions, grid, coarser)

    def block_bytes(self, level: int) -> int:
        """Bytes of one decoded block."""
        height, width = self.levels[level].block_shape
        return height * width * self.block_dtype.itemsize

    def reading_bytes(self, level: int, blocks: Iterable[Shape]) -> int:
        """Bytes of these decoded blocks, and of the blocks that are read together with them."""
        return len(self.levels[level].with_companions(blocks)) * self.block_bytes(level)

    @property
    def block_dtype(self) -> np.dtype[Any]:
        """The dtype of decoded blocks."""
        return record_dtype(self.dtype) if self.masked else self.dtype

    @property
    def fill(self) -> Any:
        """The stored value of pixels that were never written: nodata if the dtype can hold it, else 0."""
        number = as_number(self.nodata, self.dtype)
        return 0 if number is None else number

    def for_gdal(self) -> FileMetadata:
        """The metadata of the same file, to be read by GDAL. Tests compare scog's pixels with GDAL's."""
        return replace(self, plain=False)
