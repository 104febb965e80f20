"""Which catalogues' files need SAS tokens, and the containers of their collections."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TOKEN_SERVICES: Mapping[str, str] = MappingProxyType(
    {
        "https://planetarycomputer.microsoft.com/api/stac/v1": "https://planetarycomputer.microsoft.com/api/sas/v1/token",
    }
)
"""URL of the token service by that of the STAC API."""

CONTAINERS: Mapping[str, str] = MappingProxyType(
    {
        "sentinel2l2a01/sentinel2-l2": "sentinel-2-l2a",
        "landsateuwest/landsat-c2": "landsat-c2-l2",  # and landsat-c2-l1
        "hls2euwest/hls2": "hls2-s30",  # and hls2-l30
        "sentinel1euwestrtc/sentinel1-grd-rtc": "sentinel-1-rtc",
        "elevationeuwest/copernicus-dem": "cop-dem-glo-30",  # and cop-dem-glo-90
        "naipeuwest/naip": "naip",
    }
)
"""Collections of the Planetary Computer by `ACCOUNT/CONTAINER`: `msft:storage_account` and `msft:container` of a
collection. Collections that share a container share its token. Tokens of other containers are requested by container.
"""
