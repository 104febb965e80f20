"""Read plans: the overview level, warp map and blocks of one band, before any pixel is read."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scog.catalog.assets import Asset
from scog.cog.block_reader import BlockRequest
from scog.cog.metadata import FileMetadata
from scog.cog.range_plan import BlockIndex
from scog.geo.resampling_support import ResamplingSupport
from scog.warp.resample import Resampling
from scog.warp.warp import WarpMap

WINDOW_BYTES = 13
"""Bytes of each source pixel in the window that is resampled: number, sum, count and validity."""


@dataclass(frozen=True, eq=False)
class BandSource:
    """The file of one band, and how to read it.

    asset     bound to its file (see `asset_binding`)
    metadata  of the file, with a georeference
    offset    to add to scaled values: from the metadata, else estimated
    method    resampling method for this band
    """

    asset: Asset
    metadata: FileMetadata
    offset: float
    method: Resampling


@dataclass(frozen=True, eq=False)
class ReadPlan:
    """What to read of one band.

    warp_map  from the target grid to the level; None if the file does not intersect the target grid
    needed    blocks of the level
    """

    source: BandSource
    level: int
    warp_map: WarpMap | None
    needed: frozenset[BlockIndex]

    @property
    def request(self) -> BlockRequest:
        """The blocks, as a request to the block reader."""
        asset = self.source.asset
        return BlockRequest(asset.url, self.source.metadata, self.level, self.needed, asset.band or 1, self.bottom)

    def coarser(self, level: int) -> BlockRequest:
        """The blocks of a coarser level that cover about the same pixels."""
        asset, metadata = self.source.asset, self.source.metadata
        blocks: frozenset[BlockIndex] = frozenset()
        if self.warp_map is not None:
            fine, coarse = metadata.levels[self.level], metadata.levels[level]
            sizes = zip(fine.grid.shape, coarse.grid.shape, coarse.block_shape, strict=True)
            height, width = (round(block * fine_size / coarse_size) for fine_size, coarse_size, block in sizes)
            rows, cols = coarse.blocks
            blocks = frozenset(
                (row, col) for row, col in self.warp_map.blocks((height, width)) if row < rows and col < cols
            )
        return BlockRequest(asset.url, metadata, level, blocks, asset.band or 1)

    def limited(self, pixels: NDArray[np.bool_]) -> ReadPlan:
        """The plan with only the blocks that contain `pixels`, bool `(y, x)` on the target grid."""
        if self.warp_map is None:
            return self
        part = pixels[self.warp_map.rows, self.warp_map.cols]
        return replace(self, needed=self.warp_map.blocks(self.block_shape, part))

    @property
    def block_shape(self) -> tuple[int, int]:
        """Rows and columns of a block of the level."""
        return self.source.metadata.levels[self.level].block_shape

    @property
    def bottom(self) -> int:
        """The last needed row of the level, plus 1. 0 if no pixel is needed."""
        return self.warp_map.bottom if self.warp_map is not None else 0

    @property
    def size(self) -> int:
        """Bytes of memory for the blocks, and for the window that a resampling method assembles from them."""
        blocks = self.source.metadata.reading_bytes(self.level, self.needed)
        if not isinstance(self.warp_map, ResamplingSupport):
            return blocks
        height, width = self.warp_map.window.shape
        return int(blocks + WINDOW_BYTES * height * width)

    @property
    def working_bytes(self) -> int:
        """Bytes of memory for decoding large blocks, which are decoded one at a time."""
        return self.source.metadata.levels[self.level].working_bytes if self.needed else 0

    @property
    def nodata(self) -> frozenset[float]:
        """The nodata values of the file and of the item, unless every stored number is a value."""
        if self.source.asset.ignores_nodata:
            return frozenset()
        values = (self.source.metadata.nodata, self.source.asset.nodata)
        return frozenset(value for value in values if value is not None)


def plan_read(source: BandSource, level: int, warp_map: WarpMap | None) -> ReadPlan:
    """The plan for all target pixels that the file covers."""
    block_shape = source.metadata.levels[level].block_shape
    needed = frozenset() if warp_map is None else warp_map.blocks(block_shape)
    return ReadPlan(source, level, warp_map, needed)
