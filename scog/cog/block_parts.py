"""Divides blocks that are too large to be cached whole into parts, and joins small strips.

GDAL decodes a block as a whole, however little of it is needed, so adjacent parts are read and cached together; they
are used one by one. Parts form a regular grid over a level, as blocks do, and no part crosses the edge of a block.
"""

from __future__ import annotations

from dataclasses import dataclass

SIDE = 1024
"""Largest side of a part in pixels. Strips are joined up to SIDE x SIDE pixels."""
LARGE = 2048 * 2048
"""Pixels above which a block is divided."""
LEAST = 64
"""Smallest side of a part in pixels. A block whose side has no divisor from LEAST to SIDE is not divided along it."""
TOGETHER = 1 << 24
"""Bytes of the parts that are read together."""
HUGE = 1 << 27
"""Bytes of a decoded block above which parts are half as wide, and an eighth of TOGETHER is read together."""
Shape = tuple[int, int]


@dataclass(frozen=True)
class BlockParts:
    """The `shape` of the parts of a level, and how many rows and columns of them are read `together`."""

    shape: Shape
    together: Shape = (1, 1)


def parted(block: Shape, level: Shape, pixel_bytes: int, *, is_contiguous: bool = False) -> BlockParts:
    """The parts of a level that GDAL reads.

    `block` and `level` are shapes `(rows, columns)`. Any rows of a contiguous level can be read without the others.
    """
    height, width = level
    rows, cols = (1, width) if is_contiguous else block
    if rows * cols > LARGE:
        huge = rows * cols * pixel_bytes > HUGE
        side = SIDE // 2 if huge else SIDE
        shape = _part_side(rows, height, side), _part_side(cols, width, side)
        parts = -(-min(rows, height) // shape[0]), -(-min(cols, width) // shape[1])
        return BlockParts(shape, _together(parts, shape, pixel_bytes, TOGETHER // 8 if huge else TOGETHER))
    if cols >= width:
        strips = max(1, SIDE * SIDE // (rows * cols))
        return BlockParts((min(height, rows * strips), width))
    return BlockParts(block)


def _part_side(block: int, level: int, side: int) -> int:
    """Rows (or columns) of a part: any number if one block spans the level, else a divisor of the block's."""
    if block >= level:
        return min(side, level)
    return max((part for part in range(LEAST, side + 1) if block % part == 0), default=block)


def _together(parts: Shape, shape: Shape, pixel_bytes: int, max_bytes: int) -> Shape:
    """The parts of a block, halved along the longer side until they take at most `max_bytes`."""
    rows, cols = parts
    while rows * cols > 1 and rows * cols * shape[0] * shape[1] * pixel_bytes > max_bytes:
        if (rows * shape[0] >= cols * shape[1] and rows > 1) or cols == 1:
            rows = -(-rows // 2)
        else:
            cols = -(-cols // 2)
    return rows, cols
