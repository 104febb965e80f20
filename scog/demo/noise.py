"""Deterministic noise as a function of position: the same coordinates give the same value in every tile and run.

Values come from an integer hash, since NumPy's generators are not stable across versions. Arrays are float32 of one
shape `(y, x)`; coordinates are metres in the frame of `scog.demo.mgrs`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.uint32]

_ROWS = 64
_REACH = 1 << 20  # added to lattice indices to make them non-negative


def hashed(*keys: NDArray[Any] | int) -> Ints:
    """Hash integers to 32 bits, uint32 of the broadcast shape (variant of MurmurHash3's finalizer)."""
    bits = np.uint32(0x9E3779B9) + np.zeros((), np.uint32)
    with np.errstate(over="ignore"):
        for key in keys:
            bits = (bits ^ np.asarray(key).astype(np.uint32)) * np.uint32(0x85EBCA6B)
            bits = (bits ^ (bits >> np.uint32(13))) * np.uint32(0xC2B2AE35)
            bits = bits ^ (bits >> np.uint32(16))
    return np.asarray(bits, np.uint32)


def unit(bits: Ints, lane: int = 0) -> Floats:
    """Uniform float32 values in [0, 1) from hashed bits, in their shape; different lanes are independent."""
    return (hashed(bits, lane) >> np.uint32(8)).astype(np.float32) / np.float32(1 << 24)


def smoothstep(value: Floats, low: float, high: float) -> Floats:
    """Cubic step from 0 at `low` to 1 at `high`; decreasing if `low` is greater than `high`."""
    t = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def value_noise(x: Floats, y: Floats, size: float, seed: int) -> Floats:
    """Value noise in [-1, 1] with a wavelength of about `size` metres."""
    result = np.empty_like(x)
    for rows in bands_of_rows(x):
        result[rows] = _value_noise(x[rows], y[rows], size, seed)
    return result


def bands_of_rows(x: Floats) -> Iterator[slice]:
    """Slices of rows of `(y, x)` that fit into the CPU cache, which makes the noise functions three times as fast."""
    for top in range(0, x.shape[0], _ROWS):
        yield slice(top, top + _ROWS)


def _value_noise(x: Floats, y: Floats, size: float, seed: int) -> Floats:
    turn = (seed * 0.7548776) % 1 * math.tau  # each seed rotates the lattice differently, which hides it
    c, s = np.float32(math.cos(turn) / size), np.float32(math.sin(turn) / size)
    u, v = x * c - y * s, x * s + y * c
    column, row = np.floor(u), np.floor(v)
    u -= column
    v -= row
    left, top = int(column.min()), int(row.min())
    width, height = int(column.max()) - left + 2, int(row.max()) - top + 2
    lattice = unit(
        hashed(np.arange(height)[:, None] + top + _REACH, np.arange(width)[None, :] + left + _REACH, seed)
    ).ravel() * np.float32(2) - np.float32(1)
    index = (row.astype(np.intp) - top) * width + (column.astype(np.intp) - left)
    u *= u * (3 - 2 * u)
    v *= v * (3 - 2 * v)
    upper = lattice.take(index)
    upper += (lattice[1:].take(index) - upper) * u
    index += width
    lower = lattice.take(index)
    lower += (lattice[1:].take(index) - lower) * u
    upper += (lower - upper) * v
    return np.asarray(upper, np.float32)


def fractal(x: Floats, y: Floats, size: float, octaves: int, seed: int, gain: float = 0.5) -> Floats:
    """Fractal noise: octaves of half the wavelength and `gain` times the amplitude; roughly in [-1, 1]."""
    total = np.zeros_like(x)
    weight, weights = 1.0, 0.0
    for octave in range(octaves):
        total += np.float32(weight) * value_noise(x, y, size / 2**octave, seed * 31 + octave)
        weights += weight
        weight *= gain
    return total / np.float32(weights * 0.6)


def ridges(x: Floats, y: Floats, size: float, octaves: int, seed: int) -> Floats:
    """Ridged noise with sharp crests in [0, 1], like eroded mountains."""
    total, weights = np.zeros_like(x), 0.0
    carry = np.ones_like(x)
    for octave in range(octaves):
        crest = 1 - np.abs(value_noise(x, y, size / 2**octave, seed * 31 + octave))
        crest *= crest
        total += np.float32(0.5**octave) * crest * carry
        weights += 0.5**octave
        carry = crest  # small crests appear on large ones, valleys stay smooth
    return total / np.float32(weights)


class Cells(NamedTuple):
    """Voronoi cells, arrays `(y, x)`."""

    name: Ints  # hash that identifies the cell
    edge: Floats  # approximate distance to the cell's border, metres
    x: Floats  # position relative to the cell's seed point, metres
    y: Floats


def cells(x: Floats, y: Floats, size: float, seed: int) -> Cells:
    """Voronoi cells of jittered lattice points, about `size` metres across."""
    parts = [_cells(x[rows], y[rows], size, seed) for rows in bands_of_rows(x)]
    return Cells(*(np.concatenate(field) for field in zip(*parts, strict=True)))


def _cells(x: Floats, y: Floats, size: float, seed: int) -> Cells:
    u, v = x / np.float32(size), y / np.float32(size)
    column, row = np.floor(u).astype(np.intp), np.floor(v).astype(np.intp)
    left, top = int(column.min()) - 1, int(row.min()) - 1
    columns, rows = np.arange(left, column.max() + 2)[None, :], np.arange(top, row.max() + 2)[:, None]
    bits = hashed(rows + _REACH, columns + _REACH, seed)
    point_x = (columns + np.float32(0.1) + np.float32(0.8) * unit(bits, 1)).astype(np.float32).ravel()
    point_y = (rows + np.float32(0.1) + np.float32(0.8) * unit(bits, 2)).astype(np.float32).ravel()
    centre = (row - top) * columns.size + (column - left)
    nearest = np.full(x.shape, 9, np.float32)
    second, nearest_point = nearest.copy(), centre.copy()
    for j in (-1, 0, 1):
        for i in (-1, 0, 1):
            point = centre + (j * columns.size + i)
            offset_x, offset_y = u - point_x.take(point), v - point_y.take(point)
            distance = np.sqrt(offset_x * offset_x + offset_y * offset_y)
            closer = distance < nearest
            second = np.minimum(second, np.where(closer, nearest, distance))
            np.copyto(nearest, distance, where=closer)
            np.copyto(nearest_point, point, where=closer)
    relative_x, relative_y = u - point_x.take(nearest_point), v - point_y.take(nearest_point)
    x, y, edge = (np.asarray(size * part, np.float32) for part in (relative_x, relative_y, (second - nearest) / 2))
    return Cells(bits.ravel().take(nearest_point), edge, x, y)
