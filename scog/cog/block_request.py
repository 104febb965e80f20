"""Block requests: which blocks to read, and how many rows of each."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from scog.cog.metadata import FileMetadata
from scog.cog.range_plan import BlockIndex
from scog.net.byte_range import is_local

BlockKey = tuple[str, int, int, int, int]
"""Version of a file (URL and identity), level, band, block row and column."""
BlockRows = dict[BlockIndex, int]
"""Block to the number of its upper rows to read."""


class BlockRequest(NamedTuple):
    """Blocks of one level and band of a file. Only the level's rows above `bottom` are needed; None means all rows."""

    url: str
    metadata: FileMetadata
    level: int
    blocks: Collection[BlockIndex]
    band: int = 1
    bottom: int | None = None

    def key(self, block: BlockIndex) -> BlockKey:
        """The cache key of a block."""
        return (f"{self.url}#{self.metadata.identity}", self.level, self.band, *block)

    @property
    def block_height(self) -> int:
        """Rows of a whole block."""
        return self.metadata.levels[self.level].block_shape[0]

    def needed_rows(self) -> BlockRows:
        """Number of rows of each requested block that are above `bottom` and within the level."""
        return self._rows(self.blocks, self.bottom)

    def filled_rows(self, blocks: Collection[BlockIndex]) -> BlockRows:
        """Number of rows of each block within the level. The lowest blocks extend beyond it."""
        return self._rows(blocks, None)

    def _rows(self, blocks: Collection[BlockIndex], bottom: int | None) -> BlockRows:
        level = self.metadata.levels[self.level]
        height, end = level.block_shape[0], level.grid.height
        end = end if bottom is None else min(bottom, end)
        return {block: min(height, end - block[0] * height) for block in blocks}

    def stored_bytes(self, block: BlockIndex, rows: int) -> int:
        """Estimated stored size of a block's upper rows in bytes; 0 if only GDAL can locate the block."""
        level = self.metadata.levels[self.level]
        return 0 if level.sizes is None else int(level.sizes[block]) * rows // level.block_shape[0]

    @property
    def allows_partial_blocks(self) -> bool:
        """Whether blocks may be read in part.

        Not in local files: reading them is cheap, and the checksum of a whole block is verified.
        """
        return self.metadata.plain and not is_local(self.url)

    def is_same_level(self, other: BlockRequest) -> bool:
        """Whether both request blocks of one level of the same version of a file."""
        return (self.url, self.metadata.identity, self.level) == (other.url, other.metadata.identity, other.level)
