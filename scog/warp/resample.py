"""Resampling from several source pixels, with the weights of GDAL's warper.

bilinear  the nearest four pixels, weighted by distance
cubic     the nearest sixteen pixels, weighted by Keys' kernel with a = -1/2 (Catmull-Rom)
average   all pixels under the target pixel, weighted by the covered share
mode      the value with the largest covered area; on a tie the lowest

If the target is coarser than the source, the kernels of bilinear and cubic are widened by the ratio of the pixel sizes.
Invalid pixels have weight 0, and the other weights are normalised. Bilinear and cubic are valid if the nearest pixel
is valid, average and mode if any pixel under the target pixel is valid. Nothing is valid outside the source.

Three results differ from GDAL's (3.10) on purpose:
- Near invalid pixels, GDAL's downsampling cubic divides by the sum of positive and negative weights even if that is
  close to 0. Here, bilinear replaces cubic where the weights' magnitudes add up to more than twice their sum. (Both
  replace an upsampling cubic by bilinear near invalid pixels.)
- GDAL's average overweights pixels at the source's edge if the target pixel extends beyond it.
- GDAL's mode counts a partly covered pixel fully.
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
"""Number of target pixels processed at a time, so that their data stays in the processor's cache."""
MIN_WEIGHT = 1e-6
"""Minimum total weight of the valid pixels, relative to that of all pixels. Smaller ones are rounding errors."""
MAX_CANCELLATION = 2.0
"""Maximum of sum(|w|) / sum(w) over the weights w of the valid pixels; it is 1.6 for a complete cubic kernel."""

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
        """Whether the result may have values that no source pixel has."""
        return self in (Resampling.BILINEAR, Resampling.CUBIC, Resampling.AVERAGE)


_KERNELS = {Resampling.BILINEAR: LINEAR, Resampling.CUBIC: CUBIC}


def support_of(target: Grid, source: Grid, method: Resampling) -> ResamplingSupport | None:
    """The source pixels that each target pixel is computed from, for any method but nearest.

    None if the grids do not intersect.
    """
    kernel = _KERNELS.get(method)
    return box_support(target, source) if kernel is None else kernel_support(target, source, kernel.radius)


def resample(
    support: ResamplingSupport, values: NDArray[Any], valid: Mask2D, method: Resampling
) -> tuple[NDArray[Any], Mask2D]:
    """Values and validity `(y, x)` of the support's target pixels, from the values and validity of its window.

    Values have the dtype of `values` for mode, and float32 for other methods. Invalid values are 0.
    """
    resampler = (
        Mode(support, values, valid) if method is Resampling.MODE else _WeightedSum(support, values, valid, method)
    )
    values_out = np.zeros(support.upper_left.size, resampler.dtype)
    valid_out = np.zeros(support.upper_left.size, bool)
    for batch, pixels in batches(support, resampler.batch_size):
        values_out[batch], valid_out[batch] = resampler.compute(pixels)
    if support.inside is not None:
        valid_out &= support.inside.ravel()
    values_out[~valid_out] = 0
    return values_out.reshape(support.upper_left.shape), valid_out.reshape(support.upper_left.shape)


class _WeightedSum:
    """Weighted sums of values. A kernel of None means average, whose weights are covered shares."""

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
            self._fully_valid = _fully_valid(valid, support.kernel_shape).ravel()

    def compute(self, pixels: Pixels) -> tuple[Floats32, NDArray[np.bool_]]:
        """Values and validity `(pixel,)` of some target pixels."""
        row_weights, col_weights = self._weights(self._kernel, pixels, self._support.kernel_shape)
        values = self._sum(self._values, pixels, row_weights, col_weights)
        values /= sum(row_weights) * sum(col_weights)
        valid = np.ones(len(values), bool)
        if not self._all_valid:
            valid = self._nearest_is_valid(pixels)
            near_invalid = valid & ~self._fully_valid.take(pixels.upper_left)
            if near_invalid.any():
                values[near_invalid], valid[near_invalid] = self._with_missing(pixels.select(near_invalid))
        return values, valid

    def _with_missing(self, pixels: Pixels) -> tuple[Floats32, NDArray[np.bool_]]:
        """Values and validity `(pixel,)` of target pixels whose support has invalid pixels."""
        values, valid = np.zeros(len(pixels.upper_left), np.float32), np.zeros(len(pixels.upper_left), bool)
        remaining = np.arange(len(pixels.upper_left))
        for kernel in self._fallbacks():
            part, shape = self._narrowed(pixels.select(remaining), kernel)
            row_weights, col_weights = self._weights(kernel, part, shape)
            weight = self._sum(self._weight, part, row_weights, col_weights)
            magnitude = weight
            if kernel is CUBIC:
                magnitude = self._sum(self._weight, part, [abs(w) for w in row_weights], [abs(w) for w in col_weights])
            usable = (weight > MIN_WEIGHT * sum(row_weights) * sum(col_weights)) & (
                magnitude <= MAX_CANCELLATION * weight
            )
            values[remaining[usable]] = self._sum(self._values, part, row_weights, col_weights)[usable] / weight[usable]
            valid[remaining[usable]] = True
            remaining = remaining[~usable]
        return values, valid

    def _fallbacks(self) -> tuple[Kernel | None, ...]:
        """Kernels to try in turn where pixels are invalid."""
        if self._kernel is not CUBIC:
            return (self._kernel,)
        return (CUBIC, LINEAR) if max(self._support.scale) > 1 else (LINEAR,)

    def _narrowed(self, pixels: Pixels, kernel: Kernel | None) -> tuple[Pixels, tuple[int, int]]:
        """The same target pixels with the smaller support of another kernel."""
        shape = self._support.kernel_shape
        if kernel is self._kernel or kernel is None:
            return pixels, shape
        rows, cols = (2 * kernel_half_width(kernel.radius, scale) for scale in self._support.scale)
        offset = (shape[0] - rows) // 2 * self._width + (shape[1] - cols) // 2
        return Pixels(pixels.upper_left + offset, pixels.row_positions, pixels.col_positions), (rows, cols)

    def _weights(
        self, kernel: Kernel | None, pixels: Pixels, shape: tuple[int, int]
    ) -> tuple[list[Floats32], list[Floats32]]:
        """Weights of the rows and of the columns of a support of a shape: one array `(pixel,)` each."""
        if kernel is None:
            return shares(pixels.row_positions, shape[0]), shares(pixels.col_positions, shape[1])
        row_scale, col_scale = self._support.scale
        return (
            kernel.weights(pixels.row_positions, shape[0], row_scale),
            kernel.weights(pixels.col_positions, shape[1], col_scale),
        )

    def _sum(self, source: Floats32, pixels: Pixels, row_weights: Weights, col_weights: Weights) -> Floats32:
        """Sums of `source` over the supports' pixels, weighted. Each step adds one tap of all target pixels."""
        total = np.zeros(len(pixels.upper_left), np.float32)
        row_sum, product = np.empty_like(total), np.empty_like(total)
        for row, row_weight in enumerate(row_weights):
            row_sum[:] = 0
            for col, col_weight in enumerate(col_weights):
                # mode="clip" is the fastest mode. No index is out of range, so nothing is clipped.
                source[row * self._width + col :].take(pixels.upper_left, out=product, mode="clip")
                product *= col_weight
                row_sum += product
            row_sum *= row_weight
            total += row_sum
        return total

    def _nearest_is_valid(self, pixels: Pixels) -> NDArray[np.bool_]:
        """Whether the nearest source pixel is valid; True for average, which does not depend on it."""
        if self._kernel is None:
            return np.ones(len(pixels.upper_left), bool)
        rows, cols = (
            length // 2 - 1 + (offset >= 0.5)
            for length, (offset,) in zip(
                self._support.kernel_shape, (pixels.row_positions, pixels.col_positions), strict=True
            )
        )
        valid: NDArray[np.bool_] = self._valid.take(pixels.upper_left + rows * self._width + cols)
        return valid


def _fully_valid(valid: Mask2D, shape: tuple[int, int]) -> Mask2D:
    """Whether all pixels of the rectangle with a pixel as its upper left are valid, for each pixel."""
    result = valid.copy()
    for view, length in ((result, shape[0]), (result.T, shape[1])):
        length_done = 1
        while length_done < length:
            step = min(length_done, length - length_done)
            view[:-step] &= view[step:]
            view[-step:] = False
            length_done += step
    return result
