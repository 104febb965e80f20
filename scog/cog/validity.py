"""Validity of a block's pixels, by the file's mask or by nodata.

If a file has a mask or an alpha band, nodata is ignored, as in GDAL. The pixels of such a file are records of value and
validity, so that both pass through caches, index maps and windows together.
Blocks of all other files are plain arrays, which are compared with nodata.
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
"""Fields of a record."""

FLOAT_END = 3.4e38
"""A nodata value of at least this magnitude is the limit of float32, however rounded. All values beyond are nodata."""


def record_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of masked pixels whose values are of type `dtype`."""
    return np.dtype([(NUMBER, dtype), (VALID, np.bool_)])


def value_dtype(pixel_type: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of pixels' values. `pixel_type` may be that of records or of plain values."""
    return pixel_type if pixel_type.fields is None else pixel_type.fields[NUMBER][0]


def masked(values: NDArray[Any], valid: Mask2D) -> NDArray[Any]:
    """Records of values and validity, in the shape of `values`."""
    records = np.empty(values.shape, record_dtype(values.dtype))
    records[NUMBER], records[VALID] = values, valid
    return records


def values_and_validity(
    pixels: NDArray[Any], nodata: Collection[float] = (), *, ignores_mask: bool = False
) -> tuple[NDArray[Any], Mask2D]:
    """Values and validity of pixels.

    A pixel is valid if its value is finite, and valid by the mask. If there is no mask, or with `ignores_mask`, the
    value must not be in `nodata`.
    """
    if pixels.dtype.names is not None:
        values = np.ascontiguousarray(pixels[NUMBER])
        valid = _is_data(values, nodata) if ignores_mask else pixels[VALID].copy()
    else:
        values, valid = pixels, _is_data(pixels, nodata)
    if values.dtype.kind == "f":
        valid &= np.isfinite(values)
    return values, valid


def _is_data(values: NDArray[Any], nodata: Collection[float]) -> Mask2D:
    valid: Mask2D | None = None
    for low, high in {span for each in nodata if (span := nodata_span(each, values.dtype)) is not None}:
        data = values != low if low == high else (values < low) | (values > high)
        valid = data if valid is None else valid & data
    return np.ones(values.shape, bool) if valid is None else valid


@lru_cache(maxsize=256)
def nodata_span(nodata: float, dtype: np.dtype[Any]) -> tuple[Any, Any] | None:
    """The lowest and the highest value of this dtype that are `nodata`; None if no value is.

    None also for NaN and infinity, which are never valid anyway.
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
    """Nodata as a scalar of this dtype; None if there is none, or if an integer dtype cannot hold it."""
    if nodata is None:
        return None
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return dtype.type(nodata)
    limits = np.iinfo(dtype)
    fits = nodata == nodata and limits.min <= nodata <= limits.max and float(nodata).is_integer()
    return dtype.type(nodata) if fits else None


def is_whole_number(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether each value is a whole number, as class values are."""
    if values.dtype.kind != "f":
        return np.ones(values.shape, bool)
    return np.asarray(np.isfinite(values) & (values == np.floor(values)))
