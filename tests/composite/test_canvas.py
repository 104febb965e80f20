"""Properties of the canvas: what was painted first remains, and shares do not overlap."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from scog.composite.canvas import Canvas, first_usable

SHAPE = (4, 5)
masks = hnp.arrays(bool, SHAPE)


@given(st.lists(masks, max_size=6), st.integers(1, 3))
def test_each_pixel_has_the_first_valid_layer(layers: list[NDArray[np.bool_]], bands: int) -> None:
    canvas = Canvas(bands, SHAPE)
    for number, valid in enumerate(layers):
        values = np.full((bands, *SHAPE), np.nan, np.float32)
        values[:, valid] = number + np.arange(bands, dtype=np.float32)[:, np.newaxis] / 10
        before = canvas.valid.copy()
        assert canvas.paint(values, valid) == bool((valid & ~before).any())
    expected = np.full(SHAPE, -1)
    for number, valid in reversed(list(enumerate(layers))):
        expected[valid] = number
    np.testing.assert_array_equal(canvas.valid, expected >= 0)
    assert canvas.full == bool((expected >= 0).all())
    for band in range(bands):
        np.testing.assert_array_equal(np.isnan(canvas.values[band]), ~canvas.valid)
        np.testing.assert_allclose(canvas.values[band][canvas.valid], expected[canvas.valid] + band / 10, rtol=1e-6)


@given(st.lists(masks, max_size=6))
def test_shares_of_all_pixels(usable: list[NDArray[np.bool_]]) -> None:
    for share, same in zip(first_usable(None, usable), first_usable(np.ones(SHAPE, bool), usable), strict=True):
        np.testing.assert_array_equal(share, same)


@given(masks, st.lists(masks, max_size=6))
def test_shares_of_wanted_pixels(wanted: NDArray[np.bool_], usable: list[NDArray[np.bool_]]) -> None:
    original = wanted.copy()
    shares = first_usable(wanted, usable)
    np.testing.assert_array_equal(wanted, original)
    assert len(shares) == len(usable)
    count = np.sum([share.astype(int) for share in shares], axis=0) if shares else np.zeros(SHAPE, int)
    assert count.max(initial=0) <= 1  # no pixel twice
    any_usable = np.any(usable, axis=0) if usable else np.zeros(SHAPE, bool)
    np.testing.assert_array_equal(count > 0, wanted & any_usable)  # none is missing
    for place, share in enumerate(shares):
        assert not (share & ~usable[place]).any()
        for earlier in usable[:place]:
            assert not (share & earlier).any()  # the first that has it
