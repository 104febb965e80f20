"""Usable and masked pixels equal numpy's, for classes, bits and expressions of any dtype, and dilated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from scog.collections.profile import Profile
from scog.collections.profile_toml import parse_profile
from scog.composite.dilation import dilation_grid
from scog.composite.mask import parse_mask
from scog.geo.grid import Grid
from scog.imaging.band_reader import BandData
from tests.doubles.masks import BITS, SCL

SHAPE = (4, 6)
Mask2D = NDArray[np.bool_]
INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
CLASSES = {"clouds": {1, 3, 8, 9, 10}, "3,8,9": {3, 8, 9}, "snow": {11}, "0": set(), "6,no data": {6}}


def band(numbers: NDArray[Any], valid: NDArray[Any] | bool = True, **options: Any) -> BandData:
    return BandData(
        numbers, np.broadcast_to(np.asarray(valid), numbers.shape), **{"scale": 1.0, "offset": 0.0, **options}
    )


def masks(text: str, profile: Profile = SCL, **bands: BandData) -> tuple[Mask2D, Mask2D]:
    """Usable and masked pixels; the inputs are not modified."""
    before = {name: (data.numbers.copy(), data.valid.copy()) for name, data in bands.items()}
    usable, masked = parse_mask(text, 0.0, profile).of(profile).usable_and_masked(bands)
    for name, (numbers, valid) in before.items():
        np.testing.assert_array_equal(bands[name].numbers, numbers)
        np.testing.assert_array_equal(bands[name].valid, valid)
    assert usable.dtype == masked.dtype == bool
    assert not (usable & masked).any()
    return usable, masked


def agree(first: tuple[Mask2D, Mask2D], second: tuple[Mask2D, Mask2D]) -> None:
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


def numbers_of(dtype: str, around: int) -> st.SearchStrategy[NDArray[Any]]:
    """Arrays of an integer dtype: mostly numbers below `around`, and any others."""
    limits = np.iinfo(dtype)
    elements = st.one_of(st.integers(0, min(around, limits.max)), st.integers(limits.min, limits.max))
    return arrays.arrays(dtype, SHAPE, elements=elements)


valid_pixels = arrays.arrays(bool, SHAPE)


# Classes


@given(
    st.sampled_from(INTEGERS).flatmap(lambda dtype: numbers_of(dtype, 14)), valid_pixels, st.sampled_from([*CLASSES])
)
def test_classes_of_any_integers(numbers: NDArray[Any], valid: Mask2D, text: str) -> None:
    usable, masked = masks(text, scl=band(numbers, valid))
    wanted = np.array([[int(each) in CLASSES[text] for each in row] for row in numbers.tolist()])
    np.testing.assert_array_equal(masked, valid & wanted)
    np.testing.assert_array_equal(usable, valid & ~wanted & (numbers != 0))


@given(arrays.arrays("float32", SHAPE, elements=st.one_of(st.integers(-3, 12).map(float), st.floats(width=32))))
def test_fractions_and_nan_are_neither_usable_nor_masked(numbers: NDArray[Any]) -> None:
    usable, masked = masks("clouds", scl=band(numbers))
    whole = np.isfinite(numbers) & (np.floor(numbers) == numbers)
    wanted = np.isin(numbers, [*CLASSES["clouds"]])
    np.testing.assert_array_equal(masked, whole & wanted)
    np.testing.assert_array_equal(usable, whole & ~wanted & (numbers != 0))


@given(numbers_of("uint8", 12), valid_pixels, st.sets(st.integers(1, 11), min_size=1))
def test_a_set_its_numbers_and_its_comparisons_mask_the_same(
    numbers: NDArray[Any], valid: Mask2D, classes: set[int]
) -> None:
    scl = band(numbers, valid & (numbers != 0))  # in the file, class 0 is nodata
    by_number = masks(",".join(map(str, classes)), scl=scl)
    agree(masks(",".join(f"scl == {each}" for each in classes), scl=scl), by_number)
    text = f"max({', '.join(f'scl == {each}' for each in list(classes)[:7])}, 0)"
    agree(masks(text, scl=scl), masks(",".join(map(str, list(classes)[:7])), scl=scl))


def test_the_sets_of_sentinel_2() -> None:
    scl = band(np.arange(12, dtype=np.uint8)[np.newaxis])
    for text, classes in {
        "clouds": [1, 3, 8, 9, 10], "shadow": [3], "snow": [11], "water": [6], "cirrus": [10], "bare": [5]
    }.items():  # fmt: skip
        usable, masked = masks(text, scl=scl)
        assert np.flatnonzero(masked).tolist() == classes
        assert np.flatnonzero(usable).tolist() == [each for each in range(1, 12) if each not in classes]


# Bits


@given(
    st.sampled_from(INTEGERS).flatmap(lambda dtype: numbers_of(dtype, 260)),
    valid_pixels,
    st.sets(st.integers(1, 7), min_size=1),
)
def test_bits_of_any_integers(numbers: NDArray[Any], valid: Mask2D, bits: set[int]) -> None:
    usable, masked = masks(",".join(map(str, bits)), BITS, qa_pixel=band(numbers, valid))
    rows = numbers.tolist()
    known = valid & np.array([[each >= 0 and each != 255 and not each & 1 for each in row] for row in rows])
    wanted = np.array([[any(each >> bit & 1 for bit in bits) for each in row] for row in rows])
    np.testing.assert_array_equal(masked, known & wanted)
    np.testing.assert_array_equal(usable, known & ~wanted)


@given(arrays.arrays("float64", SHAPE, elements=st.one_of(st.integers(-3, 300).map(float), st.floats())))
def test_bits_of_floats(numbers: NDArray[Any]) -> None:
    usable, masked = masks("clouds", BITS, qa_pixel=band(numbers))
    for number, is_usable, is_masked in zip(numbers.flat, usable.flat, masked.flat, strict=True):
        held = np.isfinite(number) and float(number).is_integer() and 0 <= number < 2**53
        known = held and number != 255 and not int(number) & 1
        wanted = known and bool(int(number) & 0b11110)
        assert (is_usable, is_masked) == (known and not wanted, wanted)


@given(
    st.sampled_from(["uint8", "int16", "uint16"]).flatmap(lambda dtype: numbers_of(dtype, 260)),
    valid_pixels,
    st.sets(st.integers(1, 7), min_size=1),
)
def test_bits_by_number_and_by_function_mask_the_same(numbers: NDArray[Any], valid: Mask2D, bits: set[int]) -> None:
    qa = band(numbers, valid & (numbers != 255) & (numbers & 1 == 0))
    by_number = masks(",".join(map(str, bits)), BITS, qa_pixel=qa)
    agree(masks(",".join(f"bit(qa_pixel, {each})" for each in bits), BITS, qa_pixel=qa), by_number)
    agree(masks(" + ".join(f"bit(qa_pixel, {each})" for each in bits), BITS, qa_pixel=qa), by_number)


def test_a_bit_that_the_dtype_does_not_have_masks_nothing() -> None:
    text = 'name = "wide"\n[[bands]]\nname = "qa"\nbits = true\n[mask]\nband = "qa"\nbits = true'
    wide = parse_profile(text, "wide.toml")
    usable, masked = masks("9", wide, qa=band(np.array([[0, 255]], np.uint8)))
    assert usable.all()
    assert not masked.any()
    usable, masked = masks("9,15", wide, qa=band(np.array([[0, 512, 32768, -512, -32768]], np.int32)))
    assert masked.tolist() == [[False, True, True, False, False]]
    assert usable.tolist() == [[True, False, False, False, False]]
    _, masked = masks("15", wide, qa=band(np.array([[-32768, 32767]], np.int16)))
    assert not masked.any()


# Expressions


floats = arrays.arrays("float32", SHAPE, elements=st.one_of(st.floats(0, 1, width=32), st.just(np.float32(np.nan))))


@given(floats, floats, valid_pixels, valid_pixels)
def test_expressions_mask_where_they_are_not_zero(
    nir: NDArray[Any], red: NDArray[Any], nir_valid: Mask2D, red_valid: Mask2D
) -> None:
    bands = {"nir": band(nir, nir_valid), "red": band(red, red_valid)}
    usable, masked = masks("(nir - red) / (nir + red) < 0.2", **bands)
    with np.errstate(all="ignore"):
        ndvi = (nir - red) / (nir + red)
        wanted = ndvi < np.float32(0.2)
    known = nir_valid & red_valid & np.isfinite(ndvi)
    np.testing.assert_array_equal(masked, known & wanted)
    np.testing.assert_array_equal(usable, known & ~wanted)


def test_expressions_see_scaled_values_floored_as_in_formulas() -> None:
    numbers = np.array([[0, 900, 2000, 5000]], np.uint16)
    reflectance = band(numbers, scale=0.0001, offset=-0.1, floor=0.0)
    _, masked = masks("red == 0", red=reflectance)
    assert masked.tolist() == [[True, True, False, False]]
    _, masked = masks("red > 0.3", red=reflectance)
    assert masked.tolist() == [[False, False, False, True]]
    _, masked = masks("aot < 0", aot=band(numbers, scale=0.0001, offset=-0.1))
    assert masked.tolist() == [[True, True, False, False]]


@pytest.mark.parametrize("value", [1.0, -1.0, 0.25, 1e-30])
def test_any_value_but_zero_masks(value: float) -> None:
    usable, masked = masks("(aot)", aot=band(np.array([[value, 0.0, np.nan]], np.float32)))
    assert masked.tolist() == [[True, False, False]]
    assert usable.tolist() == [[False, True, False]]


# Combinations


@given(numbers_of("uint8", 12), valid_pixels, floats, valid_pixels)
def test_combined_masks_are_the_union(
    classes: NDArray[Any], scl_valid: Mask2D, red: NDArray[Any], red_valid: Mask2D
) -> None:
    """What is masked by one is masked. What one does not know is not usable."""
    bands = {"scl": band(classes, scl_valid), "red": band(red, red_valid)}
    combined = masks("red > 0.5,cloud, snow", **bands)
    by_class, by_value = masks("8,9,11", scl=bands["scl"]), masks("red > 0.5", red=bands["red"])
    np.testing.assert_array_equal(combined[1], by_class[1] | by_value[1])
    np.testing.assert_array_equal(combined[0], by_class[0] & by_value[0])


def test_parts_without_their_bands_are_left_out() -> None:
    mask = parse_mask("clouds,red > 0.5,red + nir > 0.5", 0.0, SCL).of(SCL)
    assert mask.bands == ("scl", "red", "nir")
    assert mask.limited({"red", "scl"}).bands == ("scl", "red")
    assert len(mask.limited({"red", "scl"}).rules) == 2
    assert mask.limited({"nir"}).rules == ()


# Dilation


@given(numbers_of("uint8", 260), st.sampled_from([11.0, 25.0, 41.0]))
def test_masked_pixels_are_dilated_and_those_without_data_are_not(numbers: NDArray[Any], metres: float) -> None:
    grid = Grid("EPSG:32632", Affine(10, 0, 600_000, 0, -10, 5_100_000), 6, 4)
    larger = dilation_grid(grid, metres)
    padded = np.zeros(larger.grid.shape, np.uint8)
    rows, cols = larger.margin
    padded[rows : rows + 4, cols : cols + 6] = numbers
    scene_mask = parse_mask("clouds", metres, BITS).of(BITS)
    dilated = larger.dilated(scene_mask.usable_and_masked({"qa_pixel": band(padded)})[1])
    masked = ((numbers & 0b11110) != 0) & (numbers & 1 == 0) & (numbers != 255)
    near = [
        [any(np.hypot(row - y, col - x) * 10 <= metres for y, x in np.argwhere(masked)) for col in range(6)]
        for row in range(4)
    ]
    np.testing.assert_array_equal(dilated, np.array(near))
