"""Operators and functions of expressions, implemented with numpy on float32 arrays.

Every operation propagates non-finite operands. numpy does not: 1 / inf is 0, min(inf, 1) is 1, NaN > 1 is 0 and
NaN ** 0 is 1, which would turn an invalid pixel into one that looks measured. The exception is
`where`, which depends only on its condition and the selected branch.
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


MAX_BIT = 23
BIT_LIMIT = np.float32(2 ** (MAX_BIT + 1))
"""Integers below this number have bits 0 to MAX_BIT, and float32 holds all of them exactly."""

COMPARISON, ADDITIVE, MULTIPLICATIVE, UNARY, EXPONENTIATION, ATOM = range(6)
"""Operator precedence as in Python, lowest first; an ATOM never needs parentheses."""


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


def _bit(out: Values, numbers: Operand, position: np.float32) -> None:
    # Two's complement is not guessed: a negative number is NaN, and so is one that float32 cannot hold exactly.
    invalid = ~((numbers >= 0) & (numbers < BIT_LIMIT) & (np.floor(numbers) == numbers))
    np.multiply(numbers, np.float32(0.5) ** position, out=out)  # exact, as are all steps below 2**24
    np.floor(out, out=out)
    np.subtract(out, 2 * np.floor(out / 2), out=out)
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

BIT = Operation("bit", "bit(x, n)", 2, 2, ATOM, _bit)

FUNCTIONS: Mapping[str, Operation] = {
    function.name: function
    for function in (
        Operation("where", "where(condition, a, b)", 3, 3, ATOM, _where),
        Operation("min", "min(a, b, ...)", 2, 8, ATOM, _extreme(np.minimum)),
        Operation("max", "max(a, b, ...)", 2, 8, ATOM, _extreme(np.maximum)),
        Operation("clip", "clip(x, low, high)", 3, 3, ATOM, _masking_infinite(np.clip)),
        BIT,
        Operation("abs", "abs(x)", 1, 1, ATOM, _propagating(np.absolute)),
        Operation("sqrt", "sqrt(x)", 1, 1, ATOM, _propagating(np.sqrt)),
        Operation("log", "log(x)", 1, 1, ATOM, _propagating(np.log)),
        Operation("exp", "exp(x)", 1, 1, ATOM, _masking_infinite(np.exp)),
    )
}
"""Functions by name; `log` is the natural logarithm, `bit` is bit n of an integer, 0 being the least significant."""
