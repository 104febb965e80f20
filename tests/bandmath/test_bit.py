"""`bit(x, n)`: bit n of an integer that float32 holds exactly; NaN for anything else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from scog.bandmath.expression import parse
from scog.collections.band_names import BandNames
from scog.errors import InvalidExpression

NAMES = BandNames({"qa": "qa", "red": "red"})
POSITIONS = st.integers(0, 23)


def bit(numbers: NDArray[np.float32], position: int) -> NDArray[np.float32]:
    before = numbers.copy()
    values, valid = parse(f"bit(qa, {position})", NAMES).evaluate({"qa": numbers})
    np.testing.assert_array_equal(numbers, before)
    np.testing.assert_array_equal(valid, np.isfinite(values[0]))
    return values[0]


@given(arrays.arrays(np.uint32, 9, elements=st.integers(0, 2**24 - 1)), POSITIONS)
def test_bits_of_integers_are_exact(numbers: NDArray[np.uint32], position: int) -> None:
    np.testing.assert_array_equal(bit(numbers.astype(np.float32), position), numbers >> position & 1)


@given(arrays.arrays(np.float32, 9, elements=st.floats(width=32)), POSITIONS)
def test_other_numbers_have_no_bits(numbers: NDArray[np.float32], position: int) -> None:
    for number, result in zip(numbers.tolist(), bit(numbers, position).tolist(), strict=True):
        if number >= 0 and number < 2**24 and number == int(number):
            assert result == int(number) >> position & 1
        else:
            assert np.isnan(result)


@pytest.mark.parametrize("number", [-1.0, -32768.0, 0.5, 2.0**24, 1e30, np.inf, -np.inf, np.nan])
def test_twos_complement_is_not_guessed(number: float) -> None:
    assert np.isnan(bit(np.array([number], np.float32), 0)).all()


@pytest.mark.parametrize("position", ["24", "-1", "0.5", "red", "1e9", "qa > 1"])
def test_the_position_is_a_constant(position: str) -> None:
    with pytest.raises(InvalidExpression, match="is not the number of a bit") as refused:
        parse(f"1 + bit(qa, {position})", NAMES)
    assert refused.value.position == len("1 + bit(qa, ")
    assert refused.value.valid == "a constant integer from 0, the least significant, to 23"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [("bit( qa,3 )", "bit(qa, 3)"), ("bit(qa, 1 + 2.0)", "bit(qa, 3)"), ("bit(5, 2) * red", "1 * red"),
     ("2 * bit(qa - 1, 0)", "2 * bit(qa - 1, 0)")],
)  # fmt: skip
def test_canonical_text(text: str, canonical: str) -> None:
    assert parse(text, NAMES).text == canonical


def test_bits_count_as_integers() -> None:
    assert parse("bit(qa, 3) + 2 * bit(qa, 4)", NAMES).is_integer
    assert not parse("bit(qa, 3) / 2", NAMES).is_integer


def test_a_bit_of_a_constant_without_bits_is_refused() -> None:
    with pytest.raises(InvalidExpression, match=r"'bit\(0.5, 1\)' is not a finite number"):
        parse("red + bit(0.5, 1)", NAMES)


@pytest.mark.parametrize("text", ["bit(qa)", "bit(qa, 1, 2)"])
def test_it_takes_two_arguments(text: str) -> None:
    with pytest.raises(InvalidExpression, match="bit takes 2 arguments") as refused:
        parse(text, NAMES)
    assert refused.value.valid == "bit(x, n)"
