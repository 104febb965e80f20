"""Expression trees: evaluation with numpy, and canonical text.

A node is a band, a constant or an operation on other nodes. `scog.bandmath.parser` builds and validates trees;
`scog.bandmath.operations` computes their values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from scog.bandmath.operations import (
    ADDITIVE,
    ATOM,
    BIT,
    COMPARISON,
    EXPONENTIATION,
    MULTIPLICATIVE,
    UNARY,
    Operand,
    Operation,
    Values,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Band:
    """The values of one band, by canonical name. `discrete` tells whether they are integers: classes or bit fields."""

    name: str
    discrete: bool = False


@dataclass(frozen=True, slots=True)
class Constant:
    """A finite number."""

    value: np.float32


@dataclass(frozen=True, slots=True)
class Call:
    """An operation on nodes. At least one of them contains a band."""

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


def discrete_bands_of(nodes: Iterable[Node]) -> list[str]:
    """Names of the bands that hold integers, sorted."""
    found = set()
    remaining = list(nodes)
    while remaining:
        node = remaining.pop()
        if isinstance(node, Band) and node.discrete:
            found.add(node.name)
        elif isinstance(node, Call):
            remaining += node.operands
    return sorted(found)


def is_integer(node: Node) -> bool:
    """Whether the node's values are integers for any input."""
    if isinstance(node, Band):
        return node.discrete
    if isinstance(node, Constant):
        return bool(node.value == np.rint(node.value))
    if node.operation.precedence == COMPARISON or node.operation is BIT:
        return True
    operands = node.operands[1:] if node.operation.name == "where" else node.operands
    return node.operation.name in _INTEGER_PRESERVING and all(map(is_integer, operands))


_INTEGER_PRESERVING = frozenset({"+", "-", "*", "where", "min", "max", "clip", "abs"})
"""Operations with an integer result if all operands are integers."""


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

    The first computed operand uses `out` as its buffer; others allocate one.
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
