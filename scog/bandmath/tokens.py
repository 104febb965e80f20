"""Tokens of formulas: every character and every name is checked against what is supported.

Mistakes are reported with their column, and with a hint for syntax that other languages have.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from scog.bandmath import operations
from scog.collections.band_names import BandNames
from scog.errors import InvalidExpression
from scog.suggest import did_you_mean, quoted

MAX_OUTPUTS = 4
"""Maximum number of outputs of a formula."""

VALID_FORMULA = (
    "band names, numbers, + - * / **, one comparison such as nir > 0.2, parentheses, "
    f"{', '.join(function.signature for function in operations.FUNCTIONS.values())}, "
    f"and ; between at most {MAX_OUTPUTS} outputs"
)
"""One-sentence summary of the syntax, for the `valid` of errors."""

_TOKEN = re.compile(
    r"""(?P<blank>\s+)
    |(?P<refused>//|<<|>>|<>|:=|->|\w*["']|[A-Za-z_]\w*\s*=(?!=))
    |(?P<number>(?:\d|\.\d)(?:[eE][+-]?\d|[\w.])*)
    |(?P<name>[A-Za-z_]\w*)
    |(?P<operator>\*\*|[<>=!]=|[-+*/<>])
    |(?P<open>\()|(?P<close>\))|(?P<comma>,)|(?P<end>;)""",
    re.ASCII | re.VERBOSE,
)

_NUMBER = re.compile(r"(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)

_HINTS: Mapping[str, str] = {
    "//": "floor division is not supported, write /",
    "<<": "shifts are not supported",
    ">>": "shifts are not supported",
    "<>": "write != for unequal",
    ":=": "names cannot be assigned",
    "=": "write == to compare; keyword arguments are not supported",
    "^": "write ** for a power",
    "%": "the remainder is not supported",
    "@": "matrix multiplication is not supported",
    "&": "multiply two comparisons for a logical and",
    "and": "multiply two comparisons for a logical and",
    "|": "use max(a, b) of two comparisons for a logical or",
    "or": "use max(a, b) of two comparisons for a logical or",
    "not": "compare with == 0 instead",
    "if": "use where(condition, a, b)",
    "else": "use where(condition, a, b)",
    "'": "strings are not supported",
    '"': "strings are not supported",
    "`": "strings are not supported",
    "[": "lists and subscripts are not supported",
    "{": "sets and dictionaries are not supported",
    ".": "attributes are not supported",
    ":": "slices are not supported",
    "lambda": "functions cannot be defined",
    "#": "comments are not supported",
}


def invalid_formula(message: str, position: int, valid: str = VALID_FORMULA) -> InvalidExpression:
    """An InvalidExpression for the column `position` of the formula."""
    return InvalidExpression(message, position=position, valid=valid)


class Token(NamedTuple):
    """One token. Its kind is number, band, function, operator, open, close, comma or end (`;`)."""

    kind: str
    text: str
    column: int


def tokens_of(text: str, names: BandNames) -> Iterator[Token]:
    """Yield the tokens of a formula, without blanks. Raises InvalidExpression at the first unsupported one."""
    column = 0
    while column < len(text):
        match = _TOKEN.match(text, column)
        kind = match.lastgroup if match else None
        word = match.group() if match else text[column]
        if kind is None or kind == "refused" or keyword.iskeyword(word):
            hint = _HINTS.get(word) or _HINTS.get(word[-1])
            message = f"{quoted(word)} is not allowed in a formula"
            raise invalid_formula(f"{message}: {hint}" if hint else message, column)
        if kind == "number" and not _NUMBER.fullmatch(word):
            raise invalid_formula(
                f"{quoted(word)} is not a decimal number", column, valid="numbers such as 2, 0.5 or 1e-3"
            )
        if kind == "name":
            kind = _name_kind(word, column, names, called=text[column + len(word) :].lstrip().startswith("("))
        if kind != "blank":
            yield Token(kind, word, column)
        column += len(word)


def _name_kind(name: str, column: int, names: BandNames, *, called: bool) -> str:
    """`function` if the name is followed by a parenthesis, else `band`. Raises InvalidExpression if unknown."""
    function = operations.FUNCTIONS.get(name)
    is_band = names.find(name) is not None and (function is None or not names.open)
    if called:
        if function:
            return "function"
        if is_band and not names.open:
            raise invalid_formula(f"{quoted(name)} is a band and cannot be called", column)
        signatures = ", ".join(each.signature for each in operations.FUNCTIONS.values())
        raise invalid_formula(
            f"there is no function {quoted(name)}{did_you_mean(name, operations.FUNCTIONS)}", column, valid=signatures
        )
    if is_band:
        return "band"
    if function:
        raise invalid_formula(f"{quoted(name)} is a function and needs its arguments", column, valid=function.signature)
    raise invalid_formula(names.problem(name), column, valid=names.valid)
