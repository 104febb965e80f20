"""Windows of resampling supports assembled from blocks equal parts of the whole level."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from scog.geo.grid import Window
from scog.geo.resampling_support import ResamplingSupport
from scog.warp.window import gather_window
from tests.doubles.warping import cut_blocks

EMPTY = np.zeros((1, 1), np.float32)


def support_of(window: Window, source: tuple[int, int], step: int) -> ResamplingSupport:
    first = np.zeros((1, 1), np.int32)
    return ResamplingSupport(
        slice(0, 1), slice(0, 1), window, source, step, (1.0, 1.0), (1, 1), first, (EMPTY,), (EMPTY,), None
    )


def data_of(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    return values, values != 0


@st.composite
def cases(draw: st.DrawFn) -> tuple[NDArray[Any], Window, tuple[int, int], int]:
    """A level, a window that may exceed it, the shape of its blocks, and the side of the squares that are combined."""
    height, width = draw(st.integers(1, 70)), draw(st.integers(1, 70))
    step = draw(st.sampled_from([1, 1, 2, 4, 8]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = rng.integers(1, 1000, (height, width)).astype(draw(st.sampled_from(["uint16", "uint8", "float32"])))
    values[rng.random(values.shape) < draw(st.sampled_from([0, 0.2]))] = 0
    top, left = draw(st.integers(-5, height // step)), draw(st.integers(-5, width // step))
    window = Window(top, left, top + draw(st.integers(1, 40)), left + draw(st.integers(1, 40)))
    return values, window, (draw(st.integers(1, 20)), draw(st.integers(1, 20))), step


Case = tuple[NDArray[Any], Window, tuple[int, int], int]


def squares(values: NDArray[Any], window: Window, step: int) -> NDArray[Any]:
    """The window `(y, step, x, step)` of a level, nodata outside it."""
    padded = np.pad(values, ((5 * step, 50 * step), (5 * step, 50 * step)))
    part = padded[
        (window.top + 5) * step : (window.bottom + 5) * step, (window.left + 5) * step : (window.right + 5) * step
    ]
    height, width = window.shape
    return part.reshape(height, step, width, step)


@given(cases())
def test_pixels_or_means_of_squares(case: Case) -> None:
    values, window, block, step = case
    result, valid = gather_window(support_of(window, values.shape, step), block, cut_blocks(values, block), data_of)
    expected = squares(values, window, step)
    count = (expected != 0).sum((1, 3))
    np.testing.assert_array_equal(valid, count > 0)
    assert result.dtype == (values.dtype if step == 1 else np.float32)
    mean = expected.sum((1, 3), dtype=np.float64)[valid] / count[valid]
    np.testing.assert_allclose(result[valid], mean, rtol=1e-6)


@given(cases())
def test_classes_take_the_central_pixel(case: Case) -> None:
    values, window, block, step = case
    result, valid = gather_window(
        support_of(window, values.shape, step), block, cut_blocks(values, block), data_of, classes=True
    )
    expected = squares(values, window, step)[:, step // 2, :, step // 2]
    np.testing.assert_array_equal(valid, expected != 0)
    np.testing.assert_array_equal(result[valid], expected[valid])
    assert result.dtype == values.dtype


@given(cases(), st.integers(0, 2**32))
def test_absent_blocks_are_not_valid(case: Case, seed: int) -> None:
    values, window, block, _ = case
    blocks = cut_blocks(values, block)
    rng = np.random.default_rng(seed)
    there = {index: part for index, part in blocks.items() if rng.random() < 0.5}
    left = np.zeros_like(values)
    for row, col in there:
        here = np.s_[row * block[0] : (row + 1) * block[0], col * block[1] : (col + 1) * block[1]]
        left[here] = values[here]
    result, valid = gather_window(support_of(window, values.shape, 1), block, there, data_of)
    expected = squares(left, window, 1)[:, 0, :, 0]
    np.testing.assert_array_equal(valid, expected != 0)
    np.testing.assert_array_equal(result[valid], expected[valid])
