"""Whether a file has a mask or an alpha band, or only a nodata value."""

from __future__ import annotations

from rasterio.enums import MaskFlags
from rasterio.io import DatasetReader

EXACT_IN_FLOAT64 = 2**53
"""rasterio's `nodata`, a float64, is inexact or None for integers of at least this value."""


def has_mask(dataset: DatasetReader) -> bool:
    """Whether any band has a mask or an alpha band, or only GDAL can tell which pixels are valid."""
    flags = dataset.mask_flag_enums
    unmasked = ([MaskFlags.all_valid], [MaskFlags.nodata])
    return any(each not in unmasked for each in flags) or (
        [MaskFlags.nodata] in flags
        and dataset.dtypes[0] in ("int64", "uint64")
        and (dataset.nodata is None or abs(dataset.nodata) >= EXACT_IN_FLOAT64)
    )


def has_only_alpha(dataset: DatasetReader) -> bool:
    """Whether an alpha band alone determines which pixels are valid."""
    flags = dataset.mask_flag_enums
    return has_mask(dataset) and all(MaskFlags.alpha in each or each == [MaskFlags.all_valid] for each in flags)


def has_mask_inside(dataset: DatasetReader) -> bool:
    """Whether the file has an internal mask. GDAL prefers it to an external mask, nodata and alpha, in this order."""
    return [MaskFlags.per_dataset] in dataset.mask_flag_enums
