"""Validity: which pixels of a block are data, by the file's mask or by nodata.

Where a file has a mask or an alpha band, that alone says which pixels are valid, as in GDAL: its 0 is a number like
any other. Each pixel of such a block is a record of its number and whether it is valid, so that both go the same way
through caches, index maps and windows. Blocks of all other files are plain numbers, and nodata is looked for in them.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask2D = NDArray[np.bool_]
NUMBER, VALID = "number", "valid"

FLOAT_END = 3.4e38
"""Nodata from here on is the end of float32, however it was rounded on its way; all numbers beyond are nodata, too."""


def record_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type of masked pixels whose numbers are of type `dtype`."""
    return np.dtype([(NUMBER, dtype), (VALID, np.bool_)])


def number_type(pixel_type: np.dtype[Any]) -> np.dtype[Any]:
    """The type of the numbers of pixels, masked or not."""
    return pixel_type if pixel_type.fields is None else pixel_type.fields[NUMBER][0]


def masked(numbers: NDArray[Any], valid: Mask2D) -> NDArray[Any]:
    """Records of numbers and their validity, in the shape of `numbers`."""
    records = np.empty(numbers.shape, record_type(numbers.dtype))
    records[NUMBER], records[VALID] = numbers, valid
    return records


def data_of(pixels: NDArray[Any], nodata: Collection[float] = ()) -> tuple[NDArray[Any], Mask2D]:
    """The numbers of pixels, and where they are data: finite, and valid by the mask or else none of `nodata`."""
    if pixels.dtype.names is not None:
        numbers, valid = np.ascontiguousarray(pixels[NUMBER]), pixels[VALID].copy()
    else:
        numbers, valid = pixels, _is_data(pixels, nodata)
    if numbers.dtype.kind == "f":
        valid &= np.isfinite(numbers)
    return numbers, valid


def _is_data(numbers: NDArray[Any], nodata: Collection[float]) -> Mask2D:
    valid: Mask2D | None = None
    for low, high in {span for each in nodata if (span := nodata_span(each, numbers.dtype)) is not None}:
        data = numbers != low if low == high else (numbers < low) | (numbers > high)
        valid = data if valid is None else valid & data
    return np.ones(numbers.shape, bool) if valid is None else valid


@lru_cache(maxsize=256)
def nodata_span(nodata: float, dtype: np.dtype[Any]) -> tuple[Any, Any] | None:
    """The lowest and the highest number of this type that stand for `nodata`; None where none does.

    Integers have no fractions, and nothing beyond their limits. NaN and infinity are never data, and not looked for.
    """
    number = as_number(nodata, dtype)
    if number is None or not math.isfinite(nodata):
        return None
    if dtype.kind == "f" and nodata <= -FLOAT_END:
        return dtype.type(-np.inf), dtype.type(-FLOAT_END)
    if dtype.kind == "f" and nodata >= FLOAT_END:
        return dtype.type(FLOAT_END), dtype.type(np.inf)
    return number, number


@lru_cache(maxsize=256)
def as_number(nodata: float | None, dtype: np.dtype[Any]) -> Any:
    """Nodata as a number of this type; None where there is none, or none that fits: integers have no NaN."""
    if nodata is None:
        return None
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return dtype.type(nodata)
    limits = np.iinfo(dtype)
    fits = nodata == nodata and limits.min <= nodata <= limits.max and float(nodata).is_integer()
    return dtype.type(nodata) if fits else None


def is_class(numbers: NDArray[Any]) -> NDArray[np.bool_]:
    """Where numbers are whole, as those of classes are."""
    if numbers.dtype.kind != "f":
        return np.ones(numbers.shape, bool)
    return np.asarray(np.isfinite(numbers) & (numbers == np.floor(numbers)))
