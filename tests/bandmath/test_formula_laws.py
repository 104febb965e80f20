"""Random formulas, evaluated by scog and, as an oracle, by Python with numpy."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from scog.bandmath.expression import Expression
from scog.errors import InvalidExpression
from tests.profiles import canonical, parse

SHAPE = (3, 5)
SPELLINGS = {"nir": ("nir", "B08", "b8", "NIR"), "red": ("red", "B04"), "swir16": ("swir16", "b11"), "scl": ("SCL",)}
NAMES = [spelling for spellings in SPELLINGS.values() for spelling in spellings]

# Formulas as text. Some operators are joined without parentheses, to test precedence.

blanks = st.sampled_from(["", " ", "  ", "\t"])
numbers = st.one_of(
    st.sampled_from(["0", "1", "2", "0.5", ".25", "3.", "1e-3", "7.5", "10000", "1e30"]),
    st.floats(0, 100, width=32).map(repr),
)
exponents = st.sampled_from(["2", "0.5", "-1", "3", "0", "-2", "8", "(1/3)", "(2 - 1)", "1.16", "-.5"])


def larger(formula: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def infix(operators: str, template: str) -> st.SearchStrategy[str]:
        parts = (formula, blanks, st.sampled_from(operators.split()), blanks, formula)
        return st.tuples(*parts).map(lambda chosen: template.format("".join(chosen)))

    def call(name: str, least: int, most: int) -> st.SearchStrategy[str]:
        arguments = st.lists(formula, min_size=least, max_size=most)
        return arguments.map(lambda chosen: f"{name}({', '.join(chosen)})")

    return st.one_of(
        infix("+ - * /", "{}"),
        infix("+ - * /", "({})"),
        st.tuples(formula, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), formula).map(
            "(({0[0]}) {0[1]} ({0[2]}))".format
        ),
        st.tuples(formula, exponents).map(lambda chosen: f"({chosen[0]})**{chosen[1]}"),
        formula.map("-({})".format),
        formula.map("-{}".format),
        call("where", 3, 3),
        call("min", 2, 4),
        call("max", 2, 8),
        call("clip", 3, 3),
        st.tuples(formula, st.integers(0, 23)).map("bit({0[0]}, {0[1]})".format),
        *(call(name, 1, 1) for name in ("abs", "sqrt", "log", "exp")),
    )


formulas = st.recursive(st.one_of(st.sampled_from(NAMES), st.sampled_from(NAMES), numbers), larger, max_leaves=12)
values = st.one_of(
    st.floats(0, 1, width=32),
    st.floats(width=32),
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 4.0, 1e-30, 3e38, float("nan"), float("inf")]),
    st.integers(0, 2**24 + 2).map(float),
)
bands = st.fixed_dictionaries({name: hnp.arrays(np.float32, SHAPE, elements=values) for name in SPELLINGS})


LIMITS = re.compile("is not a finite number|uses no band|nested|characters|parentheses|bands, numbers and operations")


def parsed(text: str) -> Expression:
    """Parse a formula; reject the example if it exceeds a limit."""
    try:
        return parse(text)
    except InvalidExpression as refused:
        assume(not LIMITS.search(str(refused)))
        raise


class Oracle:
    """An array with Python's operators; every operation with a non-finite operand gives NaN."""

    def __init__(self, value: Any) -> None:
        self.value = np.asarray(value, np.float32)

    @staticmethod
    def apply(function: Callable[..., Any], *operands: Oracle) -> Oracle:
        with np.errstate(all="ignore"):
            result = np.asarray(function(*(operand.value for operand in operands)), np.float32)
        finite = np.isfinite(result)
        for operand in operands:
            finite = finite & np.isfinite(operand.value)
        return Oracle(np.where(finite, result, np.float32("nan")))

    def __add__(self, other: Oracle) -> Oracle:
        return self.apply(np.add, self, other)

    def __sub__(self, other: Oracle) -> Oracle:
        return self.apply(np.subtract, self, other)

    def __mul__(self, other: Oracle) -> Oracle:
        return self.apply(np.multiply, self, other)

    def __truediv__(self, other: Oracle) -> Oracle:
        return self.apply(np.divide, self, other)

    def __pow__(self, other: Oracle) -> Oracle:
        return self.apply(lambda base: base ** float(other.value), self)

    def __neg__(self) -> Oracle:
        return self.apply(np.negative, self)

    def __lt__(self, other: Oracle) -> Oracle:
        return self.apply(np.less, self, other)

    def __le__(self, other: Oracle) -> Oracle:
        return self.apply(np.less_equal, self, other)

    def __gt__(self, other: Oracle) -> Oracle:
        return self.apply(np.greater, self, other)

    def __ge__(self, other: Oracle) -> Oracle:
        return self.apply(np.greater_equal, self, other)

    def __eq__(self, other: Oracle) -> Oracle:  # type: ignore[override]
        return self.apply(np.equal, self, other)

    def __ne__(self, other: Oracle) -> Oracle:  # type: ignore[override]
        return self.apply(np.not_equal, self, other)


def oracle(function: Callable[..., Any]) -> Callable[..., Oracle]:
    return lambda *operands: Oracle.apply(function, *operands)


def oracle_where(condition: Oracle, yes: Oracle, no: Oracle) -> Oracle:
    taken = np.where(condition.value != 0, yes.value, no.value)
    return Oracle(np.where(np.isfinite(condition.value), taken, np.float32("nan")))


def oracle_bit(numbers: Oracle, position: Oracle) -> Oracle:
    def bit(number: float) -> float:
        held = np.isfinite(number) and 0 <= number < 2**24 and float(number).is_integer()
        return int(number) >> int(position.value) & 1 if held else float("nan")

    return Oracle(np.vectorize(bit, otypes=[np.float32])(numbers.value))


FUNCTIONS = {
    "number": Oracle,
    "where": oracle_where,
    "min": oracle(lambda *arrays: np.min(np.broadcast_arrays(*arrays), axis=0)),
    "max": oracle(lambda *arrays: np.max(np.broadcast_arrays(*arrays), axis=0)),
    "clip": oracle(np.clip),
    "bit": oracle_bit,
    "abs": oracle(np.abs),
    "sqrt": oracle(np.sqrt),
    "log": oracle(np.log),
    "exp": oracle(np.exp),
}


def by_python(text: str, arrays: dict[str, Any]) -> Any:
    names = {spelling: Oracle(arrays[canonical(spelling)]) for spelling in (*NAMES, *SPELLINGS)}
    numbered = re.sub(r"(?<![\w.])(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", r"number(\g<0>)", text)
    return np.broadcast_to(eval(numbered, {"__builtins__": {}, **FUNCTIONS, **names}).value, SHAPE)


@settings(max_examples=300, deadline=None)
@given(formulas, bands)
def test_agrees_with_python(text: str, arrays: dict[str, Any]) -> None:
    expression = parsed(text)
    for same in (text, expression.text):
        expected = by_python(same, arrays)
        evaluated, valid = expression.evaluate(arrays)
        assert evaluated.dtype == np.float32
        np.testing.assert_array_equal(valid, np.isfinite(expected))
        np.testing.assert_array_equal(evaluated[0][valid], expected[valid])


@settings(deadline=None)
@given(st.lists(formulas, min_size=1, max_size=4), bands)
def test_inputs_are_not_modified(texts: list[str], arrays: dict[str, Any]) -> None:
    expression = parsed(";".join(texts))
    before = {name: array.copy() for name, array in arrays.items()}
    for array in arrays.values():
        array.flags.writeable = False
    results, valid = expression.evaluate(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, before[name])
        assert not np.shares_memory(array, results)
    np.testing.assert_array_equal(valid, np.isfinite(results).all(axis=0))


@settings(deadline=None)
@given(st.lists(formulas, min_size=1, max_size=4))
def test_canonical_text_is_a_fixed_point(texts: list[str]) -> None:
    expression = parsed(";".join(texts))
    again = parse(expression.text)
    assert again.text == expression.text
    assert again == expression
    assert again.outputs == len(texts)


@settings(deadline=None)
@given(st.lists(formulas, min_size=1, max_size=4))
def test_bands_are_in_order_of_first_use(texts: list[str]) -> None:
    text = ";".join(texts)
    mentioned = [canonical(name) for name in re.findall(r"[A-Za-z]\w*", re.sub(r"\d+e", "", text)) if name in NAMES]
    assert parsed(text).bands == tuple(dict.fromkeys(mentioned))
