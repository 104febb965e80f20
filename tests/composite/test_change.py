"""Changes equal numpy's where both images are valid and the result is finite."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from scog.composite.change import Change, change

NUMBERS = st.one_of(st.sampled_from([0.0, -0.0, 0.5, float("nan"), 3e38, -3e38, 1e-45]), st.floats(-2, 2, width=32))
IMAGES = arrays.arrays(np.float32, (1, 3, 4), elements=NUMBERS)


@pytest.mark.parametrize("how", list(Change))
@given(first=IMAGES, second=IMAGES, valid=arrays.arrays(np.bool_, (3, 4)))
def test_differences_and_ratios_equal_numpys(
    how: Change, first: NDArray[np.float32], second: NDArray[np.float32], valid: NDArray[np.bool_]
) -> None:
    given_first, given_second = first.copy(), second.copy()
    values, result_valid = change(first, second, valid, how)
    with np.errstate(all="ignore"):
        exact = np.subtract(first, second) if how is Change.DIFFERENCE else np.divide(first, second)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(result_valid, valid & np.isfinite(exact[0]))
    np.testing.assert_array_equal(values[0], np.where(result_valid, exact[0], np.nan))
    np.testing.assert_array_equal(first, given_first)
    np.testing.assert_array_equal(second, given_second)
