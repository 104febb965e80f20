"""The GDAL environment in which files are opened, and the exceptions that opening may raise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError

GDAL_OPTIONS = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",  # no .ovr, .msk or .aux.xml beside the file
    "GDAL_CACHEMAX": 16 * 2**20,  # scog caches blocks itself
    "GDAL_NUM_THREADS": 1,
}
GDAL_ERRORS = (RasterioError, CPLE_BaseError, ValueError, OverflowError)
"""Exceptions for a file that GDAL cannot read. ValueError and OverflowError: an invalid CRS or number."""


@contextmanager
def gdal_environment() -> Iterator[None]:
    """The environment with scog's options: GDAL reads no file other than the one it opens."""
    with rasterio.Env(**GDAL_OPTIONS):
        yield
