"""Parts: blocks that are too large to be kept whole are kept in parts, and small strips many at a time.

GDAL decodes a block as a whole, however little of it is wanted, so parts that lie together are read and kept together;
they are cached and used one by one. Parts number a level evenly, as blocks would, and none lies in two blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

SIDE = 1024
"""Side of a part in pixels, at most; and of that size are strips that are read together."""
LARGE = 2048 * 2048
"""Pixels beyond which a block is kept in parts."""
LEAST = 64
"""Rows or columns of a part at least: a block that cannot be divided into these is not divided along that side."""
TOGETHER = 1 << 24
"""Bytes of the parts that are kept together."""
HUGE = 1 << 27
"""Bytes of a decoded block beyond which its parts are half as wide, and an eighth as much is kept of it."""
Shape = tuple[int, int]


@dataclass(frozen=True)
class BlockParts:
    """The `shape` of what is kept of a level, and how many rows and columns of these are read `together`."""

    shape: Shape
    together: Shape = (1, 1)


def parted(block: Shape, level: Shape, pixel_bytes: int, *, is_open: bool = False) -> BlockParts:
    """How the blocks of a level that GDAL reads are kept. `is_open`: any part of it can be read by itself."""
    height, width = level
    rows, cols = (1, width) if is_open else block
    if rows * cols > LARGE:
        huge = rows * cols * pixel_bytes > HUGE
        side = SIDE // 2 if huge else SIDE
        shape = _part(rows, height, side), _part(cols, width, side)
        whole = -(-min(rows, height) // shape[0]), -(-min(cols, width) // shape[1])
        return BlockParts(shape, _together(whole, shape, pixel_bytes, TOGETHER // 8 if huge else TOGETHER))
    if cols >= width:
        strips = max(1, SIDE * SIDE // (rows * cols))
        return BlockParts((min(height, rows * strips), width))
    return BlockParts(block)


def _part(block: int, level: int, side: int) -> int:
    """Rows (or columns) of a part: any number where one block spans the level, else one that divides the block."""
    if block >= level:
        return min(side, level)
    return max((part for part in range(LEAST, side + 1) if block % part == 0), default=block)


def _together(parts: Shape, shape: Shape, pixel_bytes: int, most: int) -> Shape:
    """Rows and columns of the parts of a block, halved along the longer side until they take no more than `most`."""
    rows, cols = parts
    while rows * cols > 1 and rows * cols * shape[0] * shape[1] * pixel_bytes > most:
        if (rows * shape[0] >= cols * shape[1] and rows > 1) or cols == 1:
            rows = -(-rows // 2)
        else:
            cols = -(-cols // 2)
    return rows, cols
