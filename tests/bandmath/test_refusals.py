"""Invalid formulas, and the column and reason that the error reports."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scog.errors import InvalidExpression
from tests.profiles import parse

REFUSALS = [
    # text, column, fragment of the message
    ("", 0, "empty"),
    (" \n", 0, "empty"),
    (";", 0, "output is missing"),
    ("nir;;red", 4, "output is missing"),
    ("nir;red;blue;green; scl", 20, "more than 4 outputs"),
    (";".join(["nir"] * 128), 16, "more than 4 outputs"),
    (";".join(["nir"] * 2000), 512, "7999 characters"),
    ("1; 2", 0, "uses no band"),
    # names
    ("red + nirr", 6, "no band 'nirr'; did you mean nir"),
    ("B10", 0, "no band 'B10'; did you mean B12 or B11"),
    ("n" * 300, 0, "no band 'nnnn"),
    ("foo(nir)", 0, "no function 'foo'"),
    ("sqr(nir)", 0, "did you mean sqrt?"),
    ("SQRT(nir)", 0, "did you mean sqrt?"),
    ("1 + nir(2)", 4, "'nir' is a band"),
    ("nir + max", 6, "'max' is a function"),
    ("__import__('os')", 0, "no function '__import__'"),
    ("eval(nir)", 0, "no function 'eval'"),
    ("__builtins__", 0, "no band '__builtins__'"),
    # the rest of Python
    ("nir.real", 3, "attributes"),
    ("nir[0]", 3, "subscripts"),
    ("[nir]", 0, "lists"),
    ("{nir}", 0, "sets"),
    ("lambda: nir", 0, "lambda"),
    ("lambda x: nir", 0, "lambda"),
    ("[nir for nir in red]", 0, "lists"),
    ("min(nir for b in red)", 8, "'for'"),
    ("nir if red else blue", 4, "where(condition, a, b)"),
    ("nir and red", 4, "multiply two comparisons"),
    ("nir or red", 4, "max(a, b)"),
    ("not nir", 0, "compare with == 0"),
    ("nir in red", 4, "'in'"),
    ("nir is red", 4, "'is'"),
    ("1 + True", 4, "'True'"),
    ("None", 0, "'None'"),
    ("await nir", 0, "'await'"),
    ("nir := 2", 4, "':='"),
    ("(x := 2)", 1, "no band 'x'"),
    ("nir = red", 0, "write == to compare"),
    ("clip(nir, low=0, high=1)", 10, "keyword arguments are not supported"),
    ("min(*nir)", 4, "value is missing before '*'"),
    ("min(**nir)", 4, "value is missing before '**'"),
    ("f'{nir}'", 0, "strings are not supported"),
    ("nir * 'a'", 6, "strings are not supported"),
    ('nir * b"a"', 6, "strings are not supported"),
    ("nir // 2", 4, "write /"),
    ("nir % 2", 4, "the remainder"),
    ("nir @ red", 4, "matrix multiplication"),
    ("nir ^ 2", 4, "write **"),
    ("nir & red", 4, "multiply two comparisons"),
    ("nir | red", 4, "max(a, b)"),
    ("~nir", 0, "'~'"),
    ("nir << 2", 4, "shifts"),
    ("nir >> 2", 4, "shifts"),
    ("nir <> 2", 4, "write !="),
    ("nir # near infrared", 4, "comments"),
    ("nir \\\n+ red", 4, "not allowed in a formula"),
    ("nir\0", 3, "not allowed in a formula"),
    ("ｎｉｒ", 0, "not allowed in a formula"),
    ("nir + ２", 6, "not allowed in a formula"),
    ("nir − red", 4, "not allowed in a formula"),
    # numbers
    ("2j * nir", 0, "'2j' is not a decimal number"),
    ("nir * 0x10", 6, "'0x10'"),
    ("nir * 1_000", 6, "'1_000'"),
    ("nir * 007", 6, "'007'"),
    ("nir * 1.2.3", 6, "'1.2.3'"),
    ("nir * 1e", 6, "'1e'"),
    ("2nir", 0, "'2nir'"),
    ("1if nir", 0, "'1if'"),
    ("nir * 1e39", 6, "'1e39' is not a finite number"),
    ("nir + " + "9" * 400, 6, "is not a finite number"),
    ("nir + 1e30 * 1e30", 6, "'1e30 * 1e30' is not a finite number"),
    ("nir + (1 / 0)", 7, "'1 / 0' is not a finite number"),
    ("where(nir > 0, nir, log(0))", 20, "'log(0)' is not a finite number"),
    ("nir * sqrt(-1)", 6, "is not a finite number"),
    ("nir * (-8) ** (1 / 3)", 6, "is not a finite number"),
    # powers
    ("nir ** 9", 7, "'9' cannot be an exponent"),
    ("nir ** -8.5", 7, "'-8.5' cannot be an exponent"),
    ("nir ** (4 + 5)", 8, "'4 + 5' cannot be an exponent"),
    ("2 ** nir", 5, "'nir' cannot be an exponent"),
    ("nir ** (red * 0)", 8, "cannot be an exponent"),
    ("nir * 9 ** 9 ** 9 ** 9", 21, "'9' cannot be an exponent"),
    # order
    ("nir red", 4, "operator is missing before 'red'"),
    ("2 (nir)", 2, "operator is missing before '('"),
    ("(nir)(red)", 5, "operator is missing before '('"),
    ("nir +", 5, "value is missing after '+'"),
    ("nir + ; red", 5, "value is missing after '+'"),
    ("* nir", 0, "value is missing before '*'"),
    ("nir + / red", 6, "value is missing before '/'"),
    ("nir *** 2", 6, "value is missing before '*'"),
    ("()", 1, "value is missing before ')'"),
    ("min()", 4, "value is missing before ')'"),
    ("min(nir, red, )", 14, "value is missing before ')'"),
    ("((nir)", 0, "never closed"),
    ("(nir; red)", 0, "never closed"),
    ("nir) + (red", 3, "never opened"),
    ("nir, red", 3, "comma"),
    ("(nir, red)", 4, "comma"),
    ("min(nir, (red, blue))", 13, "comma"),
    ("0 < nir < 1", 10, "cannot be chained"),
    ("nir == red == blue", 14, "cannot be chained"),
    # arguments
    ("1 + clip(nir, 0)", 4, "clip takes 3 arguments, not 2"),
    ("abs(nir, red)", 0, "abs takes 1 argument, not 2"),
    ("where(nir > 0, 1)", 0, "where takes 3 arguments, not 2"),
    ("min(nir)", 0, "min takes 2 to 8 arguments, not 1"),
    (f"max({', '.join(['nir'] * 9)})", 0, "max takes 2 to 8 arguments, not 9"),
    # size
    ("-" * 5000 + "nir", 512, "5003 characters"),
    ("+".join(["nir"] * 7500), 512, "29999 characters"),
    ("(" * 5000 + "nir" + ")" * 5000, 512, "10003 characters"),
    ("(" * 33 + "nir" + ")" * 33, 32, "more than 32 nested parentheses"),
    ("(" * 33 + "nir", 32, "more than 32 nested parentheses"),
    ("-" * 509 + "nir", 96, "nested more than 96 deep"),
    ("+" * 509 + "nir", 96, "nested more than 96 deep"),
    ("1 + " * 120 + "nir", 0, "nested more than 96 deep"),
    ("red;" + "+".join(["nir"] * 17), 4, "nested 17 deep"),
    (";".join(["+".join(["B5*B5"] * 10)] * 3), 0, "characters when its names are written out"),
    (";".join(["+".join(["-(-B2)"] * 14)] * 3), 0, "bands, numbers and operations"),
]


@pytest.mark.parametrize(("text", "column", "fragment"), REFUSALS, ids=[text[:24] for text, _, _ in REFUSALS])
def test_refused_with_column_and_reason(text: str, column: int, fragment: str) -> None:
    with pytest.raises(InvalidExpression) as refused:
        parse(text)
    assert fragment in str(refused.value)
    assert refused.value.position == column
    assert refused.value.valid
    assert len(str(refused.value)) < 200


def test_refusals_are_fast() -> None:
    for text, *_ in REFUSALS:
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            with pytest.raises(InvalidExpression):
                parse(text)
            seconds.append(time.perf_counter() - start)
        assert min(seconds) < 0.05, text


TEXTS = st.one_of(
    st.text(max_size=600),
    st.text("nirB8A0.5e+-*/()<=,;'", max_size=40),
    st.lists(st.sampled_from(["nir", "2", "1e99", "min", "(", ")", ",", ";", "-", "*", "/", "<"]), max_size=200).map(
        " ".join
    ),
)


@given(TEXTS)
def test_any_text_is_a_formula_or_refused_at_a_column(text: str) -> None:
    column: int | None = 0
    try:
        parse(text)
    except InvalidExpression as refused:
        column = refused.position
    assert column is not None
    assert 0 <= column <= len(text)
