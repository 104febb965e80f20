"""Expression trees: evaluation with numpy, and canonical text.

A node is a band, a constant or an operation on other nodes. `scog.bandmath.parser` builds trees and validates them.

Every operation propagates non-finite operands. numpy does not: 1 / inf is 0, min(inf, 1) is 1, NaN > 1 is 0 and
NaN ** 0 is 1, which would turn an invalid pixel into one that looks measured. `where` is the one exception: it
considers only its condition and the selected branch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Values: TypeAlias = NDArray[np.float32]
Operand: TypeAlias = Values | np.float32
Compute: TypeAlias = Callable[..., None]
"""`compute(out, *operands)` fills `out`, which may be one of the operands. Scalar operands are finite."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator or function.

    name          in formulas: `+`, `clip`
    signature     for error messages: `clip(x, low, high)`
    min_operands  minimum number of operands
    max_operands  maximum number of operands
    precedence    one of the constants below; operands of lower precedence need parentheses
    compute       the numpy implementation
    """

    name: str
    signature: str
    min_operands: int
    max_operands: int
    precedence: int
    compute: Compute


COMPARISON, ADDITIVE, MULTIPLICATIVE, UNARY, EXPONENTIATION, ATOM = range(6)
"""Operator precedence as in Python, lowest first; an ATOM never needs parentheses."""


@dataclass(frozen=True, slots=True)
class Band:
    """The values of one band, by canonical name."""

    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A finite number."""

    value: np.float32


@dataclass(frozen=True, slots=True)
class Call:
    """An operation on nodes, at least one of which contains a band."""

    operation: Operation
    operands: tuple[Node, ...]


Node: TypeAlias = Band | Constant | Call


# Properties of trees


def size(node: Node) -> int:
    """Number of nodes."""
    return 1 + sum(map(size, node.operands)) if isinstance(node, Call) else 1


def depth(node: Node) -> int:
    """Number of nodes from the root to the deepest leaf."""
    return 1 + max(map(depth, node.operands)) if isinstance(node, Call) else 1


def bands_of(node: Node) -> list[str]:
    """Band names in the order of the text, with repetitions."""
    if isinstance(node, Band):
        return [node.name]
    return [name for operand in node.operands for name in bands_of(operand)] if isinstance(node, Call) else []


def is_integer(node: Node) -> bool:
    """Whether the node's values are integers for any input."""
    if isinstance(node, Band):
        return node.name == "scl"
    if isinstance(node, Constant):
        return bool(node.value == np.rint(node.value))
    if node.operation.precedence == COMPARISON:
        return True
    operands = node.operands[1:] if node.operation.name == "where" else node.operands
    return node.operation.name in _INTEGER_PRESERVING and all(map(is_integer, operands))


_INTEGER_PRESERVING = frozenset({"+", "-", "*", "where", "min", "max", "clip", "abs"})
"""Operations whose result is an integer if all operands are."""


def text_of(node: Node) -> str:
    """Canonical text: one blank around operators, and no redundant parentheses."""
    if isinstance(node, Band):
        return node.name
    if isinstance(node, Constant):
        return str(node.value).removesuffix(".0")
    operation, operands = node.operation, node.operands
    if operation.precedence == ATOM:
        return f"{operation.name}({', '.join(map(text_of, operands))})"
    if operation.precedence == UNARY:
        return operation.name + _parenthesized(operands[0], UNARY)
    # `a - b - c` is `(a - b) - c`, so the right operand needs a higher precedence. Comparisons do not chain, and the
    # base of a power needs a higher precedence because `**` is right-associative.
    left_associative = operation.precedence in (ADDITIVE, MULTIPLICATIVE)
    higher = operation.precedence + 1
    left = _parenthesized(operands[0], operation.precedence if left_associative else higher)
    right = text_of(operands[1]) if operation.precedence == EXPONENTIATION else _parenthesized(operands[1], higher)
    return f"{left} {operation.name} {right}"


def _parenthesized(node: Node, precedence: int) -> str:
    """The node's text, in parentheses if its precedence is lower than `precedence`."""
    text = text_of(node)
    return text if _precedence(node) >= precedence else f"({text})"


def _precedence(node: Node) -> int:
    if isinstance(node, Call):
        return node.operation.precedence
    return UNARY if isinstance(node, Constant) and np.signbit(node.value) else ATOM


# Evaluation


def compute(node: Node, bands: Mapping[str, Values], out: Values) -> None:
    """Write the node's values into `out`, float32 of the bands' shape; `out` must not be one of `bands`.

    The first computed operand reuses `out` as its buffer; only further ones allocate.
    The caller sets `np.errstate(all="ignore")`.
    """
    if not isinstance(node, Call):
        np.copyto(out, node.value if isinstance(node, Constant) else bands[node.name])
        return
    operands: list[Operand] = []
    free: Values | None = out
    for operand in node.operands:
        if isinstance(operand, Constant):
            operands.append(operand.value)
        elif isinstance(operand, Band):
            operands.append(bands[operand.name])
        else:
            buffer, free = (np.empty_like(out) if free is None else free), None
            compute(operand, bands, buffer)
            operands.append(buffer)
    node.operation.compute(out, *operands)


def fold(operation: Operation, constants: tuple[Constant, ...]) -> np.float32:
    """Value of an operation on constants, computed like pixel values; may be non-finite."""
    out = np.empty(1, np.float32)
    with np.errstate(all="ignore"):
        operation.compute(out, *(constant.value for constant in constants))
    return np.float32(out[0])


Mask: TypeAlias = NDArray[np.bool_]


def _infinite(operands: Iterable[Operand]) -> Mask | None:
    """Mask of pixels where an operand is inf; None if there are none. Sufficient for ufuncs that propagate NaN."""
    return _any_mask(np.isinf, operands)


def _non_finite(operands: Iterable[Operand]) -> Mask | None:
    """Mask of pixels where an operand is inf or NaN; None if there are none."""
    return _any_mask(lambda operand: ~np.isfinite(operand), operands)


def _any_mask(test: Callable[[Values], Mask], operands: Iterable[Operand]) -> Mask | None:
    """Union of `test` over all array operands; None if it is False everywhere."""
    union: Mask | None = None
    for operand in operands:
        if isinstance(operand, np.ndarray):
            mask = test(operand)
            if mask.any():
                union = mask if union is None else union | mask
    return union


def _invalidate(out: Values, invalid: Mask | None) -> None:
    if invalid is not None:
        out[invalid] = np.nan


# All implementations inspect the operands before they write `out`, which may be one of the operands.


def _propagating(ufunc: Callable[..., Any]) -> Compute:
    """For ufuncs that return inf or NaN for every inf or NaN operand."""

    def compute(out: Values, *operands: Operand) -> None:
        ufunc(*operands, out=out)

    return compute


def _masking_infinite(ufunc: Callable[..., Any]) -> Compute:
    """For ufuncs that propagate NaN but may return a finite number for inf."""

    def compute(out: Values, *operands: Operand) -> None:
        infinite = _infinite(operands)
        ufunc(*operands, out=out)
        _invalidate(out, infinite)

    return compute


def _comparing(ufunc: Callable[..., Any]) -> Compute:
    """For comparisons, which return 0 or 1 for any operands."""

    def compute(out: Values, *operands: Operand) -> None:
        invalid = _non_finite(operands)
        ufunc(*operands, out=out)
        _invalidate(out, invalid)

    return compute


def _divide(out: Values, dividend: Operand, divisor: Operand) -> None:
    infinite = _infinite([divisor])  # 1 / inf is 0 in numpy; an infinite dividend gives inf or NaN
    np.divide(dividend, divisor, out=out)
    _invalidate(out, infinite)


_FAST_POWERS: Mapping[float, Callable[..., Any]] = {2.0: np.square, 0.5: np.sqrt, -1.0: np.reciprocal}
"""Exponent to a ufunc that is ten times as fast as np.power."""


def _power(out: Values, base: Operand, exponent: np.float32) -> None:
    invalid = None if exponent > 0 else _non_finite([base])  # in numpy inf ** -1 is 0 and NaN ** 0 is 1
    fast = _FAST_POWERS.get(float(exponent))
    if fast is None:
        np.power(base, exponent, out=out)
    else:
        fast(base, out=out)
    _invalidate(out, invalid)


def _extreme(ufunc: Callable[..., Any]) -> Compute:
    """Minimum or maximum of two or more operands."""

    def compute(out: Values, *operands: Operand) -> None:
        infinite = _infinite(operands)
        # An operand that is `out` itself comes first, since it must be read before `out` is written.
        first, second, *others = sorted(operands, key=lambda operand: operand is not out)
        ufunc(first, second, out=out)
        for other in others:
            ufunc(out, other, out=out)
        _invalidate(out, infinite)

    return compute


def _where(out: Values, condition: Operand, yes: Operand, no: Operand) -> None:
    invalid = _non_finite([condition])
    selected = np.not_equal(condition, 0)
    if out is yes:
        np.copyto(out, no, where=~selected)
    else:
        np.copyto(out, no)
        np.copyto(out, yes, where=selected)
    _invalidate(out, invalid)


def _infix(name: str, precedence: int, compute: Compute) -> Operation:
    return Operation(name, f"a {name} b", 2, 2, precedence, compute)


ADD = _infix("+", ADDITIVE, _propagating(np.add))
SUBTRACT = _infix("-", ADDITIVE, _propagating(np.subtract))
MULTIPLY = _infix("*", MULTIPLICATIVE, _propagating(np.multiply))
DIVIDE = _infix("/", MULTIPLICATIVE, _divide)
POWER = _infix("**", EXPONENTIATION, _power)
LESS = _infix("<", COMPARISON, _comparing(np.less))
LESS_EQUAL = _infix("<=", COMPARISON, _comparing(np.less_equal))
GREATER = _infix(">", COMPARISON, _comparing(np.greater))
GREATER_EQUAL = _infix(">=", COMPARISON, _comparing(np.greater_equal))
EQUAL = _infix("==", COMPARISON, _comparing(np.equal))
NOT_EQUAL = _infix("!=", COMPARISON, _comparing(np.not_equal))
NEGATE = Operation("-", "-x", 1, 1, UNARY, _propagating(np.negative))

FUNCTIONS: Mapping[str, Operation] = {
    function.name: function
    for function in (
        Operation("where", "where(condition, a, b)", 3, 3, ATOM, _where),
        Operation("min", "min(a, b, ...)", 2, 8, ATOM, _extreme(np.minimum)),
        Operation("max", "max(a, b, ...)", 2, 8, ATOM, _extreme(np.maximum)),
        Operation("clip", "clip(x, low, high)", 3, 3, ATOM, _masking_infinite(np.clip)),
        Operation("abs", "abs(x)", 1, 1, ATOM, _propagating(np.absolute)),
        Operation("sqrt", "sqrt(x)", 1, 1, ATOM, _propagating(np.sqrt)),
        Operation("log", "log(x)", 1, 1, ATOM, _propagating(np.log)),
        Operation("exp", "exp(x)", 1, 1, ATOM, _masking_infinite(np.exp)),
    )
}
"""Functions by name; `log` is the natural logarithm."""
