"""URLs of the GeoTIFFs among an item's assets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urljoin, urlsplit

RASTER_TYPES = frozenset(
    f"{top}/{name}"
    for top in ("image", "application")
    for name in ("tiff", "tif", "x-tiff", "geotiff", "x-geotiff", "x.geotiff", "geo+tiff", "vnd.stac.geotiff", "cog")
)
"""Media types of GeoTIFFs, registered or merely common, without parameters."""
GENERIC_TYPES = frozenset({"", "application/octet-stream", "binary/octet-stream"})
"""Media types that do not identify a format; the file's extension decides instead."""
_ABSOLUTE = re.compile(r"https?://[A-Za-z0-9._:-]+/[!-~]*")
"""Absolute URLs, which need not be resolved against the item's."""


def raster_url(key: str, asset: Mapping[str, Any], base: str, requester_pays: object) -> str | None:
    """Absolute URL of an asset's GeoTIFF; None for other formats, such as JPEG 2000, and for requester-pays files.

    `requester_pays` is the item's default for its assets. Raises ValueError for an invalid href.
    """
    href = asset.get("href")
    if key.endswith("-jp2") or not _is_raster(asset.get("type"), href):
        return None
    if not isinstance(href, str) or not href:
        raise ValueError("href is not a string")
    if asset.get("storage:requester_pays", requester_pays) is True:
        return None
    if _ABSOLUTE.fullmatch(href):  # fast path: parsing URLs takes half of the time of parsing an item
        return href
    try:
        url = urljoin(base, href)
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(f"href {href[:60]!r} is not a valid URL") from None
    if parts.scheme == "s3":  # a public bucket can be read over HTTPS
        return f"https://{parts.netloc}.s3.amazonaws.com{parts.path}"
    return url


def is_readable(key: str, asset: object) -> bool:
    """Whether an asset is a GeoTIFF, and not known to be paid by the requester."""
    return isinstance(asset, Mapping) and not key.endswith("-jp2") and _is_raster(asset.get("type"), asset.get("href"))


@lru_cache(maxsize=256)
def _main_type(media: str) -> str:
    """The media type in lower case without its parameters."""
    return media.partition(";")[0].strip().lower()


def _is_raster(media: object, href: object) -> bool:
    """Whether an asset is a GeoTIFF: by its media type, or by its file's extension if the media type is generic."""
    main = _main_type(media) if isinstance(media, str) else ""
    if main in RASTER_TYPES:
        return True
    path = re.split(r"[?#]", href, maxsplit=1)[0].lower() if isinstance(href, str) else ""
    return (main in GENERIC_TYPES or "/" not in main) and path.endswith((".tif", ".tiff"))
