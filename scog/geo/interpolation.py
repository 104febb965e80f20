"""Lagrange interpolation on Chebyshev nodes, for smooth functions on a rectangle of pixels."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PROBES = np.array([0.003, 0.21, 0.43, 0.68, 0.91, 0.998])
"""Positions on 0..1 for checking the interpolation: between nodes, and near the ends, where errors are larger."""


def lagrange_nodes(count: int) -> Floats:
    """Chebyshev nodes of the first kind on 0..1."""
    nodes: Floats = (1 - np.cos((2 * np.arange(count) + 1) * math.pi / (2 * count))) / 2
    return nodes


def _lagrange(at: Floats, count: int) -> Floats:
    """Matrix `(len(at), count)` that maps values at the nodes to values at `at`."""
    nodes = lagrange_nodes(count)
    matrix = np.ones((len(at), count))
    for i in range(count):
        for j in range(count):
            if i != j:
                matrix[:, i] *= (at - nodes[j]) / (nodes[i] - nodes[j])
    return matrix


@lru_cache(maxsize=512)
def lagrange_at_centres(length: int, count: int) -> Floats:
    """Matrix `(length, count)` from values at the nodes to values at the centres of `length` pixels on 0..1."""
    return _lagrange((np.arange(length) + 0.5) / length, count)


@lru_cache(maxsize=8)
def lagrange_at_probes(count: int) -> Floats:
    """Matrix `(probes, count)` that maps values at the nodes to values at the probes."""
    return _lagrange(PROBES, count)


@lru_cache(maxsize=8)
def sample_points(count: int) -> tuple[Floats, Floats]:
    """Points x, y on 0..1 for the exact transformation: the grid of nodes, then the grid of probes."""
    nodes, probes = np.meshgrid(lagrange_nodes(count), lagrange_nodes(count)), np.meshgrid(PROBES, PROBES)
    x, y = (np.concatenate((xs.ravel(), ys.ravel())) for xs, ys in zip(nodes, probes, strict=True))
    return x, y
