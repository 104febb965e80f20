"""How blocks are stored, and which files scog decodes itself.

scog decodes a file only if it supports every tag that affects the stored values; GDAL decodes all others. The tags come
from the TIFF directory, since GDAL does not report those that it considers unusual, such as the predictor of DEFLATE
under its old code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scog.cog.ifd import BITS, COMPRESSION, FORMAT, PHOTOMETRIC, PLANES, PREDICTOR, Directory

MAX_PIXELS = 2048 * 2048
"""Maximum pixels of a block that is decoded as a whole."""
_CODECS = {1: "NONE", 8: "DEFLATE", 32946: "DEFLATE"}
"""Codecs by TIFF's Compression tag. DEFLATE has two codes: 8 (Adobe) and the older 32946."""
_FORMATS = {"u": 1, "i": 2, "f": 3}
"""TIFF's SampleFormat by NumPy's kind."""
_HARMLESS = {PHOTOMETRIC: (0, 1, 3), PLANES: (1, 2)}
"""Tags and values that do not change the stored values of a single band. PHOTOMETRIC: 0 is white, 0 is black, palette.
PLANES: a single band has the same layout either way."""


@dataclass(frozen=True)
class Storage:
    """The codec, `NONE` or `DEFLATE`, and TIFF's predictor: 1 none, 2 horizontal differencing."""

    compression: str
    predictor: int


def storage_of(images: Sequence[Directory], order: bytes, dtype: np.dtype[Any]) -> Storage | None:
    """Codec and predictor of all blocks of a file's images; None if GDAL must decode them.

    `order` is the byte order as TIFF names it (`II`, `MM`), `dtype` the type that GDAL reads.
    """
    tags = dict(images[0].storage)
    uniform = all(image.tiled and image.storage == images[0].storage for image in images)
    small = all(image.block_shape[0] * image.block_shape[1] <= MAX_PIXELS for image in images)
    if order != b"II" or not uniform or not small:
        return None
    if any(tags.pop(tag, 1) not in values for tag, values in _HARMLESS.items()):
        return None
    bits, sample_format = tags.pop(BITS, 1), tags.pop(FORMAT, 1)
    if (bits, sample_format) != (8 * dtype.itemsize, _FORMATS.get(dtype.kind)):
        return None
    codec, predictor = _CODECS.get(tags.pop(COMPRESSION, 1)), tags.pop(PREDICTOR, 1)
    is_differenced = predictor == 2 and codec == "DEFLATE" and dtype.kind in "ui"
    if tags or codec is None or not (predictor == 1 or is_differenced):
        return None
    return Storage(codec, predictor)
