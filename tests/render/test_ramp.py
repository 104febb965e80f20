"""Ramps: values to palette indices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from scog.render.colormap import color_table
from scog.render.image import TRANSPARENT, palette_of
from scog.render.ramp import ABOVE, BELOW, STEPS, Ramp, Range, normalize, scale_to_uint8, scale_to_uint16

shapes = st.sampled_from([(1, 1), (3, 5), (16, 16)])
numbers = st.floats(-1e6, 1e6, width=32)
anything = st.floats(width=32, allow_nan=True, allow_infinity=True)
ranges = st.tuples(st.floats(-1e5, 1e5), st.floats(1e-3, 1e5)).map(lambda pair: (pair[0], pair[0] + pair[1]))
EDGES: list[Range] = [(-0.2, 0.9), (0.0, 0.3), (0.0, 1e-6), (-1e29, 1e29), (1.0, 1.0 + 1e-12), (0.0, 1e-300)]
any_range = st.one_of(ranges, st.sampled_from(EDGES))
colors = st.tuples(*[st.integers(0, 255)] * 4)
maybe = st.none() | colors
TABLE = color_table("rdylgn")


def masks(shape: tuple[int, ...]) -> st.SearchStrategy[NDArray[np.bool_]]:
    return hnp.arrays(np.bool_, shape)


@given(st.data(), shapes, ranges)
def test_indices_increase_monotonically_with_values(data: st.DataObject, shape: tuple[int, int], shown: Range) -> None:
    values = data.draw(hnp.arrays(np.float32, shape, elements=numbers))
    valid = np.ones(shape, bool)
    order = np.argsort(values.ravel(), kind="stable")
    painted = Ramp(shown, TABLE).palette_indices(values, valid)
    for result in (painted, scale_to_uint8(values, shown, 255), scale_to_uint16(values, valid, shown)):
        assert (np.diff(result.ravel()[order].astype(int)) >= 0).all()


@pytest.mark.parametrize("shown", [(-0.2, 0.9), (0.0, 0.3), (-1.0, 1.0), (0.0, 10000.0), (-1e5, 1e5), (100.0, 100.5)])
def test_range_ends_get_the_first_and_last_colour(shown: Range) -> None:
    low, high = shown
    beyond = (high - low) * 3
    values = np.array([[low, high, (low + high) / 2, low - beyond, high + beyond, -3e38, 3e38]], np.float32)
    valid = np.ones(values.shape, bool)
    last = STEPS - 1
    assert Ramp(shown, TABLE).palette_indices(values, valid).tolist() == [[0, last, last // 2, 0, last, 0, last]]
    assert scale_to_uint8(values, shown, 255).tolist() == [[0, 255, 128, 0, 255, 0, 255]]
    assert scale_to_uint16(values, valid, shown).tolist() == [[1, 65535, 32768, 1, 65535, 1, 65535]]


@given(st.data(), shapes, any_range, maybe, maybe)
def test_exactly_the_invalid_pixels_are_transparent(
    data: st.DataObject, shape: tuple[int, int], shown: Range, below: tuple[int, ...], above: tuple[int, ...]
) -> None:
    values = data.draw(hnp.arrays(np.float32, shape, elements=anything))
    valid = data.draw(masks(shape))
    ramp = Ramp(shown, TABLE, below and (*below[:3], 255), above and (*above[:3], 255))
    assert ((ramp.palette_indices(values, valid) == TRANSPARENT) == ~valid).all()
    painted = ramp.paint(values[np.newaxis], valid).rgba
    assert ((painted[..., 3] == 255) == valid).all()
    assert (painted[~valid] == 0).all()
    assert ((scale_to_uint16(values, valid, shown) == 0) == ~valid).all()


@given(hnp.arrays(np.float32, (4, 4), elements=numbers), ranges, st.sampled_from([STEPS - 1, 255, 65534]))
def test_values_get_the_nearest_step(values: NDArray[np.float32], shown: Range, last: int) -> None:
    low, high = shown
    valid = np.ones(values.shape, bool)
    result = (
        scale_to_uint16(values, valid, shown).astype(float) - 1
        if last == 65534
        else scale_to_uint8(values, shown, last)
    )
    exact = np.clip((values.astype(float) - low) / (high - low) * last, 0, last)
    rounding = 3e-7 * ((abs(low) + abs(high)) / (high - low) + 1) * last  # float32, in a narrow range far from 0
    assert (abs(result.astype(float) - exact) <= 0.5 + 1e-3 + rounding).all()


@given(hnp.arrays(np.float32, (4, 6), elements=st.floats(-1, 2, width=32)), colors, colors)
def test_values_outside_the_range_get_the_requested_colours(
    values: NDArray[np.float32], below: tuple[int, int, int, int], above: tuple[int, int, int, int]
) -> None:
    low, high = np.float32(-0.2), np.float32(0.9)
    values[0] = [low, high, np.nextafter(low, low - 1), np.nextafter(high, high + 1), -np.inf, np.inf]
    valid = np.ones(values.shape, bool)
    plain = Ramp((-0.2, 0.9), TABLE).paint(values[np.newaxis], valid).rgba
    painted = Ramp((-0.2, 0.9), TABLE, below, above).paint(values[np.newaxis], valid).rgba
    under, over = values < low, values > high
    assert (painted[under] == below).all()
    assert (painted[over] == above).all()
    assert (painted[~under & ~over] == plain[~under & ~over]).all()
    assert (plain[under] == TABLE[0]).all()
    assert (plain[over] == TABLE[-1]).all()
    assert painted[0].tolist() == [TABLE[0].tolist(), TABLE[-1].tolist(), *map(list, (below, above, below, above))]


def test_the_palette_has_entries_for_below_above_and_transparent() -> None:
    palette = Ramp((0, 1), TABLE, above=(1, 2, 3, 4)).palette
    assert (palette[:STEPS] == TABLE).all()
    assert (palette[BELOW] == TABLE[0]).all()
    assert palette[ABOVE].tolist() == [1, 2, 3, 4]
    assert palette[TRANSPARENT].tolist() == [0, 0, 0, 0]
    assert (palette.shape, palette.dtype) == ((256, 4), np.uint8)
    assert not palette.flags.writeable


def test_palette_of_pads_with_transparent_entries() -> None:
    palette = palette_of(np.array([[1, 2, 3, 255], [4, 5, 6, 0]], np.uint8))
    assert palette[:2].tolist() == [[1, 2, 3, 255], [4, 5, 6, 0]]
    assert (palette[2:] == 0).all()


def test_nan_becomes_0_without_warnings() -> None:
    values = np.array([np.nan, np.inf, -np.inf], np.float32)
    assert normalize(values, (0, 1)).tolist() == [0, 1, 0]
    assert scale_to_uint8(values, (0, 1), 255).tolist() == [0, 255, 0]
