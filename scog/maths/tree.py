"""A formula as a tree of numpy calls.

A node is a band, a constant or an operation on other nodes. Trees are made by `scog.maths.parser`, which has checked
everything; here they are computed and written down again.

One law holds for every operation: what is not finite stays not finite. numpy alone lets 1 / inf be 0, min(inf, 1)
be 1, NaN > 1 be 0 and NaN ** 0 be 1; each turns a pixel that cannot be computed into one that looks measured. The one
exception is meant: `where` looks only at its condition and at the branch it takes.
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
"""`compute(out, *operands)` writes the whole of `out`, which may be one of the operands. A scalar operand is finite."""


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that can be done to one or more nodes.

    name        as it is written: `+`, `clip`
    signature   how it is used, for error messages: `clip(x, low, high)`
    least, most number of operands
    binds       how tightly, see the constants below: a weaker operand needs parentheses
    compute     the numpy call
    """

    name: str
    signature: str
    least: int
    most: int
    binds: int
    compute: Compute


COMPARES, ADDS, MULTIPLIES, NEGATES, RAISES, HOLDS = range(6)
"""Python's order of operators, weakest first; HOLDS is what needs no parentheses."""


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
    """An operation on nodes, of which at least one holds a band."""

    operation: Operation
    operands: tuple[Node, ...]


Node: TypeAlias = Band | Constant | Call


# Looking at a tree


def size(node: Node) -> int:
    """Number of nodes."""
    return 1 + sum(map(size, node.operands)) if isinstance(node, Call) else 1


def depth(node: Node) -> int:
    """Number of nodes from the root to the farthest leaf."""
    return 1 + max(map(depth, node.operands)) if isinstance(node, Call) else 1


def bands_of(node: Node) -> list[str]:
    """Bands in the order they are written, as often as they are."""
    if isinstance(node, Band):
        return [node.name]
    return [name for operand in node.operands for name in bands_of(operand)] if isinstance(node, Call) else []


def is_whole(node: Node) -> bool:
    """Whether its values are whole numbers, whatever the reflectance is."""
    if isinstance(node, Band):
        return node.name == "scl"
    if isinstance(node, Constant):
        return bool(node.value == np.rint(node.value))
    if node.operation.binds == COMPARES:
        return True
    operands = node.operands[1:] if node.operation.name == "where" else node.operands
    return node.operation.name in _WHOLE and all(map(is_whole, operands))


_WHOLE = frozenset({"+", "-", "*", "where", "min", "max", "clip", "abs"})
"""What makes whole numbers of whole numbers."""


def text_of(node: Node) -> str:
    """The formula, with one blank around operators and only the parentheses that it needs."""
    if isinstance(node, Band):
        return node.name
    if isinstance(node, Constant):
        return str(node.value).removesuffix(".0")
    operation, operands = node.operation, node.operands
    if operation.binds == HOLDS:
        return f"{operation.name}({', '.join(map(text_of, operands))})"
    if operation.binds == NEGATES:
        return operation.name + _within(operands[0], NEGATES)
    # `a - b - c` is `(a - b) - c`, so the right side must bind tighter; comparisons and powers do not chain at all.
    chains = operation.binds in (ADDS, MULTIPLIES)
    left = _within(operands[0], operation.binds if chains else operation.binds + 1)
    right = text_of(operands[1]) if operation.binds == RAISES else _within(operands[1], operation.binds + 1)
    return f"{left} {operation.name} {right}"


def _within(node: Node, binds: int) -> str:
    """The node's text, in parentheses if it binds more weakly than its place asks for."""
    text = text_of(node)
    return text if _binds(node) >= binds else f"({text})"


def _binds(node: Node) -> int:
    if isinstance(node, Call):
        return node.operation.binds
    return NEGATES if isinstance(node, Constant) and np.signbit(node.value) else HOLDS


# Computing a tree


def compute(node: Node, bands: Mapping[str, Values], out: Values) -> None:
    """Write the node's values into `out`, which must not be one of `bands`. Call it under `np.errstate(all="ignore")`.

    The first operand that must be computed uses `out` for itself, only further ones get a new buffer.
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
    """The value of an operation on constants: computed by the same calls as pixels are. It may not be finite."""
    out = np.empty(1, np.float32)
    with np.errstate(all="ignore"):
        operation.compute(out, *(constant.value for constant in constants))
    return np.float32(out[0])


Mask: TypeAlias = NDArray[np.bool_]


def _infinite(operands: Iterable[Operand]) -> Mask | None:
    """Where an operand is inf; None if nowhere. Enough for functions that pass NaN on, and NaN is what nodata is."""
    return _anywhere(np.isinf, operands)


def _lost(operands: Iterable[Operand]) -> Mask | None:
    """Where an operand is inf or NaN; None if nowhere."""
    return _anywhere(lambda operand: ~np.isfinite(operand), operands)


def _anywhere(test: Callable[[Values], Mask], operands: Iterable[Operand]) -> Mask | None:
    found: Mask | None = None
    for operand in operands:
        if isinstance(operand, np.ndarray):
            hits = test(operand)
            if hits.any():
                found = hits if found is None else found | hits
    return found


def _take_out(out: Values, lost: Mask | None) -> None:
    if lost is not None:
        out[lost] = np.nan


# The order is the same everywhere: look at the operands first, since `out` may be one of them.


def _keeping(ufunc: Callable[..., Any]) -> Compute:
    """For functions that give inf or NaN for every inf or NaN they get."""

    def compute(out: Values, *operands: Operand) -> None:
        ufunc(*operands, out=out)

    return compute


def _tempting(ufunc: Callable[..., Any]) -> Compute:
    """For functions that could turn inf into an ordinary number."""

    def compute(out: Values, *operands: Operand) -> None:
        infinite = _infinite(operands)
        ufunc(*operands, out=out)
        _take_out(out, infinite)

    return compute


def _comparing(ufunc: Callable[..., Any]) -> Compute:
    """For comparisons, which make 0 or 1 of anything."""

    def compute(out: Values, *operands: Operand) -> None:
        lost = _lost(operands)
        ufunc(*operands, out=out)
        _take_out(out, lost)

    return compute


def _divide(out: Values, dividend: Operand, divisor: Operand) -> None:
    infinite = _infinite([divisor])  # 1 / inf would be 0; an infinite dividend stays infinite or becomes NaN
    np.divide(dividend, divisor, out=out)
    _take_out(out, infinite)


_FAST_POWERS: Mapping[float, Callable[..., Any]] = {2.0: np.square, 0.5: np.sqrt, -1.0: np.reciprocal}
"""np.power takes ten times as long as these."""


def _raise(out: Values, base: Operand, exponent: np.float32) -> None:
    lost = None if exponent > 0 else _lost([base])  # inf ** -1 would be 0, NaN ** 0 would be 1
    fast = _FAST_POWERS.get(float(exponent))
    if fast is None:
        np.power(base, exponent, out=out)
    else:
        fast(base, out=out)
    _take_out(out, lost)


def _extreme(ufunc: Callable[..., Any]) -> Compute:
    """The least or greatest of several operands."""

    def compute(out: Values, *operands: Operand) -> None:
        infinite = _infinite(operands)
        # The operand that is in `out` must be used before `out` is written.
        first, second, *others = sorted(operands, key=lambda operand: operand is not out)
        ufunc(first, second, out=out)
        for other in others:
            ufunc(out, other, out=out)
        _take_out(out, infinite)

    return compute


def _where(out: Values, condition: Operand, yes: Operand, no: Operand) -> None:
    lost = _lost([condition])
    holds = np.not_equal(condition, 0)
    if out is yes:
        np.copyto(out, no, where=~holds)
    else:
        np.copyto(out, no)
        np.copyto(out, yes, where=holds)
    _take_out(out, lost)


def _infix(name: str, binds: int, compute: Compute) -> Operation:
    return Operation(name, f"a {name} b", 2, 2, binds, compute)


ADD = _infix("+", ADDS, _keeping(np.add))
SUBTRACT = _infix("-", ADDS, _keeping(np.subtract))
MULTIPLY = _infix("*", MULTIPLIES, _keeping(np.multiply))
DIVIDE = _infix("/", MULTIPLIES, _divide)
POWER = _infix("**", RAISES, _raise)
LESS = _infix("<", COMPARES, _comparing(np.less))
LESS_EQUAL = _infix("<=", COMPARES, _comparing(np.less_equal))
GREATER = _infix(">", COMPARES, _comparing(np.greater))
GREATER_EQUAL = _infix(">=", COMPARES, _comparing(np.greater_equal))
EQUAL = _infix("==", COMPARES, _comparing(np.equal))
NOT_EQUAL = _infix("!=", COMPARES, _comparing(np.not_equal))
NEGATE = Operation("-", "-x", 1, 1, NEGATES, _keeping(np.negative))

FUNCTIONS: Mapping[str, Operation] = {
    function.name: function
    for function in (
        Operation("where", "where(condition, a, b)", 3, 3, HOLDS, _where),
        Operation("min", "min(a, b, ...)", 2, 8, HOLDS, _extreme(np.minimum)),
        Operation("max", "max(a, b, ...)", 2, 8, HOLDS, _extreme(np.maximum)),
        Operation("clip", "clip(x, low, high)", 3, 3, HOLDS, _tempting(np.clip)),
        Operation("abs", "abs(x)", 1, 1, HOLDS, _keeping(np.absolute)),
        Operation("sqrt", "sqrt(x)", 1, 1, HOLDS, _keeping(np.sqrt)),
        Operation("log", "log(x)", 1, 1, HOLDS, _keeping(np.log)),
        Operation("exp", "exp(x)", 1, 1, HOLDS, _tempting(np.exp)),
    )
}
"""What can be called, by name; `log` is the natural one."""
