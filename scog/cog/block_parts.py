"""Divides blocks that are too large to be cached whole into parts, and joins small strips.

GDAL always decodes whole blocks. Adjacent parts are therefore read and cached together, and then used one by one. Like
blocks, parts form a regular grid over a level. No part crosses the edge of a block.
"""

from __future__ import annotations

from dataclasses import dataclass

SIDE = 1024
"""Maximum side of a part in pixels. Strips are joined up to SIDE x SIDE pixels."""
LARGE_BLOCK_PIXELS = 2048 * 2048
"""A block with more pixels is divided."""
MIN_SIDE = 64
"""Minimum side of a part in pixels. A block side without a divisor from MIN_SIDE to SIDE is not divided."""
READ_BYTES = 1 << 24
"""Maximum bytes of the parts that are read together."""
HUGE_BLOCK_BYTES = 1 << 27
"""If a decoded block has more bytes, its parts have half the side, and an eighth of READ_BYTES is read together."""
Shape = tuple[int, int]


@dataclass(frozen=True)
class BlockParts:
    """The `shape` of the parts of a level, and the numbers of their rows and columns that are read `together`."""

    shape: Shape
    together: Shape = (1, 1)


def block_parts(block: Shape, level: Shape, pixel_bytes: int, *, is_contiguous: bool = False) -> BlockParts:
    """The parts of a level that GDAL reads.

    `block` and `level` are shapes `(rows, columns)`. In a contiguous level, any rows can be read without the others.
    """
    height, width = level
    rows, cols = (1, width) if is_contiguous else block
    if rows * cols > LARGE_BLOCK_PIXELS:
        huge = rows * cols * pixel_bytes > HUGE_BLOCK_BYTES
        side = SIDE // 2 if huge else SIDE
        shape = _part_side(rows, height, side), _part_side(cols, width, side)
        parts = -(-min(rows, height) // shape[0]), -(-min(cols, width) // shape[1])
        return BlockParts(shape, _together(parts, shape, pixel_bytes, READ_BYTES // 8 if huge else READ_BYTES))
    if cols >= width:
        strips = max(1, SIDE * SIDE // (rows * cols))
        return BlockParts((min(height, rows * strips), width))
    return BlockParts(block)


def _part_side(block: int, level: int, side: int) -> int:
    """Rows (or columns) of a part: any number if one block spans the level, else a divisor of the block's rows."""
    if block >= level:
        return min(side, level)
    divisors = [part for part in range(MIN_SIDE, SIDE + 1) if block % part == 0]
    return max((part for part in divisors if part <= side), default=min(divisors, default=block))


def _together(parts: Shape, shape: Shape, pixel_bytes: int, max_bytes: int) -> Shape:
    """Numbers of rows and columns of parts to read together: those of a block, halved until they fit `max_bytes`."""
    rows, cols = parts
    while rows * cols > 1 and rows * cols * shape[0] * shape[1] * pixel_bytes > max_bytes:
        if (rows * shape[0] >= cols * shape[1] and rows > 1) or cols == 1:
            rows = -(-rows // 2)
        else:
            cols = -(-cols // 2)
    return rows, cols
