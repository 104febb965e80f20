"""Cache of decoded blocks, and of the first stored bytes of partly received blocks."""

from __future__ import annotations

from scog.cog.block_request import BlockKey, BlockRequest, BlockRows
from scog.cog.decode import Block, Blocks
from scog.cog.range_plan import BlockIndex
from scog.runtime.byte_cache import ByteCache

StoredBytes = bytes
PREFIX_SHARE = 16
"""One in PREFIX_SHARE bytes of the capacity is reserved for stored bytes."""


class BlockCache:
    """Least-recently-used cache of blocks with `capacity` bytes. Thread-safe."""

    def __init__(self, capacity: int) -> None:
        self._prefixes: ByteCache[BlockKey, StoredBytes] = ByteCache(capacity // PREFIX_SHARE)
        self._blocks: ByteCache[BlockKey, Block] = ByteCache(capacity - self._prefixes.capacity)

    @property
    def bytes(self) -> int:
        """Bytes of the decoded blocks."""
        return self._blocks.bytes

    def __contains__(self, key: BlockKey) -> bool:
        return key in self._blocks

    def get(self, key: BlockKey, rows: int) -> Block | None:
        """A block with at least `rows` rows, or None."""
        block = self._blocks.get(key)
        return block if block is not None and len(block) >= rows else None

    def look_up(self, request: BlockRequest) -> tuple[Blocks, BlockRows]:
        """The cached blocks of a request, and the number of rows to read of each missing block."""
        cached: Blocks = {}
        missing: BlockRows = {}
        for block, rows in request.needed_rows().items():
            key = request.key(block)
            pixels = self._blocks.get(key)
            if pixels is not None and len(pixels) >= rows:
                cached[block] = pixels
            elif request.allows_partial_blocks and (pixels is None or key in self._prefixes):
                missing[block] = rows
            else:
                missing[block] = request.block_height
        return cached, missing

    def put(self, request: BlockRequest, blocks: Blocks) -> Blocks:
        """Store decoded blocks, and return them. A cached block is never replaced by one with fewer rows."""
        for block, pixels in blocks.items():
            key = request.key(block)
            cached = self._blocks.get(key)
            if cached is None or len(cached) <= len(pixels):
                self._blocks.put(key, pixels, pixels.nbytes)
            if len(self._prefixes) and len(pixels) == request.block_height:
                self._prefixes.drop(key)
        return blocks

    def prefix(self, request: BlockRequest, block: BlockIndex) -> StoredBytes:
        """The cached first bytes of a block as stored; empty if there are none."""
        return self._prefixes.get(request.key(block)) or b""

    def put_prefix(self, request: BlockRequest, block: BlockIndex, data: StoredBytes) -> None:
        """Store the first bytes of a block."""
        self._prefixes.put(request.key(block), data, len(data))

    def drop_prefix(self, request: BlockRequest, block: BlockIndex) -> None:
        """Drop the first bytes of a block."""
        self._prefixes.drop(request.key(block))
