"""Parse the text of a formula into expression trees, or raise an error with the column and the reason.

The text is untrusted, so only listed tokens and nodes are accepted. A left-to-right scan checks every token and
parenthesis and reports nearly all mistakes with their column. Then Python's `ast.parse` resolves operator precedence,
and only listed node types of its tree are converted. Nothing is evaluated as Python; constants are float32 from the
start.
"""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from scog.bandmath import tree
from scog.collections.bands import CANONICAL, SPELLINGS, VALID_NAMES
from scog.errors import InvalidExpression
from scog.suggest import did_you_mean, quoted

MAX_CHARACTERS = 512
"""Maximum length of the text, and of the formula with canonical band names."""

MAX_PARENTHESES = 32
"""Maximum nesting depth of parentheses."""

MAX_OUTPUTS = 4

MAX_NODES = 128
"""Maximum number of bands, constants and operations over all outputs, after constant folding. IBI, the largest of the
common indices, has 59."""

MAX_DEPTH = 16
"""Maximum depth of an output's tree after constant folding. GEMI, the deepest of the common indices, has 11."""

MAX_LEVELS = 96
"""Maximum depth of Python's tree before constant folding; keeps recursion far below the interpreter's limit."""

MAX_EXPONENT = 8.0

VALID_FORMULA = (
    "band names, numbers, + - * / **, one comparison such as nir > 0.2, parentheses, "
    f"{', '.join(function.signature for function in tree.FUNCTIONS.values())}, "
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
    """Expression trees of the outputs of a formula.

    Raises InvalidExpression with the column in `text` where the error starts.
    """
    if len(text) > MAX_CHARACTERS:
        raise _invalid(f"the formula has {len(text)} characters, more than {MAX_CHARACTERS}", MAX_CHARACTERS)
    outputs = tuple(_parse_output(text, tokens) for tokens in _split(text))
    nodes = sum(map(tree.size, outputs))
    if nodes > MAX_NODES:
        raise _invalid(f"the formula has {nodes} bands, numbers and operations, more than {MAX_NODES}", 0)
    if not any(map(tree.bands_of, outputs)):
        raise _invalid("the formula uses no band", 0, valid=VALID_NAMES)
    return outputs


def _invalid(message: str, position: int, valid: str = VALID_FORMULA) -> InvalidExpression:
    return InvalidExpression(message, position=position, valid=valid)


# Tokens: every character and every name must be known


class _Token(NamedTuple):
    """One token of the formula. Its kind is number, band, function, operator, open, close, comma or end (`;`)."""

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
            message = f"{quoted(word)} is not allowed in a formula"
            raise _invalid(f"{message}: {hint}" if hint else message, column)
        if kind == "number" and not _NUMBER.fullmatch(word):
            raise _invalid(f"{quoted(word)} is not a decimal number", column, valid="numbers such as 2, 0.5 or 1e-3")
        if kind == "name":
            kind = _name_kind(word, column, called=text[column + len(word) :].lstrip().startswith("("))
        if kind != "blank":
            yield _Token(kind, word, column)
        column += len(word)


def _name_kind(name: str, column: int, *, called: bool) -> str:
    """`function` if the name is followed by a parenthesis, else `band`. Raises InvalidExpression if unknown."""
    is_band, function = name.lower() in CANONICAL, tree.FUNCTIONS.get(name)
    if called:
        if function:
            return "function"
        if is_band:
            raise _invalid(f"{quoted(name)} is a band and cannot be called", column)
        signatures = ", ".join(each.signature for each in tree.FUNCTIONS.values())
        raise _invalid(
            f"there is no function {quoted(name)}{did_you_mean(name, tree.FUNCTIONS)}", column, valid=signatures
        )
    if is_band:
        return "band"
    if function:
        raise _invalid(f"{quoted(name)} is a function and needs its arguments", column, valid=function.signature)
    raise _invalid(f"there is no band {quoted(name)}{did_you_mean(name, SPELLINGS)}", column, valid=VALID_NAMES)


# Outputs: values and operators must alternate, and parentheses must match


def _split(text: str) -> list[list[_Token]]:
    """Tokens of each output, checked so that Python can parse them. A trailing `;` is allowed."""
    outputs: list[list[_Token]] = [[]]
    for token in _tokens(text):
        if token.kind == "end":
            if not outputs[-1]:
                raise _invalid("an output is missing before ';'", token.column)
            outputs.append([])
        else:
            outputs[-1].append(token)
            if len(outputs) > MAX_OUTPUTS:
                raise _invalid(f"the formula has more than {MAX_OUTPUTS} outputs", token.column)
    if not outputs[-1]:
        outputs.pop()
    if not outputs:
        raise _invalid("the formula is empty", 0)
    for tokens in outputs:
        _check_order(tokens)
    return outputs


def _check_order(tokens: Sequence[_Token]) -> None:
    wants_value = True
    before: _Token | None = None
    opened: list[tuple[_Token, bool]] = []  # the parenthesis, and whether it encloses the arguments of a function
    for token in tokens:
        starts_value = token.kind in ("number", "band", "function", "open")
        if starts_value and not wants_value:
            raise _invalid(f"an operator is missing before {quoted(token.text)}", token.column)
        if wants_value and not starts_value and token.text not in ("+", "-"):
            raise _invalid(f"a value is missing before {quoted(token.text)}", token.column)
        if token.kind == "open":
            opened.append((token, before is not None and before.kind == "function"))
            if len(opened) > MAX_PARENTHESES:
                raise _invalid(f"more than {MAX_PARENTHESES} nested parentheses", token.column)
        elif token.kind == "close":
            if not opened:
                raise _invalid("this parenthesis was never opened", token.column)
            opened.pop()
        elif token.kind == "comma" and not (opened and opened[-1][1]):
            raise _invalid(
                "a comma may only separate the arguments of a function; use ';' between outputs", token.column
            )
        wants_value = token.kind not in ("number", "band", "close")
        before = token
    if opened:
        raise _invalid("this parenthesis is never closed", opened[-1][0].column)
    if wants_value:
        last = tokens[-1]
        raise _invalid(f"a value is missing after {quoted(last.text)}", last.column + len(last.text))


# Trees: Python's parser resolves operator precedence; only listed nodes are converted


def _parse_output(text: str, tokens: Sequence[_Token]) -> tree.Node:
    first, last = tokens[0], tokens[-1]
    # Newlines become blanks, which keeps the columns.
    formula = re.sub(r"\s", " ", text[first.column : last.column + len(last.text)], flags=re.ASCII)
    try:
        parsed = ast.parse(formula, mode="eval").body
    except SyntaxError as error:
        column = first.column + max((error.offset or 1) - 1, 0)
        raise _invalid("this is not a formula", column) from None
    except (ValueError, MemoryError, RecursionError):
        raise _invalid("this formula is too complex", first.column) from None
    output = _Builder(formula, first.column).build(parsed, 1)
    depth = tree.depth(output)
    if depth > MAX_DEPTH:
        raise _invalid(f"operations are nested {depth} deep, more than {MAX_DEPTH}", first.column)
    return output


class _Builder:
    """Converts Python's tree of one output; `column` is where the output starts in the whole text."""

    def __init__(self, formula: str, column: int) -> None:
        self.formula = formula
        self.column = column

    def build(self, node: ast.expr, level: int) -> tree.Node:
        """Convert a node at a depth of `level`."""
        if level > MAX_LEVELS:
            raise self.invalid(f"operations are nested more than {MAX_LEVELS} deep", node)
        match node:
            case ast.Name(id=name):
                return tree.Band(CANONICAL[name.lower()])
            case ast.Constant():
                # Not node.value, which may be an integer of hundreds of digits.
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
                raise self.invalid("comparisons cannot be chained: write (a < b) * (b < c)", node.comparators[1])
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in tree.FUNCTIONS:
                return self.call(tree.FUNCTIONS[name], arguments, node, level)
        raise self.invalid(f"{quoted(self.source(node))} is not allowed in a formula", node)

    def call(self, operation: tree.Operation, arguments: Sequence[ast.expr], node: ast.expr, level: int) -> tree.Node:
        """Convert an operation; it is folded into a constant if all operands are constants."""
        if not operation.min_operands <= len(arguments) <= operation.max_operands:
            counts = " to ".join(str(count) for count in sorted({operation.min_operands, operation.max_operands}))
            plural = "s" if operation.max_operands > 1 else ""
            message = f"{operation.name} takes {counts} argument{plural}, not {len(arguments)}"
            raise self.invalid(message, node, valid=operation.signature)
        operands = tuple(self.build(argument, level + 1) for argument in arguments)
        if operation is tree.POWER:
            self.check_exponent(operands[1], arguments[1])
        constants = tuple(operand for operand in operands if isinstance(operand, tree.Constant))
        if len(constants) == len(operands):
            return self.constant(tree.fold(operation, constants), node)
        return tree.Call(operation, operands)

    def constant(self, value: np.float32, node: ast.expr) -> tree.Constant:
        if not np.isfinite(value):
            raise self.invalid(
                f"{quoted(self.source(node))} is not a finite number", node, valid="up to 3.4e38 (float32)"
            )
        return tree.Constant(value)

    def check_exponent(self, exponent: tree.Node, node: ast.expr) -> None:
        if not isinstance(exponent, tree.Constant) or abs(exponent.value) > MAX_EXPONENT:
            valid = f"a constant from -{MAX_EXPONENT:g} to {MAX_EXPONENT:g}"
            raise self.invalid(f"{quoted(self.source(node))} cannot be an exponent", node, valid=valid)

    def source(self, node: ast.expr) -> str:
        """The node's text as written by the caller."""
        return self.formula[node.col_offset : node.end_col_offset]

    def invalid(self, message: str, node: ast.expr, valid: str = VALID_FORMULA) -> InvalidExpression:
        return _invalid(message, self.column + node.col_offset, valid)
