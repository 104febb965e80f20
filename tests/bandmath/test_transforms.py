"""Decibels: exact values, and what has none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scog.bandmath.transforms import DECIBEL, transformed, transforms_of


@given(st.floats(-300, 300))
def test_decibels_and_power_are_inverse(decibels: float) -> None:
    power = DECIBEL.linear(np.array([decibels]))
    assert power[0] == pytest.approx(10 ** (decibels / 10))
    assert DECIBEL.of_number(float(power[0])) == pytest.approx(decibels, abs=1e-9)


def test_power_not_above_zero_has_no_decibels() -> None:
    power = np.array([0.0, -0.01, np.nan, np.inf, 0.1, 1.0, 100.0], np.float32)
    decibels = DECIBEL.of(power)
    assert decibels.dtype == np.float32
    np.testing.assert_allclose(decibels, [np.nan] * 4 + [-10, 0, 20], rtol=2e-7)


def test_a_pixel_without_one_of_its_outputs_is_invalid() -> None:
    values = np.array([[[1.0, 10.0, 5.0]], [[10.0, 0.0, 5.0]]], np.float32)
    valid = np.array([[True, True, False]])
    shown, shown_valid = transformed((DECIBEL, DECIBEL), values, valid)
    assert shown_valid.tolist() == [[True, False, False]]
    np.testing.assert_array_equal(shown, np.array([[[0, np.nan, np.nan]], [[10, np.nan, np.nan]]], np.float32))
    shown, shown_valid = transformed((None, DECIBEL), values, valid)
    assert shown[0, 0, 0] == 1
    assert shown_valid.tolist() == [[True, False, False]]
    assert values[1, 0, 1] == 0, "the linear values are not modified"


def test_transforms_by_name() -> None:
    assert transforms_of("", 3) == ()
    assert transforms_of("decibel", 3) == (DECIBEL,) * 3
