"""Resampling two ways: GDAL's warper with exact transformation, and scog's from an array cut into blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling as GdalResampling
from rasterio.io import MemoryFile
from rasterio.vrt import WarpedVRT

from scog.geo.grid import Grid
from scog.warp.resample import Resampling, support_of
from scog.warp.warp import warp_blocks, warp_map

NODATA = 0.0
MARGIN = 16

Floats = NDArray[np.float32]
Mask2D = NDArray[np.bool_]


def scog_warp(
    numbers: NDArray[Any], source: Grid, target: Grid, method: Resampling, block: tuple[int, int] = (16, 32)
) -> tuple[NDArray[Any], Mask2D]:
    """Values and validity on the whole target, read from only those blocks that the warp map names."""
    mapped = warp_map(target, source, method)
    whole, valid = np.zeros(target.shape, numbers.dtype), np.zeros(target.shape, bool)
    if mapped is None:
        return whole, valid
    blocks = cut_blocks(numbers, block)
    read = {index: blocks[index] for index in mapped.blocks(block)}
    part, part_valid = warp_blocks(mapped, method, block, read, (NODATA,))
    whole = whole.astype(part.dtype)
    whole[mapped.rows, mapped.cols], valid[mapped.rows, mapped.cols] = part, part_valid
    return whole, valid


def cut_blocks(numbers: NDArray[Any], block: tuple[int, int]) -> dict[tuple[int, int], NDArray[Any]]:
    """Blocks of a level; the last ones are padded with values that are not nodata and must not be used."""
    rows, cols = (-(-size // length) for size, length in zip(numbers.shape, block, strict=True))
    padded = np.full((rows * block[0], cols * block[1]), 60_000 % 251, numbers.dtype)
    padded[: numbers.shape[0], : numbers.shape[1]] = numbers
    return {
        (row, col): padded[row * block[0] : (row + 1) * block[0], col * block[1] : (col + 1) * block[1]]
        for row in range(rows)
        for col in range(cols)
    }


def gdal_warp(numbers: NDArray[Any], source: Grid, target: Grid, method: Resampling) -> Floats:
    """GDAL's result, NaN where invalid: exact transformation, scog's scale, computed and written in floating point.

    For `average`, the source gets a margin of nodata, as GDAL weights boxes wrongly that extend beyond a source's edge.
    """
    margin = MARGIN if method is Resampling.AVERAGE else 0
    padded = np.pad(numbers.astype(np.float32), margin, constant_values=NODATA)
    footing = support_of(target, source, method)
    scale = (1.0, 1.0) if footing is None else [each * footing.step for each in footing.scale]
    profile = {
        "driver": "GTiff", "width": padded.shape[1], "height": padded.shape[0], "count": 1, "dtype": "float32",
        "crs": source.crs, "transform": source.transform @ Affine.translation(-margin, -margin), "nodata": NODATA,
    }  # fmt: skip
    view = {
        "crs": target.crs, "transform": target.transform, "width": target.width, "height": target.height,
        "resampling": GdalResampling[method.value], "tolerance": 1e-9, "nodata": np.nan,
        "XSCALE": repr(1 / scale[1]), "YSCALE": repr(1 / scale[0]),
    }  # fmt: skip
    with MemoryFile() as memory:
        with memory.open(**profile) as dataset:
            dataset.write(padded, 1)
        with memory.open() as dataset, WarpedVRT(dataset, **view) as warped:
            values: Floats = warped.read(1)
            return values


def gdal_mode(classes: NDArray[Any], source: Grid, target: Grid) -> tuple[NDArray[Any], Mask2D, Floats]:
    """The class of the largest share by GDAL's `average` of each class; validity; and the lead over the second.

    GDAL's `mode` counts pixels without weighting them by coverage.
    """
    names = np.unique(classes[classes != NODATA])
    known = np.where(classes != NODATA, 2.0, NODATA)  # 1 for other classes, 2 for this one
    shares = [
        gdal_warp(np.where(classes == name, 2.0, known / 2), source, target, Resampling.AVERAGE) - 1 for name in names
    ]
    stacked = np.stack([*shares, np.zeros(target.shape)])
    ordered = np.sort(stacked, axis=0)
    best = np.nan_to_num(stacked[:-1]).argmax(axis=0)
    return names[best], ~np.isnan(stacked[0]), (ordered[-1] - ordered[-2]).astype(np.float32)
