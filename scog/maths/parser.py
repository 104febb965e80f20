"""From the text of a formula to its trees, or to an error that says where and why not.

Strangers send these texts, so nothing is taken that is not listed here. A scan from left to right looks at every
token and every parenthesis and names nearly all mistakes at their column; only then is Python's own parser allowed to
sort out the order of the operators; and of its tree only the listed kinds of nodes are taken over. Nothing is ever
evaluated as Python: constants are float32 from the beginning.
"""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from scog.bands import CANONICAL, SPELLINGS, VALID_NAMES
from scog.errors import InvalidExpression
from scog.maths import tree
from scog.suggest import did_you_mean, quoted

MAX_CHARACTERS = 512
"""Of the text; also of the formula written out with canonical names."""

MAX_PARENTHESES = 32
"""One inside the other."""

MAX_OUTPUTS = 4

MAX_NODES = 128
"""Bands, constants and operations of all outputs, after constants are folded. The largest common index (IBI) has 59."""

MAX_DEPTH = 16
"""Of one output's tree, after constants are folded. The deepest common index (GEMI) has 11."""

MAX_LEVELS = 96
"""Of Python's tree, before constants are folded: recursion stays far away from the interpreter's own limit."""

MAX_EXPONENT = 8.0

VALID_FORMULA = (
    "band names, numbers, + - * / **, one comparison such as nir > 0.2, parentheses, "
    f"{', '.join(function.signature for function in tree.FUNCTIONS.values())}, "
    f"and ; between at most {MAX_OUTPUTS} outputs"
)
"""The whole language in one sentence, for the `valid` of an error."""

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
    "//": "floor division is not offered, write /",
    "<<": "shifts are not offered",
    ">>": "shifts are not offered",
    "<>": "write != for unequal",
    ":=": "names cannot be assigned",
    "=": "write == to compare; arguments have no names",
    "^": "write ** for a power",
    "%": "remainders are not offered",
    "@": "matrices are not offered",
    "&": "multiply two comparisons to ask for both",
    "and": "multiply two comparisons to ask for both",
    "|": "use max(a, b) of two comparisons to ask for either",
    "or": "use max(a, b) of two comparisons to ask for either",
    "not": "compare with == 0 instead",
    "if": "use where(condition, a, b)",
    "else": "use where(condition, a, b)",
    "'": "text is not offered",
    '"': "text is not offered",
    "`": "text is not offered",
    "[": "lists and subscripts are not offered",
    "{": "sets and subscripts are not offered",
    ".": "attributes are not offered",
    ":": "slices are not offered",
    "lambda": "functions cannot be defined",
    "#": "comments are not offered",
}

_OPERATIONS: Mapping[type[ast.AST], tree.Operation] = {
    ast.Add: tree.ADD,
    ast.Sub: tree.SUBTRACT,
    ast.Mult: tree.MULTIPLY,
    ast.Div: tree.DIVIDE,
    ast.Pow: tree.POWER,
    ast.Lt: tree.LESS,
    ast.LtE: tree.LESS_EQUAL,
    ast.Gt: tree.GREATER,
    ast.GtE: tree.GREATER_EQUAL,
    ast.Eq: tree.EQUAL,
    ast.NotEq: tree.NOT_EQUAL,
}


def parse_outputs(text: str) -> tuple[tree.Node, ...]:
    """The trees of a formula's outputs.

    Raises InvalidExpression, with the column in `text` where the trouble starts.
    """
    if len(text) > MAX_CHARACTERS:
        raise _wrong(f"the formula has {len(text)} characters, more than {MAX_CHARACTERS}", MAX_CHARACTERS)
    outputs = tuple(_parse_output(text, tokens) for tokens in _split(text))
    nodes = sum(map(tree.size, outputs))
    if nodes > MAX_NODES:
        raise _wrong(f"the formula has {nodes} bands, numbers and operations, more than {MAX_NODES}", 0)
    if not any(map(tree.bands_of, outputs)):
        raise _wrong("the formula uses no band", 0, valid=VALID_NAMES)
    return outputs


def _wrong(what: str, position: int, valid: str = VALID_FORMULA) -> InvalidExpression:
    return InvalidExpression(what, position=position, valid=valid)


# Tokens: every character and every name is known


class _Token(NamedTuple):
    """One word of the formula: a number, band, function, operator, open, close, comma or end (of an output)."""

    kind: str
    text: str
    column: int


def _tokens(text: str) -> Iterator[_Token]:
    column = 0
    while column < len(text):
        match = _TOKEN.match(text, column)
        kind = match.lastgroup if match else None
        word = match.group() if match else text[column]
        if kind is None or kind == "refused" or keyword.iskeyword(word):
            hint = _HINTS.get(word) or _HINTS.get(word[-1])
            what = f"{quoted(word)} is no part of formulas"
            raise _wrong(f"{what}: {hint}" if hint else what, column)
        if kind == "number" and not _NUMBER.fullmatch(word):
            raise _wrong(f"{quoted(word)} is not a decimal number", column, valid="numbers such as 2, 0.5 or 1e-3")
        if kind == "name":
            kind = _kind_of_name(word, column, called=text[column + len(word) :].lstrip().startswith("("))
        if kind != "blank":
            yield _Token(kind, word, column)
        column += len(word)


def _kind_of_name(name: str, column: int, *, called: bool) -> str:
    """`band` or `function`, as its place demands."""
    is_band, function = name.lower() in CANONICAL, tree.FUNCTIONS.get(name)
    if called:
        if function:
            return "function"
        if is_band:
            raise _wrong(f"{quoted(name)} is a band and cannot be called", column)
        signatures = ", ".join(each.signature for each in tree.FUNCTIONS.values())
        raise _wrong(
            f"there is no function {quoted(name)}{did_you_mean(name, tree.FUNCTIONS)}", column, valid=signatures
        )
    if is_band:
        return "band"
    if function:
        raise _wrong(f"{quoted(name)} is a function and needs its arguments", column, valid=function.signature)
    raise _wrong(f"there is no band {quoted(name)}{did_you_mean(name, SPELLINGS)}", column, valid=VALID_NAMES)


# Outputs: values and operators alternate, parentheses match


def _split(text: str) -> list[list[_Token]]:
    """The tokens of each output, checked so far that Python can parse them. The last `;` may end the formula."""
    outputs: list[list[_Token]] = [[]]
    for token in _tokens(text):
        if token.kind == "end":
            if not outputs[-1]:
                raise _wrong("an output is missing before ';'", token.column)
            outputs.append([])
        else:
            outputs[-1].append(token)
            if len(outputs) > MAX_OUTPUTS:
                raise _wrong(f"the formula has more than {MAX_OUTPUTS} outputs", token.column)
    if not outputs[-1]:
        outputs.pop()
    if not outputs:
        raise _wrong("the formula is empty", 0)
    for tokens in outputs:
        _check_order(tokens)
    return outputs


def _check_order(tokens: Sequence[_Token]) -> None:
    wants_value = True
    before: _Token | None = None
    opened: list[tuple[_Token, bool]] = []  # with whether a function's arguments are inside
    for token in tokens:
        starts_value = token.kind in ("number", "band", "function", "open")
        if starts_value and not wants_value:
            raise _wrong(f"an operator is missing before {quoted(token.text)}", token.column)
        if wants_value and not starts_value and token.text not in ("+", "-"):
            raise _wrong(f"a value is missing before {quoted(token.text)}", token.column)
        if token.kind == "open":
            opened.append((token, before is not None and before.kind == "function"))
            if len(opened) > MAX_PARENTHESES:
                raise _wrong(f"more than {MAX_PARENTHESES} parentheses, one inside the other", token.column)
        elif token.kind == "close":
            if not opened:
                raise _wrong("this parenthesis was never opened", token.column)
            opened.pop()
        elif token.kind == "comma" and not (opened and opened[-1][1]):
            raise _wrong("a comma stands only between the arguments of a function; ';' between outputs", token.column)
        wants_value = token.kind not in ("number", "band", "close")
        before = token
    if opened:
        raise _wrong("this parenthesis is never closed", opened[-1][0].column)
    if wants_value:
        last = tokens[-1]
        raise _wrong(f"a value is missing after {quoted(last.text)}", last.column + len(last.text))


# Trees: Python knows the order of the operators, we take over what we know


def _parse_output(text: str, tokens: Sequence[_Token]) -> tree.Node:
    first, last = tokens[0], tokens[-1]
    # Blanks can be line ends; columns stay as they are.
    formula = re.sub(r"\s", " ", text[first.column : last.column + len(last.text)], flags=re.ASCII)
    try:
        parsed = ast.parse(formula, mode="eval").body
    except SyntaxError as error:
        column = first.column + max((error.offset or 1) - 1, 0)
        raise _wrong("this is not a formula", column) from None
    except (ValueError, MemoryError, RecursionError):
        raise _wrong("this formula is too entangled", first.column) from None
    output = _Builder(formula, first.column).build(parsed, 1)
    depth = tree.depth(output)
    if depth > MAX_DEPTH:
        raise _wrong(f"operations are nested {depth} deep, more than {MAX_DEPTH}", first.column)
    return output


class _Builder:
    """Turns Python's tree of one output into ours; `column` is where the output starts in the caller's text."""

    def __init__(self, formula: str, column: int) -> None:
        self.formula = formula
        self.column = column

    def build(self, node: ast.expr, level: int) -> tree.Node:
        if level > MAX_LEVELS:
            raise self.wrong(f"operations are nested more than {MAX_LEVELS} deep", node)
        match node:
            case ast.Name(id=name):
                return tree.Band(CANONICAL[name.lower()])
            case ast.Constant():
                # Not node.value: that may be an int of hundreds of digits.
                with np.errstate(over="ignore"):
                    return self.constant(np.float32(float(self.source(node))), node)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.build(operand, level + 1)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self.call(tree.NEGATE, [operand], node, level)
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATIONS:
                return self.call(_OPERATIONS[type(operator)], [left, right], node, level)
            case ast.Compare(left=left, ops=[operator], comparators=[right]) if type(operator) in _OPERATIONS:
                return self.call(_OPERATIONS[type(operator)], [left, right], node, level)
            case ast.Compare():
                raise self.wrong("comparisons cannot be chained: write (a < b) * (b < c)", node.comparators[1])
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in tree.FUNCTIONS:
                return self.call(tree.FUNCTIONS[name], arguments, node, level)
        raise self.wrong(f"{quoted(self.source(node))} is no part of formulas", node)

    def call(self, operation: tree.Operation, arguments: Sequence[ast.expr], node: ast.expr, level: int) -> tree.Node:
        """An operation on its arguments; a constant if they all are."""
        if not operation.least <= len(arguments) <= operation.most:
            counts = " to ".join(str(count) for count in sorted({operation.least, operation.most}))
            what = f"{operation.name} takes {counts} argument{'s' if operation.most > 1 else ''}, not {len(arguments)}"
            raise self.wrong(what, node, valid=operation.signature)
        operands = tuple(self.build(argument, level + 1) for argument in arguments)
        if operation is tree.POWER:
            self.check_exponent(operands[1], arguments[1])
        constants = tuple(operand for operand in operands if isinstance(operand, tree.Constant))
        if len(constants) == len(operands):
            return self.constant(tree.fold(operation, constants), node)
        return tree.Call(operation, operands)

    def constant(self, value: np.float32, node: ast.expr) -> tree.Constant:
        if not np.isfinite(value):
            raise self.wrong(
                f"{quoted(self.source(node))} is not a finite number", node, valid="up to 3.4e38 (float32)"
            )
        return tree.Constant(value)

    def check_exponent(self, exponent: tree.Node, node: ast.expr) -> None:
        if not isinstance(exponent, tree.Constant) or abs(exponent.value) > MAX_EXPONENT:
            valid = f"a constant from -{MAX_EXPONENT:g} to {MAX_EXPONENT:g}"
            raise self.wrong(f"{quoted(self.source(node))} cannot be an exponent", node, valid=valid)

    def source(self, node: ast.expr) -> str:
        """The node as the caller wrote it."""
        return self.formula[node.col_offset : node.end_col_offset]

    def wrong(self, what: str, node: ast.expr, valid: str = VALID_FORMULA) -> InvalidExpression:
        return _wrong(what, self.column + node.col_offset, valid)
