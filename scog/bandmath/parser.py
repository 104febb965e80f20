"""Parse the text of a formula into expression trees, or raise an error with the column and the reason.

The text is untrusted, so only listed tokens and nodes are accepted. A left-to-right scan checks every token and
parenthesis and reports nearly all mistakes with their column. Then Python's `ast.parse` resolves operator precedence,
and only listed node types of its tree are converted. Nothing is evaluated as Python; constants are float32 from the
start.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence

import numpy as np

from scog.bandmath import operations, tree
from scog.bandmath.tokens import MAX_OUTPUTS, VALID_FORMULA, Token, invalid_formula, tokens_of
from scog.collections.band_names import BandNames
from scog.errors import InvalidExpression
from scog.suggest import quoted

MAX_CHARACTERS = 512
"""Maximum length of the text, and of the formula with canonical band names."""

MAX_PARENTHESES = 32
"""Maximum nesting depth of parentheses."""

MAX_NODES = 128
"""Maximum number of bands, constants and operations over all outputs, after constant folding. IBI, the largest of the
common indices, has 59."""

MAX_DEPTH = 16
"""Maximum depth of an output's tree after constant folding. GEMI, the deepest of the common indices, has 11."""

MAX_LEVELS = 96
"""Maximum depth of Python's tree before constant folding; keeps recursion far below the interpreter's limit."""

MAX_EXPONENT = 8.0

_OPERATIONS: Mapping[type[ast.AST], operations.Operation] = {
    ast.Add: operations.ADD,
    ast.Sub: operations.SUBTRACT,
    ast.Mult: operations.MULTIPLY,
    ast.Div: operations.DIVIDE,
    ast.Pow: operations.POWER,
    ast.Lt: operations.LESS,
    ast.LtE: operations.LESS_EQUAL,
    ast.Gt: operations.GREATER,
    ast.GtE: operations.GREATER_EQUAL,
    ast.Eq: operations.EQUAL,
    ast.NotEq: operations.NOT_EQUAL,
}


def parse_outputs(text: str, names: BandNames) -> tuple[tree.Node, ...]:
    """Expression trees of the outputs of a formula, with the bands that `names` knows.

    Raises InvalidExpression with the column in `text` where the error starts.
    """
    if len(text) > MAX_CHARACTERS:
        raise invalid_formula(f"the formula has {len(text)} characters, more than {MAX_CHARACTERS}", MAX_CHARACTERS)
    outputs = tuple(_parse_output(text, tokens, names) for tokens in _split(text, names))
    nodes = sum(map(tree.size, outputs))
    if nodes > MAX_NODES:
        raise invalid_formula(f"the formula has {nodes} bands, numbers and operations, more than {MAX_NODES}", 0)
    if not any(map(tree.bands_of, outputs)):
        raise invalid_formula("the formula uses no band", 0, valid=names.valid)
    return outputs


# Outputs: values and operators must alternate, and parentheses must match


def _split(text: str, names: BandNames) -> list[list[Token]]:
    """Tokens of each output, checked so that Python can parse them. A trailing `;` is allowed."""
    outputs: list[list[Token]] = [[]]
    for token in tokens_of(text, names):
        if token.kind == "end":
            if not outputs[-1]:
                raise invalid_formula("an output is missing before ';'", token.column)
            outputs.append([])
        else:
            outputs[-1].append(token)
            if len(outputs) > MAX_OUTPUTS:
                raise invalid_formula(f"the formula has more than {MAX_OUTPUTS} outputs", token.column)
    if not outputs[-1]:
        outputs.pop()
    if not outputs:
        raise invalid_formula("the formula is empty", 0)
    for tokens in outputs:
        _check_order(tokens)
    return outputs


def _check_order(tokens: Sequence[Token]) -> None:
    wants_value = True
    before: Token | None = None
    opened: list[tuple[Token, bool]] = []  # the parenthesis, and whether it encloses the arguments of a function
    for token in tokens:
        starts_value = token.kind in ("number", "band", "function", "open")
        if starts_value and not wants_value:
            raise invalid_formula(f"an operator is missing before {quoted(token.text)}", token.column)
        if wants_value and not starts_value and token.text not in ("+", "-"):
            raise invalid_formula(f"a value is missing before {quoted(token.text)}", token.column)
        if token.kind == "open":
            opened.append((token, before is not None and before.kind == "function"))
            if len(opened) > MAX_PARENTHESES:
                raise invalid_formula(f"more than {MAX_PARENTHESES} nested parentheses", token.column)
        elif token.kind == "close":
            if not opened:
                raise invalid_formula("this parenthesis was never opened", token.column)
            opened.pop()
        elif token.kind == "comma" and not (opened and opened[-1][1]):
            raise invalid_formula(
                "a comma may only separate the arguments of a function; use ';' between outputs", token.column
            )
        wants_value = token.kind not in ("number", "band", "close")
        before = token
    if opened:
        raise invalid_formula("this parenthesis is never closed", opened[-1][0].column)
    if wants_value:
        last = tokens[-1]
        raise invalid_formula(f"a value is missing after {quoted(last.text)}", last.column + len(last.text))


# Trees: Python's parser resolves operator precedence; only listed nodes are converted


def _parse_output(text: str, tokens: Sequence[Token], names: BandNames) -> tree.Node:
    first, last = tokens[0], tokens[-1]
    # Newlines become blanks, which keeps the columns.
    formula = re.sub(r"\s", " ", text[first.column : last.column + len(last.text)], flags=re.ASCII)
    try:
        parsed = ast.parse(formula, mode="eval").body
    except SyntaxError as error:
        column = first.column + max((error.offset or 1) - 1, 0)
        raise invalid_formula("this is not a formula", column) from None
    except (ValueError, MemoryError, RecursionError):
        raise invalid_formula("this formula is too complex", first.column) from None
    output = _Builder(formula, first.column, names).build(parsed, 1)
    depth = tree.depth(output)
    if depth > MAX_DEPTH:
        raise invalid_formula(f"operations are nested {depth} deep, more than {MAX_DEPTH}", first.column)
    return output


class _Builder:
    """Converts Python's tree of one output; `column` is where the output starts in the whole text."""

    def __init__(self, formula: str, column: int, names: BandNames) -> None:
        self.formula = formula
        self.column = column
        self.names = names

    def build(self, node: ast.expr, level: int) -> tree.Node:
        """Convert a node at a depth of `level`."""
        if level > MAX_LEVELS:
            raise self.invalid(f"operations are nested more than {MAX_LEVELS} deep", node)
        match node:
            case ast.Name(id=name):
                band = self.names.canonical(name)
                return tree.Band(band, band in self.names.discrete)
            case ast.Constant():
                # Not node.value, which may be an integer of hundreds of digits.
                with np.errstate(over="ignore"):
                    return self.constant(np.float32(float(self.source(node))), node)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.build(operand, level + 1)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self.call(operations.NEGATE, [operand], node, level)
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATIONS:
                return self.call(_OPERATIONS[type(operator)], [left, right], node, level)
            case ast.Compare(left=left, ops=[operator], comparators=[right]) if type(operator) in _OPERATIONS:
                return self.call(_OPERATIONS[type(operator)], [left, right], node, level)
            case ast.Compare():
                raise self.invalid("comparisons cannot be chained: write (a < b) * (b < c)", node.comparators[1])
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in operations.FUNCTIONS:
                return self.call(operations.FUNCTIONS[name], arguments, node, level)
        raise self.invalid(f"{quoted(self.source(node))} is not allowed in a formula", node)

    def call(
        self, operation: operations.Operation, arguments: Sequence[ast.expr], node: ast.expr, level: int
    ) -> tree.Node:
        """Convert an operation; it is folded into a constant if all operands are constants."""
        if not operation.min_operands <= len(arguments) <= operation.max_operands:
            counts = " to ".join(str(count) for count in sorted({operation.min_operands, operation.max_operands}))
            plural = "s" if operation.max_operands > 1 else ""
            message = f"{operation.name} takes {counts} argument{plural}, not {len(arguments)}"
            raise self.invalid(message, node, valid=operation.signature)
        operands = tuple(self.build(argument, level + 1) for argument in arguments)
        if operation is operations.POWER:
            self.check_exponent(operands[1], arguments[1])
        if operation is operations.BIT:
            self.check_bit(operands[1], arguments[1])
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

    def check_bit(self, position: tree.Node, node: ast.expr) -> None:
        if not (isinstance(position, tree.Constant) and float(position.value) in range(operations.MAX_BIT + 1)):
            valid = f"a constant integer from 0, the least significant, to {operations.MAX_BIT}"
            raise self.invalid(f"{quoted(self.source(node))} is not the number of a bit", node, valid=valid)

    def source(self, node: ast.expr) -> str:
        """The node's text as written by the caller."""
        return self.formula[node.col_offset : node.end_col_offset]

    def invalid(self, message: str, node: ast.expr, valid: str = VALID_FORMULA) -> InvalidExpression:
        return invalid_formula(message, self.column + node.col_offset, valid)
