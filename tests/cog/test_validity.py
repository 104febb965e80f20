"""Validity: nodata as in GDAL, and masks, which take precedence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from rasterio.io import MemoryFile

from scog.cog.validity import masked, nodata_span, values_and_validity

MIN32 = float(np.finfo(np.float32).min)
NODATA = (
    0.0, 7.0, 255.0, -1.0, -9999.0, 65535.0, -32768.0, 0.5, 9999.9, -0.1, 1e20, -1e30, MIN32, -MIN32, -3.40282e38,
    float("nan"), float("inf"), float("-inf"),
)  # fmt: skip


def numbers_around(nodata: float, dtype: str) -> Any:
    """Values of the dtype at and around a nodata value, and a few others."""
    kind = np.dtype(dtype)
    with np.errstate(all="ignore"):
        if kind.kind == "f":
            middle = kind.type(nodata)
            near = 1e-4 * abs(middle) if abs(nodata) < 1e38 else 0.0  # GDAL treats values within 1e-7 of it as equal
            return np.array([middle, middle - near, middle + near, 0, 1, -1, 3, np.nan], kind)[np.newaxis]
        limits = np.iinfo(kind)
        near = [int(nodata) + step for step in (-1, 0, 1)] if np.isfinite(nodata) else []
        return np.array(
            [[number for number in (*near, 0, 1, limits.min, limits.max) if limits.min <= number <= limits.max]], kind
        )


@pytest.mark.parametrize("nodata", NODATA)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
def test_the_same_values_are_nodata_as_in_gdal(dtype: str, nodata: float) -> None:
    numbers = numbers_around(nodata, dtype)
    if np.dtype(dtype).kind != "f" and np.isfinite(nodata) and nodata % 1:
        pytest.skip("GDAL truncates 0.5 to 0; in scog no integer equals 0.5")
    with MemoryFile() as memory:
        with memory.open(driver="GTiff", width=numbers.shape[1], height=1, count=1, dtype=dtype) as dataset:
            dataset.write(numbers, 1)
            try:
                dataset.nodata = nodata
            except ValueError:
                pytest.skip("rasterio does not write it")
        with memory.open() as dataset:
            gdals = dataset.read_masks(1) != 0
    _, valid = values_and_validity(numbers, (nodata,))
    expected = gdals & np.isfinite(numbers) if np.dtype(dtype).kind == "f" else gdals
    np.testing.assert_array_equal(valid, expected, err_msg=str(numbers))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("nodata", [MIN32, -3.4e38, -3.40282e38, -3.402823e38, -1.7976931348623157e308])
def test_the_limit_of_float32_is_nodata_however_it_was_rounded(nodata: float, dtype: str) -> None:
    numbers = np.array([MIN32, -3.39e38, 0, -MIN32], dtype)
    np.testing.assert_array_equal(values_and_validity(numbers, (nodata,))[1], [False, True, True, True])
    np.testing.assert_array_equal(values_and_validity(numbers, (-nodata,))[1], [True, True, True, False])


def test_there_may_be_several_nodata_values() -> None:
    numbers = np.array([0.0, -9999.0, 1.0, np.nan, np.inf])
    np.testing.assert_array_equal(
        values_and_validity(numbers, (0.0, -9999.0, float("nan")))[1], [False, False, True, False, False]
    )
    np.testing.assert_array_equal(values_and_validity(numbers)[1], [True, True, True, False, False])


def test_a_mask_takes_precedence_over_nodata() -> None:
    numbers = np.array([[0.0, 5.0, np.nan]], np.float32)
    values, valid = values_and_validity(masked(numbers, np.array([[True, False, True]])), (0.0,))
    np.testing.assert_array_equal(values, numbers)
    np.testing.assert_array_equal(valid, [[True, False, False]])


def test_the_largest_integers_are_exact() -> None:
    numbers = np.array([2**63 - 1, 2**63 - 2, 2**53 + 1, 2**53], np.int64)
    np.testing.assert_array_equal(values_and_validity(numbers, (2**63 - 1,))[1], [False, True, True, True])
    np.testing.assert_array_equal(values_and_validity(numbers, (2**53 + 1,))[1], [True, True, False, True])
    assert nodata_span(2**63, np.dtype(np.int64)) is None
