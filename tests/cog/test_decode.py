"""Decoding blocks: exact, or refused."""

from __future__ import annotations

import zlib
from typing import Any

import imagecodecs
import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from scog.cog.decode import decode_block, decode_rows, empty_block
from scog.cog.metadata import FileMetadata, Level
from scog.errors import AssetBroken
from scog.geo.grid import Grid
from tests.doubles.rasters import encoded


def metadata(
    dtype: str = "uint16",
    shape: tuple[int, int] = (8, 12),
    compression: str = "DEFLATE",
    predictor: int = 2,
    nodata: float | None = 0.0,
) -> FileMetadata:
    """The metadata of a file with one block."""
    grid = Grid("EPSG:32632", Affine(10.0, 0.0, 0.0, 0.0, -10.0, 0.0), shape[1], shape[0])
    level = Level(grid, shape, np.array([[100]]), np.array([[100]]))
    return FileMetadata("", np.dtype(dtype), nodata, 1, compression, predictor, True, (level,))


def stored(numbers: NDArray[Any], compression: str = "DEFLATE", predictor: int = 2) -> bytes:
    """A block as a TIFF stores it."""
    if predictor == 2:
        numbers = imagecodecs.delta_encode(numbers, axis=-1)
    data = np.ascontiguousarray(numbers).astype(numbers.dtype.newbyteorder("<")).tobytes()
    return zlib.compress(data) if compression == "DEFLATE" else data


@pytest.mark.parametrize("compression", ["DEFLATE", "NONE"])
@pytest.mark.parametrize("predictor", [1, 2])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"])
def test_encoded_blocks_are_decoded_exactly(dtype: str, predictor: int, compression: str) -> None:
    numbers = np.random.default_rng(1).integers(
        np.iinfo(dtype).min, np.iinfo(dtype).max, (8, 12), dtype=dtype, endpoint=True
    )
    block_metadata = metadata(dtype, compression=compression, predictor=predictor)
    decoded = decode_block(stored(numbers, compression, predictor), block_metadata, 0)
    np.testing.assert_array_equal(decoded, numbers, strict=True)
    assert not decoded.flags.writeable


@pytest.mark.parametrize("compression", ["DEFLATE", "NONE"])
@pytest.mark.parametrize("wrong", [(8, 11), (8, 13), (7, 12), (9, 12), (1, 1), (80, 120)])
def test_a_block_of_another_size_is_refused(wrong: tuple[int, int], compression: str) -> None:
    with pytest.raises(AssetBroken) as broken:
        decode_block(stored(encoded(*wrong), compression), metadata(compression=compression), 0)
    assert broken.value.reason == "broken-block"


def test_every_flipped_bit_is_detected_or_harmless() -> None:
    """DEFLATE in TIFF has a checksum, which the decoder verifies."""
    numbers = encoded(8, 12)
    data = stored(numbers)
    harmless = 0
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            decoded = decode_block(bytes(flipped), metadata(), 0)
        except AssetBroken:
            continue
        np.testing.assert_array_equal(decoded, numbers)
        harmless += 1
    assert harmless < 8  # the bits that pad the last byte


def test_a_cut_block_is_refused() -> None:
    data = stored(encoded(8, 12))
    for length in range(len(data)):
        with pytest.raises(AssetBroken):
            decode_block(data[:length], metadata(), 0)


def test_a_decompression_bomb_is_refused() -> None:
    bomb = zlib.compress(bytes(50_000_000), 9)
    with pytest.raises(AssetBroken):
        decode_block(bomb, metadata(), 0)


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused(data: bytes) -> None:
    for compression in ("DEFLATE", "NONE"):
        with pytest.raises(AssetBroken):
            decode_block(data if len(data) != 192 else b"", metadata(compression=compression), 0)


@pytest.mark.parametrize("compression", ["DEFLATE", "NONE"])
@pytest.mark.parametrize("predictor", [1, 2])
@given(rows=st.integers(1, 64), share=st.floats(0, 1))
def test_the_first_rows_match_the_block(compression: str, predictor: int, rows: int, share: float) -> None:
    """For any share of its bytes: never a wrong row, and no more rows than requested."""
    block_metadata = metadata(shape=(64, 12), compression=compression, predictor=predictor)
    numbers = encoded(64, 12)
    data = stored(numbers, compression, predictor)
    decoded = decode_rows(data[: round(share * len(data))], block_metadata, 0, rows)
    np.testing.assert_array_equal(decoded, numbers[: len(decoded)], strict=True)
    assert len(decoded) <= rows
    assert not decoded.flags.writeable
    assert len(decode_rows(data, block_metadata, 0, rows)) == rows


def test_rows_of_a_decompression_bomb_are_bounded_and_invalid_bytes_refused() -> None:
    bomb = zlib.compress(bytes(50_000_000), 9)
    assert decode_rows(bomb, metadata(), 0, 3).shape == (3, 12)
    with pytest.raises(AssetBroken):
        decode_rows(b"<html>" * 30, metadata(), 0, 3)
    assert decode_rows(b"", metadata(), 0, 3).shape == (0, 12)


@pytest.mark.parametrize(
    ("dtype", "nodata", "fill"),
    [
        ("uint16", 0.0, 0),
        ("uint16", None, 0),
        ("uint16", 65535.0, 65535),
        ("uint16", -9999.0, 0),
        ("uint16", 65536.0, 0),
        ("uint16", 0.5, 0),
        ("uint16", float("nan"), 0),
        ("uint16", float("inf"), 0),
        ("int16", -32768.0, -32768),
        ("uint8", 255.0, 255),
        ("float32", float("nan"), np.nan),
        ("float32", -9999.0, -9999),
        ("float32", -1.7976931348623157e308, -np.inf),
        ("float64", -1.7976931348623157e308, -1.7976931348623157e308),
    ],
)
def test_unwritten_blocks_are_nodata_if_the_dtype_can_hold_it(dtype: str, nodata: float | None, fill: float) -> None:
    block = empty_block(metadata(dtype, nodata=nodata), 0)
    np.testing.assert_array_equal(block, np.full((8, 12), fill, dtype), strict=True)
    assert not block.flags.writeable
