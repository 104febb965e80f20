"""Storage: how blocks are stored, and which files scog decodes itself.

Only what is known tag by tag is: whatever else a directory says, GDAL decodes. The TIFF directory is asked, since GDAL
leaves out what it thinks unusual: the predictor of DEFLATE under its old code, for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scog.cog.ifd import BITS, COMPRESSION, FORMAT, PHOTOMETRIC, PLANES, PREDICTOR, Directory

MAX_PIXELS = 2048 * 2048
"""Largest block that is decoded in one piece."""
_CODECS = {1: "NONE", 8: "DEFLATE", 32946: "DEFLATE"}
"""TIFF's numbers of codecs; DEFLATE has an old one and Adobe's."""
_FORMATS = {"u": 1, "i": 2, "f": 3}
_HARMLESS = {PHOTOMETRIC: (0, 1, 3), PLANES: (1, 2)}
"""Tags that do not change the numbers of a single band: 0 is white or black or a colour's number; planes are one."""


@dataclass(frozen=True)
class Storage:
    """The codec, `NONE` or `DEFLATE`, and TIFF's predictor: 1 none, 2 horizontal differences."""

    compression: str
    predictor: int


def storage_of(images: Sequence[Directory], order: bytes, dtype: np.dtype[Any]) -> Storage | None:
    """How all blocks of a file's images are stored; None where GDAL has to decode them.

    `order` is that of the bytes as TIFF names it (`II`, `MM`), `dtype` the type that GDAL reads.
    """
    tags = dict(images[0].storage)
    alike = all(image.tiled and image.storage == images[0].storage for image in images)
    small = all(image.block_shape[0] * image.block_shape[1] <= MAX_PIXELS for image in images)
    if order != b"II" or not alike or not small:
        return None
    if any(tags.pop(tag, 1) not in values for tag, values in _HARMLESS.items()):
        return None
    bits, kind = tags.pop(BITS, 1), tags.pop(FORMAT, 1)
    if (bits, kind) != (8 * dtype.itemsize, _FORMATS.get(dtype.kind)):
        return None
    codec, predictor = _CODECS.get(tags.pop(COMPRESSION, 1)), tags.pop(PREDICTOR, 1)
    differences = predictor == 2 and codec == "DEFLATE" and dtype.kind in "ui"
    if tags or codec is None or not (predictor == 1 or differences):
        return None
    return Storage(codec, predictor)
