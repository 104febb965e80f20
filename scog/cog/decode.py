"""Decodes the stored bytes of blocks: uncompressed and DEFLATE, as in nearly every COG."""

from __future__ import annotations

from typing import Any, cast

import imagecodecs
import numpy as np
from isal import igzip_lib
from numpy.typing import NDArray

from scog.cog.metadata import FileMetadata
from scog.cog.range_plan import BlockIndex
from scog.errors import AssetBroken

Block = NDArray[Any]
"""Stored values of shape `(row, col)`, or records of a masked file. Read-only, since images share it."""
Blocks = dict[BlockIndex, Block]


def decode_block(data: bytes | memoryview, metadata: FileMetadata, level: int) -> Block:
    """Decode one block of a plain file. Raises AssetBroken if the bytes do not match the header."""
    shape = metadata.levels[level].block_shape
    decoded = np.empty(metadata.block_bytes(level), np.uint8)
    if metadata.compression == "DEFLATE":
        try:
            # libdeflate is twice as fast as zlib. It accepts and fills any buffer, despite its type hints.
            size = len(imagecodecs.deflate_decode(cast("bytes", data), out=cast("bytearray", decoded)))
        except Exception as error:  # each codec has its own error class
            raise _not_decodable(error) from None
    else:
        size = len(data)
        decoded[:size] = np.frombuffer(data, np.uint8, min(size, len(decoded)))
    if size != len(decoded):
        raise AssetBroken(
            f"A block does not decode to the {len(decoded)} bytes that its header states.", reason="broken-block"
        )
    block = decoded.view(metadata.dtype.newbyteorder("<")).reshape(shape)
    if metadata.predictor == 2:
        imagecodecs.delta_decode(block, axis=-1, out=block)
    block.flags.writeable = False
    return block


def decode_rows(data: bytes | memoryview, metadata: FileMetadata, level: int, rows: int) -> Block:
    """Decode the first `rows` rows of a block of a plain file from its first bytes `data`.

    Returns fewer rows if `data` ends before. Bytes after these rows, and the block's checksum, are not checked. Raises
    AssetBroken if the bytes do not decompress.
    """
    width = metadata.levels[level].block_shape[1]
    row_bytes = width * metadata.dtype.itemsize
    if metadata.compression == "DEFLATE":
        try:
            # as fast as libdeflate, and able to stop early
            decoded = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_ZLIB).decompress(data, rows * row_bytes)
        except Exception as error:
            raise _not_decodable(error) from None
    else:
        decoded = bytes(data[: rows * row_bytes])
    complete_rows = len(decoded) // row_bytes
    block = np.frombuffer(decoded, metadata.dtype.newbyteorder("<"), complete_rows * width)
    block = block.reshape(complete_rows, width)
    if metadata.predictor == 2 and complete_rows:
        block = imagecodecs.delta_decode(block, axis=-1, out=np.empty_like(block))
    block.flags.writeable = False
    return block


def _not_decodable(error: Exception) -> AssetBroken:
    return AssetBroken(f"A block does not decompress ({type(error).__name__}).", reason="broken-block")


def empty_block(metadata: FileMetadata, level: int) -> Block:
    """A block that was never written (sparse file): nodata everywhere."""
    block = np.full(metadata.levels[level].block_shape, metadata.fill, metadata.dtype)
    block.flags.writeable = False
    return block
