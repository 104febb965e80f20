"""Parts: blocks that are too large to be kept whole are kept in parts, and small strips many at a time.

GDAL decodes a block as a whole, so all of its parts are read together; but they are cached and used one by one. Parts
divide their block evenly: each lies within one, and they number the whole level as blocks would.
"""

from __future__ import annotations

from dataclasses import dataclass

SIDE = 1024
"""Side of a part in pixels, at most; and of that size are strips that are read together."""
LARGE = 2048 * 2048
"""Pixels from which on a block is kept in parts."""
LEAST = 64
"""Rows or columns of a part at least: a block that cannot be divided into these is not divided along that side."""
Shape = tuple[int, int]


@dataclass(frozen=True)
class Parting:
    """The `shape` of what is kept of a level, and how many rows and columns of these are decoded `together`."""

    shape: Shape
    together: Shape = (1, 1)


def parted(block: Shape, level: Shape, *, is_open: bool = False) -> Parting:
    """How the blocks of a level that GDAL reads are kept. `is_open`: any part of it can be read by itself."""
    height, width = level
    if is_open:
        block = 1, width
    rows, cols = block
    if rows * cols > LARGE:
        shape = _part(rows, height), _part(cols, width)
        together = -(-min(rows, height) // shape[0]), -(-min(cols, width) // shape[1])
        return Parting(shape, together)
    if cols >= width:
        strips = max(1, SIDE * SIDE // (rows * cols))
        return Parting((min(height, rows * strips), width))
    return Parting(block)


def _part(block: int, level: int) -> int:
    """Rows (or columns) of a part: any number where one block spans the level, else one that divides the block."""
    if block >= level:
        return min(SIDE, level)
    return max((part for part in range(LEAST, SIDE + 1) if block % part == 0), default=block)
