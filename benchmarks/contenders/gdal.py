"""GDAL's settings for small reads of COGs over HTTP, as TiTiler's documentation recommends them ("Performance tuning").

All contenders that read through GDAL get the same ones, whatever their own documents say, since they only help.
"""

from __future__ import annotations

import os

SETTINGS = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",  # never look for side-cars
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".tif",  # nor for anything that is not a COG
    "GDAL_INGESTED_BYTES_AT_OPEN": "32768",  # the whole header in the first request
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    "GDAL_HTTP_MULTIPLEX": "YES",  # without effect on HTTP/1.1, which the origin speaks
    "GDAL_CACHEMAX": "200",  # MB of decoded blocks
    "GDAL_BAND_BLOCK_CACHE": "HASHSET",
    "VSI_CACHE": "TRUE",
    "VSI_CACHE_SIZE": "5000000",  # bytes a file
    "CPL_VSIL_CURL_CACHE_SIZE": "200000000",  # bytes of what was downloaded, for all files
}


def configure() -> None:
    """Put them into the environment, where GDAL looks whenever it needs one; before anything is read."""
    os.environ.update(SETTINGS)
