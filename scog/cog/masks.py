"""Masks: whether a file says by itself which pixels are valid, or just names a number that is nodata."""

from __future__ import annotations

from rasterio.enums import MaskFlags
from rasterio.io import DatasetReader

EXACT_IN_FLOAT64 = 2**53
"""Whole numbers from here on are not exact as rasterio tells of nodata, which it may also leave out."""


def has_mask(dataset: DatasetReader) -> bool:
    """Whether a mask or an alpha band says which pixels are valid, of any band, or only GDAL can tell."""
    flags = dataset.mask_flag_enums
    without = ([MaskFlags.all_valid], [MaskFlags.nodata])
    return any(each not in without for each in flags) or (
        [MaskFlags.nodata] in flags
        and dataset.dtypes[0] in ("int64", "uint64")
        and (dataset.nodata is None or abs(dataset.nodata) >= EXACT_IN_FLOAT64)
    )


def has_mask_inside(dataset: DatasetReader) -> bool:
    """Whether the file has a mask of its own; GDAL prefers it to one beside the file, and that to nodata and alpha."""
    return [MaskFlags.per_dataset] in dataset.mask_flag_enums
