"""Evaluation of expressions, and their canonical text."""

import pickle

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.profiles import parse

NAN, INF = float("nan"), float("inf")


def pixels(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)


NIR = pixels(0.5, 0.0, -1.0, 3.0)
RED = pixels(0.25, 0.0, 2.0, -3.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nir", [0.5, 0, -1, 3]),
        ("+nir", [0.5, 0, -1, 3]),
        ("-nir", [-0.5, 0, 1, -3]),
        ("nir + red", [0.75, 0, 1, 0]),
        ("(nir - red) / (nir + red)", [1 / 3, NAN, -3, NAN]),
        ("nir / 0", [NAN] * 4),
        ("-nir ** 2", [-0.25, 0, -1, -9]),
        ("nir ** -1", [2, NAN, -1, 1 / 3]),
        ("nir ** 0", [1, 1, 1, 1]),
        ("nir ** 3", [0.125, 0, -1, 27]),
        ("nir ** 0.5", [0.5**0.5, 0, NAN, 3**0.5]),
        ("2 ** 3 * nir", [4, 0, -8, 24]),
        ("nir > red", [1, 0, 0, 1]),
        ("(nir >= red) * (nir <= 0.5)", [1, 1, 0, 0]),
        ("nir == red", [0, 1, 0, 0]),
        ("nir != 3", [1, 1, 1, 0]),
        ("where(nir > red, nir, red)", [0.5, 0, 2, 3]),
        ("where(nir, 1, 2)", [1, 2, 1, 1]),
        ("where(nir, nir / red, 7)", [2, 7, -0.5, -1]),
        ("where(1, nir, red)", [0.5, 0, -1, 3]),
        ("where(nir > 0, nir, nir / 0)", [0.5, NAN, NAN, 3]),
        ("min(nir, red, 1)", [0.25, 0, -1, -3]),
        ("max(nir, red, 1, nir * red)", [1, 1, 2, 3]),
        ("clip(nir, 0, 1)", [0.5, 0, 0, 1]),
        ("clip(0.25, nir, red)", [0.25, 0, 0.25, -3]),
        ("abs(nir)", [0.5, 0, 1, 3]),
        ("sqrt(nir)", [0.5**0.5, 0, NAN, 3**0.5]),
        ("log(exp(nir))", [0.5, 0, -1, 3]),
        ("log(nir)", [np.log(0.5), NAN, NAN, np.log(3)]),
        ("exp(40 * nir)", [np.exp(20), 1, np.exp(-40), NAN]),
        ("nir * 1e38 * 10", [NAN, 0, NAN, NAN]),
        ("NIR*0+1/4", [0.25] * 4),
    ],
)
def test_operators_and_functions_have_the_expected_values(text: str, expected: list[float]) -> None:
    values, valid = parse(text).evaluate({"nir": NIR, "red": RED})
    assert values.dtype == np.float32
    assert values.shape == (1, 4)
    np.testing.assert_array_equal(valid, np.isfinite(expected))
    np.testing.assert_array_equal(np.isfinite(values[0]), valid)
    np.testing.assert_allclose(values[0][valid], np.array(expected)[valid], rtol=1e-6)


@pytest.mark.parametrize("lost", [NAN, INF, -INF])
@pytest.mark.parametrize(
    "text",
    [
        "1 / nir",
        "nir ** -1",
        "nir ** 0",
        "exp(nir)",
        "exp(-nir)",
        "nir > 1",
        "nir < 1",
        "nir == nir",
        "min(nir, 1)",
        "max(1, 2, nir)",
        "clip(nir, 0, 1)",
        "clip(0.5, nir, 1)",
        "where(nir, 1, 2)",
        "where(nir > 0, 1, 0)",
        "0 * nir",
        "nir - nir",
        "abs(nir)",
        "1 / (1 / (1 / nir))",
        "nir; 1",
    ],
)
def test_non_finite_operands_give_invalid_values(text: str, lost: float) -> None:
    expression = parse(text)
    values, valid = expression.evaluate({"nir": pixels(lost, 0.5)})
    assert valid.tolist() == [False, True]
    assert not np.isfinite(values[0, 0])


@pytest.mark.parametrize(
    "text", ["1 / (1 / red)", "exp(-1 / red)", "min(1 / red, 1)", "1 / red > 1", "(1 / red) ** -2", "log(red) < 0"]
)
def test_intermediate_division_by_zero_gives_invalid_values(text: str) -> None:
    assert not parse(text).evaluate({"red": pixels(0)})[1]


def test_outputs_share_one_mask_and_constants_are_broadcast() -> None:
    expression = parse("1 / nir; 2; red; nir - red;")
    assert expression.outputs == 4
    assert expression.names == ("1 / nir", "2", "red", "nir - red")
    assert expression.bands == ("nir", "red")
    values, valid = expression.evaluate({"red": pixels(1, 2, NAN), "nir": pixels(1, 0, 1), "blue": pixels(1)})
    assert values.shape == (4, 3)
    assert valid.tolist() == [True, False, False]
    np.testing.assert_array_equal(values[1], [2, 2, 2])
    np.testing.assert_array_equal(values[:, 0], [1, 2, 1, 0])


@pytest.mark.parametrize("shape", [(), (0,), (7,), (3, 5), (2, 3, 5)])
def test_bands_may_have_any_shape(shape: tuple[int, ...]) -> None:
    bands = {"nir": np.full(shape, 0.6, np.float32), "red": np.full(shape, 0.2, np.float32)}
    values, valid = parse("(nir - red) / (nir + red); where(nir > red, min(nir, 1) ** 2, 0)").evaluate(bands)
    assert values.shape == (2, *shape)
    assert valid.shape == shape
    assert isinstance(valid, np.ndarray)
    assert valid.all()
    np.testing.assert_allclose(values[0], np.full(shape, 0.5), rtol=1e-6)
    np.testing.assert_allclose(values[1], np.full(shape, 0.36), rtol=1e-6)


def test_strided_and_integer_bands_are_accepted() -> None:
    wide = np.arange(24, dtype=np.float32).reshape(4, 6)
    classes = np.arange(6, dtype=np.uint8).reshape(2, 3)
    values, _ = parse("nir * (scl == 4)").evaluate({"nir": wide[::2, ::2], "scl": classes})  # type: ignore[dict-item]
    np.testing.assert_array_equal(values[0], [[0, 0, 0], [0, 14, 0]])


def test_missing_bands_and_different_shapes_raise() -> None:
    with pytest.raises(KeyError, match="red"):
        parse("nir + red").evaluate({"nir": pixels(1)})
    with pytest.raises(ValueError, match=r"different shapes: nir \(1,\), red \(2,\)"):
        parse("nir + red").evaluate({"nir": pixels(1), "red": pixels(1, 2)})


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("(B8-b4)/( NIR+red) ;", "(nir - red) / (nir + red)"),
        ("((nir))", "nir"),
        ("nir\n +\tred", "nir + red"),
        ("(nir*red)+blue", "nir * red + blue"),
        ("nir-(red-blue)", "nir - (red - blue)"),
        ("(nir-red)-blue", "nir - red - blue"),
        ("nir/(red*blue)", "nir / (red * blue)"),
        ("-(nir**2)", "-nir ** 2"),
        ("(-nir)**2", "(-nir) ** 2"),
        ("(nir**2)**.5", "(nir ** 2) ** 0.5"),
        ("nir**(1/2)", "nir ** 0.5"),
        ("nir - (-2)", "nir - -2"),
        ("2.50*nir", "2.5 * nir"),
        ("1/3*nir", "0.33333334 * nir"),
        ("nir*1e-6 + 10000000000000000000", "nir * 1e-06 + 1e+19"),
        ("(nir<red)<blue", "(nir < red) < blue"),
        ("(nir<red)+blue", "(nir < red) + blue"),
        ("nir<red+blue", "nir < red + blue"),
        ("where((nir>0),(1),min(B02,B8A))", "where(nir > 0, 1, min(blue, nir08))"),
        ("nir ; red;", "nir; red"),
        ("(" * 32 + "nir" + ")" * 32, "nir"),
    ],
)
def test_equivalent_expressions_have_one_canonical_text(text: str, canonical: str) -> None:
    assert parse(text).text == canonical
    assert parse(canonical) == parse(text)
    assert hash(parse(canonical)) == hash(parse(text))


def test_constant_folding_precedes_the_limits() -> None:
    assert parse("nir * (" + "+".join("1" * 60) + ")").text == "nir * 60"


def test_expressions_can_be_pickled() -> None:
    expression = parse("where(nir > 1/3, nir, red ** 2); scl")
    assert pickle.loads(pickle.dumps(expression)) == expression
