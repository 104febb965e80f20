"""From values to colour numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from scog.picture.stretch import TRANSPARENT, Range, to_palette, to_rgba

shapes = st.sampled_from([(1, 1), (3, 5), (16, 16)])
numbers = st.floats(-1e6, 1e6, width=32)
anything = st.floats(width=32, allow_nan=True, allow_infinity=True)
ranges = st.tuples(st.floats(-1e5, 1e5), st.floats(1e-3, 1e5)).map(lambda pair: (pair[0], pair[0] + pair[1]))
EDGES: list[Range] = [(-0.2, 0.9), (0.0, 0.3), (0.0, 1e-6), (-1e29, 1e29), (1.0, 1.0 + 1e-12), (0.0, 1e-300)]


def masks(shape: tuple[int, ...]) -> st.SearchStrategy[NDArray[np.bool_]]:
    return hnp.arrays(np.bool_, shape)


@given(st.data(), shapes, ranges)
def test_larger_values_take_no_lower_colour(data: st.DataObject, shape: tuple[int, int], shown: Range) -> None:
    values = data.draw(hnp.arrays(np.float32, shape, elements=numbers))
    valid = np.ones(shape, bool)
    colours = to_palette(values, valid, shown)
    order = np.argsort(values.ravel(), kind="stable")
    assert (np.diff(colours.ravel()[order].astype(int)) >= 0).all()
    assert (colours < TRANSPARENT).all()
    channel = to_rgba(np.stack((values, values, values)), valid, (shown,) * 3)
    assert (np.diff(channel[..., 1].ravel()[order].astype(int)) >= 0).all()


@pytest.mark.parametrize("shown", [(-0.2, 0.9), (0.0, 0.3), (-1.0, 1.0), (0.0, 10000.0), (-1e5, 1e5), (100.0, 100.5)])
def test_the_ends_take_the_first_and_the_last_colour(shown: Range) -> None:
    low, high = shown
    beyond = (high - low) * 3
    values = np.array([[low, high, (low + high) / 2, low - beyond, high + beyond, -3e38, 3e38]], np.float32)
    valid = np.ones(values.shape, bool)
    assert to_palette(values, valid, shown).tolist() == [[0, 254, 127, 0, 254, 0, 254]]
    rgba = to_rgba(np.stack((values, values, values)), valid, (shown,) * 3)
    assert rgba[0, :, 0].tolist() == [0, 255, 128, 0, 255, 0, 255]


@given(st.data(), shapes, st.one_of(ranges, st.sampled_from(EDGES)))
def test_invalid_is_transparent_and_valid_never_is(data: st.DataObject, shape: tuple[int, int], shown: Range) -> None:
    values = data.draw(hnp.arrays(np.float32, shape, elements=anything))
    valid = data.draw(masks(shape))
    assert ((to_palette(values, valid, shown) == TRANSPARENT) == ~valid).all()
    rgba = to_rgba(np.stack((values, values, values)), valid, (shown,) * 3)
    assert (rgba[..., 3] == np.where(valid, 255, 0)).all()
    assert (rgba[~valid] == 0).all()


@given(hnp.arrays(np.float32, (4, 4), elements=numbers), ranges)
def test_each_colour_holds_the_values_nearest_to_it(values: NDArray[np.float32], shown: Range) -> None:
    low, high = shown
    found = to_palette(values, np.ones(values.shape, bool), shown).astype(float)
    exact = np.clip((values.astype(float) - low) / (high - low) * 254, 0, 254)
    rounding = 1e-6 * (abs(low) + abs(high)) / (high - low) * 254  # float32 in a narrow range far from 0
    assert (abs(found - exact) <= 0.5 + 1e-3 + rounding).all()


def test_each_channel_has_its_own_range() -> None:
    values = np.array([[[0.1]], [[0.1]], [[0.1]]], np.float32)
    rgba = to_rgba(values, np.ones((1, 1), bool), ((0, 0.1), (0.1, 0.2), (0, 0.2)))
    assert rgba.tolist() == [[[255, 0, 128, 255]]]
