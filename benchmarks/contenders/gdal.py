"""GDAL's settings for small reads of COGs over HTTP, as TiTiler's documentation recommends ("Performance tuning").

All contenders that read through GDAL use the same settings, also where their documentation does not mention them.
"""

from __future__ import annotations

import os

SETTINGS = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",  # no requests for sidecar files
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".tif",  # nor for files that are not COGs
    "GDAL_INGESTED_BYTES_AT_OPEN": "32768",  # the whole header in the first request
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    "GDAL_HTTP_MULTIPLEX": "YES",  # without effect on HTTP/1.1, which the origin speaks
    "GDAL_CACHEMAX": "200",  # MB of decoded blocks
    "GDAL_BAND_BLOCK_CACHE": "HASHSET",
    "VSI_CACHE": "TRUE",
    "VSI_CACHE_SIZE": "5000000",  # bytes a file
    "CPL_VSIL_CURL_CACHE_SIZE": "200000000",  # bytes of downloaded data, for all files
}


def configure() -> None:
    """Set them as environment variables; call it before the first read."""
    os.environ.update(SETTINGS)
