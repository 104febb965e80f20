"""Resampling: numbers between pixels and over many of them, weighed as GDAL's warper weighs them.

bilinear  the nearest four, by distance
cubic     the nearest sixteen, by Keys' kernel (Catmull-Rom)
average   all that a target pixel covers, by how much of each it covers
mode      the number that covers most of a target pixel, the lowest of several

When a picture is coarser than the source, the kernels of bilinear and cubic are as much wider. Pixels without data
weigh nothing, and what remains is normalised. Bilinear and cubic show data exactly where the nearest pixel has some,
average and mode wherever a target pixel covers any. Beyond the source's edge there is nothing.

Three of GDAL's answers (3.10) are not taken over. Near missing pixels a shrinking cubic divides by a sum of weights of
either sign, however close to nothing: where they cancel by half, bilinear stands in, as it does in GDAL, too, for a
cubic that enlarges. Boxes of average that hang over the source's edge weigh more than they cover there. And mode counts
pixels in full that a target pixel covers by a hair.
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
from scog.warp.weights import CUBIC, LINEAR, Kernel, Numbers, Pixels, shares, strips

STRIP = 1 << 14
"""Target pixels worked on at once: all that belongs to them stays in the processor's cache."""
SLIVER = 1e-6
"""Share of the weights that must have data; less is rounding."""
CANCELLING = 2.0
"""How much larger than the sum of weights the sum of their magnitudes may be; a whole cubic kernel's is 1.6."""

Mask2D = NDArray[np.bool_]
Weights = Sequence[Numbers]


class Resampling(StrEnum):
    """How a target pixel comes from source pixels."""

    NEAREST = "nearest"
    BILINEAR = "bilinear"
    CUBIC = "cubic"
    AVERAGE = "average"
    MODE = "mode"

    @property
    def makes_numbers(self) -> bool:
        """Whether numbers come out that no pixel of the source has."""
        return self in (Resampling.BILINEAR, Resampling.CUBIC, Resampling.AVERAGE)


def footing_of(target: Grid, source: Grid, method: Resampling) -> ResamplingSupport | None:
    """The footing for any method but nearest; None when the grids do not touch."""
    kernel = _KERNELS.get(method)
    return box_support(target, source) if kernel is None else kernel_support(target, source, kernel.radius)


def resample(
    footing: ResamplingSupport, numbers: NDArray[Any], valid: Mask2D, method: Resampling
) -> tuple[NDArray[Any], Mask2D]:
    """Numbers `(y, x)` of the footing's target pixels, and where they are valid, from those of its window.

    Float32, but for mode, which keeps the type. Numbers are 0 where not valid.
    """
    work = Mode(footing, numbers, valid) if method is Resampling.MODE else _Blend(footing, numbers, valid, method)
    made = np.zeros(footing.first.size, work.dtype)
    good = np.zeros(footing.first.size, bool)
    for part, pixels in strips(footing, work.at_once):
        made[part], good[part] = work.made(pixels)
    if footing.inside is not None:
        good &= footing.inside.ravel()
    made[~good] = 0
    return made.reshape(footing.first.shape), good.reshape(footing.first.shape)


_KERNELS = {Resampling.BILINEAR: LINEAR, Resampling.CUBIC: CUBIC}


class _Blend:
    """Sums of weighed numbers."""

    dtype = np.dtype(np.float32)
    at_once = STRIP

    def __init__(self, footing: ResamplingSupport, numbers: NDArray[Any], valid: Mask2D, method: Resampling) -> None:
        self._footing = footing
        self._kernel = _KERNELS.get(method)
        self._width = footing.window.shape[1]
        self._whole = bool(valid.all())
        with np.errstate(over="ignore"):
            self._numbers = numbers.astype(np.float32).ravel()
        if not self._whole:
            self._numbers[~valid.ravel()] = 0
            self._valid = valid.ravel()
            self._weight = self._valid.astype(np.float32)
            self._unbroken = _unbroken(valid, footing.reach).ravel()

    def made(self, pixels: Pixels) -> tuple[Numbers, NDArray[np.bool_]]:
        """Numbers and validity of some target pixels."""
        down, across = self._weights(self._kernel, pixels, self._footing.reach)
        numbers = self._sum(self._numbers, pixels, down, across)
        numbers /= sum(down) * sum(across)
        good = np.ones(len(numbers), bool)
        if not self._whole:
            good = self._has_data_nearest(pixels)
            broken = good & ~self._unbroken.take(pixels.first)
            if broken.any():
                numbers[broken], good[broken] = self._patched(pixels.chosen(broken))
        return numbers, good

    def _patched(self, pixels: Pixels) -> tuple[Numbers, NDArray[np.bool_]]:
        """Numbers and validity of target pixels that miss some of what they rest on."""
        numbers, good = np.zeros(len(pixels.first), np.float32), np.zeros(len(pixels.first), bool)
        left = np.arange(len(pixels.first))
        for kernel in self._stand_ins():
            part, reach = self._narrowed(pixels.chosen(left), kernel)
            down, across = self._weights(kernel, part, reach)
            weight = self._sum(self._weight, part, down, across)
            magnitude = weight
            if kernel is CUBIC:
                magnitude = self._sum(self._weight, part, [abs(w) for w in down], [abs(w) for w in across])
            steady = (weight > SLIVER * sum(down) * sum(across)) & (magnitude <= CANCELLING * weight)
            numbers[left[steady]] = self._sum(self._numbers, part, down, across)[steady] / weight[steady]
            good[left[steady]] = True
            left = left[~steady]
        return numbers, good

    def _stand_ins(self) -> tuple[Kernel | None, ...]:
        """What is tried in turn where pixels are missing."""
        if self._kernel is not CUBIC:
            return (self._kernel,)
        return (CUBIC, LINEAR) if max(self._footing.shrink) > 1 else (LINEAR,)

    def _narrowed(self, pixels: Pixels, kernel: Kernel | None) -> tuple[Pixels, tuple[int, int]]:
        """The same target pixels as they stand on fewer source pixels, those that a smaller kernel reaches."""
        reach = self._footing.reach
        if kernel is self._kernel or kernel is None:
            return pixels, reach
        rows, cols = (2 * kernel_half_width(kernel.radius, wider) for wider in self._footing.shrink)
        off = (reach[0] - rows) // 2 * self._width + (reach[1] - cols) // 2
        return Pixels(pixels.first + off, pixels.down, pixels.across), (rows, cols)

    def _weights(
        self, kernel: Kernel | None, pixels: Pixels, reach: tuple[int, int]
    ) -> tuple[list[Numbers], list[Numbers]]:
        if kernel is None:
            return shares(pixels.down, reach[0]), shares(pixels.across, reach[1])
        shrink = self._footing.shrink
        return kernel.weights(pixels.down, reach[0], shrink[0]), kernel.weights(pixels.across, reach[1], shrink[1])

    def _sum(self, source: Numbers, pixels: Pixels, down: Weights, across: Weights) -> Numbers:
        """Weighed sums over the source pixels below, one after the other for all target pixels at once."""
        total = np.zeros(len(pixels.first), np.float32)
        line, shown = np.empty_like(total), np.empty_like(total)
        for row, by_row in enumerate(down):
            line[:] = 0
            for col, by_col in enumerate(across):
                source[row * self._width + col :].take(pixels.first, out=shown, mode="clip")  # never clips, but is fast
                shown *= by_col
                line += shown
            line *= by_row
            total += line
        return total

    def _has_data_nearest(self, pixels: Pixels) -> NDArray[np.bool_]:
        """Whether a kernel stands on a pixel with data; a box need not."""
        if self._kernel is None:
            return np.ones(len(pixels.first), bool)
        rows, cols = (
            reach // 2 - 1 + (past >= 0.5)
            for reach, (past,) in zip(self._footing.reach, (pixels.down, pixels.across), strict=True)
        )
        found: NDArray[np.bool_] = self._valid.take(pixels.first + rows * self._width + cols)
        return found


def _unbroken(valid: Mask2D, reach: tuple[int, int]) -> Mask2D:
    """Where a rectangle of the shape `reach` has its top left pixel and all of it is valid."""
    found = valid.copy()
    for along, length in ((found, reach[0]), (found.T, reach[1])):
        known = 1
        while known < length:
            step = min(known, length - known)
            along[:-step] &= along[step:]
            along[-step:] = False
            known += step
    return found
