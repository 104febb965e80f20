"""Resampling from several source pixels, with the weights of GDAL's warper.

bilinear  the nearest four, by distance
cubic     the nearest sixteen, by Keys' kernel with a = -1/2 (Catmull-Rom)
average   all that a target pixel covers, by how much of each it covers
mode      the value that covers most of a target pixel, the lowest of equal ones

If the target is coarser than the source, the kernels of bilinear and cubic are wider by the same factor. Pixels without
data have weight 0, and the remaining weights are normalised. Bilinear and cubic are valid exactly where the nearest
pixel is, average and mode wherever a target pixel covers any valid pixel. Nothing is valid outside the source.

Three results differ from GDAL's (3.10) on purpose. Near missing pixels, GDAL's downsampling cubic divides by a sum of
positive and negative weights, however close to 0; here, where they cancel by half, bilinear replaces it, as it does in
GDAL for an upsampling cubic. In GDAL, average gives boxes that extend beyond the source's edge more weight than they
cover. And GDAL's mode counts pixels in full that a target pixel covers only slightly.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scog.geo.grid import Grid
from scog.geo.resampling_support import ResamplingSupport, box_support, kernel_half_width, kernel_support
from scog.warp.mode import Mode
from scog.warp.weights import CUBIC, LINEAR, Floats32, Kernel, Pixels, batches, shares

STRIP = 1 << 14
"""Target pixels processed at a time, so that all their data stays in the processor's cache."""
MIN_WEIGHT = 1e-6
"""Minimum share of the weights that must have data; less is rounding."""
MAX_CANCELLATION = 2.0
"""Maximum ratio of the sum of the weights' magnitudes to their sum; it is 1.6 for a complete cubic kernel."""

Mask2D = NDArray[np.bool_]
Weights = Sequence[Floats32]


class Resampling(StrEnum):
    """How a target pixel is computed from source pixels."""

    NEAREST = "nearest"
    BILINEAR = "bilinear"
    CUBIC = "cubic"
    AVERAGE = "average"
    MODE = "mode"

    @property
    def creates_values(self) -> bool:
        """Whether the result has values that no source pixel has."""
        return self in (Resampling.BILINEAR, Resampling.CUBIC, Resampling.AVERAGE)


def support_of(target: Grid, source: Grid, method: Resampling) -> ResamplingSupport | None:
    """The resampling support of any method but nearest; None if the grids do not intersect."""
    kernel = _KERNELS.get(method)
    return box_support(target, source) if kernel is None else kernel_support(target, source, kernel.radius)


def resample(
    support: ResamplingSupport, values: NDArray[Any], valid: Mask2D, method: Resampling
) -> tuple[NDArray[Any], Mask2D]:
    """Values and validity `(y, x)` of the support's target pixels, from the values and validity of its window.

    Values are float32, except for mode, which keeps the dtype. They are 0 where not valid.
    """
    resampler = (
        Mode(support, values, valid) if method is Resampling.MODE else _WeightedSum(support, values, valid, method)
    )
    values_out = np.zeros(support.first.size, resampler.dtype)
    valid_out = np.zeros(support.first.size, bool)
    for batch, pixels in batches(support, resampler.batch_size):
        values_out[batch], valid_out[batch] = resampler.compute(pixels)
    if support.inside is not None:
        valid_out &= support.inside.ravel()
    values_out[~valid_out] = 0
    return values_out.reshape(support.first.shape), valid_out.reshape(support.first.shape)


_KERNELS = {Resampling.BILINEAR: LINEAR, Resampling.CUBIC: CUBIC}


class _WeightedSum:
    """Weighted sums of values."""

    dtype = np.dtype(np.float32)
    batch_size = STRIP

    def __init__(self, support: ResamplingSupport, values: NDArray[Any], valid: Mask2D, method: Resampling) -> None:
        self._support = support
        self._kernel = _KERNELS.get(method)
        self._width = support.window.shape[1]
        self._all_valid = bool(valid.all())
        with np.errstate(over="ignore"):
            self._values = values.astype(np.float32).ravel()
        if not self._all_valid:
            self._values[~valid.ravel()] = 0
            self._valid = valid.ravel()
            self._weight = self._valid.astype(np.float32)
            self._complete = _complete(valid, support.reach).ravel()

    def compute(self, pixels: Pixels) -> tuple[Floats32, NDArray[np.bool_]]:
        """Values and validity `(pixel,)` of some target pixels."""
        down, across = self._weights(self._kernel, pixels, self._support.reach)
        values = self._sum(self._values, pixels, down, across)
        values /= sum(down) * sum(across)
        valid = np.ones(len(values), bool)
        if not self._all_valid:
            valid = self._nearest_is_valid(pixels)
            incomplete = valid & ~self._complete.take(pixels.first)
            if incomplete.any():
                values[incomplete], valid[incomplete] = self._with_missing(pixels.select(incomplete))
        return values, valid

    def _with_missing(self, pixels: Pixels) -> tuple[Floats32, NDArray[np.bool_]]:
        """Values and validity of target pixels whose support has invalid pixels."""
        values, valid = np.zeros(len(pixels.first), np.float32), np.zeros(len(pixels.first), bool)
        remaining = np.arange(len(pixels.first))
        for kernel in self._fallbacks():
            part, reach = self._narrowed(pixels.select(remaining), kernel)
            down, across = self._weights(kernel, part, reach)
            weight = self._sum(self._weight, part, down, across)
            magnitude = weight
            if kernel is CUBIC:
                magnitude = self._sum(self._weight, part, [abs(w) for w in down], [abs(w) for w in across])
            usable = (weight > MIN_WEIGHT * sum(down) * sum(across)) & (magnitude <= MAX_CANCELLATION * weight)
            values[remaining[usable]] = self._sum(self._values, part, down, across)[usable] / weight[usable]
            valid[remaining[usable]] = True
            remaining = remaining[~usable]
        return values, valid

    def _fallbacks(self) -> tuple[Kernel | None, ...]:
        """Kernels to try in turn where pixels are invalid."""
        if self._kernel is not CUBIC:
            return (self._kernel,)
        return (CUBIC, LINEAR) if max(self._support.shrink) > 1 else (LINEAR,)

    def _narrowed(self, pixels: Pixels, kernel: Kernel | None) -> tuple[Pixels, tuple[int, int]]:
        """The same target pixels with the smaller support of another kernel."""
        reach = self._support.reach
        if kernel is self._kernel or kernel is None:
            return pixels, reach
        rows, cols = (2 * kernel_half_width(kernel.radius, widening) for widening in self._support.shrink)
        offset = (reach[0] - rows) // 2 * self._width + (reach[1] - cols) // 2
        return Pixels(pixels.first + offset, pixels.down, pixels.across), (rows, cols)

    def _weights(
        self, kernel: Kernel | None, pixels: Pixels, reach: tuple[int, int]
    ) -> tuple[list[Floats32], list[Floats32]]:
        if kernel is None:
            return shares(pixels.down, reach[0]), shares(pixels.across, reach[1])
        shrink = self._support.shrink
        return kernel.weights(pixels.down, reach[0], shrink[0]), kernel.weights(pixels.across, reach[1], shrink[1])

    def _sum(self, source: Floats32, pixels: Pixels, down: Weights, across: Weights) -> Floats32:
        """Weighted sums over the source pixels, one tap after the other for all target pixels."""
        total = np.zeros(len(pixels.first), np.float32)
        row_sum, taken = np.empty_like(total), np.empty_like(total)
        for row, by_row in enumerate(down):
            row_sum[:] = 0
            for col, by_col in enumerate(across):
                # mode="clip" is fast, and never clips here.
                source[row * self._width + col :].take(pixels.first, out=taken, mode="clip")
                taken *= by_col
                row_sum += taken
            row_sum *= by_row
            total += row_sum
        return total

    def _nearest_is_valid(self, pixels: Pixels) -> NDArray[np.bool_]:
        """Whether the nearest source pixel is valid; for boxes always True."""
        if self._kernel is None:
            return np.ones(len(pixels.first), bool)
        rows, cols = (
            reach // 2 - 1 + (offset >= 0.5)
            for reach, (offset,) in zip(self._support.reach, (pixels.down, pixels.across), strict=True)
        )
        valid: NDArray[np.bool_] = self._valid.take(pixels.first + rows * self._width + cols)
        return valid


def _complete(valid: Mask2D, reach: tuple[int, int]) -> Mask2D:
    """Whether all pixels of a rectangle of shape `reach` are valid, at its upper left pixel."""
    complete = valid.copy()
    for view, length in ((complete, reach[0]), (complete.T, reach[1])):
        length_done = 1
        while length_done < length:
            step = min(length_done, length - length_done)
            view[:-step] &= view[step:]
            view[-step:] = False
            length_done += step
    return complete
