"""Reducers against numpy's own, pixel by pixel."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from scog.pixels.reduce import STRIP, Composite, _network, reduce

ORACLES = {
    Composite.MEDIAN: lambda values: np.nanmedian(values, axis=0),
    Composite.MEAN: lambda values: np.nanmean(values, axis=0, dtype=np.float64),
    Composite.MIN: lambda values: np.nanmin(values, axis=0),
    Composite.MAX: lambda values: np.nanmax(values, axis=0),
}
numbers = st.floats(-1000, 1000, width=32) | st.just(np.nan) | st.integers(-2, 2).map(float)


def expected(values: NDArray[np.float32], composite: Composite) -> NDArray[np.float32]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # pixels without any observation
        return np.asarray(ORACLES[composite](values), np.float32)


@pytest.mark.parametrize("composite", ORACLES)
@given(stack=hnp.array_shapes(min_dims=3, max_dims=4, max_side=9).flatmap(
    lambda shape: hnp.arrays(np.float32, shape, elements=numbers)
))  # fmt: skip
def test_any_stack(composite: Composite, stack: NDArray[np.float32]) -> None:
    before = stack.copy()
    reduced = reduce(stack, composite)
    assert reduced.dtype == np.float32
    np.testing.assert_allclose(reduced, expected(stack, composite), rtol=1e-6, atol=1e-30)
    assert np.array_equal(stack, before, equal_nan=True)


@pytest.mark.parametrize("composite", ORACLES)
@pytest.mark.parametrize("count", [1, 2, 5, 20, 100])
def test_more_pixels_than_a_strip_with_gaps_and_ties(composite: Composite, count: int) -> None:
    rng = np.random.default_rng(count)
    stack = rng.integers(0, 50, (count, 1, 97, 2 * STRIP // 97 + 5)).astype(np.float32) / 7
    stack[rng.random(stack.shape) < rng.random(stack.shape[1:])] = np.nan
    assert np.isnan(stack).all(axis=0).any()
    np.testing.assert_allclose(reduce(stack, composite), expected(stack, composite), rtol=1e-6)


@pytest.mark.parametrize("count", range(1, 17))
def test_the_network_sorts(count: int) -> None:
    """By the 0-1 principle: what sorts all sequences of zeros and ones sorts everything."""
    rows = (np.arange(2**count)[np.newaxis] >> np.arange(count)[:, np.newaxis]) & 1
    for low, high in _network(count):
        assert low < high
        rows[low], rows[high] = np.minimum(rows[low], rows[high]), np.maximum(rows[low], rows[high])
    assert (np.diff(rows, axis=0) >= 0).all()
