"""Classifications of any dtype: every integer is its own class, and no other value is one."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from scog.geo.grid import Grid
from scog.geo.index_map import index_map
from scog.imaging.band_reader import BandData
from scog.render.layer import LayerOptions
from scog.warp.resample import Resampling, support_of
from scog.warp.warp import warp_blocks
from tests.profiles import SENTINEL_2, layer_of, parse_mask

TYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]
MASKS = ["clouds", "3,8,9", "0", "11"]
CLASSES = {"clouds": {0, 1, 3, 8, 9, 10}, "3,8,9": {0, 3, 8, 9}, "0": {0}, "11": {0, 11}}


def usable_pixels(mask: str, values: np.ndarray) -> np.ndarray:
    """Usable pixels, of which those of class 0 count as data in the file."""
    scl = BandData(values, np.ones(values.shape, bool), 1.0, 0.0)
    return parse_mask(mask).of(SENTINEL_2).usable_and_masked({"scl": scl})[0]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("mask", MASKS)
def test_values_with_equal_low_bits_are_different_classes(dtype: str, mask: str) -> None:
    kind = np.dtype(dtype)
    limits = (-1e6, 1e6) if kind.kind == "f" else (np.iinfo(kind).min, np.iinfo(kind).max)
    shifts = [shift for power in (8, 16, 32) for shift in (2**power, -(2**power))]
    every = [*range(-12, 13), *(number + shift for number in range(12) for shift in shifts)]
    values = np.array([number for number in every if limits[0] <= number <= limits[1]], dtype=kind)
    usable = usable_pixels(mask, values)
    assert usable.dtype == bool
    assert usable.tolist() == [int(number) not in CLASSES[mask] for number in values.tolist()]


@given(arrays.arrays(np.float32, (6,), elements=st.floats(width=32)), st.sampled_from(MASKS))
def test_non_integers_are_never_usable(values: np.ndarray, mask: str) -> None:
    usable = usable_pixels(mask, values)
    for number, may in zip(values.tolist(), usable.tolist(), strict=True):
        whole = np.isfinite(number) and float(number).is_integer()
        assert may == (whole and number not in CLASSES[mask])


NUMBERS = np.array([[4, -1, 260, 4.5], [np.nan, 6, np.inf, -9999], [300, 8, 255, 0.25], [5, 5, 5, 5]], np.float32)
GRID = Grid("EPSG:32632", Affine(20, 0, 600_000, 0, -20, 5_100_000), 4, 4)


def test_fractions_and_nan_are_not_classes() -> None:
    result = index_map(GRID, GRID)
    assert result is not None
    values, valid = warp_blocks(result, Resampling.NEAREST, (4, 4), {(0, 0): NUMBERS}, [-9999.0], classes=True)
    missing = [(0, 3), (1, 0), (1, 2), (1, 3), (2, 3)]
    assert sorted(map(tuple, np.argwhere(~valid).tolist())) == missing
    image = layer_of(LayerOptions(index="scl")).style.image(values[np.newaxis], valid)
    visible = image.rgba[..., 3] > 0
    assert visible.tolist() == [
        [True, False, False, False],
        [False, True, False, False],
        [False, True, False, False],
        [True] * 4,
    ]


def test_mode_ignores_values_that_are_not_integers() -> None:
    coarse = Grid("EPSG:32632", Affine(40, 0, 600_000, 0, -40, 5_100_000), 2, 2)
    footing = support_of(coarse, GRID, Resampling.MODE)
    assert footing is not None
    values, valid = warp_blocks(footing, Resampling.MODE, (4, 4), {(0, 0): NUMBERS}, [-9999.0], classes=True)
    assert valid.all()
    assert values.tolist() == [[-1.0, 260.0], [5.0, 5.0]]
