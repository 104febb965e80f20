"""From a block's stored bytes to its numbers: DEFLATE and plain blocks, the layout of nearly every COG."""

from __future__ import annotations

from typing import Any, cast

import imagecodecs
import numpy as np
from isal import igzip_lib
from numpy.typing import NDArray

from scog.cog.metadata import FileMetadata
from scog.errors import AssetBroken

Block = NDArray[Any]
"""Numbers as stored, or records of a masked file, `(rows, columns)`; never written to, as many pictures share them."""


def decode_block(data: bytes | memoryview, description: FileMetadata, level: int) -> Block:
    """Decode one block of a plain file. Raises AssetBroken where the bytes are not what the header promised."""
    shape = description.levels[level].block_shape
    stored = np.empty(description.block_bytes(level), np.uint8)
    if description.compression == "DEFLATE":
        try:
            # libdeflate, twice as fast as zlib; it takes and fills any buffer, whatever its type hints say
            decoded = len(imagecodecs.deflate_decode(cast("bytes", data), out=cast("bytearray", stored)))
        except Exception as fault:  # each codec has an error class of its own
            raise AssetBroken(f"A block does not decompress ({type(fault).__name__}).", reason="broken-block") from None
    else:
        decoded = len(data)
        stored[:decoded] = np.frombuffer(data, np.uint8, min(decoded, len(stored)))
    if decoded != len(stored):
        raise AssetBroken("A block has another size than its header says.", reason="broken-block")
    block = stored.view(description.dtype.newbyteorder("<")).reshape(shape)
    if description.predictor == 2:
        imagecodecs.delta_decode(block, axis=-1, out=block)
    block.flags.writeable = False
    return block


def decode_rows(data: bytes | memoryview, description: FileMetadata, level: int, rows: int) -> Block:
    """Decode the first rows of a block of a plain file, of which `data` are the first bytes.

    Fewer rows come where the bytes end before. What follows them is not looked at, nor is the checksum at the block's
    end. Raises AssetBroken where the bytes do not decompress.
    """
    width = description.levels[level].block_shape[1]
    row_bytes = width * description.dtype.itemsize
    if description.compression == "DEFLATE":
        try:
            # as fast as libdeflate, and it can stop
            stored = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_ZLIB).decompress(data, rows * row_bytes)
        except Exception as fault:
            raise AssetBroken(f"A block does not decompress ({type(fault).__name__}).", reason="broken-block") from None
    else:
        stored = bytes(data[: rows * row_bytes])
    whole = len(stored) // row_bytes
    block = np.frombuffer(stored, description.dtype.newbyteorder("<"), whole * width).reshape(whole, width)
    if description.predictor == 2 and whole:
        block = imagecodecs.delta_decode(block, axis=-1, out=np.empty_like(block))
    block.flags.writeable = False
    return block


def empty_block(description: FileMetadata, level: int) -> Block:
    """A block that was never written: nodata everywhere."""
    block = np.full(description.levels[level].block_shape, description.fill, description.dtype)
    block.flags.writeable = False
    return block
